// Pages of the allocator: blocks of one size that lie together, and go back to the system when the last of them is freed. For
// whoever moves blocks so that pages become empty (engine/defragmenter.h). A sanitizer build's allocator shows none.
//
// Threads: pages belong to the thread that has allocated in them; each sees and fills its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace terrace {

struct HeapPage {
  uintptr_t begin = 0;
  size_t bytes = 0;  // that the system has given for it
  size_t block_bytes = 0;
  size_t used_bytes = 0;  // of blocks that are not free
  uintptr_t end() const { return begin + bytes; }
};

/// Those of this thread, in no order; some microseconds for a hundred of them.
std::vector<HeapPage> HeapPagesOfThisThread();

/// Pages that nobody else fills as long as this lives; then they are as any other.
class FreshPages {
 public:
  FreshPages();
  ~FreshPages();
  FreshPages(const FreshPages&) = delete;
  FreshPages& operator=(const FreshPages&) = delete;

  /// As terrace::Allocate, and Deallocate takes it.
  void* Allocate(size_t size);

 private:
  void* const heap_;  // nullptr: the common one
};

}  // namespace terrace
