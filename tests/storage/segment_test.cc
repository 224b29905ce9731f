// One segment: its writer, its reader, and what damage of any kind turns into.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "storage/file_names.h"
#include "storage/golden_file.h"
#include "storage/segment_fixture.h"

namespace terrace::storage {
namespace {

using Outcome = SegmentReader::Outcome;
using testing::Fault;
using testing::LossyFileSystem;

const std::string kPath = "log/00000000000000000100.log";

SegmentHeader HeaderAt100() { return {.history = kHistoryA, .start = 100, .salt = 0x5eed}; }

std::unique_ptr<SegmentWriter> MustCreate(FileSystem& files,
                                          const SegmentHeader& header = HeaderAt100()) {
  auto writer = SegmentWriter::Create(files, "log", header, {});
  REQUIRE_MESSAGE(writer.ok(), writer.error().message());
  return std::move(*writer);
}

struct Reading {
  std::string stream;
  std::vector<uint64_t> frame_at;  // in the file
  Outcome outcome;
  std::string words;
  uint64_t sound_end = 0;
  uint64_t sound_bytes = 0;  // of the file
};

Reading ReadSegment(FileSystem& files, const std::string& path, uint64_t synced_upto = 0) {
  Reading reading;
  auto reader = SegmentReader::Open(files, path, synced_upto);
  if (!reader.ok()) {
    reading.outcome = reader.error().error_number() != 0 ? Outcome::kFailed : Outcome::kDamage;
    reading.words = reader.error().message();
    return reading;
  }
  while ((reading.outcome = (*reader)->Next()) == Outcome::kFrame) {
    reading.stream += (*reader)->frame().body;
    reading.frame_at.push_back((*reader)->frame().file_offset);
  }
  reading.words = (*reader)->status().message();
  reading.sound_end = (*reader)->sound_end().offset;
  reading.sound_bytes = (*reader)->sound_end().file_offset;
  return reading;
}

TEST_SUITE("storage/segment") {
  TEST_CASE("what is appended is read, batch by batch") {
    const auto disk = DiskWithLog();
    const auto writer = MustCreate(*disk);
    CHECK(writer->path() == kPath);
    CHECK(writer->synced_offset() == 100);
    REQUIRE(writer->Append("hello").ok());
    REQUIRE(writer->Append("").ok());
    CHECK(writer->synced_offset() == 100);
    REQUIRE(writer->Sync().ok());
    REQUIRE(writer->Append(" world").ok());
    CHECK(writer->next_offset() == 111);
    CHECK(writer->synced_offset() == 105);
    CHECK(writer->file_bytes() == kSegmentHeaderBytes + 2 * kFrameHeaderBytes + 11);

    auto reader = SegmentReader::Open(*disk, kPath);
    REQUIRE(reader.ok());
    CHECK((*reader)->header().history == kHistoryA);
    CHECK((*reader)->header().start == 100);
    CHECK_FALSE((*reader)->header().previous);
    CHECK_FALSE((*reader)->header().takes_over);
    REQUIRE((*reader)->Next() == Outcome::kFrame);
    CHECK((*reader)->frame().body == "hello");
    CHECK((*reader)->frame().header.offset == 100);
    CHECK((*reader)->frame().header.synced == 100);
    CHECK((*reader)->frame().file_offset == kSegmentHeaderBytes);
    REQUIRE((*reader)->Next() == Outcome::kFrame);
    CHECK((*reader)->frame().header.synced == 105);
    REQUIRE((*reader)->Next() == Outcome::kEnd);
    // The end is where the file ends now.
    REQUIRE(writer->Append("!").ok());
    REQUIRE((*reader)->Next() == Outcome::kFrame);
    CHECK((*reader)->frame().body == "!");
    CHECK((*reader)->Next() == Outcome::kEnd);
    CHECK((*reader)->sound_end().offset == 112);
  }

  TEST_CASE("a mark says what was synced, once") {
    const auto disk = DiskWithLog();
    const auto writer = MustCreate(*disk);
    REQUIRE(writer->Mark().ok());
    CHECK(writer->file_bytes() == kSegmentHeaderBytes);
    REQUIRE(writer->Append("hello").ok());
    REQUIRE(writer->Mark().ok());
    REQUIRE(writer->Sync().ok());
    const uint64_t before = writer->file_bytes();
    REQUIRE(writer->Mark().ok());
    REQUIRE(writer->Mark().ok());
    CHECK(writer->file_bytes() == before + kFrameHeaderBytes);
    CHECK(writer->next_offset() == 105);
    const Reading reading = ReadSegment(*disk, kPath);
    CHECK(reading.outcome == Outcome::kEnd);
    CHECK(reading.stream == "hello");
    // Now the last bytes cannot get lost in silence.
    disk->Flip(kPath, before - 1);
    CHECK(ReadSegment(*disk, kPath).outcome == Outcome::kDamage);
  }

  TEST_CASE("a large batch is of several frames and counts as a whole or not at all") {
    const auto disk = DiskWithLog();
    const auto writer = MustCreate(*disk);
    REQUIRE(AppendStream(*writer, 10).ok());
    const uint64_t first_end = writer->file_bytes();
    const uint64_t size = 2 * kFrameBodyBytesMax + 7;
    REQUIRE(AppendStream(*writer, size).ok());
    const Reading whole = ReadSegment(*disk, kPath);
    CHECK(whole.outcome == Outcome::kEnd);
    CHECK(whole.frame_at.size() == 4);
    CHECK(whole.stream == StreamBytes(100, 110 + size));
    // At the end of its first frame, and everywhere in its last one.
    const std::string image = disk->Contents(kPath);
    for (const uint64_t keep : {whole.frame_at[2], whole.frame_at[3], whole.frame_at[3] + 1,
                                image.size() - 8, image.size() - 1}) {
      disk->Put(kPath, image.substr(0, keep));
      const Reading torn = ReadSegment(*disk, kPath);
      CHECK(torn.outcome == Outcome::kTornTail);
      CHECK(torn.sound_end == 110);
      CHECK(torn.sound_bytes == first_end);
      CHECK(ReadSegment(*disk, kPath, 111).outcome == Outcome::kDamage);
      CHECK(ReadSegment(*disk, kPath, 110).outcome == Outcome::kTornTail);
    }
  }

  TEST_CASE("cut anywhere, what is whole is read and the rest is a torn tail") {
    const auto disk = DiskWithLog();
    const auto writer = MustCreate(*disk);
    std::vector<uint64_t> ends = {writer->file_bytes()};
    std::vector<uint64_t> offsets = {100};
    for (const uint64_t count : {1, 30, 2, 55}) {
      REQUIRE(AppendStream(*writer, count).ok());
      ends.push_back(writer->file_bytes());
      offsets.push_back(writer->next_offset());
    }
    const std::string image = disk->Contents(kPath);
    size_t whole = 0;
    for (size_t keep = ends[0]; keep <= image.size(); ++keep) {
      CAPTURE(keep);
      while (whole + 1 < ends.size() && ends[whole + 1] <= keep) ++whole;
      disk->Put(kPath, image.substr(0, keep));
      const Reading reading = ReadSegment(*disk, kPath);
      CHECK(reading.outcome == (ends[whole] == keep ? Outcome::kEnd : Outcome::kTornTail));
      CHECK(reading.stream == StreamBytes(100, offsets[whole]));
      CHECK(reading.sound_bytes == ends[whole]);
      CHECK(ReadSegment(*disk, kPath, offsets[whole] + 1).outcome == Outcome::kDamage);
    }
    for (size_t keep = 0; keep < ends[0]; ++keep) {
      disk->Put(kPath, image.substr(0, keep));
      const auto reader = SegmentReader::Open(*disk, kPath);
      REQUIRE_FALSE(reader.ok());
      CHECK(reader.error().message() == kPath + ": the file ends within its header");
    }
  }

  TEST_CASE(
      "a flipped bit is found: damage if anything synced follows, else a torn tail; nothing false "
      "is served") {
    const auto disk = DiskWithLog();
    const auto writer = MustCreate(*disk);
    std::vector<uint64_t> ends;
    for (const uint64_t count : {1, 30, 3, 55}) {
      REQUIRE(AppendStream(*writer, count).ok());
      REQUIRE(writer->Sync().ok());
      ends.push_back(writer->file_bytes());
    }
    const std::string image = disk->Contents(kPath);
    const std::string stream = StreamBytes(100, writer->next_offset());
    const uint64_t last_frame = ends[ends.size() - 2];
    for (size_t at = 0; at < image.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        CAPTURE(at);
        CAPTURE(bit);
        disk->Put(kPath, image);
        disk->Flip(kPath, at, static_cast<unsigned char>(1 << bit));
        const Reading reading = ReadSegment(*disk, kPath);
        REQUIRE(reading.outcome == (at < last_frame ? Outcome::kDamage : Outcome::kTornTail));
        REQUIRE(stream.starts_with(reading.stream));
        REQUIRE(reading.sound_bytes <= at);
      }
    }
  }

