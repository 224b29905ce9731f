#include "engine/write_brake.h"

#include <algorithm>

namespace terrace::engine {
namespace {

// Of the drain: what is left to writers when the backlog is full, so that whoever is in line comes to an end.
constexpr double kRateShareMin = 1.0 / 64;
// Loops' timers count milliseconds; what is due earlier begins at once, and who comes later waits for it.
constexpr uint64_t kSlackNs = 1'000'000;

double Between(double low, double high, double at) {
  return std::clamp((at - low) / (high - low), 0.0, 1.0);
}

}  // namespace

// Readers may see some of it earlier than the rest, which is a rate that is wrong for a moment.
void WriteBrake::SetLevel(const Level& level) {
  log_offset_.store(level.log_offset, std::memory_order_relaxed);
  held_bytes_.store(level.held_bytes, std::memory_order_relaxed);
  room_bytes_.store(level.room_bytes, std::memory_order_relaxed);
  drain_per_s_.store(level.drain_per_s, std::memory_order_relaxed);
}

uint64_t WriteBrake::Held(uint64_t log_end) const {
  const uint64_t since = log_offset_.load(std::memory_order_relaxed);
  return held_bytes_.load(std::memory_order_relaxed) + (log_end - std::min(log_end, since));
}

double WriteBrake::RunsBacklog() const {
  return Between(kFreeRuns, kFullRuns, static_cast<double>(runs_.load(std::memory_order_relaxed)));
}

double WriteBrake::Backlog(uint64_t log_end) const {
  const auto room = static_cast<double>(room_bytes_.load(std::memory_order_relaxed));
  if (room == 0) return 0;
  const double share = static_cast<double>(Held(log_end)) / room;
  return std::max(Between(kFreeShare, kFullShare, share), RunsBacklog());
}

bool WriteBrake::WantsCheckpoint(uint64_t log_end) const {
  const auto room = static_cast<double>(room_bytes_.load(std::memory_order_relaxed));
  return room != 0 && static_cast<double>(Held(log_end)) >= kFreeShare * room;
}

uint64_t WriteBrake::Rate(uint64_t log_end) const {
  const double backlog = Backlog(log_end);
  if (backlog == 0) return 0;
  const auto drain = static_cast<double>(drain_per_s_.load(std::memory_order_relaxed));
  return static_cast<uint64_t>(
      std::max({1.0, drain * kRateShareMin, drain * (1 - backlog) / backlog}));
}

uint64_t WriteBrake::Claim(uint64_t bytes, uint64_t log_end, uint64_t now_ns) {
  const uint64_t rate = Rate(log_end);
  if (rate == 0) return now_ns;
  const auto takes_ns =
      static_cast<uint64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(rate));
  uint64_t next = next_ns_.load(std::memory_order_relaxed);
  uint64_t begin;
  do {
    begin = std::clamp(next, now_ns, now_ns + kWaitNsMax);
  } while (!next_ns_.compare_exchange_weak(next, begin + std::min(takes_ns, kWaitNsMax),
                                           std::memory_order_relaxed));
  return begin - now_ns < kSlackNs ? now_ns : begin;
}

void WriteBrake::CountDelay(uint64_t ns) {
  const uint64_t us = ns / 1000;
  counters_.delayed.fetch_add(1, std::memory_order_relaxed);
  counters_.delay_us.fetch_add(us, std::memory_order_relaxed);
  uint64_t most = counters_.delay_us_max.load(std::memory_order_relaxed);
  while (us > most && !counters_.delay_us_max.compare_exchange_weak(most, us)) {
  }
}

}  // namespace terrace::engine
