#include "exec/reply_gate.h"

#include <doctest/doctest.h>

#include <deque>
#include <utility>

#include "base/random.h"

using terrace::exec::ReplyGate;

TEST_SUITE("exec/reply_gate") {
  TEST_CASE("without holds everything may leave") {
    ReplyGate gate;
    CHECK(gate.Release(100, 0) == 100);
    CHECK(gate.empty());
  }

  TEST_CASE("a reply waits for its offset, and those behind it wait with it") {
    ReplyGate gate;
    gate.Hold(0, 7);
    CHECK(gate.waiting_for() == 7);
    CHECK(gate.Release(30, 6) == 0);
    CHECK(gate.Release(30, 7) == 30);
  }

  TEST_CASE("what stood before the first hold may leave at once") {
    ReplyGate gate;
    CHECK(gate.Release(20, 0) == 20);
    gate.Hold(20, 5);
    CHECK(gate.Release(40, 4) == 20);
    CHECK(gate.Release(40, 5) == 40);
  }

  TEST_CASE("replies leave one by one as the log advances") {
    ReplyGate gate;
    gate.Hold(0, 100);
    gate.Hold(10, 200);
    gate.Hold(20, 300);
    CHECK(gate.Release(35, 99) == 0);
    CHECK(gate.Release(35, 150) == 10);
    CHECK(gate.Release(35, 250) == 20);
    CHECK(gate.Release(35, 300) == 35);
  }

  TEST_CASE(
      "a reply without a hold leaves with what stands before it, also between two that wait") {
    ReplyGate gate;
    gate.Hold(10, 100);
    gate.Hold(30, 200);
    CHECK(gate.Release(40, 99) == 10);
    CHECK(gate.Release(40, 100) == 30);
    CHECK(gate.Release(40, 200) == 40);
  }

  TEST_CASE("a read that depends on an older write waits for what stands before it") {
    ReplyGate gate;
    gate.Hold(0, 200);
    gate.Hold(10, 100);
    CHECK(gate.Release(20, 150) == 0);
    CHECK(gate.Release(20, 200) == 20);
  }

  TEST_CASE("no reply leaves before its offset and none stays behind it, whatever comes") {
    terrace::Random random(42);
    for (int round = 0; round < 200; ++round) {
      ReplyGate gate;
      std::deque<std::pair<uint64_t, uint64_t>> waiting;  // mark, highest offset up to here
      uint64_t mark = 0, offset = 0, reached = 0, highest = 0;
      for (int step = 0; step < 200; ++step) {
        if (random.Below(2) == 0) {
          const uint64_t begin = mark;
          mark += 1 + random.Below(50);
          offset += random.Below(20);
          const uint64_t needs = random.Below(3) == 0 ? random.Below(offset + 1) : offset;
          highest = std::max(highest, needs);
          gate.Hold(begin, needs);
          waiting.push_back({mark, highest});
        } else {
          reached += random.Below(25);
          const uint64_t free_to = gate.Release(mark, reached);
          for (const auto& [end, needs] : waiting) CHECK((end <= free_to) == (needs <= reached));
        }
      }
    }
  }
}
