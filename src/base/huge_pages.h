// Huge pages for a heap that has grown up.
//
// Why: lookups go all over memory. With pages of 4 KiB almost every one of them misses the processor's TLB, and in a
// virtual machine walking two page tables costs more than fetching the line; pages of 2 MiB take a quarter off a GET of
// a million keys (bench/RESULTS.md). Redis avoids them because a fork would have to copy 2 MiB for every write; we never
// fork.
//
// Asking for huge pages beforehand (MADV_HUGEPAGE) would make the first touch of each 2 MiB slow and hold memory that is
// not used yet. So the pages are replaced afterwards (MADV_COLLAPSE, Linux 6.1), and only where all of the 2 MiB is in
// memory anyway: it costs no memory, and only who touches just these 2 MiB, or memory for the first time, waits, about half
// a millisecond.
//
// Threads: any, one at a time; meant for one that may sleep in the kernel.
#pragma once

#include <cstdint>
#include <functional>

namespace terrace {

struct HeapCollapse {
  uint64_t bytes = 0;    // of ranges that lie in huge pages now, whether they did before or not
  bool refused = false;  // the kernel does not do this
  bool finished = false;
};

/// Goes over the process's private anonymous memory and backs every aligned 2 MiB that is wholly in memory by a huge
/// page. Asks `go_on` before each of its calls (2 MiB) into the kernel and ends early when it says no. During a call the
/// process's address space is locked, so whoever cares for others' page faults lets `go_on` rest.
HeapCollapse CollapseHeap(const std::function<bool()>& go_on);

}  // namespace terrace
