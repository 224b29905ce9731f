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

  TEST_CASE("about the newest bytes are kept, and the log says where they begin") {
    constexpr size_t kKept = 64 * kKiB, kChunk = kKept / 16;
    CommitLog log(kKept);
    log.SetEnabled(true);
    std::string stream(kSelect0);
    Random random(3);
    log.Append("", 1, 0, 0);
    for (int i = 0; i < 5000; ++i) {
      std::string unit(random.Below(100), static_cast<char>('a' + i % 26));
      stream += unit;
      REQUIRE(log.Append(unit, 1, 0, 0) == stream.size());
      const uint64_t held = stream.size() + 1 - log.first_offset();
      REQUIRE(held <= kKept);
      REQUIRE(held >= std::min<uint64_t>(stream.size(), kKept - kChunk));
      if (i % 50 == 0) REQUIRE(ReadAll(log) == stream.substr(stream.size() - held));
    }
    CHECK(log.memory_bytes() <= kKept + 2 * kChunk);
  }

  TEST_CASE("a unit larger than what is kept stays until another one comes") {
    CommitLog log(64 * kKiB);
    log.SetEnabled(true);
    std::string unit(kMiB, 'x');
    for (size_t i = 0; i < unit.size(); ++i) unit[i] = static_cast<char>('a' + i % 26);
    const uint64_t end = log.Append(unit, 1, 0, 0);
    CHECK(end == kSelect0.size() + unit.size());
    CHECK(ReadAll(log) == std::string(kSelect0) + unit);
    log.Append("next", 1, 0, 0);
    CHECK(ReadAll(log) == "next");
    CHECK(log.memory_bytes() < 64 * kKiB);
  }

  TEST_CASE("no byte that was not carried on is let go") {
    CommitLog log(64 * kKiB);
    log.SetEnabled(true);
    log.Carry(0);
    const std::string unit(10'000, 'u');
    for (int i = 0; i < 50; ++i) log.Append(unit, 1, 0, 0);
    CHECK(log.first_offset() == 1);
    log.Carry(200'000);
    log.Append(unit, 1, 0, 0);
    CHECK(log.first_offset() > 1);
    CHECK(log.first_offset() <= 200'001);
    log.Carry(CommitLog::kNobody);
    log.Append(unit, 1, 0, 0);
    CHECK(log.end_offset() + 1 - log.first_offset() <= 64 * kKiB);
  }

  TEST_CASE("a carrier gets whole units, and what it holds stays as it was") {
    CommitLog log(64 * kKiB);
    log.SetEnabled(true);
    log.ContinueFrom(1'000'000);
    Random random(5);
    std::string stream, carried;
    std::vector<uint64_t> ends;
    std::vector<std::pair<LogChunks::Span, std::string>> held;
    log.Carry(1'000'000);
    uint64_t at = 1'000'000;
    for (int i = 0; i < 3000; ++i) {
      ends.push_back(log.Append(std::string(random.Below(500), 'a' + i % 26), 1, 0, 0));
      if (random.Below(20) != 0) continue;
      while (true) {
        LogChunks::Span span = log.From(at + 1);
        if (span.bytes.empty()) break;
        at += span.bytes.size();
        REQUIRE(std::binary_search(ends.begin(), ends.end(), at));
        carried += span.bytes;
        held.emplace_back(span, std::string(span.bytes));
      }
      REQUIRE(at == log.end_offset());
      log.Carry(at);
    }
    for (const auto& [span, bytes] : held) REQUIRE(span.bytes == bytes);
    REQUIRE(carried.size() == at - 1'000'000);
  }

  TEST_CASE(
      "reading before what is kept or behind the end fails, reading at the end gives nothing") {
    CommitLog log(64 * kKiB);
    log.SetEnabled(true);
    uint64_t end = 0;
    for (int i = 0; i < 3; ++i) end = log.Append(std::string(60 * kKiB, 'x'), 1, 0, 0);
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

  TEST_CASE("a carrier that sleeps wakes up for bytes that somebody rings for") {
    CommitLog log;
    log.SetEnabled(true);
    log.Carry(0);
    std::thread carrier([&] {
      for (uint64_t at = 0; at < 50'000;) {
        log.WaitForBytes(at, uint64_t{60} * 1'000'000'000);
        at = log.end_offset();
        log.Carry(at);
      }
    });
    for (int i = 0; i < 500; ++i) {
      log.Append(std::string(100, 'x'), 1, 0, 0);
      log.Ring();
    }
    carrier.join();
    CHECK(log.carried() >= 50'000);
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
