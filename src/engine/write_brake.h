// WriteBrake: how fast writers may go while values that cannot leave memory, or runs of tables, pile up (docs/residency.md).
//
//   backlog   0 up to kFreeShare of the room for values being held, 1 from kFullShare on; in between as far as it is between
//             them. The same of runs that wait to be merged. The larger counts
//   rate      drain * (1 - backlog) / backlog: as much as it likes while there is hardly any, what the disk takes in the middle,
//             next to nothing at the end. So writers find the rate of the disk by themselves, and there is no cliff
//
//        rate |*                      What is held was sampled a moment ago by who makes checkpoints; what the log has grown by
//             | *                     since is added by who asks. A writer claims his place on a time line on which every
//       drain |- -**                  byte takes 1 / rate, and begins when that place comes.
//             |     *****
//             +----------***--->  backlog
//             0                1
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/bytes.h"

namespace terrace::engine {

class WriteBrake {
 public:
  /// Of the room for values: what may be held before writers are slowed down, and when a checkpoint should begin; and where
  /// they nearly stop. Two checkpoints' worth is held while one is made, so half of the room would be too late to begin.
  static constexpr double kFreeShare = 0.2;
  static constexpr double kFullShare = 0.8;
  /// The runs one may have to look into for a value, and so many that writers nearly stop.
  static constexpr uint64_t kFreeRuns = 8;
  static constexpr uint64_t kFullRuns = 32;
  /// Nobody waits longer for his place, however much is written by how many.
  static constexpr uint64_t kWaitNsMax = 1'000'000'000;

  struct Level {
    uint64_t held_bytes = 0;   // of values that no table in force has as they are
    uint64_t room_bytes = 0;   // for values; 0: there is no limit
    uint64_t log_offset = 0;   // where the log ended then
    uint64_t drain_per_s = 0;  // bytes that a checkpoint writes
  };
  void SetLevel(const Level& level);
  void SetRuns(uint64_t runs) { runs_.store(runs, std::memory_order_relaxed); }

  /// Bytes that are held when the log ends at `log_end`.
  uint64_t Held(uint64_t log_end) const;
  /// From 0 to 1.
  double Backlog(uint64_t log_end) const;
  /// Of the runs alone.
  double RunsBacklog() const;
  /// Whether a checkpoint should begin.
  bool WantsCheckpoint(uint64_t log_end) const;
  /// Bytes a second that writers may write; 0: as they like.
  uint64_t Rate(uint64_t log_end) const;

  /// When a unit that writes about `bytes` may begin: now or earlier, or at that time. It has its place then.
  uint64_t Claim(uint64_t bytes, uint64_t log_end, uint64_t now_ns);

  struct Counters {
    std::atomic<uint64_t> delayed{0};  // commands
    std::atomic<uint64_t> delay_us{0};
    std::atomic<uint64_t> delay_us_max{0};
  };
  void CountDelay(uint64_t ns);
  const Counters& counters() const { return counters_; }

 private:
  std::atomic<uint64_t> held_bytes_{0};
  std::atomic<uint64_t> room_bytes_{0};
  std::atomic<uint64_t> log_offset_{0};
  std::atomic<uint64_t> drain_per_s_{0};
  std::atomic<uint64_t> runs_{0};
  std::atomic<uint64_t> next_ns_{0};  // the first free place
  Counters counters_;
};

}  // namespace terrace::engine
