#include "server/write_pacer.h"

#include <algorithm>

#include "base/bytes.h"
#include "engine/held_values.h"

namespace terrace::server {
namespace {

// Between two looks, which take less than a millisecond. What the log grows by meanwhile is known.
constexpr uint64_t kLookNs = 50'000'000;
// Of what was thought before and what is seen now: single looks are off by a tenth.
constexpr double kNewShare = 0.3;
// Of a smaller one the syncs are most, and it tells nothing of the disk.
constexpr uint64_t kTellingBytes = 4 * kMiB;
constexpr double kDrainPerSecondMin = 1.0 * kMiB;
// Old images are held, too: this share of the limit at the most, but some of them always.
constexpr uint64_t kImageShare = 16;
constexpr uint64_t kImageBytesMin = kMiB;

}  // namespace

bool WritePacer::applies() const {
  return parts_.eviction.values_only.load(std::memory_order_relaxed) &&
         parts_.eviction.memory_max.load(std::memory_order_relaxed) != 0;
}

void WritePacer::Look(engine::Participant& self) {
  if (!applies()) {
    if (looked_ns_ != 0) parts_.eviction.brake.SetLevel({});
    looked_ns_ = 0;
    return;
  }
  if (looked_ns_ == 0 || parts_.clock.MonotonicNs() - looked_ns_ >= kLookNs) LookNow(self);
}

void WritePacer::LookNow(engine::Participant& self) {
  // First: what is written while we look is counted twice rather than not at all.
  const uint64_t log_end = parts_.log.end_offset();
  self.In();
  const engine::ValueBytes values = engine::EstimateValues(parts_.databases, random_);
  self.Out();
  parts_.eviction.loose_bytes.store(static_cast<int64_t>(values.loose), std::memory_order_relaxed);
  const auto used = static_cast<double>(parts_.eviction.KeptMemory(parts_.databases.reaper()));
  const double fixed =
      std::max(0.0, used - static_cast<double>(values.held) - static_cast<double>(values.loose));
  fixed_bytes_ = fixed_bytes_ < 0 ? fixed : fixed_bytes_ + kNewShare * (fixed - fixed_bytes_);
  const auto limit = static_cast<double>(parts_.eviction.limit());
  parts_.eviction.brake.SetLevel(
      {.held_bytes = values.held,
       .room_bytes = static_cast<uint64_t>(std::max(limit - fixed_bytes_, limit / 16)),
       .log_offset = log_end,
       .drain_per_s = static_cast<uint64_t>(drain_per_s_)});
  looked_ns_ = parts_.clock.MonotonicNs();
}

void WritePacer::CheckpointDone(engine::Participant& self, uint64_t bytes, uint64_t ms) {
  if (!applies()) return;
  if (bytes >= kTellingBytes) {
    const double seen =
        static_cast<double>(bytes) * 1000 / static_cast<double>(std::max<uint64_t>(ms, 1));
    drain_per_s_ += kNewShare * (std::max(seen, kDrainPerSecondMin) - drain_per_s_);
  }
  LookNow(self);
}

uint64_t WritePacer::ImageBytesMax(uint64_t otherwise) const {
  if (!applies()) return otherwise;
  const auto limit = static_cast<uint64_t>(parts_.eviction.limit());
  return std::min(otherwise, std::max(limit / kImageShare, kImageBytesMin));
}

}  // namespace terrace::server
