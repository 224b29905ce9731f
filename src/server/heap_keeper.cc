#include "server/heap_keeper.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/bytes.h"
#include "base/huge_pages.h"
#include "base/memory.h"
#include "base/short_slices.h"

namespace terrace::server {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(500);
// While the kernel moves 2 MiB (half a millisecond, base/huge_pages.cc says why not 5), who touches them waits, and who
// needs a new page: so for each stretch of work there are so many of rest.
constexpr int kRestsPerWork = 9;

bool Differ(int64_t a, int64_t b, int64_t least, int64_t part) {
  return std::abs(a - b) > std::max(least, b / part);
}

// Of the resident set: it moved between two looks; it is another one than at the last pass.
bool Moves(int64_t now, int64_t before) { return Differ(now, before, int64_t{kMiB}, 256); }
bool IsAnother(int64_t now, int64_t before) { return Differ(now, before, int64_t{8 * kMiB}, 32); }

}  // namespace

bool HeapWatch::WantsPass(int64_t resident_bytes) {
  const bool still = !Moves(resident_bytes, at_last_look_);
  at_last_look_ = resident_bytes;
  return still && IsAnother(resident_bytes, at_last_pass_);
}

void HeapKeeper::Start() {
  // A sanitizer's heap is laid out in its own way.
  if (thread_.joinable() || Bytes(AllocatorName()) == "sanitizer") return;
  thread_ = std::thread([this] {
    GiveWayToWorkers();
    Run();
  });
}

void HeapKeeper::Stop() {
  if (!thread_.joinable()) return;
  stop_.release();
  thread_.join();
}

void HeapKeeper::Run() {
  HeapWatch watch;
  while (!stop_.try_acquire_for(kLookEvery)) {
    const int64_t resident = ResidentMemory();
    if (!watch.WantsPass(resident)) continue;
    using Time = std::chrono::steady_clock;
    Time::time_point begun = Time::now();
    const HeapCollapse done = CollapseHeap([&] {
      if (stop_.try_acquire_for(kRestsPerWork * (Time::now() - begun))) {
        stop_.release();  // for the loop
        return false;
      }
      begun = Time::now();
      return !Moves(ResidentMemory(), resident);
    });
    if (done.refused) return;
    if (!done.finished) continue;
    huge_bytes_.store(done.bytes, std::memory_order_relaxed);
    watch.PassDone(resident);
  }
}

}  // namespace terrace::server
