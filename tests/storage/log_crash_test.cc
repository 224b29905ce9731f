// Pulling the plug at every file operation of a scenario, and again at every one of the recovery after it. Whatever is
// found: everything synced is there, nothing is there that was not written, and what is there has no hole.
#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "base/random.h"
#include "storage/segment_fixture.h"

namespace terrace::storage {
namespace {

using testing::Fault;
using testing::LossyFileSystem;

// Pages much smaller than the segments are.
constexpr LossyFileSystem::Options kDisk{.page_bytes = 64};

// The log's user: what it wrote, and what it was promised. It stops at the first failure that it does not expect.
class Writer {
 public:
  explicit Writer(FileSystem& files, std::string stream = "", uint64_t synced = 1)
      : files_(files), stream_(std::move(stream)), ends_{1, stream_.size() + 1}, synced_(synced) {}

  bool Open(const std::string& history) {
    auto set = SegmentSet::Open(files_, "log", {.synced_upto = synced_, .reserve_bytes = 1000});
    if (!set.ok()) return false;
    set_ = std::move(*set);
    return Start(history);
  }
  bool Append(uint64_t count, char kind) {
    std::string batch(count, kind);
    for (size_t i = 0; i < count; i += 2) batch[i] = StreamByte(stream_.size() + i);
    stream_ += batch;
    ends_.insert(stream_.size() + 1);
    return set_->writer()->Append(batch).ok();
  }
  bool Sync() {
    if (!set_->writer()->Sync().ok()) return false;
    synced_ = stream_.size() + 1;
    return true;
  }
  void ZeroAhead(uint64_t bytes) { set_->writer()->ZeroAhead(bytes); }
  bool Mark() { return set_->writer()->Mark().ok(); }
  bool Start(const std::string& history) {
    if (!set_->StartSegment(history).ok()) return false;
    synced_ = std::max(synced_, set_->next_offset());
    return true;
  }
  bool TakeOver(const std::string& history) {
    if (!Start(history)) return false;
    return set_->writer()->Append(Bytes(stream_).substr(set_->next_offset() - 1)).ok() && Sync();
  }
  bool RemoveBelow(uint64_t offset) {
    removed_below_ = std::max(removed_below_, offset);
    return set_->RemoveBelow(offset).ok();
  }

  const std::string& stream() const { return stream_; }
  uint64_t synced() const { return synced_; }
  uint64_t removed_below() const { return removed_below_; }
  /// Where a batch ends, or a log that was opened did.
  bool IsEnd(uint64_t offset) const { return ends_.contains(offset); }

