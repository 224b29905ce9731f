#include "engine/eviction.h"

#include <doctest/doctest.h>

#include "base/memory.h"
#include "held_reaper.h"

namespace terrace::engine {
namespace {

TEST_SUITE("engine/eviction") {
  TEST_CASE("what waits for the reaper is not over the limit, however slow the reaper is") {
    HeldReaper reaper;
    EvictionSettings settings;
    Entry* entry = NewLargeEntry(50'000);
    settings.memory_max = UsedMemory() - static_cast<int64_t>(kMiB);
    CHECK(settings.IsFull());
    CHECK(settings.OverLimit(*reaper));
    reaper->Free(entry);
    reaper.WaitUntilHeld();
    CHECK_FALSE(settings.OverLimit(*reaper));
    reaper.Release();
    reaper.WaitUntilDone();
    CHECK_FALSE(settings.OverLimit(*reaper));
  }

  TEST_CASE("a busy reaper does not put the limit out of force") {
    HeldReaper reaper;
    EvictionSettings settings;
    reaper->Free(NewLargeEntry(50'000));
    reaper.WaitUntilHeld();
    settings.memory_max = settings.KeptMemory(*reaper) + static_cast<int64_t>(kMiB);
    CHECK_FALSE(settings.OverLimit(*reaper));
    void* kept = Allocate(2 * kMiB);
    CHECK(settings.OverLimit(*reaper));
    Deallocate(kept, 2 * kMiB);
    CHECK_FALSE(settings.OverLimit(*reaper));
  }

  TEST_CASE("holes of an earlier maximum make no limit where there is none, nor one out of reach") {
    Reaper reaper;
    EvictionSettings settings;
    void* kept = Allocate(kMiB);
    settings.holes = 100 * static_cast<int64_t>(kMiB);
    CHECK(settings.limit() == 0);
    CHECK_FALSE(settings.IsFull());
    CHECK_FALSE(settings.OverMaximum(reaper, 0));
    settings.memory_max = 4 * UsedMemory();
    CHECK(settings.limit() == 3 * settings.memory_max / 4);
    CHECK_FALSE(settings.OverLimit(reaper));
    // What values may use is less than what writes are refused by.
    settings.memory_max = UsedMemory() * 8 / 7;
    CHECK(settings.OverLimit(reaper));
    CHECK_FALSE(settings.OverMaximum(reaper, 0));
    Deallocate(kept, kMiB);
  }

  TEST_CASE("no more of flushed keyspaces counts as free than the limit itself") {
    Reaper reaper;
    EvictionSettings settings;
    void* kept = Allocate(16 * kMiB);
    reaper.Expect(1, kGiB);  // somebody says so
    const int64_t used = UsedMemory();
    settings.memory_max = used / 2 + static_cast<int64_t>(kMiB);
    CHECK(settings.IsFull());
    CHECK_FALSE(settings.OverLimit(reaper));
    settings.memory_max = used / 2 - static_cast<int64_t>(kMiB);
    CHECK(settings.OverLimit(reaper));
    Deallocate(kept, 16 * kMiB);
  }

  TEST_CASE("without a limit nothing is over it") {
    const Reaper reaper;
    const EvictionSettings settings;
    CHECK_FALSE(settings.IsFull());
    CHECK_FALSE(settings.OverLimit(reaper));
  }
}

}  // namespace
}  // namespace terrace::engine
