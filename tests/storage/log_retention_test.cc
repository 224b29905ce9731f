// Segments that no restart needs and that are kept for followers: whatever is wrong with them, the log behind them opens.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "storage/file_names.h"
#include "storage/segment_fixture.h"

namespace terrace::storage {
namespace {

using testing::LossyFileSystem;

constexpr uint64_t kCheckpoint = 300;  // everything before it is in tables
constexpr uint64_t kEnd = 400;

std::string PathOf(uint64_t start) { return "log/" + SegmentFileName(start); }

// Segments at 1, 100 and 200, and the one at the checkpoint's offset, which goes on to kEnd; all synced.
std::unique_ptr<LossyFileSystem> KeptLog() {
  auto disk = DiskWithLog({.page_bytes = 64});
  const auto set = MustOpen(*disk);
  for (const uint64_t count : {99, 100, 100, 100}) {
    SegmentWriter& writer = MustStart(*set);
    REQUIRE(AppendStream(writer, count / 2).ok());
    REQUIRE(AppendStream(writer, count - count / 2).ok());
    REQUIRE(writer.Sync().ok());
  }
  REQUIRE(set->writer()->Mark().ok());
  return disk;
}

constexpr SegmentSet::Options kFromCheckpoint{
    .first_offset = kCheckpoint, .synced_upto = kCheckpoint, .needed_from = kCheckpoint};

// What a restart needs is there, and it goes on; returns where the log begins.
uint64_t GoOn(LossyFileSystem& disk, const SegmentSet::Options& options = kFromCheckpoint) {
  uint64_t first = 0;
  {
    const auto set = MustOpen(disk, options);
    CHECK(set->next_offset() == kEnd);
    CHECK(MustRead(*set, options.needed_from, kEnd) == StreamBytes(options.needed_from, kEnd));
    first = set->first_offset();
    const auto unused = set->unused();
    for (const std::string& path : unused) CHECK(disk.Exists(path));  // opening changes nothing
    SegmentWriter& writer = MustStart(*set);
    for (const std::string& path : unused) CHECK_FALSE(disk.Exists(path));
    REQUIRE(AppendStream(writer, 50).ok());
    REQUIRE(writer.Sync().ok());
  }
  const auto again = MustOpen(disk, options);
  CHECK(again->left_out().ok());
  CHECK(again->unused().empty());
  CHECK(again->first_offset() == first);
  CHECK(MustRead(*again, options.needed_from, kEnd + 50) ==
        StreamBytes(options.needed_from, kEnd + 50));
  return first;
}

TEST_SUITE("storage/log_retention") {
  TEST_CASE("kept segments are part of the log, and can be read") {
    const auto disk = KeptLog();
    const auto set = MustOpen(*disk, kFromCheckpoint);
    CHECK(set->left_out().ok());
    CHECK(set->first_offset() == 1);
    CHECK(MustRead(*set, 1, kEnd) == StreamBytes(1, kEnd));
    CHECK(set->FirstStartFrom(1) == 1);
    CHECK(set->FirstStartFrom(2) == 100);
    CHECK(set->FirstStartFrom(300) == 300);
    CHECK_FALSE(set->FirstStartFrom(301));
    CHECK(GoOn(*disk) == 1);
  }

  TEST_CASE("a damaged header before the checkpoint leaves its segment and those before it out") {
    for (const uint64_t damaged : {1, 100, 200}) {
      for (const size_t at : {0, 50, 79}) {
        CAPTURE(damaged);
        const auto disk = KeptLog();
        disk->Flip(PathOf(damaged), at);
        CHECK(Has(OpenError(*disk), PathOf(damaged) + " is damaged at byte 0"));
        const auto set = MustOpen(*disk, kFromCheckpoint);
        CHECK(Has(set->left_out().message(), PathOf(damaged) + " is damaged at byte 0"));
        CHECK(GoOn(*disk) == damaged + (damaged == 1 ? 99 : 100));
      }
    }
  }

  TEST_CASE("a segment before the checkpoint may be cut anywhere, or be missing") {
    for (const uint64_t damaged : {1, 100, 200}) {
      const std::string image = KeptLog()->Contents(PathOf(damaged));
      for (size_t size = 0; size <= image.size(); size += 7) {
        CAPTURE(damaged);
        CAPTURE(size);
        const auto disk = KeptLog();
        disk->Put(PathOf(damaged), image.substr(0, size));
        GoOn(*disk);
      }
      const auto disk = KeptLog();
      REQUIRE(disk->Remove(PathOf(damaged)).ok());
      CHECK(GoOn(*disk) == (damaged == 1 ? 100 : damaged + 100));
    }
  }

  TEST_CASE(
      "any bit may have turned before the checkpoint: who reads there is told, who starts is not") {
    for (const uint64_t damaged : {1, 100, 200}) {
      const size_t size = KeptLog()->Contents(PathOf(damaged)).size();
      for (size_t at = 0; at < size; at += 3) {
        CAPTURE(damaged);
        CAPTURE(at);
        const auto disk = KeptLog();
        disk->Flip(PathOf(damaged), at, static_cast<unsigned char>(1 << at % 8));
        const auto set = MustOpen(*disk, kFromCheckpoint);
        std::string error;
        const std::string read = ReadLog(*set, set->first_offset(), kEnd, &error);
        CHECK(read == StreamBytes(set->first_offset(), set->first_offset() + read.size()));
        if (set->left_out().ok()) CHECK(Has(error, PathOf(damaged) + " is damaged"));
        GoOn(*disk);
      }
    }
  }

  TEST_CASE("what a restart needs is as strict as ever, with or without kept segments") {
    const auto disk = KeptLog();
    disk->Flip(PathOf(300), 90);
    CHECK(Has(OpenError(*disk, kFromCheckpoint), PathOf(300) + " is damaged at byte 80"));
    disk->Flip(PathOf(300), 90);
    disk->Flip(PathOf(300), 20);
    CHECK(Has(OpenError(*disk, kFromCheckpoint), PathOf(300) + " is damaged at byte 0"));
    disk->Flip(PathOf(300), 20);
    // The checkpoint is within a segment: that one is needed, and nothing before it.
    SegmentSet::Options within = kFromCheckpoint;
    within.first_offset = within.synced_upto = within.needed_from = 250;
    disk->Flip(PathOf(100), 20);
    CHECK(GoOn(*KeptLog(), within) == 1);
    CHECK(MustOpen(*disk, within)->first_offset() == 200);
    disk->Flip(PathOf(200), 20);
    CHECK(Has(OpenError(*disk, within), PathOf(200) + " is damaged at byte 0"));
  }

  // A copy that ends before the damage would be refused as well.
  TEST_CASE(
      "damage in the last segment before the checkpoint says that the tables go without the log") {
    const auto disk = KeptLog();
    REQUIRE(disk->Remove(PathOf(300)).ok());
    disk->Flip(PathOf(200), 120);
    const std::string error = OpenError(*disk, kFromCheckpoint);
    CHECK(Has(error, PathOf(200) + " is damaged at byte 80, log offset 200"));
    CHECK(Has(error, "move all segments (*.log) away"));
    for (const uint64_t start : {1, 100, 200}) REQUIRE(disk->Remove(PathOf(start)).ok());
    CHECK(MustOpen(*disk, kFromCheckpoint)->next_offset() == kCheckpoint);
  }

  TEST_CASE("leaving out may be stopped at every step, and the power cut there") {
    uint64_t stops = 0;
    for (uint64_t stop = 1;; ++stop) {
      CAPTURE(stop);
      const auto disk = KeptLog();
      disk->Flip(PathOf(200), 20);
      const auto set = MustOpen(*disk, kFromCheckpoint);
      CHECK(set->unused().size() == 3);
      disk->StopAt(stop);
      const bool through = set->StartSegment(kHistoryA).ok();
      for (uint64_t seed = 0; seed < 20; ++seed) CHECK(GoOn(*disk->Crash(seed)) == kCheckpoint);
      if (through && !disk->stopped()) break;
      ++stops;
    }
    CHECK(stops > 5);
  }
}

}  // namespace
}  // namespace terrace::storage
