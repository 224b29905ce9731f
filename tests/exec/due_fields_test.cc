// Hashes of which very many fields fall due at once: they go in slices, and nobody sees a hash between two of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "commands/support/waiting_clients.h"
#include "exec/families.h"

using namespace terrace;
using exec::ParkReason;
using terrace::testing::kStartMs;
using terrace::testing::Lines;
using terrace::testing::WaitingClients;
using terrace::testing::WaitingSession;
using Outcome = WaitingClients::Outcome;

namespace {

constexpr int kDue = 5'000;
constexpr size_t kSlice = 2'048;  // so many go at one access

struct Fixture : WaitingClients {
  Fixture()
      : WaitingClients({commands::StringCommands(), commands::KeyCommands(),
                        commands::HashCommands(), commands::FieldDeadlineCommands(),
                        exec::TransactionCommands()}) {
    log.SetEnabled(true);
    Notify("Ah");
  }
  /// A hash with one field that stays and `due` others, whose time is over.
  void MakeDue(const std::string& key, int due = kDue) {
    const std::string at = std::to_string(kStartMs + 1'000 + elapsed_ms_);
    for (int i = 0; i < due; ++i) {
      const std::string field = "f" + std::to_string(i);
      Run({"HSET", key, field, "v"});
      Run({"HPEXPIREAT", key, at, "FIELDS", "1", field});
    }
    Run({"HSET", key, "stays", "v"});
    AdvanceMs(1'001);
    elapsed_ms_ += 1'001;
    Log();
    Events();
  }
  /// Fields that HDELs of the log name, and whether only those are in it.
  size_t Deleted(const Lines& lines, const std::string& key) {
    size_t fields = 0;
    for (const std::string& line : lines) {
      if (line == "MULTI" || line == "EXEC") continue;
      REQUIRE(line.starts_with("HDEL " + key + " f"));
      fields += static_cast<size_t>(std::count(line.begin(), line.end(), ' ')) - 1;
    }
    return fields;
  }
  uint64_t expired_fields() { return executor.counters().expired_fields.load(); }

 private:
  uint64_t elapsed_ms_ = 0;
};

}  // namespace

TEST_SUITE("exec/due_fields") {
  TEST_CASE("no access erases more than a slice, and who meets more runs anew until all is gone") {
    Fixture engine;
    engine.MakeDue("h");
    WaitingSession& client = engine.Client();
    CHECK(engine.Try(client, {"HLEN", "h"}) == Outcome::kParked);
    CHECK(client.parking.reason == ParkReason::kOutside);
    CHECK(client.out.empty());
    CHECK(engine.expired_fields() == kSlice);
    CHECK(engine.Deleted(engine.Log(), "h") == kSlice);
    CHECK(engine.Events() == Lines{"hexpired h"});
    CHECK(engine.Run({"SET", "other", "v"}) == "OK");  // everybody else goes on
    engine.Log();
    engine.Events();
    CHECK(engine.Got(client) == "1");
    CHECK(engine.expired_fields() == kDue);
    CHECK(engine.Deleted(engine.Log(), "h") == kDue - kSlice);
    CHECK(engine.Events() == Lines{"hexpired h", "hexpired h"});
    CHECK(engine.Try(client, {"HGETALL", "h"}) == Outcome::kDone);
  }

  TEST_CASE("a write comes behind the last of them, in the log as well") {
    Fixture engine;
    engine.MakeDue("h");
    WaitingSession& first = engine.Client();
    WaitingSession& second = engine.Client();
    CHECK(engine.Try(first, {"HINCRBY", "h", "f7", "1"}) == Outcome::kParked);
    CHECK(engine.Try(second, {"HSETNX", "h", "f4999", "new"}) == Outcome::kParked);
    CHECK(engine.Got(second) == "1");
    CHECK(engine.Got(first) == "1");
    Lines log = engine.Log();
    REQUIRE(log.size() > 2);
    CHECK(log.back() == "HINCRBY h f7 1");
    log.pop_back();
    const auto set = std::find(log.begin(), log.end(), "HSETNX h f4999 new");
    REQUIRE(set != log.end());
    log.erase(set);
    CHECK(engine.Deleted(log, "h") == kDue);
    CHECK(engine.Run({"HLEN", "h"}) == "3");
  }

  TEST_CASE("the slice is a command's, however many hashes it names") {
    Fixture engine;
    engine.MakeDue("a", 1'500);
    engine.MakeDue("b", 1'500);
    WaitingSession& client = engine.Client();
    CHECK(engine.Try(client, {"EXISTS", "a", "b"}) == Outcome::kParked);
    CHECK(engine.expired_fields() == kSlice);
    CHECK(engine.Got(client) == "2");
    CHECK(engine.expired_fields() == 3'000);
  }

  TEST_CASE("a hash that would be empty goes at one access") {
    Fixture engine;
    engine.MakeDue("h");
    engine.Run({"HDEL", "h", "stays"});  // this session cannot stop, so all goes at once
    CHECK(engine.expired_fields() == kDue);
    engine.MakeDue("g");
    // Now every field of it has a deadline.
    const std::string now = std::to_string(engine.now_ms() + 1);
    engine.Run({"HPEXPIREAT", "g", now, "FIELDS", "1", "stays"});
    for (int i = 0; i < kDue; ++i) {
      const std::string field = "f" + std::to_string(i);
      engine.Run({"HSET", "g", field, "v"});
      engine.Run({"HPEXPIREAT", "g", now, "FIELDS", "1", field});
    }
    engine.AdvanceMs(2);
    engine.Log();
    WaitingSession& client = engine.Client();
    CHECK(engine.Try(client, {"EXISTS", "g"}) == Outcome::kDone);
    CHECK(engine.Got(client) == "0");
    CHECK(engine.Log() == Lines{"DEL g"});
  }

  TEST_CASE("where a session cannot stop, all that is due goes at once") {
    Fixture engine;
    engine.MakeDue("h");
    WaitingSession& client = engine.Client();
    engine.Try(client, {"MULTI"});
    engine.Try(client, {"HLEN", "h"});
    while (!engine.Got(client).empty()) {
    }
    CHECK(engine.Try(client, {"EXEC"}) == Outcome::kDone);
    CHECK(engine.Got(client) == "[1]");
    CHECK(engine.Deleted(engine.Log(), "h") == kDue);
  }

  TEST_CASE("a reader during a pause does not stop: nothing may be erased, and it sees none") {
    Fixture engine;
    engine.MakeDue("h");
    engine.settings.paused = true;
    WaitingSession& client = engine.Client();
    CHECK(engine.Try(client, {"HLEN", "h"}) == Outcome::kDone);
    CHECK(engine.Got(client) == "1");
    CHECK(engine.expired_fields() == 0);
    CHECK(engine.Log().empty());
  }
}
