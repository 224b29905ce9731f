#include "base/heap_pages.h"

#include "base/sanitized.h"

#if !TERRACE_SANITIZED
#include <mimalloc.h>
#endif

namespace terrace {

#if TERRACE_SANITIZED
std::vector<HeapPage> HeapPagesOfThisThread() { return {}; }
#else
namespace {

bool CountPage(const mi_heap_t*, const mi_heap_area_t*, void*, size_t, void* count) {
  ++*static_cast<size_t*>(count);
  return true;
}

bool ListPage(const mi_heap_t*, const mi_heap_area_t* area, void*, size_t, void* pages) {
  auto* list = static_cast<std::vector<HeapPage>*>(pages);
  if (list->size() == list->capacity()) return false;
  list->push_back({.begin = reinterpret_cast<uintptr_t>(area->blocks),
                   .bytes = area->committed,
                   .block_bytes = area->full_block_size,
                   .used_bytes = area->used * area->full_block_size});
  return true;
}

}  // namespace

// Counted first: the heap must not change while it is gone through.
std::vector<HeapPage> HeapPagesOfThisThread() {
  size_t count = 0;
  mi_heap_visit_blocks(mi_heap_get_default(), false, CountPage, &count);
  std::vector<HeapPage> pages;
  pages.reserve(count + 16);
  mi_heap_visit_blocks(mi_heap_get_default(), false, ListPage, &pages);
  return pages;
}
#endif

}  // namespace terrace
