#include "base/memory.h"

#include <doctest/doctest.h>
#include <malloc.h>

#include <memory>
#include <string>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <mimalloc.h>
#endif

using namespace terrace;

TEST_SUITE("base/memory") {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  TEST_CASE("size classes are the allocator's own") {
    for (size_t size = 1; size <= 128 * 1024; ++size) {  // above, mimalloc hands out whole pages
      void* memory = mi_malloc(AllocationSize(size));
      const size_t usable = mi_usable_size(memory);
      mi_free(memory);
      if (usable != AllocationSize(size)) REQUIRE(usable == AllocationSize(size));
    }
  }

  TEST_CASE("what is allocated is counted and what is freed is taken off again") {
    const int64_t before = UsedMemory();
    auto text = std::make_unique<std::string>(10'000'000, 'x');
    CHECK(UsedMemory() - before >= 10'000'000);
    CHECK(UsedMemory() - before < 13'000'000);
    text.reset();
    CHECK(UsedMemory() - before < 64 * 1024);
  }
#endif

  TEST_CASE("two sizes are of one class if and only if their classes have one size") {
    for (size_t a = 1; a <= 2100; ++a) {
      for (size_t b = 1; b <= 2100; ++b) {
        if (SameAllocationSize(a, b) != (AllocationSize(a) == AllocationSize(b)))
          FAIL_CHECK(a, " and ", b);
      }
    }
    for (size_t width = 8; width < 40; ++width) {
      for (size_t eighth = 8; eighth <= 16; ++eighth) {
        const size_t edge = eighth << (width - 3);
        for (size_t a = edge - 1; a <= edge + 1; ++a) {
          for (size_t b : {edge - 1, edge, edge + 1, edge / 2, edge * 2}) {
            if (SameAllocationSize(a, b) != (AllocationSize(a) == AllocationSize(b)))
              FAIL_CHECK(a, " and ", b);
          }
        }
      }
    }
  }

  TEST_CASE("memory beyond the size classes is taken off the count as it was added") {
    const int64_t before = UsedMemory();
    for (size_t size = 120'000; size < 3'000'000; size += size / 17) {
      for (int times = 0; times < 3; ++times) {
        operator delete(operator new(size));
        Deallocate(Allocate(size), size);
        CountedFree(CountedMalloc(size));
      }
    }
    CHECK(UsedMemory() == before);
  }

  TEST_CASE("two sizes of one class share it") {
    CHECK(AllocationSize(89) == 96);
    CHECK(AllocationSize(96) == 96);
    CHECK(AllocationSize(97) == 112);
    CHECK(AllocationSize(129) == 160);
    CHECK(AllocationSize(16385) == 20480);
  }
}