  TEST_CASE("damage names the file, the place and the remedy") {
    const auto disk = DiskWithLog();
    const auto writer = MustCreate(*disk);
    REQUIRE(AppendStream(*writer, 10).ok());
    REQUIRE(writer->Sync().ok());
    REQUIRE(AppendStream(*writer, 10).ok());
    disk->Flip(kPath, kSegmentHeaderBytes + kFrameHeaderBytes);
    CHECK(ReadSegment(*disk, kPath).words ==
          kPath +
              " is damaged at byte 80, log offset 100: a frame's checksum is wrong, though a later "
              "frame says that this was on the disk. What was logged from there on only a backup "
              "has; to start without it: `terrace-inspect segment " +
              kPath +
              " --repair OUT`, put OUT in its place, and move away the segments that begin behind "
              "it");
  }

  // What a kernel that writes pages in its own order leaves when the power goes.
  TEST_CASE("a good frame behind a hole proves damage only if it says that the hole was synced") {
    for (const bool synced : {false, true}) {
      CAPTURE(synced);
      const auto disk = DiskWithLog();
      const auto writer = MustCreate(*disk);
      REQUIRE(AppendStream(*writer, 100).ok());
      REQUIRE(writer->Sync().ok());
      const uint64_t from = writer->file_bytes();
      REQUIRE(AppendStream(*writer, 100).ok());
      if (synced) REQUIRE(writer->Sync().ok());
      const uint64_t upto = writer->file_bytes();
      REQUIRE(AppendStream(*writer, 100).ok());
      REQUIRE(AppendStream(*writer, 100).ok());
      std::string image = disk->Contents(kPath);
      std::fill(image.begin() + static_cast<long>(from), image.begin() + static_cast<long>(upto),
                '\0');
      disk->Put(kPath, image);
      const Reading reading = ReadSegment(*disk, kPath);
      CHECK(reading.outcome == (synced ? Outcome::kDamage : Outcome::kTornTail));
      CHECK(reading.sound_end == 200);
    }
  }

