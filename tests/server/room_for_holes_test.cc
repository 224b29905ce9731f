#include "server/room_for_holes.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace terrace::server {
namespace {

constexpr auto kLimit = static_cast<int64_t>(320 * kMiB);
constexpr int64_t kAlways =
    kLimit / RoomForHoles::kShareBeside;  // is held beside, whatever is done
constexpr int64_t kBearable = kLimit + kLimit / RoomForHoles::kShareBeyond;

RoomForHoles::Memory Holding(int64_t used, int64_t beside, int64_t loose = kLimit) {
  return {.limit = kLimit, .used = used, .resident = used + beside, .loose = loose};
}

TEST_SUITE("server/room_for_holes") {
  TEST_CASE("a process that holds little more than it uses may use all") {
    RoomForHoles room;
    for (int i = 0; i < 1000; ++i) CHECK(room.Look(Holding(kLimit, kAlways)) == 0);
    CHECK(room.lowered() == 0);
  }

  TEST_CASE("what is held beside what is used at all times is kept free") {
    RoomForHoles room;
    const auto beside = static_cast<int64_t>(30 * kMiB);
    int64_t last = 0;
    for (int i = 0; i < 100; ++i) last = room.Look(Holding(kLimit / 2, beside));
    CHECK(last == beside - kAlways);
    CHECK(room.lowered() == 0);
  }

  TEST_CASE("a low that is seen counts at once, and is forgotten slowly") {
    RoomForHoles room;
    const auto beside = static_cast<int64_t>(30 * kMiB);
    for (int i = 0; i < 100; ++i) room.Look(Holding(kLimit / 2, beside));
    CHECK(room.Look(Holding(kLimit / 2, 0)) == 0);
    const int64_t soon = room.Look(Holding(kLimit / 2, beside));
    CHECK(soon < beside / 4);
    int64_t last = soon;
    for (int i = 0; i < 100; ++i) last = room.Look(Holding(kLimit / 2, beside));
    CHECK(last == beside - kAlways);
  }

  TEST_CASE("what is too much lowers what may be used, a part at a time, and it is given back") {
    RoomForHoles room;
    // Holes of a sixth of the limit that come all at once, and go again when the heap was mended.
    const int64_t holes = kLimit / 6;
    int64_t used = kLimit;
    int64_t before = 0;
    int looks = 0;
    for (; used + holes > kBearable + kLimit / 100 && looks < 100; ++looks) {
      const int64_t now = room.Look(Holding(used, holes));
      CHECK(now >= before);
      before = now;
      used = kLimit - now;  // values go at once here
    }
    CHECK(looks > 1);
    CHECK(looks < 100);
    const int64_t lowered = room.lowered();
    for (int i = 0; i < 100; ++i) room.Look(Holding(kLimit / 2, 0));
    CHECK(room.lowered() == 0);
    CHECK(lowered > 0);
  }

  TEST_CASE("never more than a quarter, and never what no value could make up for") {
    RoomForHoles room;
    for (int i = 0; i < 1000; ++i) {
      const int64_t now = room.Look(Holding(kLimit, kLimit));
      CHECK(now <= kLimit / RoomForHoles::kShareMost);
    }
    CHECK(room.Look(Holding(kLimit, kLimit)) == kLimit / RoomForHoles::kShareMost);
    CHECK(room.Look(Holding(kLimit, kLimit, 1000)) == 1000);
    CHECK(room.Look(Holding(kLimit, kLimit, 0)) == 0);
    CHECK(room.lowered() == 0);
  }

  TEST_CASE("what was known of one limit is forgotten without it") {
    RoomForHoles room;
    for (int i = 0; i < 100; ++i) room.Look(Holding(kLimit, kLimit));
    room.Forget();
    CHECK(room.lowered() == 0);
    CHECK(room.Look(Holding(kLimit / 2, 0)) == 0);
  }
}

}  // namespace
}  // namespace terrace::server
