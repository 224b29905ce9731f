// The log against a plain string: random appends, syncs, rotations, removals, faults, restarts and power cuts.
#include <doctest/doctest.h>

#include <set>

#include "base/random.h"
#include "storage/printed_seed.h"
#include "storage/segment_fixture.h"

namespace terrace::storage {
namespace {

using testing::Fault;
using testing::LossyFileSystem;

class LogModel {
 public:
  explicit LogModel(uint64_t seed)
      : random_(seed), disk_(DiskWithLog({.capacity_bytes = 64 * kMiB, .page_bytes = 512})) {
    Reopen();
  }

  void Step() {
    const uint64_t kind = random_.Below(100);
    if (kind < 50) {
      Append();
    } else if (kind < 70) {
      Sync();
    } else if (kind < 78) {
      Start(random_.Below(4) == 0);
    } else if (kind < 80) {
      set_->writer()->ZeroAhead(1 + random_.Below(5'000));
    } else if (kind < 82) {
      if (!set_->writer()->Mark().ok()) Recover();
    } else if (kind < 87) {
      Remove();
    } else if (kind < 92) {
      Read();
    } else if (kind < 95) {
      disk_->FailChange(1 + random_.Below(6), static_cast<Fault>(random_.Below(3)),
                        1 + random_.Below(3));
    } else if (kind < 98) {
      // Without a power cut the kernel's memory stays: nothing that was written is lost, though it may never have reached
      // the disk.
      if (random_.Below(2) == 0) {
        disk_->FailChange(1, Fault::kIo);
        REQUIRE_FALSE(set_->writer()->Sync().ok());
      }
      Restart();
      REQUIRE(set_->next_offset() == end());
      StartAnew();
    } else {
      disk_ = disk_->Crash(random_.Next());
      ++cuts_;
      Restart();
      const uint64_t found = set_->next_offset();
      REQUIRE(found >= synced_);
      REQUIRE(found <= end());
      REQUIRE((found == synced_ || ends_.contains(found)));  // L6
      lost_ += end() - found;
      stream_.resize(found - 1);
      ends_.erase(ends_.upper_bound(found), ends_.end());
      StartAnew();
    }
  }

  void ReadAll() {
    const uint64_t first = set_->first_offset();
    REQUIRE(first <= removed_below_);
    REQUIRE(MustRead(*set_, first, end()) == stream_.substr(first - 1));
  }

  uint64_t end() const { return stream_.size() + 1; }
  uint64_t cuts() const { return cuts_; }
  uint64_t lost() const { return lost_; }
  uint64_t takeovers() const { return takeovers_; }

 private:
  void Append() {
    const uint64_t size =
        random_.Below(50) == 0 ? random_.Below(3 * kFrameBodyBytesMax) : 1 + random_.Below(900);
    std::string batch;
    while (batch.size() < size) {
      const uint64_t word = random_.Next();
      batch.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    stream_ += batch;
    ends_.insert(end());
    if (!set_->writer()->Append(batch).ok()) Recover();
  }

  void Sync() {
    if (!set_->writer()->Sync().ok()) return Recover();
    synced_ = end();
  }

  void Start(bool new_history) {
    if (new_history) history_ = std::string(kHistoryIdBytes, "abcdefgh"[random_.Below(8)]);
    if (!set_->StartSegment(history_).ok()) return Recover();
    synced_ = end();
  }

  // What the log writer does after a failure: a new segment, and what is not durable again from memory.
  void Recover() {
    ++takeovers_;
    for (int tries = 0;; ++tries) {
      REQUIRE(tries < 20);
      const auto writer = set_->StartSegment(history_);
      if (!writer.ok()) continue;
      const uint64_t next = (*writer)->next_offset();
      REQUIRE(next == set_->next_offset());
      REQUIRE(next >= synced_);
      if (!(*writer)->Append(Bytes(stream_).substr(next - 1)).ok()) continue;
      if (!(*writer)->Sync().ok()) continue;
      synced_ = end();
      return;
    }
  }

  void Remove() {
    const uint64_t offset = synced_ - random_.Below(std::min<uint64_t>(synced_, 20'000));
    const bool removed = set_->RemoveBelow(offset).ok();
    removed_below_ = std::max(removed_below_, offset);
    if (removed) REQUIRE(set_->first_offset() <= removed_below_);
  }

  void Read() {
    const uint64_t first = set_->first_offset();
    const uint64_t from = first + random_.Below(end() - first + 1);
    const uint64_t upto = from + random_.Below(end() - from + 1);
    REQUIRE(MustRead(*set_, from, upto) == stream_.substr(from - 1, upto - from));
  }

  void Restart() {
    set_.reset();
    disk_->FailChange(0, Fault::kIo, 0);  // no more faults from before
    Reopen(false);
  }

  void Reopen(bool start = true) {
    set_ = MustOpen(*disk_, {.synced_upto = synced_, .reserve_bytes = random_.Below(20'000)});
    if (start) StartAnew();
  }

  void StartAnew() {
    Start(true);
    ReadAll();
  }

  Random random_;
  std::unique_ptr<LossyFileSystem> disk_;
  std::unique_ptr<SegmentSet> set_;
  std::string history_ = kHistoryA;
  std::string stream_;  // what was appended, from offset 1 on
  std::set<uint64_t> ends_;
  uint64_t synced_ = 1;
  uint64_t removed_below_ = 1;
  uint64_t cuts_ = 0;
  uint64_t lost_ = 0;
  uint64_t takeovers_ = 0;
};

TEST_SUITE("storage/log_model") {
  TEST_CASE("the log is the string, but for what a power cut may take") {
    const uint64_t seed = PrintedSeed("storage/log_model");
    uint64_t cuts = 0;
    uint64_t lost = 0;
    uint64_t takeovers = 0;
    for (uint64_t run = 0; run < 30; ++run) {
      CAPTURE(seed);
      CAPTURE(run);
      LogModel model(seed + run);
      for (int step = 0; step < 600; ++step) model.Step();
      model.ReadAll();
      cuts += model.cuts();
      lost += model.lost();
      takeovers += model.takeovers();
    }
    MESSAGE(cuts, " power cuts took ", lost, " bytes that were not synced; ", takeovers,
            " failures were overcome");
    CHECK(lost > 0);
    CHECK(takeovers > 0);
  }
}

}  // namespace
}  // namespace terrace::storage