  TEST_CASE("frames are written onto zeros, and zeros behind the last one are the end") {
    const auto disk = DiskWithLog();
    const auto writer = MustCreate(*disk);
    writer->ZeroAhead(300);
    REQUIRE(AppendStream(*writer, 100).ok());
    REQUIRE(writer->Sync().ok());
    CHECK(disk->Contents(kPath).size() == kSegmentHeaderBytes + 300);
    const Reading one = ReadSegment(*disk, kPath, 200);
    CHECK(one.outcome == Outcome::kEnd);
    CHECK(one.stream == StreamBytes(100, 200));
    CHECK(one.sound_bytes == writer->file_bytes());
    CHECK(ReadSegment(*disk, kPath, 201).outcome == Outcome::kDamage);  // somebody knows better
    writer->ZeroAhead(300);                                             // there are enough
    CHECK(disk->Contents(kPath).size() == kSegmentHeaderBytes + 300);
    REQUIRE(AppendStream(*writer, 100).ok());
    writer->ZeroAhead(300);
    CHECK(disk->Contents(kPath).size() == writer->file_bytes() + 300);
    REQUIRE(AppendStream(*writer, 1000).ok());  // beyond them
    CHECK(disk->Contents(kPath).size() == writer->file_bytes());
    CHECK(ReadSegment(*disk, kPath).stream == StreamBytes(100, 1300));
    std::string image = disk->Contents(kPath);
    for (const size_t end : {one.sound_bytes, one.sound_bytes + 5, one.sound_bytes + 100}) {
      image.resize(end);
      disk->Put(kPath, image + std::string(70'000, '\0'));
      const Reading reading = ReadSegment(*disk, kPath);
      CHECK(reading.outcome == (end == one.sound_bytes ? Outcome::kEnd : Outcome::kTornTail));
      CHECK(reading.sound_end == 200);
      image.resize(one.sound_bytes + 100, 'x');
    }
  }

  TEST_CASE("frames of another segment, and a client's copy of one, are no frames here") {
    const auto disk = DiskWithLog();
    SegmentHeader other = HeaderAt100();
    other.salt = 0xbad;
    std::string frames;
    {
      const auto writer = MustCreate(*disk, other);
      REQUIRE(writer->Append("one").ok());
      REQUIRE(writer->Sync().ok());
      REQUIRE(writer->Append("two").ok());
      frames = disk->Contents(kPath).substr(kSegmentHeaderBytes);
      REQUIRE(disk->Remove(kPath).ok());
    }
    const auto writer = MustCreate(*disk);
    const std::string header = disk->Contents(kPath);
    disk->Put(kPath, header + frames);
    const Reading reading = ReadSegment(*disk, kPath);
    CHECK(reading.outcome == Outcome::kTornTail);
    CHECK(reading.stream.empty());
  }

  TEST_CASE(
      "lengths and offsets that nobody would write are refused before memory is spent on them") {
    const auto disk = DiskWithLog();
    MustCreate(*disk);
    const std::string header = disk->Contents(kPath);
    const uint32_t crc = HeaderAt100().Crc();
    const auto read = [&](const FrameHeader& frame, const std::string& body) {
      // With the checksum that belongs to it: only the sense is wrong.
      std::string image = header;
      frame.Encode(crc, body, &image);
      disk->Put(kPath, image);
      return ReadSegment(*disk, kPath);
    };
    CHECK(read({.length = 3, .offset = 100, .synced = 100}, "abc").outcome == Outcome::kEnd);
    CHECK(
        Has(read({.length = 3, .offset = 101, .synced = 100}, "abc").words, "another log offset"));
    CHECK(Has(read({.length = 3, .offset = 99, .synced = 99}, "abc").words, "another log offset"));
    CHECK(Has(read({.length = 3, .offset = 100, .synced = 101}, "abc").words, "more was synced"));
    // Lengths that the encoder would not take.
    std::string image = header;
    FrameHeader{.length = 3, .offset = 100, .synced = 100}.Encode(crc, "abc", &image);
    for (const uint32_t length : {uint32_t{kFrameBodyBytesMax} + 1, ~uint32_t{0} >> 1}) {
      std::memcpy(image.data() + kSegmentHeaderBytes + 4, &length, sizeof length);
      disk->Put(kPath, image);
      const Reading reading = ReadSegment(*disk, kPath);
      CHECK(reading.outcome == Outcome::kTornTail);
      CHECK(Has(reading.words, "longer than any may be"));
    }
  }

  TEST_CASE("a header that is not ours, is newer or damaged, is named") {
    const auto disk = DiskWithLog();
    MustCreate(*disk);
    const std::string header = disk->Contents(kPath);
    REQUIRE(header.size() == kSegmentHeaderBytes);
    const auto words = [&](std::string image) {
      disk->Put(kPath, image);
      return ReadSegment(*disk, kPath).words;
    };
    CHECK(words("REDIS0011" + std::string(100, 'x')) ==
          kPath + ": this is no log segment: it does not begin with TRCLOG");
    std::string newer = header;
    newer[7] = 2;
    CHECK(words(newer) ==
          kPath + ": the header says version 2, or is damaged; version 1 can be read");
    std::string damaged = header;
    damaged[50] = 1;
    CHECK(words(damaged) == kPath + ": the checksum of the header is wrong");
    SegmentHeader takes_over = HeaderAt100();
    takes_over.takes_over = true;
    takes_over.previous = 7;
    const auto decoded = SegmentHeader::Decode(takes_over.Encode());
    REQUIRE(decoded.ok());
    CHECK(decoded->takes_over);
    CHECK(decoded->previous == 7);
    CHECK(decoded->salt == 0x5eed);
  }

  TEST_CASE("after a failed write or sync nothing more is appended") {
    for (const Fault fault : {Fault::kIo, Fault::kNoSpace, Fault::kShortWrite}) {
      for (const bool in_sync : {false, true}) {
        const auto disk = DiskWithLog();
        const auto writer = MustCreate(*disk);
        REQUIRE(AppendStream(*writer, 10).ok());
        REQUIRE(writer->Sync().ok());
        REQUIRE(AppendStream(*writer, 10).ok());
        disk->FailChange(1, fault);
        const Status failed = in_sync ? writer->Sync() : AppendStream(*writer, 10);
        REQUIRE_FALSE(failed.ok());
        CHECK(failed.message() ==
              Status::FromErrno(std::string(in_sync ? "cannot sync " : "cannot write ") + kPath,
                                failed.error_number())
                  .message());
        CHECK(failed.error_number() == (fault == Fault::kIo ? EIO : ENOSPC));
        const uint64_t changes = disk->changes();
        CHECK(AppendStream(*writer, 10).message() == failed.message());
        CHECK(writer->Append("").message() == failed.message());
        CHECK(writer->Sync().message() == failed.message());
        CHECK(writer->Mark().message() == failed.message());
        CHECK(disk->changes() == changes);
        CHECK(writer->synced_offset() == 110);
        CHECK(writer->synced_file_bytes() == kSegmentHeaderBytes + kFrameHeaderBytes + 10);
        CHECK(writer->failure().message() == failed.message());
        const Reading reading = ReadSegment(*disk, kPath);
        CHECK(reading.sound_end == 120);
        CHECK(reading.outcome ==
              (!in_sync && fault == Fault::kShortWrite ? Outcome::kTornTail : Outcome::kEnd));
      }
    }
  }

  TEST_CASE("a segment that cannot be created leaves nothing behind") {
    // Create, reserve, append, sync, rename, sync of the directory.
    for (uint64_t step = 1; step <= 6; ++step) {
      CAPTURE(step);
      const auto disk = DiskWithLog();
      disk->FailChange(step, Fault::kNoSpace);
      const auto failed =
          SegmentWriter::Create(*disk, "log", HeaderAt100(), {.reserve_bytes = 1000});
      if (step == 2) {  // blocks that cannot be set aside are no failure
        CHECK(failed.ok());
        continue;
      }
      REQUIRE_FALSE(failed.ok());
      CHECK(failed.error().error_number() == ENOSPC);
      CHECK(disk->List("log")->size() == (step == 6 ? 1 : 0));
      const auto writer = MustCreate(*disk);
      CHECK(disk->List("log")->size() == 1);
    }
    // Not even its removal works.
    const auto disk = DiskWithLog();
    disk->FailChange(3, Fault::kIo, 2);
    CHECK_FALSE(SegmentWriter::Create(*disk, "log", HeaderAt100(), {}).ok());
    CHECK(*disk->List("log") == std::vector<std::string>{NewSegmentFileName(100)});
    MustCreate(*disk);
    CHECK(*disk->List("log") == std::vector<std::string>{SegmentFileName(100)});
  }

  TEST_CASE("a file that cannot be read is not taken for one that ends") {
    const auto disk = DiskWithLog();
    const auto writer = MustCreate(*disk);
    REQUIRE(AppendStream(*writer, 10).ok());
    disk->FailLook(1);
    CHECK(SegmentReader::Open(*disk, kPath).error().error_number() == EIO);
    disk->FailLook(2);
    CHECK(SegmentReader::Open(*disk, kPath).error().error_number() == EIO);
    const auto reader = SegmentReader::Open(*disk, kPath);
    REQUIRE(reader.ok());
    disk->FailLook(1);
    CHECK((*reader)->Next() == Outcome::kFailed);
    CHECK((*reader)->status().error_number() == EIO);
    CHECK((*reader)->Next() == Outcome::kFrame);
    disk->FailLook(1);
    CHECK((*reader)->Next() == Outcome::kFailed);
    CHECK((*reader)->Next() == Outcome::kEnd);
  }

  TEST_CASE("the golden segment is written as ever") {
    const auto disk = DiskWithLog();
    SegmentHeader header = HeaderAt100();
    header.history = "0123456789abcdef0123456789abcdef01234567";
    header.previous = 42;
    header.takes_over = true;
    const auto writer = MustCreate(*disk, header);
    REQUIRE(writer->Append("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n").ok());
    REQUIRE(
        writer->Append("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*1\r\n$8\r\nFLUSHALL\r\n").ok());
    REQUIRE(writer->Sync().ok());
    REQUIRE(writer->Mark().ok());
    REQUIRE(writer->Append("*1\r\n$4\r\nPING\r\n").ok());
    const std::string golden = GoldenFile("segment_v1.log", disk->Contents(kPath));
    CHECK(disk->Contents(kPath) == golden);
    // And byte by byte where the picture says it.
    CHECK(golden.substr(0, 8) == std::string("TRCLOG\0\1", 8));
    CHECK(golden.substr(8, 40) == header.history);
    CHECK(golden.substr(48, 8) == std::string("\x64\0\0\0\0\0\0\0", 8));
    CHECK(golden.substr(56, 8) == std::string("\x2a\0\0\0\0\0\0\0", 8));
    CHECK(golden.substr(64, 8) == std::string("\xed\x5e\0\0\0\0\0\0", 8));
    CHECK(golden.substr(72, 4) == std::string("\1\0\0\0", 4));
    CHECK(golden.substr(84, 4) == std::string("\x17\0\0\0", 4));
    CHECK(golden.substr(88, 8) == golden.substr(48, 8));
    CHECK(golden.substr(96, 8) == golden.substr(48, 8));
    CHECK(golden.substr(104, 23) == "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n");
  }
}

}  // namespace
}  // namespace terrace::storage
