#include "resp/request_parser.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "parser_driver.h"

namespace terrace::resp {
namespace {

using Argv = std::vector<std::string>;
using Outcome = RequestParser::Outcome;

// The longest line there may be, without its end.
constexpr size_t kLineTestBytes = 64 * kKiB;

std::vector<SeenRequest> Parse(Bytes bytes) {
  ParserDriver driver;
  driver.Feed(bytes);
  driver.EndTurn();
  CHECK(driver.outcome == Outcome::kNeedMore);
  CHECK(driver.parser.buffered_bytes() == 0);
  return driver.requests;
}

Argv ParseOne(Bytes bytes) {
  const std::vector<SeenRequest> requests = Parse(bytes);
  REQUIRE(requests.size() == 1);
  return requests[0].argv;
}

std::string ErrorOf(Bytes bytes, const ParserLimits& limits = {}) {
  ParserDriver driver(limits);
  driver.Feed(bytes);
  return driver.outcome == Outcome::kError ? driver.parser.error() : "none";
}

bool IsIncomplete(Bytes bytes, const ParserLimits& limits = {}) {
  ParserDriver driver(limits);
  driver.Feed(bytes);
  driver.EndTurn();
  return driver.outcome == Outcome::kNeedMore && driver.requests.empty();
}

/// What comes out must not depend on where reads and turns end.
void CheckSplits(const std::string& bytes, const std::vector<Argv>& expected) {
  for (size_t split = 0; split <= bytes.size(); ++split) {
    for (const bool new_turn : {false, true}) {
      ParserDriver driver;
      driver.Feed(Bytes(bytes).substr(0, split));
      if (new_turn) driver.EndTurn();
      driver.Feed(Bytes(bytes).substr(split));
      driver.EndTurn();
      REQUIRE(driver.requests.size() == expected.size());
      for (size_t i = 0; i < expected.size(); ++i) REQUIRE(driver.requests[i].argv == expected[i]);
      REQUIRE(driver.parser.buffered_bytes() == 0);
    }
  }
}

void CheckByteByByte(const std::string& bytes, const std::vector<Argv>& expected) {
  for (const size_t turn : {size_t{1}, size_t{3}, bytes.size() + 1}) {
    ParserDriver driver;
    for (size_t i = 0; i < bytes.size(); ++i) {
      driver.Feed(Bytes(bytes).substr(i, 1));
      if (i % turn == turn - 1) driver.EndTurn();
    }
    driver.EndTurn();
    REQUIRE(driver.requests.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i) REQUIRE(driver.requests[i].argv == expected[i]);
  }
}

}  // namespace

TEST_SUITE("resp/request_parser") {
  TEST_CASE("an array of bulk strings is a request, and its bytes are kept as they came") {
    const std::vector<SeenRequest> requests = Parse("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].argv == Argv{"GET", "key"});
    CHECK(requests[0].raw == "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
    CHECK(requests[0].blobs == 0);
  }

  TEST_CASE("arguments may be empty and may hold any byte") {
    const std::string value("\0\r\n$5*\xff", 7);
    CHECK(ParseOne(Encode({"SET", "", value})) == Argv{"SET", "", value});
    CHECK(ParseOne("*1\r\n$0\r\n\r\n") == Argv{""});
  }

  TEST_CASE(
      "the two bytes that end a bulk string are skipped, and such a request is not kept as it "
      "came") {
    const std::vector<SeenRequest> requests = Parse("*1\rx$4\r\nPINGab*1\r\n$4\r\nPING\r\n");
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].argv == Argv{"PING"});
    CHECK(requests[0].raw.empty());
    CHECK(requests[1].raw == "*1\r\n$4\r\nPING\r\n");
  }

  TEST_CASE("empty requests are skipped in silence") {
    CHECK(Parse("*0\r\n*-1\r\n*-2\r\n\r\n\n   \r\n").empty());
    CHECK(ParseOne("*0\r\n*-1\r\n\r\n*1\r\n$4\r\nPING\r\n\r\n") == Argv{"PING"});
  }

  TEST_CASE("a request may have thousands of arguments") {
    Argv argv{"MSET"};
    for (int i = 0; i < 20000; ++i) argv.push_back(std::to_string(i));
    CHECK(ParseOne(Encode(argv)) == argv);
  }

  TEST_CASE("the same requests come out wherever the bytes are split") {
    const std::vector<Argv> requests{{"SET", "key:000000000001", std::string(64, 'v')},
                                     {"GET", "key:000000000001"},
                                     {"PING"},
                                     {"MSET", "a", "", "b", "\r\n", "c", std::string(120, 'x')},
                                     {"ECHO", "a b"},
                                     {"GET", "k"}};
    std::string pipeline;
    for (const Argv& argv : requests) {
      pipeline += argv[0] == "ECHO" ? "*0\r\nECHO \"a b\"\r\n\r\n" : Encode(argv);
    }
    CheckSplits(pipeline, requests);
    CheckByteByByte(pipeline, requests);
  }

  TEST_CASE("sloppy line ends are split like good ones") {
    CheckSplits("*2\rx$4\ryECHOab$1\r\nz\r\n PING \n'a b'\r\n*1\r\n$1\r\nq??",
                {{"ECHO", "z"}, {"PING"}, {"a b"}, {"q"}});
  }

  TEST_CASE("a request put together from many reads is still kept as it came") {
    const std::string bytes = Encode({"SET", "k", std::string(30000, 'v')});
    ParserDriver driver;
    for (size_t i = 0; i < bytes.size(); i += 1000) {
      driver.Feed(Bytes(bytes).substr(i, 1000));
      driver.EndTurn();
    }
    REQUIRE(driver.requests.size() == 1);
    CHECK(driver.requests[0].raw == bytes);
  }

  TEST_CASE("reads of one turn continue each other in place") {
    ParserDriver driver;
    driver.Feed("*2\r\n$3\r\nGET\r\n$3\r\nk");
    const size_t used = driver.arena.used();
    const std::span<char> space = driver.parser.ReadSpace(driver.arena);
    CHECK(space.size() >= 16 * kKiB);
    CHECK(driver.arena.used() == used);  // nothing was copied
    driver.Feed("ey\r\n");
    driver.EndTurn();
    REQUIRE(driver.requests.size() == 1);
    CHECK(driver.requests[0].argv == Argv{"GET", "key"});
  }

  TEST_CASE("connections that take turns in one arena do not disturb each other") {
    TurnArena arena;
    RequestParser a, b;
    auto feed = [&arena](RequestParser& parser, Bytes bytes) {
      const std::span<char> space = parser.ReadSpace(arena);
      std::memcpy(space.data(), bytes.data(), bytes.size());
      parser.Received(bytes.size());
    };
    ParsedRequest one, two;
    feed(a, "*1\r\n$4\r\nPI");
    CHECK(a.Next(arena, &one) == Outcome::kNeedMore);
    feed(b, "*1\r\n$4\r\nQU");
    CHECK(b.Next(arena, &two) == Outcome::kNeedMore);
    feed(a, "NG\r\n");
    feed(b, "IT\r\n");
    REQUIRE(a.Next(arena, &one) == Outcome::kRequest);
    REQUIRE(b.Next(arena, &two) == Outcome::kRequest);
    CHECK(one.argv[0] == "PING");
    CHECK(two.argv[0] == "QUIT");
  }

  TEST_CASE("a large bulk string is read into the allocation that becomes the value") {
    const std::string value(100000, 'v');
    const std::string bytes = Encode({"SET", "key", value, "NX"}) + Encode({"PING"});
    for (const size_t first :
         {40, 60, 1000, 50000, 100030, 100034, 100035, 100036, 100037, 100040}) {
      CAPTURE(first);
      for (const bool new_turn : {false, true}) {
        ParserDriver driver;
        driver.Feed(Bytes(bytes).substr(0, first));
        CHECK(driver.parser.buffered_bytes() == first);
        if (new_turn) driver.EndTurn();
        driver.Feed(Bytes(bytes).substr(first));
        driver.EndTurn();
        REQUIRE(driver.requests.size() == 2);
        CHECK(driver.requests[0].argv == Argv{"SET", "key", value, "NX"});
        CHECK(driver.requests[1].argv == Argv{"PING"});
        CHECK(driver.parser.buffered_bytes() == 0);
        if (first < 100034) {
          CHECK(driver.requests[0].blobs == 1);
          CHECK(driver.requests[0].raw.empty());
        }
      }
    }
  }

  TEST_CASE("while a blob is incomplete, reads go into it and nowhere else") {
    ParserDriver driver;
    driver.Feed("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\nabc");
    CHECK(driver.parser.ReadSpace(driver.arena).size() == 100000 - 3);
    driver.EndTurn();
    CHECK(driver.parser.ReadSpace(driver.arena).size() == 100000 - 3);
    driver.Feed(std::string(99997, 'x') + "\r\n");
    driver.EndTurn();
    REQUIRE(driver.requests.size() == 1);
    CHECK(driver.requests[0].argv[2] == "abc" + std::string(99997, 'x'));
  }

  TEST_CASE("a large bulk string that is here as a whole stays where it was read") {
    const std::vector<SeenRequest> requests =
        Parse(Encode({"SET", "key", std::string(100000, 'v')}));
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].blobs == 0);
    CHECK(requests[0].raw.size() > 100000);
  }

  TEST_CASE("several blobs in one request, at every place a read may end near them") {
    const Argv argv{"MSET",
                    "a",
                    std::string(40000, '1'),
                    "b",
                    std::string(32768, '2'),
                    "c",
                    std::string(40001, '3')};
    const std::string bytes = Encode(argv);
    for (const size_t step : {7919u, 16384u, 39999u, 40050u}) {
      ParserDriver driver;
      for (size_t i = 0; i < bytes.size(); i += step) {
        driver.Feed(Bytes(bytes).substr(i, step));
        if (i % 3 == 0) driver.EndTurn();
      }
      driver.EndTurn();
      REQUIRE(driver.requests.size() == 1);
      CHECK(driver.requests[0].argv == argv);
    }
  }

  TEST_CASE("a parser that goes away in mid-blob frees it") {
    ParserDriver driver;
    driver.Feed("*2\r\n$3\r\nGET\r\n$40000\r\nabc");
    CHECK(driver.parser.buffered_bytes() > 0);  // the rest is the sanitizer's
  }

  TEST_CASE("a large request of small arguments is buffered by the connection and then let go") {
    Argv argv{"MSET"};
    for (int i = 0; i < 30000; ++i) argv.push_back("value-" + std::to_string(i));
    const std::string bytes = Encode(argv) + Encode({"PING"}) + "*2\r\n$4\r\nECHO\r\n$5\r\nhe";
    for (const size_t step : {1460u, 17000u, 65536u, 300000u}) {
      for (const bool one_turn : {false, true}) {
        ParserDriver driver;
        for (size_t i = 0; i < bytes.size(); i += step) {
          driver.Feed(Bytes(bytes).substr(i, step));
          if (!one_turn) driver.EndTurn();
        }
        driver.EndTurn();
        REQUIRE(driver.requests.size() == 2);
        CHECK(driver.requests[0].argv == argv);
        CHECK(driver.requests[0].raw == Encode(argv));
        CHECK(driver.parser.buffered_bytes() == 20);
        driver.Feed("llo\r\n");
        driver.EndTurn();
        CHECK(driver.requests.back().argv == Argv{"ECHO", "hello"});
        CHECK(driver.parser.buffered_bytes() == 0);
      }
    }
  }

  TEST_CASE("views into the connection's own buffer outlive its growth in the same turn") {
    Argv argv{"MSET"};
    for (int i = 0; i < 5000; ++i) argv.push_back("value-" + std::to_string(i));
    const std::string request = Encode(argv);
    ParserDriver driver;
    driver.Feed(Bytes(request).substr(0, 40000));
    driver.EndTurn();
    for (int i = 0; i < 6; ++i) {
      driver.Feed(Bytes(request).substr(40000));
      driver.Feed(Bytes(request).substr(0, 40000));
    }
    driver.EndTurn();
    REQUIRE(driver.requests.size() == 6);
    for (const SeenRequest& seen : driver.requests) CHECK(seen.argv == argv);
  }

  TEST_CASE("inline requests follow the quoting rules") {
    CHECK(ParseOne("PING\r\n") == Argv{"PING"});
    CHECK(ParseOne("PING\n") == Argv{"PING"});
    CHECK(ParseOne("  set\ta  1 \r\n") == Argv{"set", "a", "1"});
    CHECK(ParseOne("PING\rfoo\r\n") == Argv{"PING", "foo"});
    CHECK(ParseOne("ECHO \"\"\r\n") == Argv{"ECHO", ""});
    CHECK(ParseOne("''\r\n") == Argv{""});
    CHECK(ParseOne("ECHO a\"b c\"\r\n") == Argv{"ECHO", "ab c"});
    CHECK(ParseOne("ECHO a'b c'\r\n") == Argv{"ECHO", "ab c"});
    CHECK(ParseOne("ECHO \"\\x41\\n\\r\\t\\b\\a\\q\\\"\\xzz\"\r\n") ==
          Argv{"ECHO", "A\n\r\t\b\aq\"xzz"});
    CHECK(ParseOne("ECHO \"\\x4\"\r\n") == Argv{"ECHO", "x4"});
    CHECK(ParseOne("ECHO \"\\xFf\\x00\"\r\n") == Argv{"ECHO", std::string("\xff\0", 2)});
    CHECK(ParseOne("ECHO 'a\\'b\\n\\x41\"'\r\n") == Argv{"ECHO", "a'b\\n\\x41\""});
    CHECK(ParseOne("ECHO \va\f\r\n") == Argv{"ECHO", "a\f"});
    CHECK(ParseOne("ECHO a\\nb\r\n") == Argv{"ECHO", "a\\nb"});
    CHECK(Parse("PING\r\n")[0].raw.empty());
  }

  TEST_CASE("unbalanced quotes are refused") {
    const std::string expected = "Protocol error: unbalanced quotes in request";
    for (const char* line : {"PING \"a\r\n", "PING 'a\r\n", "PING 'a'b\r\n", "PING \"a\"b\r\n",
                             "ECHO a\"b c\"d\r\n", "ECHO \"a\\\r\n", "ECHO 'a\\'\r\n", "\"\n"}) {
      CAPTURE(line);
      CHECK(ErrorOf(line) == expected);
    }
  }

  TEST_CASE("a malformed array is refused in Redis' words") {
    for (const char* count : {"*x", "*", "*+1", "*01", "* 1", "*-0", "*1x", "*2147483648",
                              "*-9223372036854775809", "*99999999999999999999"}) {
      CAPTURE(count);
      CHECK(ErrorOf(std::string(count) + "\r\n") == "Protocol error: invalid multibulk length");
    }
    for (const char* size :
         {"$x", "$", "$-1", "$04", "$+4", "$ 4", "$536870913", "$99999999999999999999"}) {
      CAPTURE(size);
      CHECK(ErrorOf("*1\r\n" + std::string(size) + "\r\n") ==
            "Protocol error: invalid bulk length");
    }
    CHECK(ErrorOf("*1\r\nPING\r\n") == "Protocol error: expected '$', got 'P'");
    CHECK(ErrorOf("*1\r$4\r\nPING\r\n") == "Protocol error: expected '$', got '4'");
    CHECK(ErrorOf("*2\r\n$4\r\nECHO\r\n*1\r\n") == "Protocol error: expected '$', got '*'");
    CHECK(ErrorOf("*1\r\n\r\n") == "Protocol error: expected '$', got '\r'");
    CHECK(IsIncomplete("*1\r\nPING"));
    CHECK(IsIncomplete("*2147483647\r\n"));
    CHECK(IsIncomplete("*1\r\n$536870912\r\n"));
  }

  TEST_CASE("a line over 64 KiB is refused, however it arrives") {
    const std::string digits(kLineTestBytes, '1');
    for (const bool terminated : {false, true}) {
      const std::string end = terminated ? "\r\n" : "";
      CHECK(ErrorOf("*" + digits + end) == "Protocol error: too big mbulk count string");
      CHECK(ErrorOf("*1\r\n$" + digits + end) == "Protocol error: too big bulk count string");
      CHECK(ErrorOf("x" + digits + end) == "Protocol error: too big inline request");
    }
    CHECK(IsIncomplete(digits));
    CHECK(Parse(digits + "\n").size() == 1);
    CHECK(ErrorOf("*" + digits.substr(1) + "\r\n") == "Protocol error: invalid multibulk length");
    ParserDriver driver;
    for (size_t i = 0; i <= digits.size(); ++i) {
      CHECK(driver.outcome == Outcome::kNeedMore);
      driver.Feed("x");
      if (i % 1000 == 0) driver.EndTurn();
    }
    CHECK(driver.outcome == Outcome::kError);
  }

  TEST_CASE("strangers are kept to small requests") {
    const ParserLimits stranger{.authenticated = false};
    CHECK(ErrorOf("*11\r\n", stranger) == "Protocol error: unauthenticated multibulk length");
    CHECK(IsIncomplete("*10\r\n", stranger));
    CHECK(ErrorOf("*1\r\n$16385\r\n", stranger) == "Protocol error: unauthenticated bulk length");
    CHECK(IsIncomplete("*1\r\n$16384\r\n", stranger));
    CHECK(ErrorOf("*2147483648\r\n", stranger) == "Protocol error: invalid multibulk length");
    CHECK(ErrorOf("*1\r\n$536870913\r\n", stranger) == "Protocol error: invalid bulk length");
    ParserDriver driver(stranger);
    driver.Feed(Encode({"AUTH", "secret"}));
    driver.parser.set_limits({});
    driver.Feed(Encode({"SET", "k", std::string(20000, 'v')}));
    driver.EndTurn();
    CHECK(driver.requests.size() == 2);
  }

  TEST_CASE("proto-max-bulk-len bounds a bulk string") {
    const ParserLimits limits{.bulk_bytes_max = 100};
    CHECK(ErrorOf(Encode({"SET", "k", std::string(101, 'v')}), limits) ==
          "Protocol error: invalid bulk length");
    CHECK(ErrorOf(Encode({"SET", "k", std::string(100, 'v')}), limits) == "none");
  }

  TEST_CASE("a request that outgrows the query buffer is an error of its own kind") {
    for (const size_t argument_bytes : {100, 100000}) {
      const ParserLimits limits{.query_buffer_max = 60000};
      ParserDriver driver(limits);
      const std::string argument =
          "$" + std::to_string(argument_bytes) + "\r\n" + std::string(argument_bytes, 'v') + "\r\n";
      driver.Feed("*1000\r\n");
      size_t fed = 7;
      while (driver.outcome != Outcome::kError && fed < 300000) {
        for (size_t i = 0; i < argument.size(); i += 4096)
          driver.Feed(Bytes(argument).substr(i, 4096));
        fed += argument.size();
      }
      CHECK(driver.outcome == Outcome::kError);
      CHECK(driver.parser.query_buffer_exceeded());
    }
  }

  TEST_CASE("after an error there is nothing more, and what came before it stands") {
    ParserDriver driver;
    driver.Feed("*1\r\n$4\r\nPING\r\n*x\r\n*1\r\n$4\r\nPING\r\n");
    CHECK(driver.outcome == Outcome::kError);
    driver.Feed("*1\r\n$4\r\nPING\r\n");
    CHECK(driver.outcome == Outcome::kError);
    driver.EndTurn();
    driver.Feed("PING\r\n");
    CHECK(driver.outcome == Outcome::kError);
    driver.EndTurn();
    CHECK(driver.requests.size() == 1);
    CHECK(driver.parser.error() == "Protocol error: invalid multibulk length");
    CHECK_FALSE(driver.parser.query_buffer_exceeded());
    CHECK(driver.parser.buffered_bytes() == 0);
  }

  TEST_CASE("random requests survive random reads and turns") {
    Random random(20240607);
    for (int round = 0; round < 150; ++round) {
      std::vector<Argv> expected;
      std::string bytes;
      const size_t requests = 1 + random.Below(30);
      for (size_t i = 0; i < requests; ++i) {
        Argv argv(1 + random.Below(6));
        for (std::string& argument : argv) {
          const size_t kind = random.Below(20);
          const size_t size_max = kind == 0 ? 90000 : kind < 3 ? 20000 : 40;
          argument.assign(random.Below(size_max), static_cast<char>(random.Next()));
        }
        bytes += Encode(argv);
        expected.push_back(std::move(argv));
      }
      ParserDriver driver;
      const size_t read_max = size_t{1} << (4 + random.Below(14));
      for (size_t i = 0; i < bytes.size();) {
        const size_t size = std::min(bytes.size() - i, 1 + random.Below(read_max));
        driver.Feed(Bytes(bytes).substr(i, size));
        i += size;
        if (random.Below(4) == 0) driver.EndTurn();
      }
      driver.EndTurn();
      REQUIRE(driver.requests.size() == expected.size());
      for (size_t i = 0; i < expected.size(); ++i) REQUIRE(driver.requests[i].argv == expected[i]);
    }
  }
}

}  // namespace terrace::resp
