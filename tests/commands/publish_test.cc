#include <doctest/doctest.h>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

TEST_SUITE("commands/publish") {
  TEST_CASE("a message goes to the publisher and to the log, and the reply is who got it") {
    EngineFixture engine({PublishCommands()});
    CHECK(engine.Run({"PUBLISH", "news", "hello"}) == "0");
    CHECK(engine.Run({"spublish", "shard", ""}) == "0");
    CHECK(engine.publisher.published == Lines{"news hello", "shard "});
    CHECK(engine.Log() == Lines{"PUBLISH news hello", "spublish shard \"\""});
  }

  TEST_CASE("a follower hands on what its leader published") {
    EngineFixture engine({PublishCommands()});
    CHECK(engine.Apply({"PUBLISH", "news", "hello"}));
    CHECK(engine.publisher.published == Lines{"news hello"});
    CHECK(engine.Log().empty());
  }

  TEST_CASE("publishing is no change, and a shard channel is no key") {
    EngineFixture engine({PublishCommands(), StringCommands(), ExpireCommands()});
    engine.Run({"SET", "shard", "v", "PX", "10"});
    engine.AdvanceMs(11);  // a key would be looked up, and would go
    engine.Log();
    const uint64_t changes = engine.changes(), hits = engine.hits(), misses = engine.misses();
    for (const Bytes command : {"PUBLISH", "SPUBLISH"}) {
      CHECK(engine.table.Find(command)->first_key == 0);
      CHECK(engine.Run({command, "shard", "hello"}) == "0");
    }
    CHECK(engine.changes() == changes);
    CHECK(engine.hits() == hits);
    CHECK(engine.misses() == misses);
    CHECK(engine.Log() == Lines{"PUBLISH shard hello", "SPUBLISH shard hello"});
  }

  TEST_CASE("a channel and a message, no more and no less") {
    EngineFixture engine({PublishCommands()});
    CHECK(engine.Run({"PUBLISH", "news"}) ==
          "(error) ERR wrong number of arguments for 'publish' command");
    CHECK(engine.Run({"SPUBLISH", "a", "b", "c"}) ==
          "(error) ERR wrong number of arguments for 'spublish' command");
    CHECK(engine.publisher.published.empty());
  }

  TEST_CASE(
      "publishing is allowed while loading and on a follower that lost its leader, and may be "
      "logged") {
    EngineFixture engine({PublishCommands()});
    for (const Bytes name : {"publish", "spublish"}) {
      const uint32_t flags = engine.table.Find(name)->flags;
      CHECK(flags == (kPubSub | kLoading | kStale | kFast | kMayReplicate));
    }
  }
}

}  // namespace
}  // namespace terrace::commands
