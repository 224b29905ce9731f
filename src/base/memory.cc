#include "base/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/heap_pages.h"
#include "base/sanitized.h"

#if !TERRACE_SANITIZED
#include <mimalloc.h>
#endif

namespace terrace {
namespace {

constexpr int64_t kFlushBytes = 16 * 1024;

std::atomic<int64_t> used_total{0};
std::atomic<int64_t> used_peak{0};

// What this thread has counted and not yet added to the total. A thread that ends leaves less than kFlushBytes
// uncounted; threads live as long as the server, so that never adds up.
thread_local int64_t used_here = 0;

struct Pace {
  void (*pace)(void*, int64_t) = nullptr;
  void* context = nullptr;
  int64_t bytes = 0;  // in either direction
  int64_t freed = 0;
};
thread_local Pace pace_here;

void KeepPace(int64_t bytes) {
  pace_here.bytes += bytes < 0 ? -bytes : bytes;
  pace_here.freed -= bytes;
  if (pace_here.bytes < kPaceBytes) return;
  pace_here.bytes = 0;
  pace_here.pace(pace_here.context, std::exchange(pace_here.freed, 0));
}

void FlushCount() {
  const int64_t moved = used_here;
  const int64_t total = used_total.fetch_add(used_here, std::memory_order_relaxed) + used_here;
  used_here = 0;
  int64_t peak = used_peak.load(std::memory_order_relaxed);
  while (total > peak && !used_peak.compare_exchange_weak(peak, total, std::memory_order_relaxed)) {
  }
  if (TERRACE_UNLIKELY(pace_here.pace != nullptr)) KeepPace(moved);
}

inline void Count(int64_t bytes) {
  used_here += bytes;
  if (TERRACE_UNLIKELY(used_here >= kFlushBytes || used_here <= -kFlushBytes)) FlushCount();
}

[[noreturn]] void OutOfMemory(size_t size) {
  std::fprintf(stderr, "terrace: out of memory allocating %zu bytes\n", size);
  std::abort();
}

#if TERRACE_SANITIZED
void* NewHeap() { return nullptr; }
void DeleteHeap(void*) {}
void* RawAllocateIn(void*, size_t) { return nullptr; }
void* RawAllocate(size_t size) { return std::malloc(size); }
void* RawAllocateAligned(size_t size, size_t alignment) {
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
void RawFree(void* memory) { std::free(memory); }
void* RawRealloc(void* memory, size_t size) { return std::realloc(memory, size); }
size_t RawUsable(void* memory) { return malloc_usable_size(memory); }
#else
void* NewHeap() { return mi_heap_new(); }
// What is in use in it goes on in the thread's own heap.
void DeleteHeap(void* heap) { mi_heap_delete(static_cast<mi_heap_t*>(heap)); }
void* RawAllocateIn(void* heap, size_t size) {
  return mi_heap_malloc(static_cast<mi_heap_t*>(heap), size);
}
void* RawAllocate(size_t size) { return mi_malloc(size); }
void* RawAllocateAligned(size_t size, size_t alignment) {
  return mi_malloc_aligned(size, alignment);
}
void RawFree(void* memory) { mi_free(memory); }
void* RawRealloc(void* memory, size_t size) { return mi_realloc(memory, size); }
size_t RawUsable(void* memory) { return mi_usable_size(memory); }
#endif

// What the allocator holds for memory of `rounded` bytes. Small classes are its own; above them it hands out whole pages,
// and is asked.
int64_t HeldBytes(void* memory, size_t rounded) {
  constexpr size_t kClassBytesMax = 128 * kKiB;
  if (TERRACE_LIKELY(rounded <= kClassBytesMax)) return static_cast<int64_t>(rounded);
  return static_cast<int64_t>(RawUsable(memory));
}

}  // namespace

void* Allocate(size_t size) {
  const size_t rounded = AllocationSize(size);
  void* memory = RawAllocate(rounded);
  if (TERRACE_UNLIKELY(memory == nullptr)) OutOfMemory(size);
  Count(HeldBytes(memory, rounded));
  return memory;
}

void Deallocate(void* memory, size_t size) {
  Count(-HeldBytes(memory, AllocationSize(size)));
  RawFree(memory);
}

FreshPages::FreshPages() : heap_(NewHeap()) {}

FreshPages::~FreshPages() {
  if (heap_ != nullptr) DeleteHeap(heap_);
}

void* FreshPages::Allocate(size_t size) {
  const size_t rounded = AllocationSize(size);
  void* memory = heap_ == nullptr ? nullptr : RawAllocateIn(heap_, rounded);
  if (memory == nullptr) return terrace::Allocate(size);
  Count(HeldBytes(memory, rounded));
  return memory;
}

void* AllocateAligned(size_t size) {
  // A power of two lies naturally aligned in mimalloc's pages, while its aligned entry point would take the next size
  // class for it: so ask plainly first, and only insist when the answer does not fit.
  void* memory = RawAllocate(size);
  if (memory != nullptr && (reinterpret_cast<uintptr_t>(memory) & 63) != 0) {
    RawFree(memory);
    memory = RawAllocateAligned(size, 64);
  }
  if (memory == nullptr) OutOfMemory(size);
  Count(static_cast<int64_t>(size));
  return memory;
}

void DeallocateAligned(void* memory, size_t size) {
  Count(-static_cast<int64_t>(size));
  RawFree(memory);
}

void* CountedMalloc(size_t size) {
  void* memory = RawAllocate(size == 0 ? 1 : size);
  if (memory != nullptr) Count(static_cast<int64_t>(RawUsable(memory)));
  return memory;
}

void* CountedCalloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
  void* memory = CountedMalloc(bytes);
  if (memory != nullptr) std::memset(memory, 0, bytes);
  return memory;
}

void* CountedRealloc(void* memory, size_t size) {
  if (memory == nullptr) return CountedMalloc(size);
  const auto before = static_cast<int64_t>(RawUsable(memory));
  void* moved = RawRealloc(memory, size == 0 ? 1 : size);
  if (moved != nullptr) Count(static_cast<int64_t>(RawUsable(moved)) - before);
  return moved;
}

void CountedFree(void* memory) {
  if (memory == nullptr) return;
  Count(-static_cast<int64_t>(RawUsable(memory)));
  RawFree(memory);
}

void PaceThisThread(void (*pace)(void*, int64_t), void* context) {
  pace_here = {.pace = pace, .context = context};
}

// Small blocks come from a page that has some free; others go through the allocator's slow path, which begins with what
// came back from other threads.
void TakeBackFreed() {
#if !TERRACE_SANITIZED
  mi_free(mi_malloc(4 * kKiB));
#endif
}

int64_t UsedMemory() {
  const int64_t used = used_total.load(std::memory_order_relaxed) + used_here;
  return used > 0 ? used : 0;
}

int64_t PeakMemory() {
  const int64_t used = UsedMemory();
  const int64_t peak = used_peak.load(std::memory_order_relaxed);
  return used > peak ? used : peak;
}

void ResetPeakMemory() { used_peak.store(UsedMemory(), std::memory_order_relaxed); }

// Without the allocator: the numbers are to be had from threads that hold no memory.
int64_t ResidentMemory() {
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[128];
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = 0;
  long total = 0, resident = 0;
  if (std::sscanf(text, "%ld %ld", &total, &resident) != 2) return 0;
  return static_cast<int64_t>(resident) * sysconf(_SC_PAGESIZE);
}

void PurgeMemory() {
#if !TERRACE_SANITIZED
  mi_collect(true);
#endif
}

const char* AllocatorName() { return TERRACE_SANITIZED ? "sanitizer" : "mimalloc-2.0"; }

}  // namespace terrace

