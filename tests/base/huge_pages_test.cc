#include "base/huge_pages.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <array>
#include <cstring>
#include <string>

#include "base/bytes.h"

namespace terrace {
namespace {

constexpr size_t kHugeBytes = 2 * kMiB;

// `count` aligned ranges of 2 MiB, none of whose pages is in memory yet.
class Ranges {
 public:
  explicit Ranges(size_t count) : bytes_((count + 1) * kHugeBytes) {
    mapping_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(mapping_ != MAP_FAILED);
  }
  ~Ranges() { munmap(mapping_, bytes_); }
  Ranges(const Ranges&) = delete;
  Ranges& operator=(const Ranges&) = delete;

  char* operator[](size_t i) const {
    const auto start = (reinterpret_cast<uintptr_t>(mapping_) + kHugeBytes - 1) & ~(kHugeBytes - 1);
    return reinterpret_cast<char*>(start) + i * kHugeBytes;
  }
  size_t ResidentPages(size_t i) const {
    std::array<unsigned char, kHugeBytes / 4096> pages;
    REQUIRE(mincore((*this)[i], kHugeBytes, pages.data()) == 0);
    size_t resident = 0;
    for (const unsigned char page : pages) resident += page & 1;
    return resident;
  }

 private:
  size_t bytes_;
  void* mapping_;
};

TEST_SUITE("base/huge_pages") {
  TEST_CASE("collapsing the heap changes no byte and fills no hole") {
    const Ranges ranges(3);
    std::memset(ranges[0], 'a', kHugeBytes);
    std::memset(ranges[1], 'b', kHugeBytes / 2);
    std::memset(ranges[2], 'c', kHugeBytes);
    const HeapCollapse done = CollapseHeap([] { return true; });
    CHECK(done.finished != done.refused);
    for (size_t at = 0; at < kHugeBytes; at += 4096) {
      CHECK(ranges[0][at] == 'a');
      CHECK(ranges[2][at + 4095] == 'c');
    }
    CHECK(ranges.ResidentPages(0) == kHugeBytes / 4096);
    CHECK(ranges.ResidentPages(1) == kHugeBytes / 4096 / 2);
    if (done.refused) {
      MESSAGE("this kernel does not collapse pages");
    } else {
      CHECK(done.bytes % kHugeBytes == 0);
    }
  }

  TEST_CASE("collapsing ends when it is told to") {
    const Ranges ranges(1);
    std::memset(ranges[0], 'a', kHugeBytes);
    int asked = 0;
    const HeapCollapse done = CollapseHeap([&] { return ++asked > 1; });
    CHECK(asked == 1);
    CHECK(!done.finished);
    CHECK(done.bytes == 0);
  }
}

}  // namespace
}  // namespace terrace
