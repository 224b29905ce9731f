#include "server/heap_keeper.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace terrace::server {
namespace {

constexpr int64_t kM = kMiB;

TEST_SUITE("server/heap_keeper") {
  TEST_CASE("a heap is gone over when it has grown and then stands still, once") {
    HeapWatch watch;
    CHECK(!watch.WantsPass(100 * kM));  // nothing to compare with: it may be growing
    CHECK(!watch.WantsPass(200 * kM));
    CHECK(watch.WantsPass(200 * kM));
    CHECK(watch.WantsPass(200 * kM));  // the first pass was given up
    watch.PassDone(200 * kM);
    CHECK(!watch.WantsPass(200 * kM));
    CHECK(!watch.WantsPass(204 * kM));
    CHECK(!watch.WantsPass(204 * kM));  // too little to go over everything again
    CHECK(!watch.WantsPass(260 * kM));
    CHECK(watch.WantsPass(260 * kM));
  }

  TEST_CASE("a heap that shrank and grew again is another heap") {
    HeapWatch watch;
    watch.WantsPass(200 * kM);
    watch.PassDone(200 * kM);
    CHECK(!watch.WantsPass(50 * kM));
    CHECK(watch.WantsPass(50 * kM));
  }

  TEST_CASE("a small heap is left alone") {
    HeapWatch watch;
    for (int look = 0; look < 3; ++look) CHECK(!watch.WantsPass(7 * kM));
  }

  TEST_CASE("a keeper that was started can be stopped at once, and twice") {
    HeapKeeper keeper;
    keeper.Start();
    keeper.Stop();
    keeper.Stop();
    CHECK(keeper.huge_bytes() == 0);
  }
}

}  // namespace
}  // namespace terrace::server