// C++'s allocator. Sanitizer builds keep the sanitizer's own, which checks that new and delete match.
#if !TERRACE_SANITIZED
void* operator new(size_t size) { return terrace::Allocate(size); }
void* operator new[](size_t size) { return terrace::Allocate(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return terrace::Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return terrace::Allocate(size);
}
void* operator new(size_t size, std::align_val_t alignment) {
  void* memory = terrace::RawAllocateAligned(size, static_cast<size_t>(alignment));
  if (memory == nullptr) terrace::OutOfMemory(size);
  terrace::Count(static_cast<int64_t>(terrace::RawUsable(memory)));
  return memory;
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return operator new(size, alignment);
}
void operator delete(void* memory) noexcept { terrace::CountedFree(memory); }
void operator delete[](void* memory) noexcept { terrace::CountedFree(memory); }
void operator delete(void* memory, size_t) noexcept { terrace::CountedFree(memory); }
void operator delete[](void* memory, size_t) noexcept { terrace::CountedFree(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { terrace::CountedFree(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  terrace::CountedFree(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept { terrace::CountedFree(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { terrace::CountedFree(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  terrace::CountedFree(memory);
}
void operator delete[](void* memory, size_t, std::align_val_t) noexcept {
  terrace::CountedFree(memory);
}
#endif
