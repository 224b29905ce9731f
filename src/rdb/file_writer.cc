#include "rdb/file_writer.h"

#include <cstdio>
#include <utility>

#include "rdb/byte_sink.h"
#include "rdb/crc64.h"
#include "rdb/file_opcode.h"
#include "rdb/length_codec.h"
#include "rdb/string_codec.h"

namespace terrace::rdb {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;

void PutOpcode(FileOpcode opcode, ByteSink& sink) { sink.PutByte(static_cast<uint8_t>(opcode)); }

}  // namespace

FileWriter::FileWriter(std::function<bool(Bytes)> out, uint16_t rdb_version)
    : out_(std::move(out)) {
  char magic[16];
  const int length = std::snprintf(magic, sizeof magic, "REDIS%04u", unsigned{rdb_version});
  buffer_.append(magic, static_cast<size_t>(length));
}

void FileWriter::Note(Bytes name, Bytes value) {
  ByteSink sink(&buffer_);
  PutOpcode(FileOpcode::kNote, sink);
  PutString(name, sink);
  PutString(value, sink);
  FlushIfFull();
}

void FileWriter::SelectDatabase(uint64_t db, uint64_t keys, uint64_t deadlines) {
  ByteSink sink(&buffer_);
  PutOpcode(FileOpcode::kDatabase, sink);
  PutLength(db, sink);
  PutOpcode(FileOpcode::kSizes, sink);
  PutLength(keys, sink);
  PutLength(deadlines, sink);
}

void FileWriter::BeginKey(Bytes key, const KeyFacts& facts, ValueCode code) {
  ByteSink sink(&buffer_);
  if (facts.deadline_ms != 0) {
    PutOpcode(FileOpcode::kDeadlineMs, sink);
    sink.PutLittle(facts.deadline_ms);
  }
  if (facts.idle_seconds) {
    PutOpcode(FileOpcode::kIdle, sink);
    PutLength(*facts.idle_seconds, sink);
  } else if (facts.frequency) {
    PutOpcode(FileOpcode::kFrequency, sink);
    sink.PutByte(*facts.frequency);
  }
  sink.PutByte(static_cast<uint8_t>(code));
  PutString(key, sink);
  FlushIfFull();
}

void FileWriter::Value(Bytes piece) {
  if (piece.size() >= kBufferBytes) {
    Flush();
    return Write(piece);
  }
  buffer_.append(piece);
  FlushIfFull();
}

bool FileWriter::Finish() {
  ByteSink sink(&buffer_);
  PutOpcode(FileOpcode::kEnd, sink);
  Flush();
  std::string footer;
  ByteSink(&footer).PutLittle(checksum_);
  ok_ = ok_ && out_(footer);
  return ok_;
}

void FileWriter::FlushIfFull() {
  if (buffer_.size() >= kBufferBytes) Flush();
}

void FileWriter::Flush() {
  if (buffer_.empty()) return;
  Write(buffer_);
  buffer_.clear();
}

void FileWriter::Write(Bytes bytes) {
  checksum_ = Crc64(bytes, checksum_);
  ok_ = ok_ && out_(bytes);
}

}  // namespace terrace::rdb
