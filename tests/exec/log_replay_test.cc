#include "exec/log_replay.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "exec/stream_engine.h"

using namespace terrace;

using Fixture = testing::StreamEngine;
using testing::Encode;

TEST_SUITE("exec/log_replay") {
  TEST_CASE("a log comes back to life wherever its bytes are cut") {
    const std::string stream =
        Encode({"SELECT", "1"}) + Encode({"SET", "text", std::string(50'000, 'x')}) +
        Encode({"MULTI"}) + Encode({"RPUSH", "list", "a", "b"}) + Encode({"SELECT", "2"}) +
        Encode({"SADD", "set", "1", "2"}) + Encode({"EXEC"}) + Encode({"SET", "gone", "1"}) +
        Encode({"DEL", "gone"}) + Encode({"PING"});
    std::map<std::string, std::string> whole;
    Random random(11);
    for (const size_t piece_max : {stream.size(), size_t{1}, size_t{7}, size_t{1000}}) {
      Fixture engine;
      exec::LogReplay replay(engine.executor, 1);
      for (size_t at = 0; at < stream.size();) {
        const size_t size = std::min<size_t>(1 + random.Below(piece_max), stream.size() - at);
        const Status fed = replay.Feed(Bytes(stream).substr(at, size));
        REQUIRE_MESSAGE(fed.ok(), fed.message());
        at += size;
      }
      CHECK(replay.End().ok());
      CHECK(replay.commands() == 10);
      if (whole.empty()) whole = engine.Contents();
      CHECK(engine.Contents() == whole);
      CHECK(whole.size() == 3);
    }
  }

  TEST_CASE("what our log cannot hold ends the replay, with the place and the command") {
    const std::pair<std::string, const char*> bad[] = {
        {Encode({"NOSUCH", "x"}), "the command 'NOSUCH' cannot be run"},
        {Encode({"GET", "x"}), "the command 'GET' cannot be run"},
        {Encode({"LPUSH", "a", "x"}), "the command 'LPUSH' cannot be run"},  // a is a string
        {"*1\r\n+PING\r\n", "Protocol error"},
    };
    const std::string good = Encode({"SELECT", "0"}) + Encode({"SET", "a", "x"});
    for (const auto& [bytes, words] : bad) {
      Fixture engine;
      exec::LogReplay replay(engine.executor, 1001);
      REQUIRE(replay.Feed(good).ok());
      const Status fed = replay.Feed(bytes);
      REQUIRE(!fed.ok());
      CHECK_MESSAGE(fed.message().find(words) != std::string::npos, fed.message());
      const std::string place = "offset " + std::to_string(1001 + good.size() + bytes.size());
      CHECK_MESSAGE(fed.message().find(place) != std::string::npos, fed.message());
    }
  }

  TEST_CASE("a log that ends within a command or a transaction is not whole") {
    const std::string set = Encode({"SET", "a", "x"});
    for (const std::string& bytes :
         {set.substr(0, set.size() - 1), set + "*", Encode({"MULTI"}), Encode({"MULTI"}) + set}) {
      Fixture engine;
      exec::LogReplay replay(engine.executor, 1);
      CHECK(replay.Feed(bytes).ok());
      CHECK(!replay.End().ok());
    }
  }
}
