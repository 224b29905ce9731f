// A log segment from a stranger, or from a bad disk. The checksums would keep a fuzzer out for ever, so the input is tried
// as it is and with the right checksum put on its header and on every frame that it seems to have. Whatever the bytes are:
// the reader stays within them, agrees with itself, and a log made of them that opens can be read, goes on, and opens
// again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/crc32c.h"
#include "env/lossy_file_system.h"
#include "storage/file_names.h"
#include "storage/log_reader.h"
#include "storage/segment_set.h"

namespace {

using terrace::Bytes;
using terrace::storage::FrameHeader;
using terrace::storage::kFrameBodyBytesMax;
using terrace::storage::kFrameHeaderBytes;
using terrace::storage::kSegmentHeaderBytes;
using terrace::storage::LogReader;
using terrace::storage::SegmentHeader;
using terrace::storage::SegmentReader;
using terrace::storage::SegmentSet;
using Outcome = SegmentReader::Outcome;

constexpr size_t kInputBytesMax = 64 * terrace::kKiB;
const std::string kPath = "log/file";

struct Reading {
  bool opened = false;
  SegmentHeader header;
  Outcome outcome = Outcome::kFailed;
  std::string stream;  // up to the sound end
  uint64_t end = 0;
};

Reading Read(terrace::testing::LossyFileSystem& files, Bytes image, uint64_t synced_upto) {
  const size_t size = image.size();
  Reading reading;
  auto opened = SegmentReader::Open(files, kPath, synced_upto);
  if (!opened.ok()) {
    TERRACE_CHECK(opened.error().error_number() == 0 && !opened.error().message().empty());
    return reading;
  }
  reading.opened = true;
  SegmentReader& reader = **opened;
  reading.header = reader.header();
  uint64_t due = reader.header().start;
  uint64_t at = kSegmentHeaderBytes;
  std::string stream;
  while ((reading.outcome = reader.Next()) == Outcome::kFrame) {
    const SegmentReader::Frame& frame = reader.frame();
    TERRACE_CHECK(frame.file_offset == at && frame.header.offset == due);
    TERRACE_CHECK(frame.body.size() == frame.header.length &&
                  frame.body.size() <= kFrameBodyBytesMax);
    TERRACE_CHECK(frame.header.synced <= due);
    stream += frame.body;
    due = frame.header.end();
    at += kFrameHeaderBytes + frame.body.size();
    TERRACE_CHECK(at <= size && reader.here().file_offset == at && reader.here().offset == due);
    if (!frame.header.goes_on) reading.stream = stream;
  }
  TERRACE_CHECK(reading.outcome != Outcome::kFailed);
  TERRACE_CHECK(reader.Next() == reading.outcome);
  TERRACE_CHECK(reader.sound_end().offset == reader.header().start + reading.stream.size());
  TERRACE_CHECK(reader.sound_end().file_offset <= at);
  if (reading.outcome == Outcome::kEnd) {
    // Zeros may have been made ready (SegmentWriter::ZeroAhead).
    TERRACE_CHECK(image.find_first_not_of('\0', at) == Bytes::npos && reading.stream == stream);
  }
  if (reading.outcome != Outcome::kEnd) TERRACE_CHECK(!reader.status().message().empty());
  reading.end = reader.sound_end().offset;
  return reading;
}

// The file as the only segment of a log.
void TryLog(const std::string& image, const Reading& reading) {
  terrace::testing::LossyFileSystem files;
  TERRACE_CHECK(files.CreateDirectory("log").ok());
  files.Put(
      terrace::storage::PathIn("log", terrace::storage::SegmentFileName(reading.header.start)),
      image);
  auto opened = SegmentSet::Open(files, "log", {});
  TERRACE_CHECK(opened.ok() == (reading.outcome != Outcome::kDamage));
  if (!opened.ok()) return;
  SegmentSet& set = **opened;
  TERRACE_CHECK(set.next_offset() == reading.end);
  TERRACE_CHECK(set.torn_tail().ok() == (reading.outcome == Outcome::kEnd));
  LogReader reader(set, reading.header.start);
  std::string stream;
  while (reader.offset() < reading.end) {
    const auto bytes = reader.Next(reading.end);
    TERRACE_CHECK(bytes.ok() && !bytes->empty());
    stream += *bytes;
  }
  TERRACE_CHECK(stream == reading.stream);
  if (reading.end > UINT64_MAX - 4) return;
  const auto writer = set.StartSegment(reading.header.history);
  TERRACE_CHECK(writer.ok() && (*writer)->Append("more").ok());
  const auto again = SegmentSet::Open(files, "log", {});
  TERRACE_CHECK(again.ok() && (*again)->next_offset() == reading.end + 4);
}

void Try(const std::string& image) {
  terrace::testing::LossyFileSystem files;
  TERRACE_CHECK(files.CreateDirectory("log").ok());
  files.Put(kPath, image);
  const Reading reading = Read(files, image, 0);
  if (!reading.opened) return;
  TryLog(image, reading);
  // What others know can only turn an end or a torn tail into damage.
  TERRACE_CHECK(Read(files, image, reading.end).outcome == reading.outcome);
  if (reading.end < UINT64_MAX)
    TERRACE_CHECK(Read(files, image, reading.end + 1).outcome == Outcome::kDamage);
}

void Seal(uint32_t crc, size_t at, std::string* image) {
  std::memcpy(image->data() + at, &crc, sizeof crc);
}

// `image` with checksums that fit what it says.
std::string Sealed(std::string image) {
  if (image.size() < kSegmentHeaderBytes) return image;
  const size_t crc_at = kSegmentHeaderBytes - sizeof(uint32_t);
  const uint32_t header_crc = terrace::Crc32c(Bytes(image).substr(0, crc_at));
  Seal(header_crc, crc_at, &image);
  size_t at = kSegmentHeaderBytes;
  while (image.size() - at >= kFrameHeaderBytes) {
    const FrameHeader header = FrameHeader::Decode(Bytes(image).substr(at));
    // One that does not fit is the end of what seems to be frames: behind it they are looked for at every byte.
    const size_t size = kFrameHeaderBytes + header.length;
    if (size > image.size() - at) {
      ++at;
      continue;
    }
    Seal(terrace::Crc32c(Bytes(image).substr(at + sizeof(uint32_t), size - sizeof(uint32_t)),
                         header_crc),
         at, &image);
    at += size;
  }
  return image;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  Try(input);
  Try(Sealed(input));
  return 0;
}
