// Where memory comes from and how much of it is held.
//
// mimalloc serves every allocation of the process: its shared library takes malloc's place for C code, and memory.cc
// replaces operator new for C++. What C++ and libuv allocate is counted here, by size class, so that `maxmemory` means
// what the allocator holds for us and not a sum of string lengths. A sanitizer build keeps the sanitizer's allocator
// and counts all the same.
//
// Threads: every thread counts for itself and adds its sum to the total when it has moved by kFlushBytes, so counting
// costs two plain additions. UsedMemory() is therefore exact to kFlushBytes a thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace terrace {

/// The size class mimalloc serves a request of `size` bytes from: multiples of 16 up to 128, then four classes a
/// doubling. Asking for exactly this many bytes wastes nothing, and two sizes of one class may replace each other in
/// place. (memory_test compares it with the allocator's own answer.)
constexpr size_t AllocationSize(size_t size) {
  if (size <= 8) return 8;
  if (size <= 128) return (size + 15) & ~size_t{15};
  const unsigned shift = static_cast<unsigned>(std::bit_width(size - 1)) - 3;
  return (((size - 1) >> shift) + 1) << shift;
}

/// AllocationSize(a) == AllocationSize(b), which it is cheaper to ask than to compute both: over 128 bytes a class is what
/// agrees in the first three bits, and a size of another length has other bits there.
constexpr bool SameAllocationSize(size_t a, size_t b) {
  if (b <= 128) return AllocationSize(a) == AllocationSize(b);
  const unsigned shift = static_cast<unsigned>(std::bit_width(b - 1)) - 3;
  return (a - 1) >> shift == (b - 1) >> shift;
}

/// AllocationSize(size) bytes, 16-byte aligned from 16 bytes on. Never returns nullptr: without memory the process ends.
void* Allocate(size_t size);
/// The counterpart; `size` is what was asked for.
void Deallocate(void* memory, size_t size);
/// Cache-line aligned memory; `size` is a power of two and at least 64.
void* AllocateAligned(size_t size);
void DeallocateAligned(void* memory, size_t size);

/// For C libraries that take an allocator (libuv, Lua): counted malloc, calloc, realloc, free.
void* CountedMalloc(size_t size);
void* CountedCalloc(size_t count, size_t size);
void* CountedRealloc(void* memory, size_t size);
void CountedFree(void* memory);

/// From now on `pace(context, freed)` is called on this thread whenever it has freed (or allocated) some kPaceBytes more,
/// with what it has freed since the last call (negative: allocated). UsedMemory() has that already. For a thread that
/// frees without end and must not run ahead of the blocks' owners. nullptr: no more.
void PaceThisThread(void (*pace)(void* context, int64_t freed), void* context);
inline constexpr int64_t kPaceBytes = 64 * 1024;
/// Takes back what other threads have freed of this thread's memory since the last time. Costs some 30 ns a block, and
/// happens by itself at some later allocation.
void TakeBackFreed();

/// Bytes held now over all threads.
int64_t UsedMemory();
/// Highest value UsedMemory() was seen at when a thread added its sum.
int64_t PeakMemory();
void ResetPeakMemory();

/// Bytes the process has in memory (resident set), from the kernel.
int64_t ResidentMemory();
/// Gives unused memory back to the operating system (MEMORY PURGE).
void PurgeMemory();
const char* AllocatorName();

}  // namespace terrace
