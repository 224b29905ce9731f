#include "server/load_progress.h"

#include <doctest/doctest.h>

#include <thread>

namespace terrace::server {
namespace {

TEST_SUITE("server/load_progress") {
  TEST_CASE("who waits for the end waits no longer than told, unless there is nothing to load") {
    LoadProgress load;
    load.Expect(100);
    CHECK_FALSE(load.WaitForEnd(0));
    load.End();
    CHECK(load.WaitForEnd(0));

    LoadProgress empty;
    empty.ExpectNothing();
    std::thread loader([&] { empty.End(); });
    CHECK(empty.WaitForEnd(0));
    loader.join();
  }

  TEST_CASE("no more is said to be loaded than there is") {
    LoadProgress load;
    load.Expect(100);
    load.Expect(50);
    load.Add(120);
    CHECK(load.total_bytes() == 150);
    CHECK(load.loaded_bytes() == 120);
    load.Add(120);
    CHECK(load.loaded_bytes() == 150);
  }

  TEST_CASE("giving up ends a delay, and so does another one") {
    constexpr uint64_t kKeys = 1'000'000;  // minutes
    LoadProgress load;
    CHECK(load.NoteKeys(kKeys));
    load.set_key_delay_us(1000);
    std::thread other([&] { load.set_key_delay_us(-1'000'000'000); });
    CHECK(load.NoteKeys(kKeys));
    other.join();
    load.set_key_delay_us(1000);
    std::thread stopper([&] { load.GiveUp(); });
    CHECK_FALSE(load.NoteKeys(kKeys));
    stopper.join();
    CHECK(load.given_up());
    CHECK_FALSE(load.NoteKeys(0));
  }
}

}  // namespace
}  // namespace terrace::server
