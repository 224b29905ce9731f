// CaptureBytes: what captures (types/table_capture.h, types/list_capture.h) keep because of edits, all of them together.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>

namespace terrace::types {

class CaptureBytes {
 public:
  void Add(uint64_t bytes) {
    const uint64_t now = now_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    uint64_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
  }
  void Sub(uint64_t bytes) { now_.fetch_sub(bytes, std::memory_order_relaxed); }
  void ResetPeak() { peak_.store(now(), std::memory_order_relaxed); }

  uint64_t now() const { return now_.load(std::memory_order_relaxed); }
  uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> now_{0};
  std::atomic<uint64_t> peak_{0};
};

}  // namespace terrace::types
