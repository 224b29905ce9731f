#include "resp/turn_arena.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>

namespace terrace::resp {

TEST_SUITE("resp/turn_arena") {
  TEST_CASE("reads are taken piece by piece from one run of bytes") {
    TurnArena arena;
    size_t available = 0;
    char* const first = arena.Reserve(100, &available);
    CHECK(available >= 100);
    CHECK(arena.Reserve(100, &available) == first);  // nothing is taken before Commit()
    arena.Commit(10);
    CHECK(arena.Reserve(100, &available) == first + 10);
    CHECK(arena.RoomBehind(first + 10) == available);
    CHECK(arena.RoomBehind(first) == 0);
    CHECK(arena.used() == 10);
  }

  TEST_CASE("arrays do not come between reads, and are aligned") {
    TurnArena arena;
    size_t available = 0;
    char* const first = arena.Reserve(1, &available);
    arena.Commit(3);
    static_cast<void>(arena.Allocate(1, 1));
    const auto* numbers = arena.AllocateArray<uint64_t>(4);
    CHECK(reinterpret_cast<uintptr_t>(numbers) % alignof(uint64_t) == 0);
    CHECK(arena.Reserve(1, &available) == first + 3);
  }

  TEST_CASE(
      "a piece larger than a chunk gets one of its own, and Reset starts again at the first "
      "chunk") {
    TurnArena arena;
    size_t available = 0;
    char* const first = arena.Reserve(1, &available);
    char* const array = static_cast<char*>(arena.Allocate(8, 8));
    for (int turn = 0; turn < 3; ++turn) {
      for (int i = 0; i < 10; ++i) {
        char* const large = arena.Reserve(kMiB, &available);
        REQUIRE(available >= kMiB);
        std::memset(large, i, kMiB);
        arena.Commit(kMiB);
        std::memset(arena.Allocate(kMiB, 16), i, kMiB);
      }
      CHECK(arena.used() >= 20 * kMiB);
      arena.Reset();
      CHECK(arena.used() == 0);
      CHECK(arena.Reserve(1, &available) == first);
      CHECK(arena.Allocate(8, 8) == array);
    }
  }

  TEST_CASE("what was adopted lives until Reset") {
    TurnArena arena;
    auto memory = std::make_unique<char[]>(8);
    char* const bytes = memory.get();
    arena.Adopt(std::move(memory));
    bytes[7] = 'x';
    CHECK(bytes[7] == 'x');
    arena.Reset();
  }
}

}  // namespace terrace::resp
