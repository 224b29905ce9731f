#include "server/heap_mender.h"

#include <algorithm>

#include "base/memory.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

// A tenth of the worker's time, and nobody waits for longer than that.
constexpr uint64_t kSliceNs = 400'000;
constexpr uint64_t kEveryMs = 4;
// A look costs some ten microseconds; and where there was nothing to gain there is not much soon.
constexpr uint64_t kRestNs = 300'000'000;
constexpr uint64_t kRestInVainNs = 3'000'000'000;
// What a round moves is held twice until it is over.
constexpr size_t kShareOfLimit = 32;
constexpr size_t kBytesMin = kMiB;

uint64_t SteadyNs() { return SystemClock().MonotonicNs(); }

}  // namespace

HeapMender::HeapMender(Worker& worker, net::Loop& loop, Parts& parts)
    : worker_(worker),
      parts_(parts),
      defragmenter_(parts.databases, parts.defragmentation),
      timer_(loop, net::Bind<&HeapMender::OnTimer>(this)) {}

bool HeapMender::HasHoles() const {
  const int64_t limit = parts_.eviction.memory_max.load(std::memory_order_relaxed);
  return limit != 0 && ResidentMemory() > limit + limit / 20;
}

void HeapMender::Look() {
  if (!parts_.eviction.values_only.load(std::memory_order_relaxed) || defragmenter_.running())
    return;
  const uint64_t now_ns = SteadyNs();
  if (now_ns < rest_until_ns_) return;
  rest_until_ns_ = now_ns + kRestNs;
  if (!HasHoles()) return;
  const auto limit =
      static_cast<size_t>(parts_.eviction.memory_max.load(std::memory_order_relaxed));
  const size_t bytes_max = std::max(kBytesMin, limit / kShareOfLimit);
  if (defragmenter_.Begin(bytes_max)) {
    timer_.Start(kEveryMs, kEveryMs);
  } else {
    rest_until_ns_ = now_ns + kRestInVainNs;
  }
}

void HeapMender::OnTimer() {
  worker_.EnsureIn();
  const uint64_t now_ns = SteadyNs();
  if (defragmenter_.Step(now_ns + kSliceNs, &SteadyNs)) return;
  timer_.Stop();
  if (defragmenter_.moved() == 0) rest_until_ns_ = now_ns + kRestInVainNs;
}

}  // namespace terrace::server
