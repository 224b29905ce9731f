// The 24-bit access clock of an entry, in Redis' two readings.
//
//   LRU   seconds since epoch, modulo 2^24 (194 days)
//   LFU   16 bits minutes since epoch (modulo), 8 bits logarithmic hit counter
#pragma once

#include <cstdint>

#include "base/random.h"

namespace terrace::engine {

constexpr uint32_t kAccessClockMask = (1u << 24) - 1;
constexpr uint8_t kLfuInitial = 5;  // a new key is not the first to go

struct LfuSettings {
  uint32_t log_factor = 10;
  uint32_t decay_minutes = 1;
};

inline uint32_t LruClock(uint64_t now_ms) {
  return static_cast<uint32_t>(now_ms / 1000) & kAccessClockMask;
}
inline uint64_t LruIdleSeconds(uint32_t access, uint64_t now_ms) {
  return (LruClock(now_ms) - access) & kAccessClockMask;
}

inline uint32_t LfuMinutes(uint64_t now_ms) {
  return static_cast<uint32_t>(now_ms / 60000) & 0xffff;
}
inline uint32_t LfuPack(uint32_t minutes, uint8_t counter) { return minutes << 8 | counter; }
/// The counter as it has decayed until now.
inline uint8_t LfuCounter(uint32_t access, uint64_t now_ms, const LfuSettings& settings) {
  const uint32_t elapsed = (LfuMinutes(now_ms) - (access >> 8)) & 0xffff;
  const uint32_t periods = settings.decay_minutes == 0 ? 0 : elapsed / settings.decay_minutes;
  const uint32_t counter = access & 255;
  return static_cast<uint8_t>(periods > counter ? 0 : counter - periods);
}
/// One more hit: the higher the counter, the less likely it counts (p = 1 / ((counter - initial) * factor + 1)).
inline uint32_t LfuTouch(uint32_t access, uint64_t now_ms, const LfuSettings& settings,
                         Random& random) {
  uint8_t counter = LfuCounter(access, now_ms, settings);
  if (counter < 255) {
    const double base = counter > kLfuInitial ? counter - kLfuInitial : 0;
    if (random.Unit() < 1.0 / (base * settings.log_factor + 1)) ++counter;
  }
  return LfuPack(LfuMinutes(now_ms), counter);
}

}  // namespace terrace::engine
