// The log as a directory of segments: opening, going on, taking over, removing, reading from anywhere.
#include "storage/segment_set.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "storage/file_names.h"
#include "storage/segment_fixture.h"

namespace terrace::storage {
namespace {

using testing::Fault;
using testing::LossyFileSystem;

std::string PathOf(uint64_t start) { return "log/" + SegmentFileName(start); }

std::vector<std::string> Names(LossyFileSystem& disk) {
  auto names = disk.List("log");
  REQUIRE(names.ok());
  std::sort(names->begin(), names->end());
  return *names;
}

// Three segments: 1..99 and 100..299 of history A, 300..349 of B; all synced, the last with a mark.
std::unique_ptr<LossyFileSystem> ThreeSegments() {
  auto disk = DiskWithLog();
  const auto set = MustOpen(*disk);
  REQUIRE(AppendStream(MustStart(*set), 99).ok());
  SegmentWriter* writer = &MustStart(*set);
  REQUIRE(AppendStream(*writer, 120).ok());
  REQUIRE(AppendStream(*writer, 80).ok());
  writer = &MustStart(*set, kHistoryB);
  REQUIRE(AppendStream(*writer, 50).ok());
  REQUIRE(writer->Sync().ok());
  REQUIRE(writer->Mark().ok());
  return disk;
}

TEST_SUITE("storage/segment_set") {
  TEST_CASE("an empty directory is a log that begins where it is told to") {
    const auto disk = DiskWithLog();
    auto set = MustOpen(*disk);
    CHECK(set->count() == 0);
    CHECK(set->first_offset() == 1);
    CHECK(set->next_offset() == 1);
    CHECK(set->histories().empty());
    CHECK_FALSE(set->Find(1));
    set = MustOpen(*disk, {.first_offset = 77, .synced_upto = 77});
    CHECK(set->next_offset() == 77);
    CHECK(MustStart(*set).header().start == 77);
    CHECK(Names(*disk) == std::vector<std::string>{SegmentFileName(77)});
    CHECK(SegmentSet::Open(*disk, "none", {}).error().error_number() == ENOENT);
  }

  TEST_CASE("the log goes on over segments and reopenings, and every offset can be read") {
    const auto disk = ThreeSegments();
    const auto set = MustOpen(*disk);
    CHECK(set->count() == 3);
    CHECK(set->first_offset() == 1);
    CHECK(set->next_offset() == 350);
    CHECK(set->torn_tail().ok());
    CHECK(set->unused().empty());
    const auto histories = set->histories();
    REQUIRE(histories.size() == 2);
    CHECK(histories[0].history == kHistoryA);
    CHECK(histories[0].offset == 1);
    CHECK(histories[1].history == kHistoryB);
    CHECK(histories[1].offset == 300);
    for (uint64_t from = 1; from <= 350; ++from) {
      CHECK(MustRead(*set, from, 350) == StreamBytes(from, 350));
    }
    for (uint64_t upto = 1; upto <= 350; ++upto)
      CHECK(MustRead(*set, 1, upto) == StreamBytes(1, upto));

    SegmentWriter& writer = MustStart(*set, kHistoryB);
    CHECK(writer.header().start == 350);
    CHECK(writer.header().previous == 300);
    CHECK_FALSE(writer.header().takes_over);
    REQUIRE(AppendStream(writer, 5).ok());
    CHECK(set->next_offset() == 355);
    CHECK(set->histories().size() == 2);
    CHECK(MustRead(*set, 340, 355) == StreamBytes(340, 355));
  }

  TEST_CASE("a reader follows the log as it is written") {
    const auto disk = DiskWithLog();
    const auto set = MustOpen(*disk);
    SegmentWriter* writer = &MustStart(*set);
    LogReader reader(*set, 1);
    std::string read;
    for (int round = 0; round < 50; ++round) {
      if (round % 7 == 6) writer = &MustStart(*set);
      if (round % 3 == 1) writer->ZeroAhead(200);
      REQUIRE(AppendStream(*writer, 1 + static_cast<uint64_t>(round) * 3).ok());
      while (true) {
        const auto bytes = reader.Next(set->next_offset());
        REQUIRE_MESSAGE(bytes.ok(), bytes.error().message());
        if (bytes->empty()) break;
        read += *bytes;
      }
      CHECK(reader.offset() == set->next_offset());
    }
    CHECK(read == StreamBytes(1, set->next_offset()));
    CHECK(set->count() == 8);
  }

  TEST_CASE("a torn tail is reported at opening and cut before the log goes on") {
    const auto disk = ThreeSegments();
    const std::string path = PathOf(300);
    const std::string image = disk->Contents(path);
    // The mark, too, is torn: the last batch then has nothing behind it that speaks for it.
    disk->Put(path, image.substr(0, image.size() - kFrameHeaderBytes - 1));
    const auto set = MustOpen(*disk);
    CHECK(set->next_offset() == 300);
    CHECK(set->torn_tail().message() == path +
                                            " has a torn tail at byte 80, log offset 300: the file "
                                            "ends within a frame, and nothing "
                                            "says that this was ever on the disk");
    CHECK(MustRead(*set, 1, 300) == StreamBytes(1, 300));
    CHECK(disk->Contents(path).size() > kSegmentHeaderBytes);  // opening changes nothing
    const SegmentWriter& writer = MustStart(*set, kHistoryA);
    CHECK(writer.header().start == 300);
    CHECK(disk->Contents(path).size() == kSegmentHeaderBytes);
    CHECK(set->count() == 3);
    CHECK(set->histories().size() == 1);
    // The manifest may know better.
    disk->Put(path, image.substr(0, image.size() - kFrameHeaderBytes - 1));
    CHECK(Has(OpenError(*disk, {.synced_upto = 301}), "is damaged at byte 80, log offset 300"));
    MustOpen(*disk, {.synced_upto = 300});
  }

  TEST_CASE("what is read at opening is on the disk before the log goes on") {
    const auto disk = DiskWithLog();
    {
      const auto set = MustOpen(*disk);
      REQUIRE(AppendStream(MustStart(*set), 100).ok());
    }  // never synced; the process dies, the kernel does not
    const auto set = MustOpen(*disk);
    REQUIRE(set->next_offset() == 101);
    MustStart(*set, kHistoryB);
    for (uint64_t seed = 0; seed < 100; ++seed) {
      const auto found = disk->Crash(seed);
      const auto reopened = MustOpen(*found);
      CHECK(reopened->next_offset() == 101);
      CHECK(MustRead(*reopened, 1, 101) == StreamBytes(1, 101));
    }
  }

  // The kernel goes on showing the bytes that it could not write; only a disk that has them anew can be trusted.
  TEST_CASE("what is read after a failed sync and a restart is written once more") {
    for (const bool synced_first : {false, true}) {
      for (const std::string& history : {kHistoryA, kHistoryB}) {
        CAPTURE(synced_first);
        const auto disk = DiskWithLog({.page_bytes = 64});
        {
          const auto set = MustOpen(*disk);
          SegmentWriter& writer = MustStart(*set);
          if (synced_first) {
            REQUIRE(AppendStream(writer, 500).ok());
            REQUIRE(writer.Sync().ok());
          }
          REQUIRE(AppendStream(writer, 100).ok());
          REQUIRE(AppendStream(writer, 100).ok());
          disk->FailChange(1, Fault::kIo);
          REQUIRE_FALSE(writer.Sync().ok());
        }
        const auto set = MustOpen(*disk);
        const uint64_t end = synced_first ? 701 : 201;
        REQUIRE(set->next_offset() == end);
        SegmentWriter& writer = MustStart(*set, history);
        CHECK(set->next_offset() == end);
        CHECK(writer.header().history == history);
        CHECK(set->count() == (synced_first ? 1 : 0) + (history == kHistoryA ? 1 : 2));
        CHECK(set->histories().size() == (history == kHistoryA ? 1 : 2));
        CHECK(set->histories().back().offset == (history == kHistoryA ? 1 : end));
        REQUIRE(AppendStream(writer, 50).ok());
        REQUIRE(writer.Sync().ok());
        CHECK(MustRead(*set, 1, end + 50) == StreamBytes(1, end + 50));
        for (uint64_t seed = 0; seed < 100; ++seed) {
          const auto found = disk->Crash(seed);
          const auto reopened = MustOpen(*found);
          CHECK(reopened->next_offset() == end + 50);
          CHECK(MustRead(*reopened, 1, end + 50) == StreamBytes(1, end + 50));
        }
      }
    }
  }

  TEST_CASE("making good may fail at every step, and is asked for again") {
    for (const bool synced_first : {false, true}) {
      for (uint64_t step = 1;; ++step) {
        CAPTURE(step);
        const auto disk = DiskWithLog();
        {
          const auto set = MustOpen(*disk);
          SegmentWriter& writer = MustStart(*set);
          if (synced_first) {
            REQUIRE(AppendStream(writer, 100).ok());
            REQUIRE(writer.Sync().ok());
          }
          REQUIRE(AppendStream(writer, 100).ok());
          REQUIRE(AppendStream(writer, 100).ok());
        }
        disk->Put("log/" + NewSegmentFileName(900), "x");
        const auto set = MustOpen(*disk);
        const uint64_t end = set->next_offset();
        const uint64_t before = disk->changes();
        disk->FailChange(step, Fault::kIo);
        // The reservation may fail, and what gives space back.
        if (set->StartSegment(kHistoryB).ok() && disk->changes() < before + step) break;
        CHECK(MustRead(*set, 1, end) == StreamBytes(1, end));
        SegmentWriter& writer = MustStart(*set, kHistoryB);
        CHECK(set->next_offset() == end);
        REQUIRE(AppendStream(writer, 50).ok());
        REQUIRE(writer.Sync().ok());
        for (uint64_t seed = 0; seed < 30; ++seed) {
          const auto found = disk->Crash(seed);
          const auto reopened = MustOpen(*found);
          CHECK(reopened->next_offset() == end + 50);
          CHECK(MustRead(*reopened, 1, end + 50) == StreamBytes(1, end + 50));
        }
        REQUIRE(step < 50);
      }
    }
  }

  TEST_CASE("files that were never in use are removed") {
    const auto disk = ThreeSegments();
    const std::string header = disk->Contents(PathOf(300)).substr(0, kSegmentHeaderBytes);
    for (const std::string& image : {std::string(), header.substr(0, 40), std::string(80, '\0')}) {
      disk->Put(PathOf(350), image);
      disk->Put("log/" + NewSegmentFileName(360), "x");
      disk->Put("log/notes.txt", "not ours");
      const auto set = MustOpen(*disk);
      CHECK(set->unused() ==
            std::vector<std::string>{"log/" + NewSegmentFileName(360), PathOf(350)});
      CHECK(set->next_offset() == 350);
      CHECK(MustRead(*set, 1, 350) == StreamBytes(1, 350));
    }
    const auto set = MustOpen(*disk);
    REQUIRE(AppendStream(MustStart(*set, kHistoryB), 1).ok());
    CHECK(Names(*disk) == std::vector<std::string>{SegmentFileName(1), SegmentFileName(100),
                                                   SegmentFileName(300), SegmentFileName(350),
                                                   "notes.txt"});
    CHECK(MustOpen(*disk)->next_offset() == 351);

    SUBCASE("its name says that all before it was on the disk") {
      disk->Put(PathOf(352), "");
      CHECK(Has(OpenError(*disk),
                "is damaged at byte 105, log offset 351: the file ends here, though the "
                "log was on the disk up to log offset 352"));
    }
    SUBCASE("one with frames was in use") {
      disk->Flip(PathOf(350), 20);
      CHECK(Has(OpenError(*disk), PathOf(350) + " is damaged at byte 0, log offset 350"));
    }
    SUBCASE("so was one that is not the last") {
      disk->Put(PathOf(300), "");
      CHECK(Has(OpenError(*disk), PathOf(300) + " is damaged at byte 0, log offset 300"));
    }
  }

  TEST_CASE("gaps and overlaps between segments are named") {
    const auto disk = ThreeSegments();
    SUBCASE("a segment is missing") {
      REQUIRE(disk->Remove(PathOf(100)).ok());
      CHECK(OpenError(*disk) == "the log has a gap: " + PathOf(300) +
                                    " follows the segment that begins at log offset 100, which is "
                                    "missing: before it comes " +
                                    PathOf(1));
    }
    SUBCASE("the oldest one may be") {
      REQUIRE(disk->Remove(PathOf(1)).ok());
      CHECK(MustOpen(*disk)->first_offset() == 100);
    }
    SUBCASE("a segment from elsewhere is between") {
      SegmentHeader header{.history = kHistoryA, .start = 200, .previous = 100};
      disk->Put(PathOf(200), header.Encode());
      CHECK(OpenError(*disk) == "the log overlaps: " + PathOf(300) +
                                    " follows the segment that begins at log offset 100, but " +
                                    PathOf(200) + " is between the two");
    }
    SUBCASE("a first segment comes later") {
      disk->Put(PathOf(400), SegmentHeader{.history = kHistoryA, .start = 400}.Encode());
      CHECK(OpenError(*disk) == "the log overlaps: " + PathOf(400) +
                                    " says that it is the first segment, but " + PathOf(300) +
                                    " is there, too");
    }
    SUBCASE("a segment has another's name") {
      disk->Put(PathOf(350), disk->Contents(PathOf(300)));
      CHECK(OpenError(*disk) ==
            PathOf(350) + " has the wrong name: by its header it begins at log offset 300");
    }
    SUBCASE("the log is gone") {
      for (const uint64_t start : {1, 100, 300}) REQUIRE(disk->Remove(PathOf(start)).ok());
      CHECK(OpenError(*disk, {.synced_upto = 350}) ==
            "the log is missing: log has no segment, though the log was on the disk up to log "
            "offset 350");
    }
    SUBCASE("a segment is too short: found where it is read") {
      const std::string image = disk->Contents(PathOf(100));
      disk->Put(PathOf(100), image.substr(0, image.size() - 80 - kFrameHeaderBytes));
      const auto set = MustOpen(*disk);
      std::string error;
      CHECK(ReadLog(*set, 1, 350, &error) == StreamBytes(1, 220));
      CHECK(Has(error, PathOf(100) +
                           " is damaged at byte 224, log offset 220: the file ends here; that "
                           "leaves a gap, since " +
                           PathOf(300) + " begins at log offset 300"));
      CHECK(MustRead(*set, 300, 350) == StreamBytes(300, 350));
    }
    SUBCASE("a segment is too long: found where it is read") {
      std::string image = disk->Contents(PathOf(100));
      const auto header = SegmentHeader::Decode(image);
      REQUIRE(header.ok());
      FrameHeader{.length = 1, .offset = 300, .synced = 300}.Encode(header->Crc(), "x", &image);
      disk->Put(PathOf(100), image);
      const auto set = MustOpen(*disk);
      std::string error;
      CHECK(ReadLog(*set, 1, 350, &error) == StreamBytes(1, 300));
      CHECK(error == "the log overlaps: " + PathOf(100) + " goes on behind log offset 300, where " +
                         PathOf(300) + " begins");
    }
    SUBCASE("a frame reaches into the next segment") {
      std::string image = disk->Contents(PathOf(100));
      const auto header = SegmentHeader::Decode(image);
      REQUIRE(header.ok());
      image.resize(image.size() - 80 - kFrameHeaderBytes);
      FrameHeader{.length = 90, .offset = 220, .synced = 220}.Encode(header->Crc(),
                                                                     StreamBytes(220, 310), &image);
      disk->Put(PathOf(100), image);
      const auto set = MustOpen(*disk);
      std::string error;
      ReadLog(*set, 1, 350, &error);
      CHECK(error == "the log overlaps: " + PathOf(300) +
                         " begins within the frame at byte 224 of " + PathOf(100));
    }
    SUBCASE("a bit has turned: found where it is read") {
      disk->Flip(PathOf(100), 200);
      const auto set = MustOpen(*disk);
      std::string error;
      CHECK(ReadLog(*set, 1, 350, &error) == StreamBytes(1, 100));
      CHECK(Has(error, PathOf(100) +
                           " is damaged at byte 80, log offset 100: a frame's checksum is wrong"));
      CHECK(Has(error, "terrace-inspect segment " + PathOf(100) + " --repair OUT"));
    }
  }

  TEST_CASE("segments below an offset are removed, the newest one never") {
    const auto disk = ThreeSegments();
    const auto set = MustOpen(*disk);
    REQUIRE(set->RemoveBelow(99).ok());
    CHECK(set->count() == 3);
    REQUIRE(set->RemoveBelow(100).ok());
    CHECK(set->first_offset() == 100);
    std::string error;
    CHECK(ReadLog(*set, 50, 350, &error).empty());
    CHECK(error == "the log has no byte at offset 50 any more: it begins at 100");
    LogReader reader(*set, 150);
    REQUIRE(reader.Next(160).ok());
    REQUIRE(set->RemoveBelow(1000).ok());
    CHECK(Names(*disk) == std::vector<std::string>{SegmentFileName(300)});
    CHECK(set->histories().size() == 1);
    // Who reads a segment keeps it until its end.
    std::string rest;
    while (reader.offset() < 350) {
      const auto bytes = reader.Next(350);
      REQUIRE(bytes.ok());
      rest += *bytes;
    }
    CHECK(rest == StreamBytes(160, 350));
    CHECK(MustOpen(*disk)->first_offset() == 300);
  }

  TEST_CASE("a removal that fails can be asked for again, and never leaves a gap") {
    // Three segments fall; each is a removal and a sync of the directory.
    for (uint64_t step = 1; step <= 6; ++step) {
      CAPTURE(step);
      const auto disk = ThreeSegments();
      const auto set = MustOpen(*disk);
      REQUIRE(AppendStream(MustStart(*set, kHistoryB), 10).ok());
      disk->FailChange(step, Fault::kIo);
      CHECK_FALSE(set->RemoveBelow(350).ok());
      for (uint64_t seed = 0; seed < 50; ++seed) MustOpen(*disk->Crash(seed), {.synced_upto = 350});
      REQUIRE(set->RemoveBelow(350).ok());
      CHECK(set->first_offset() == 350);
      CHECK(Names(*disk) == std::vector<std::string>{SegmentFileName(350)});
    }
  }

  TEST_CASE("after a failure the log goes on in a new segment from what was synced") {
    for (const uint64_t synced_first : {0, 40}) {
      for (const Fault fault : {Fault::kIo, Fault::kNoSpace, Fault::kShortWrite}) {
        for (const bool in_sync : {false, true}) {
          CAPTURE(synced_first);
          CAPTURE(in_sync);
          const auto disk = ThreeSegments();
          const auto set = MustOpen(*disk);
          SegmentWriter& failing = MustStart(*set, kHistoryB);
          REQUIRE(AppendStream(failing, synced_first).ok());
          REQUIRE(failing.Sync().ok());
          REQUIRE(AppendStream(failing, 30).ok());
          CHECK(set->next_offset() == 380 + synced_first);
          LogReader reader(*set, 345);
          std::string read;
          const auto read_on = [&](uint64_t upto) {
            while (reader.offset() < upto) {
              const auto bytes = reader.Next(upto);
              REQUIRE_MESSAGE(bytes.ok(), bytes.error().message());
              read += *bytes;
            }
          };
          read_on(355 + synced_first);  // also some of what will be written twice
          disk->FailChange(1, fault);
          REQUIRE_FALSE((in_sync ? failing.Sync() : AppendStream(failing, 30)).ok());
          CHECK(set->next_offset() == 350 + synced_first);
          SegmentWriter& writer = MustStart(*set, kHistoryB);
          CHECK(writer.header().start == 350 + synced_first);
          CHECK(writer.header().takes_over == (synced_first != 0));
          CHECK(writer.header().previous == (synced_first != 0 ? 350 : 300));
          REQUIRE(AppendStream(writer, 33).ok());
          REQUIRE(writer.Sync().ok());
          CHECK(MustRead(*set, 1, 383 + synced_first) == StreamBytes(1, 383 + synced_first));
          read_on(383 + synced_first);
          CHECK(read == StreamBytes(345, 383 + synced_first));
          for (uint64_t seed = 0; seed < 50; ++seed) {
            const auto found = disk->Crash(seed);
            const auto reopened = MustOpen(*found);
            CHECK(reopened->next_offset() == 383 + synced_first);
            CHECK(MustRead(*reopened, 1, 383 + synced_first) == StreamBytes(1, 383 + synced_first));
          }
        }
      }
    }
  }

  // The space that a failed segment holds cannot always be given back: what it has behind its successor's start stays.
  TEST_CASE("what a failed segment has beyond its successor's start does not count") {
    const auto disk = ThreeSegments();
    const auto set = MustOpen(*disk);
    SegmentWriter& failing = MustStart(*set, kHistoryB);
    REQUIRE(AppendStream(failing, 40).ok());
    REQUIRE(failing.Sync().ok());
    REQUIRE(failing.Append(std::string(30, 'x')).ok());
    disk->FailChange(1, Fault::kIo, 2);  // the sync, and the cut that only gives space back
    REQUIRE_FALSE(failing.Sync().ok());
    SegmentWriter& writer = MustStart(*set, kHistoryB);
    REQUIRE(AppendStream(writer, 50).ok());
    CHECK(disk->Contents(PathOf(350)).ends_with(std::string(30, 'x')));
    CHECK(MustRead(*set, 1, 440) == StreamBytes(1, 440));
    const auto reopened = MustOpen(*disk);
    CHECK(MustRead(*reopened, 1, 440) == StreamBytes(1, 440));
    // The successor may have to be replaced, too; it still takes over.
    disk->Put(PathOf(390), disk->Contents(PathOf(390)).substr(0, kSegmentHeaderBytes));
    const auto again = MustOpen(*disk);
    CHECK(again->next_offset() == 390);
    SegmentWriter& third = MustStart(*again, kHistoryB);
    CHECK(third.header().takes_over);
    REQUIRE(AppendStream(third, 5).ok());
    CHECK(MustRead(*again, 1, 395) == StreamBytes(1, 395));
  }

  TEST_CASE(
      "a segment that cannot be started is started later, and the one of before takes no more") {
    // Sync of the old one; create, append, sync, rename, sync of the directory for the new one.
    for (uint64_t step = 1; step <= 6; ++step) {
      CAPTURE(step);
      const auto disk = ThreeSegments();
      const auto set = MustOpen(*disk);
      SegmentWriter& before = MustStart(*set, kHistoryB);
      REQUIRE(AppendStream(before, 40).ok());
      disk->FailChange(step >= 3 ? step + 1 : step, Fault::kNoSpace);
      const auto failed = set->StartSegment(kHistoryB);
      REQUIRE_FALSE(failed.ok());
      CHECK(failed.error().error_number() == ENOSPC);
      CHECK_FALSE(AppendStream(before, 1).ok());
      const uint64_t next = set->next_offset();
      CHECK(next == (step == 1 ? 350 : 390));
      REQUIRE(AppendStream(MustStart(*set, kHistoryB), 7).ok());
      CHECK(MustRead(*set, 1, next + 7) == StreamBytes(1, next + 7));
      CHECK(MustOpen(*disk)->next_offset() == next + 7);
    }
  }

  TEST_CASE("a full disk is only a pause") {
    const auto disk = DiskWithLog({.capacity_bytes = 2000});
    const auto set = MustOpen(*disk);
    SegmentWriter* writer = &MustStart(*set);
    uint64_t promised = 1;
    while (true) {
      if (!AppendStream(*writer, 100).ok() || !writer->Sync().ok()) break;
      promised = writer->next_offset();
    }
    CHECK(promised > 1000);
    CHECK(set->next_offset() == promised);
    for (int tries = 0; tries < 3; ++tries) {
      auto again = set->StartSegment(kHistoryA);
      if (again.ok()) CHECK_FALSE((AppendStream(**again, 100).ok() && (*again)->Sync().ok()));
      CHECK(set->next_offset() == promised);
      CHECK(MustRead(*set, 1, promised) == StreamBytes(1, promised));
    }
    disk->set_capacity_bytes(5000);
    writer = &MustStart(*set);
    REQUIRE(AppendStream(*writer, 100).ok());
    REQUIRE(writer->Sync().ok());
    CHECK(MustRead(*set, 1, promised + 100) == StreamBytes(1, promised + 100));
    CHECK(MustOpen(*disk)->next_offset() == promised + 100);
  }

  TEST_CASE("zeros ahead go when their segment is done, or are the end of one that was left") {
    const auto disk = DiskWithLog();
    {
      const auto set = MustOpen(*disk);
      MustStart(*set).ZeroAhead(2000);
      REQUIRE(AppendStream(*set->writer(), 500).ok());
      const std::string path = set->writer()->path();
      const uint64_t done = set->writer()->file_bytes();
      CHECK(disk->Contents(path).size() > 2000);
      disk->FailChange(8, Fault::kIo);  // the cut, behind all that begins the next one
      MustStart(*set);
      CHECK(disk->Contents(path).size() > 2000);
      REQUIRE(AppendStream(*set->writer(), 100).ok());
      CHECK(MustRead(*set, 1, 601) == StreamBytes(1, 601));
      set->writer()->ZeroAhead(3000);
      const std::string second = set->writer()->path();
      const uint64_t second_done = set->writer()->file_bytes();
      MustStart(*set);
      CHECK(disk->Contents(second).size() == second_done);
      set->writer()->ZeroAhead(1000);
      REQUIRE(AppendStream(*set->writer(), 50).ok());
      CHECK(done < 2000);
    }
    const auto set = MustOpen(*disk);
    CHECK(set->torn_tail().ok());
    CHECK(set->next_offset() == 651);
    MustStart(*set);
    CHECK(MustRead(*set, 1, 651) == StreamBytes(1, 651));
  }

  TEST_CASE("blocks set aside for a segment go back when it is done") {
    const auto disk = DiskWithLog();
    const auto set = MustOpen(*disk, {.reserve_bytes = 10'000});
    REQUIRE(AppendStream(MustStart(*set), 500).ok());
    CHECK(disk->used_bytes() == 10'000);
    const uint64_t done = set->writer()->file_bytes();
    REQUIRE(AppendStream(MustStart(*set), 500).ok());
    CHECK(disk->used_bytes() == done + 10'000);
    disk->FailChange(1, Fault::kNoSpace);
    REQUIRE_FALSE(AppendStream(*set->writer(), 500).ok());
    // Nothing of the failed one was synced: its successor has its place.
    REQUIRE(AppendStream(MustStart(*set), 20'000).ok());
    CHECK(disk->used_bytes() == done + set->writer()->file_bytes());
    MustStart(*set);
    CHECK(MustRead(*set, 1, set->next_offset()) == StreamBytes(1, 20'501));
  }

  TEST_CASE("a directory or file that cannot be read is an error, not an empty log") {
    const auto disk = ThreeSegments();
    const uint64_t before = disk->looks();
    MustOpen(*disk);
    const uint64_t looks = disk->looks() - before;
    CHECK(looks >= 9);  // the list; open and read each header; the last one's frames
    for (uint64_t n = 1; n <= looks; ++n) {
      disk->FailLook(n);
      const auto set = SegmentSet::Open(*disk, "log", {});
      REQUIRE_FALSE(set.ok());
      CHECK(set.error().error_number() == EIO);
    }
    const auto set = MustOpen(*disk);
    LogReader reader(*set, 1);
    disk->FailLook(1);
    CHECK(reader.Next(350).error().error_number() == EIO);
    disk->FailLook(3);
    CHECK(reader.Next(350).error().error_number() == EIO);
    CHECK(reader.Next(350).ok());
  }
}

}  // namespace
}  // namespace terrace::storage
