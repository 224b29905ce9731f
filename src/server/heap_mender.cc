#include "server/heap_mender.h"

#include <algorithm>

#include "base/memory.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

// A tenth of the worker's time, and nobody waits for longer than that.
constexpr uint64_t kSliceNs = 400'000;
constexpr uint64_t kEveryMs = 4;
// A quarter, while the process holds a twentieth more than it should.
constexpr uint64_t kSliceIfUrgentNs = 1'000'000;
constexpr int64_t kShareUrgent = 20;
// Where there was nothing to gain there is not much soon. But when memory has just become full, values begin to go.
constexpr uint64_t kRestInVainNs = 1'000'000'000;
constexpr uint64_t kRestInVainIfUrgentNs = 200'000'000;
// With a room that is smaller by more than this share of the limit there is something to mend.
constexpr int64_t kShareToMend = 32;
// What a round moves is held twice until it is over; but each goes through all keys.
constexpr size_t kShareOfLimit = 64;
constexpr size_t kBytesMin = kMiB;

uint64_t SteadyNs() { return SystemClock().MonotonicNs(); }

}  // namespace

HeapMender::HeapMender(Worker& worker, net::Loop& loop, Parts& parts)
    : worker_(worker),
      parts_(parts),
      defragmenter_(parts.databases, parts.defragmentation),
      timer_(loop, net::Bind<&HeapMender::OnTimer>(this)) {}

void HeapMender::Look() {
  const int64_t limit = parts_.eviction.memory_max.load(std::memory_order_relaxed);
  if (!parts_.eviction.values_only.load(std::memory_order_relaxed) || limit == 0) {
    parts_.eviction.holes.store(0, std::memory_order_relaxed);
    room_.Forget();
    return;
  }
  const int64_t resident = ResidentMemory();
  if (resident <= 0) return;  // the kernel does not say
  if (worker_.index() == 0) {
    engine::EvictionSettings& eviction = parts_.eviction;
    const int64_t loose = eviction.loose_bytes.load(std::memory_order_relaxed);
    const int64_t room =
        room_.Look({.limit = limit, .used = UsedMemory(), .resident = resident, .loose = loose});
    eviction.holes.store(room, std::memory_order_relaxed);
  }
  urgent_ = resident > limit + limit / kShareUrgent;
  const uint64_t now_ns = SteadyNs();
  if (defragmenter_.running() || now_ns < rest_until_ns_) return;
  const bool has_holes =
      resident > limit + limit / kShareToMend || room_.lowered() > limit / kShareToMend;
  if (!has_holes) return;
  const size_t bytes_max =
      std::max(kBytesMin, static_cast<size_t>(limit) / kShareOfLimit / parts_.workers.size());
  if (defragmenter_.Begin(bytes_max)) {
    timer_.Start(kEveryMs, kEveryMs);
  } else {
    RestInVain(now_ns);
  }
}

void HeapMender::RestInVain(uint64_t now_ns) {
  rest_until_ns_ = now_ns + (urgent_ ? kRestInVainIfUrgentNs : kRestInVainNs);
}

void HeapMender::End() {
  timer_.Stop();
  defragmenter_.End();
}

void HeapMender::OnTimer() {
  worker_.EnsureIn();
  const uint64_t now_ns = SteadyNs();
  if (defragmenter_.Step(now_ns + (urgent_ ? kSliceIfUrgentNs : kSliceNs), &SteadyNs)) return;
  timer_.Stop();
  if (defragmenter_.moved() == 0) RestInVain(now_ns);
}

}  // namespace terrace::server
