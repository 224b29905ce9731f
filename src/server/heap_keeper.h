// HeapKeeper: backs the heap with huge pages (base/huge_pages.h) whenever it has grown and then stood still for a moment,
// so that a keyspace that is being filled is left alone and one that is in use gets faster. A heap that neither grows nor
// shrinks is never looked at twice.
//
// Threads: one of its own, which sleeps; Start and Stop belong to whoever owns it.
#pragma once

#include <atomic>
#include <cstdint>
#include <semaphore>
#include <thread>

namespace terrace::server {

/// When the heap is worth a pass. Fed with the resident set at every look.
class HeapWatch {
 public:
  /// True if the heap stands still and has changed since the last pass.
  bool WantsPass(int64_t resident_bytes);
  void PassDone(int64_t resident_bytes) { at_last_pass_ = resident_bytes; }

 private:
  int64_t at_last_look_ = 0;
  int64_t at_last_pass_ = 0;
};

class HeapKeeper {
 public:
  HeapKeeper() = default;
  ~HeapKeeper() { Stop(); }
  HeapKeeper(const HeapKeeper&) = delete;
  HeapKeeper& operator=(const HeapKeeper&) = delete;

  void Start();
  void Stop();
  /// What lies in huge pages after the last pass, in bytes.
  uint64_t huge_bytes() const { return huge_bytes_.load(std::memory_order_relaxed); }

 private:
  void Run();

  std::atomic<uint64_t> huge_bytes_{0};
  std::binary_semaphore stop_{0};
  std::thread thread_;
};

}  // namespace terrace::server
