#include "engine/commit_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

constexpr Bytes kSelect0 = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
constexpr Bytes kSelect12 = "*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n";
constexpr Bytes kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr Bytes kExec = "*1\r\n$4\r\nEXEC\r\n";

std::string ReadAll(CommitLog& log) {
  std::string text;
  CHECK(log.Read(log.first_offset(), SIZE_MAX, &text));
  return text;
}

}  // namespace

TEST_SUITE("engine/commit_log") {
  TEST_CASE("a log that is off holds nothing") {
    CommitLog log(64);
    CHECK(!log.enabled());
    CHECK(log.end_offset() == 0);
    CHECK(log.first_offset() == 1);
    std::string text = "left over";
    CHECK(!log.Read(1, 10, &text));
    CHECK(text.empty());
  }

  TEST_CASE("the first byte has offset 1 and Append returns the offset of the unit's last byte") {
    CommitLog log(4096);
    log.SetEnabled(true);
    CHECK(log.enabled());
    const uint64_t end = log.Append("abc", 1, 0, 0);
    CHECK(end == kSelect0.size() + 3);
    CHECK(log.end_offset() == end);
    CHECK(log.first_offset() == 1);
    CHECK(ReadAll(log) == std::string(kSelect0) + "abc");
    std::string text;
    CHECK(log.Read(end, 10, &text));
    CHECK(text == "c");
    CHECK(log.Read(end - 2, 2, &text));
    CHECK(text == "ab");
  }

  TEST_CASE(
      "switching on what is on keeps the window, and switching off what is off changes nothing") {
    CommitLog log(4096);
    log.SetEnabled(false);
    log.SetEnabled(true);
    const uint64_t end = log.Append("abc", 1, 0, 0);
    log.SetEnabled(true);
    CHECK(log.first_offset() == 1);
    CHECK(log.Append("d", 1, 0, 0) == end + 1);
    CHECK(ReadAll(log) == std::string(kSelect0) + "abcd");
    log.SetEnabled(false);
    log.SetEnabled(false);
    CHECK(log.end_offset() == end + 1);
    CHECK(log.first_offset() == end + 2);
  }

  TEST_CASE("SELECT stands before a unit whose database differs from the stream's") {
    CommitLog log(4096);
    log.SetEnabled(true);
    log.Append("a", 1, 0, 0);
    log.Append("b", 1, 0, 0);
    log.Append("c", 1, 12, 12);
    log.Append("d", 1, 0, 0);
    CHECK(ReadAll(log) == std::string(kSelect0) + "ab" + std::string(kSelect12) + "c" +
                              std::string(kSelect0) + "d");
  }

  TEST_CASE("a unit of several commands is wrapped in MULTI and EXEC, its SELECT outside") {
    CommitLog log(4096);
    log.SetEnabled(true);
    log.Append("xyz", 3, 12, 12);
    log.Append("w", 1, 12, 12);
    CHECK(ReadAll(log) ==
          std::string(kSelect12) + std::string(kMulti) + "xyz" + std::string(kExec) + "w");
  }

  TEST_CASE("a unit that changes the database leaves the stream in its last one") {
    CommitLog log(4096);
    log.SetEnabled(true);
    log.Append("a", 1, 0, 0);
    log.Append("bc", 2, 0, 12);  // brings its own SELECT between its commands
    log.Append("d", 1, 12, 12);
    log.Append("e", 1, 0, 0);
    CHECK(ReadAll(log) == std::string(kSelect0) + "a" + std::string(kMulti) + "bc" +
                              std::string(kExec) + "d" + std::string(kSelect0) + "e");
  }

  TEST_CASE("the ring keeps the last bytes and says where they begin") {
    CommitLog log(64);
    log.SetEnabled(true);
    std::string stream(kSelect0);
    Random random(3);
    log.Append("", 1, 0, 0);
    for (int i = 0; i < 2000; ++i) {
      std::string unit(random.Below(50), static_cast<char>('a' + i % 26));
      stream += unit;
      REQUIRE(log.Append(unit, 1, 0, 0) == stream.size());
      const uint64_t held = std::min<uint64_t>(stream.size(), 64);
      REQUIRE(log.first_offset() == stream.size() - held + 1);
      REQUIRE(ReadAll(log) == stream.substr(stream.size() - held));
    }
  }

  TEST_CASE("of a unit larger than the ring only the end stays, and every byte counts") {
    CommitLog log(64);
    log.SetEnabled(true);
    std::string unit(1000, 'x');
    for (size_t i = 0; i < unit.size(); ++i) unit[i] = static_cast<char>('a' + i % 26);
    const uint64_t end = log.Append(unit, 1, 0, 0);
    CHECK(end == kSelect0.size() + 1000);
    CHECK(log.first_offset() == end - 63);
    CHECK(ReadAll(log) == unit.substr(1000 - 64));
    log.Append(unit.substr(0, 64), 1, 0, 0);
    CHECK(ReadAll(log) == unit.substr(0, 64));
  }

  TEST_CASE("reading before the ring or behind the end fails, reading at the end gives nothing") {
    CommitLog log(64);
    log.SetEnabled(true);
    const uint64_t end = log.Append(std::string(100, 'x'), 1, 0, 0);
    std::string text;
    CHECK(!log.Read(0, 10, &text));
    CHECK(!log.Read(log.first_offset() - 1, 10, &text));
    CHECK(log.Read(log.first_offset(), 10, &text));
    CHECK(text.size() == 10);
    CHECK(log.Read(end + 1, 10, &text));
    CHECK(text.empty());
    CHECK(!log.Read(end + 2, 10, &text));
    CHECK(!log.Read(UINT64_MAX, 10, &text));
  }

  TEST_CASE("any window of what is held reads as the stream has it") {
    CommitLog log(256);
    log.SetEnabled(true);
    Random random(4);
    std::string stream(kSelect0);
    log.Append("", 1, 0, 0);
    for (int i = 0; i < 200; ++i) {
      std::string unit;
      while (unit.size() < random.Below(40)) unit += static_cast<char>(random.Next());
      stream += unit;
      log.Append(unit, 1, 0, 0);
      const uint64_t first = log.first_offset();
      const uint64_t offset = first + random.Below(stream.size() + 2 - first);
      const uint64_t bytes = random.Below(300);
      std::string text;
      REQUIRE(log.Read(offset, bytes, &text));
      REQUIRE(text == stream.substr(offset - 1, bytes));
    }
  }

  TEST_CASE(
      "switching off and on starts a new window, keeps the offsets and names the database again") {
    CommitLog log(256);
    log.SetEnabled(true);
    const uint64_t end = log.Append("abc", 1, 0, 0);
    log.SetEnabled(false);
    CHECK(!log.enabled());
    CHECK(log.end_offset() == end);
    std::string text;
    CHECK(!log.Read(end, 1, &text));
    log.SetEnabled(true);
    CHECK(log.first_offset() == end + 1);
    CHECK(!log.Read(end, 1, &text));
    CHECK(log.Append("d", 1, 0, 0) == end + kSelect0.size() + 1);
    CHECK(ReadAll(log) == std::string(kSelect0) + "d");
  }

  TEST_CASE("units of several threads stay whole") {
    CommitLog log(1 << 20);
    log.SetEnabled(true);
    constexpr int kThreads = 4, kUnits = 500;
    std::vector<std::thread> threads;
    std::atomic<bool> in_order{true};
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log, &in_order, t] {
        uint64_t last = 0;
        for (int i = 0; i < kUnits; ++i) {
          const uint64_t end =
              log.Append(std::string(20, static_cast<char>('a' + t)) + "\n", 1, 0, 0);
          if (end <= last) in_order = false;
          last = end;
          std::string text;
          log.Read(end - 20, 21, &text);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(in_order);
    const std::string stream = ReadAll(log).substr(kSelect0.size());
    REQUIRE(stream.size() == kThreads * kUnits * 21);
    int units[kThreads] = {};
    for (size_t at = 0; at < stream.size(); at += 21) {
      const std::string unit = stream.substr(at, 21);
      REQUIRE(unit == std::string(20, unit[0]) + "\n");
      ++units[unit[0] - 'a'];
    }
    for (const int count : units) CHECK(count == kUnits);
  }
}