 private:
  FileSystem& files_;
  std::unique_ptr<SegmentSet> set_;
  std::string stream_;
  std::set<uint64_t> ends_;
  uint64_t synced_;
  uint64_t removed_below_ = 1;
};

struct Scenario {
  const char* name;
  // False: stopped on the way.
  std::function<bool(LossyFileSystem&, Writer&)> run;
};

bool AppendsAndRotations(LossyFileSystem&, Writer& log) {
  if (!log.Open(kHistoryA)) return false;
  if (!log.Append(10, 'a') || !log.Append(200, 'b') || !log.Sync()) return false;
  if (!log.Append(90, 'c') || !log.Append(300, 'd') || !log.Append(1, 'e')) return false;
  if (!log.Start(kHistoryA)) return false;  // rotation
  if (!log.Append(150, 'f') || !log.Append(150, 'g') || !log.Sync() || !log.Mark()) return false;
  if (!log.Append(70, 'h') || !log.Start(kHistoryB)) return false;
  if (!log.Append(50, 'i') || !log.RemoveBelow(602) || !log.Append(50, 'j') || !log.Sync())
    return false;
  if (!log.Start(kHistoryB) || !log.RemoveBelow(log.synced())) return false;
  return log.Append(100, 'k') && log.Append(100, 'l');
}

// Restarts without a power cut between: what the kernel still has must become durable.
bool Restarts(LossyFileSystem&, Writer& log) {
  for (const char kind : {'a', 'b', 'c'}) {
    if (!log.Open(kHistoryA) || !log.Append(120, kind) || !log.Append(60, kind)) return false;
    if (kind == 'b' && !log.Sync()) return false;
  }
  // A batch of several frames, small ones around it.
  return log.Append(2 * kFrameBodyBytesMax + 100, 'd') && log.Append(5, 'e') && log.Sync() &&
         log.Append(5, 'f');
}

// The first sync of the second segment fails, then a write does.
bool Failures(LossyFileSystem& disk, Writer& log) {
  if (!log.Open(kHistoryA) || !log.Append(100, 'a') || !log.Sync()) return false;
  if (!log.Start(kHistoryA) || !log.Append(100, 'b')) return false;
  disk.FailChange(1, Fault::kIo, 1);
  if (log.Sync() || disk.stopped()) return false;
  if (!log.TakeOver(kHistoryA)) return false;  // in place of the second
  if (!log.Append(80, 'c') || !log.Sync() || !log.Append(200, 'd')) return false;
  disk.FailChange(1, Fault::kIo, 2);  // and the cut that gives back its space
  if (log.Sync() || disk.stopped()) return false;
  if (!log.TakeOver(kHistoryA)) return false;  // behind it
  if (!log.Append(80, 'e')) return false;
  disk.FailChange(1, Fault::kShortWrite, 1);
  if (log.Append(300, 'f') || disk.stopped()) return false;
  if (!log.TakeOver(kHistoryB)) return false;
  return log.RemoveBelow(log.synced()) && log.Append(40, 'g') && log.Sync() && log.Append(9, 'h');
}

// The process dies of a sync that failed; the next one finds its bytes in the kernel's memory.
bool FailureAndRestart(LossyFileSystem& disk, Writer& log) {
  if (!log.Open(kHistoryA) || !log.Append(100, 'a') || !log.Sync()) return false;
  for (const char kind : {'b', 'c'}) {
    if (!log.Append(150, kind) || !log.Append(150, kind)) return false;
    disk.FailChange(1, Fault::kIo, 1);
    if (log.Sync() || disk.stopped()) return false;
    if (!log.Open(kind == 'b' ? kHistoryA : kHistoryB)) return false;
  }
  return log.Append(40, 'd') && log.Sync() && log.Append(9, 'e');
}

// Written onto zeros: within them, beyond them, when there is no room for more of them, in a segment whose sync fails.
bool ZerosAhead(LossyFileSystem& disk, Writer& log) {
  if (!log.Open(kHistoryA)) return false;
  log.ZeroAhead(300);
  if (!log.Append(100, 'a') || !log.Sync() || !log.Append(60, 'b') || !log.Sync()) return false;
  log.ZeroAhead(300);
  if (!log.Append(40, 'c') || !log.Append(400, 'd') || !log.Sync() || !log.Mark()) return false;
  log.ZeroAhead(200);
  if (!log.Append(20, 'e') || !log.Start(kHistoryA)) return false;  // which cuts the zeros off
  disk.FailChange(1, Fault::kNoSpace, 1);
  log.ZeroAhead(200);
  if (disk.stopped() || !log.Append(80, 'f') || !log.Sync() || !log.Start(kHistoryA)) return false;
  log.ZeroAhead(500);
  if (!log.Append(80, 'g') || !log.Sync() || !log.Append(90, 'h')) return false;
  disk.FailChange(1, Fault::kIo, 1);
  if (log.Sync() || disk.stopped() || !log.TakeOver(kHistoryA)) return false;
  log.ZeroAhead(300);
  return log.Append(50, 'i') && log.Open(kHistoryB) && log.Append(40, 'j') && log.Sync();
}

// What is found on `disk` is what `log` may expect; returns where it ends. `written_before`: by another writer before.
uint64_t CheckFound(FileSystem& disk, const Writer& log, uint64_t removed_below,
                    const Writer* written_before = nullptr) {
  const auto set = MustOpen(disk, {.synced_upto = log.synced()});
  const uint64_t first = set->first_offset();
  const uint64_t next = set->next_offset();
  REQUIRE(first <= removed_below);
  REQUIRE(next >= log.synced());
  REQUIRE(next <= log.stream().size() + 1);
  REQUIRE((log.IsEnd(next) || (written_before != nullptr && written_before->IsEnd(next))));  // L6
  REQUIRE(MustRead(*set, first, next) == log.stream().substr(first - 1, next - first));
  return next;
}

struct Stops {
  uint64_t in_scenario = 0;
  uint64_t in_recovery = 0;
  uint64_t cuts = 0;
};

// The log goes on after the power cut, with other bytes than before; `stop_at` 0: nothing stops it.
bool GoOn(LossyFileSystem& disk, Writer& log, uint64_t stop_at) {
  if (stop_at != 0) disk.StopAt(stop_at);
  return log.Open(kHistoryB) && log.Append(77, 'X') && log.Sync() && log.Append(33, 'Y') &&
         log.Start(kHistoryB) && log.RemoveBelow(log.synced()) && log.Append(11, 'Z');
}

void StopEverywhere(const Scenario& scenario, Stops* stops) {
  const std::string name = scenario.name;
  CAPTURE(name);
  for (uint64_t stop = 1;; ++stop) {
    const auto disk = DiskWithLog(kDisk);
    Writer log(*disk);
    disk->StopAt(stop);
    const bool finished = scenario.run(*disk, log);
    REQUIRE(finished == !disk->stopped());
    const std::string last_change = disk->last_change();
    CAPTURE(stop);
    CAPTURE(last_change);
    for (uint64_t seed = 0; seed < 12; ++seed) {
      CAPTURE(seed);
      const auto found = disk->Crash(stop * 1000 + seed);
      ++stops->cuts;
      const uint64_t next = CheckFound(*found, log, log.removed_below());
      // The recovery is cut at its own operations, one seed at a time.
      for (uint64_t again = seed + 1;; again += 6) {
        const auto second = disk->Crash(stop * 1000 + seed);
        Writer later(*second, log.stream().substr(0, next - 1), next);
        // What was read at opening is promised only when the log has gone on.
        Writer promised(*second, later.stream(), log.synced());
        const bool through = GoOn(*second, later, again);
        CAPTURE(again);
        const auto found_again = second->Crash(again);
        ++stops->cuts;
        if (through || later.stream().size() + 1 > next) {
          CheckFound(*found_again, later, std::max(log.removed_below(), later.removed_below()));
        } else {
          CheckFound(*found_again, promised, log.removed_below(), &log);
        }
        if (through) break;
        ++stops->in_recovery;
      }
    }
    if (finished) return;
    ++stops->in_scenario;
  }
}

TEST_SUITE("storage/log_crash") {
  TEST_CASE("nothing synced is lost, wherever the power goes") {
    for (const Scenario& scenario :
         {Scenario{"appends, syncs, rotations, removals", AppendsAndRotations},
          Scenario{"restarts without a power cut", Restarts},
          Scenario{"failures of syncs and writes", Failures},
          Scenario{"a failed sync, and a restart", FailureAndRestart},
          Scenario{"zeros ahead", ZerosAhead}}) {
      Stops stops;
      StopEverywhere(scenario, &stops);
      MESSAGE(std::string(scenario.name), ": ", stops.in_scenario, " stops, ", stops.in_recovery,
              " more in recoveries, ", stops.cuts, " power cuts");
      CHECK(stops.in_scenario > 20);
    }
  }
}

}  // namespace
}  // namespace terrace::storage
