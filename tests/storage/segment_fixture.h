// What the tests of the log share: histories, a stream of bytes that is known at every offset, and the log read back.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "env/lossy_file_system.h"
#include "storage/log_reader.h"
#include "storage/segment_set.h"

namespace terrace::storage {

inline const std::string kHistoryA(kHistoryIdBytes, 'a');
inline const std::string kHistoryB(kHistoryIdBytes, 'b');

/// The byte of the stream at `offset`: not repeating soon, so that bytes from another place do not pass.
inline char StreamByte(uint64_t offset) {
  uint64_t z = (offset + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
  return static_cast<char>(z >> 56 ^ z >> 32);
}

inline std::string StreamBytes(uint64_t from, uint64_t upto) {
  std::string bytes;
  for (uint64_t offset = from; offset < upto; ++offset) bytes.push_back(StreamByte(offset));
  return bytes;
}

/// A disk with an empty, durable directory "log".
inline std::unique_ptr<testing::LossyFileSystem> DiskWithLog(
    const testing::LossyFileSystem::Options& options = {}) {
  auto disk = std::make_unique<testing::LossyFileSystem>(options);
  REQUIRE(disk->CreateDirectory("log").ok());
  REQUIRE(disk->SyncDirectory("").ok());
  return disk;
}

inline std::unique_ptr<SegmentSet> MustOpen(FileSystem& files,
                                            const SegmentSet::Options& options = {}) {
  auto set = SegmentSet::Open(files, "log", options);
  REQUIRE_MESSAGE(set.ok(), set.error().message());
  return std::move(*set);
}

inline SegmentWriter& MustStart(SegmentSet& set, const std::string& history = kHistoryA) {
  auto writer = set.StartSegment(history);
  REQUIRE_MESSAGE(writer.ok(), writer.error().message());
  return **writer;
}

inline std::string OpenError(FileSystem& files, const SegmentSet::Options& options = {}) {
  auto set = SegmentSet::Open(files, "log", options);
  REQUIRE_FALSE(set.ok());
  return set.error().message();
}

/// Appends the next `count` bytes of the stream as one batch.
inline Status AppendStream(SegmentWriter& writer, uint64_t count) {
  return writer.Append(StreamBytes(writer.next_offset(), writer.next_offset() + count));
}

/// The log from `from` on, up to `upto`; an error's words go to `error`.
inline std::string ReadLog(const SegmentSet& set, uint64_t from, uint64_t upto,
                           std::string* error) {
  LogReader reader(set, from);
  std::string read;
  error->clear();
  while (true) {
    const auto bytes = reader.Next(upto);
    if (!bytes.ok()) {
      *error = bytes.error().message();
      return read;
    }
    if (bytes->empty()) return read;
    read += *bytes;
  }
}

inline std::string MustRead(const SegmentSet& set, uint64_t from, uint64_t upto) {
  std::string error;
  const std::string read = ReadLog(set, from, upto, &error);
  REQUIRE_MESSAGE(error.empty(), error);
  return read;
}

inline bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace terrace::storage
