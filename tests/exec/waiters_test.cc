// Sessions that wait for keys, with two commands made up for it: WTAKE takes the string that a key holds, WMOVE moves it
// to another key; both wait for it.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/numbers.h"
#include "commands/support/waiting_clients.h"
#include "exec/families.h"
#include "exec/transaction.h"

using namespace terrace;
using exec::ParkReason;
using exec::Wait;
using terrace::testing::Lines;
using terrace::testing::WaitingClients;
using terrace::testing::WaitingSession;
using Outcome = WaitingClients::Outcome;

namespace {

using namespace terrace::commands;

Effect Move(WriteContext& ctx, Bytes key, Bytes target) {
  engine::Entry* entry = ctx.Peek(key);
  engine::IntegerText text;
  const std::string value(entry->StringBytes(&text));
  ctx.reply.Bulk(value);
  ctx.Edit(key).Delete();
  ctx.Notify(engine::kNotifyGeneric, "taken", key);
  if (target.empty()) return ctx.Rewritten({"DEL", key});
  ctx.Edit(target).SetString(engine::StringSource::Of(value), 0);
  return ctx.Rewritten({"RENAME", key, target});
}

// WTAKE key [key ...] timeout-ms
Effect Take(WriteContext& ctx, Args args) {
  const auto keys = args.span().subspan(1, args.size() - 2);
  for (const Bytes& key : keys) {
    if (ctx.Peek(key) != nullptr) return Move(ctx, key, Bytes());
  }
  ctx.WaitFor(Type::kString, keys, *ParseUint64(args[args.size() - 1]), EmptyReply::kNullArray);
  return Effect::None();
}

// WMOVE source target
Effect MoveOver(WriteContext& ctx, Args args) {
  if (ctx.Peek(args[2]) != nullptr) {
    if (ctx.Peek(args[1]) == nullptr) {
      ctx.WaitFor(Type::kString, args.span().subspan(1, 1), 0, EmptyReply::kNull);
    } else {
      ctx.reply.Error("ERR the target is taken");
    }
    return Effect::None();
  }
  if (ctx.Peek(args[1]) != nullptr) return Move(ctx, args[1], args[2]);
  ctx.WaitFor(Type::kString, args.span().subspan(1, 1), 0, EmptyReply::kNull);
  return Effect::None();
}

// WAFTER key version timeout-ms: the version that a key has (a number) once it is higher than the one given; "$" is the one it
// has now.
void After(ReadContext& ctx, Args args) {
  engine::IntegerText text;
  const engine::Entry* entry = ctx.Peek(args[1]);
  const std::string now = entry == nullptr ? "0" : std::string(entry->StringBytes(&text));
  const std::string asked = args[2] == "$" ? now : std::string(args[2]);
  if (*ParseUint64(now) > *ParseUint64(asked)) return ctx.reply.Bulk(now);
  ctx.WaitFor(Type::kString, args.span().subspan(1, 1), *ParseUint64(args[3]),
              EmptyReply::kNullArray,
              {.request = {"WAFTER", std::string(args[1]), asked, std::string(args[3])}});
}

// WWATCH key [key ...]: waits for a string that begins with "!"; that a key is missing or no string is an error.
void WatchKeys(ReadContext& ctx, Args args) {
  const auto keys = args.span().subspan(1);
  for (const Bytes& key : keys) {
    const auto entry = ctx.Peek(key, Type::kString);
    if (!entry.ok()) return ReplyError(ctx, entry.error());
    if (*entry == nullptr) return ctx.reply.Error("ERR no " + std::string(key));
  }
  for (const Bytes& key : keys) {
    engine::IntegerText text;
    const std::string value(ctx.Peek(key)->StringBytes(&text));
    if (value[0] == '!') return ctx.reply.Bulk(value);
  }
  ctx.WaitFor(Type::kString, keys, 0, EmptyReply::kNullArray, {.also_when_gone = true});
}

// WSECRET key value: a SET that says it brings nothing.
Effect Secret(WriteContext& ctx, Args args) {
  ctx.Edit(args[1]).SetString(engine::StringSource::Of(args[2]), 0);
  ctx.reply.Ok();
  return Effect::AsReceived();
}

// Something outside: what a value on its way from a disk would be.
bool outside_is_ready = false;
std::vector<std::shared_ptr<engine::Waiter>> enlisted;
struct Outside final : Readiness {
  void Enlist(std::shared_ptr<engine::Waiter> waiter) override {
    enlisted.push_back(std::move(waiter));
  }
} outside;

// WOUTSIDE key value: a SET that needs something outside, if the session can stop for it.
Effect SetFromOutside(WriteContext& ctx, Args args) {
  if (!outside_is_ready && ctx.StopUntil(outside)) return Effect::None();
  return Secret(ctx, args);
}

// WAWAIT key: waits for a string, then needs something outside to take it.
Effect AwaitFromOutside(WriteContext& ctx, Args args) {
  if (ctx.Peek(args[1]) == nullptr) {
    ctx.WaitFor(Type::kString, args.span().subspan(1, 1), 0, EmptyReply::kNull);
    return Effect::None();
  }
  if (!outside_is_ready && ctx.StopUntil(outside)) return Effect::None();
  return Move(ctx, args[1], Bytes());
}

constexpr KeySpec kTakeKeys[] = {{.flags = kKeyRW, .index = 1, .last = -2}};
constexpr KeySpec kMoveKeys[] = {{.flags = kKeyRW, .index = 1, .last = 1}};
constexpr KeySpec kSetKey[] = {{.flags = kKeyRW, .index = 1, .last = 1}};
constexpr KeySpec kWatchedKeys[] = {{.flags = kKeyRO, .index = 1, .last = -1}};
constexpr CommandSpec kWaitingCommands[] = {
    {.name = "wtake", .arity = -3, .flags = kWrite | kBlocking, .keys = kTakeKeys, .write = Take},
    {.name = "wmove",
     .arity = 3,
     .flags = kWrite | kBlocking,
     .keys = kMoveKeys,
     .write = MoveOver},
    {.name = "wafter", .arity = 4, .flags = kReadonly | kBlocking, .keys = kSetKey, .read = After},
    {.name = "wsecret",
     .arity = 3,
     .flags = kWrite | kBringsNothing,
     .keys = kSetKey,
     .write = Secret},
    {.name = "woutside", .arity = 3, .flags = kWrite, .keys = kSetKey, .write = SetFromOutside},
    {.name = "wawait",
     .arity = 2,
     .flags = kWrite | kBlocking,
     .keys = kSetKey,
     .write = AwaitFromOutside},
    {.name = "wwatch",
     .arity = -2,
     .flags = kReadonly | kBlocking,
     .keys = kWatchedKeys,
     .read = WatchKeys},
};

// What a waiter is worth: the made-up commands and those whose units bring something.
struct Fixture : WaitingClients {
  Fixture()
      : WaitingClients({kWaitingCommands, StringCommands(), KeyCommands(), ExpireCommands(),
                        IterationCommands(), ListCommands(), exec::TransactionCommands(),
                        exec::KeyspaceCommands(), exec::SelectCommands()}) {}
  /// Makes the keyspace one of many shards, so that two keys mostly have different locks.
  void Spread() {
    for (int i = 0; i < 3000; ++i) Run({"SET", "fill:" + std::to_string(i), "v"});
    REQUIRE(databases.Get(0).staircase().shards() >= 4);
  }
};

}  // namespace

TEST_SUITE("exec/waiters") {
  TEST_CASE(
      "what is there is taken at once, what is not is waited for and served by the write that "
      "brings it") {
    Fixture engine;
    engine.Run({"SET", "a", "1"});
    WaitingSession& quick = engine.Client();
    CHECK(engine.Try(quick, {"WTAKE", "a", "0"}) == Outcome::kDone);
    CHECK(engine.Got(quick) == "\"1\"");
    WaitingSession& client = engine.Waiting({"WTAKE", "a", "0"});
    CHECK(engine.AnybodyListed("a"));
    CHECK(engine.Run({"SET", "b", "no"}) == "OK");
    CHECK(engine.woken.empty());
    CHECK(engine.Run({"SET", "a", "2"}) == "OK");
    REQUIRE(engine.woken.size() == 1);
    CHECK(engine.Run({"EXISTS", "a"}) == "0");
    CHECK(engine.Got(client) == "\"2\"");
    CHECK_FALSE(engine.AnybodyListed("a"));
  }

  TEST_CASE("clients are served in the order of waiting, one for each value") {
    Fixture engine;
    WaitingSession& first = engine.Waiting({"WTAKE", "k", "0"});
    WaitingSession& second = engine.Waiting({"WTAKE", "k", "0"});
    WaitingSession& third = engine.Waiting({"WTAKE", "k", "0"});
    engine.Run({"SET", "k", "a"});
    engine.Run({"SET", "k", "b"});
    CHECK(engine.Got(first) == "\"a\"");
    CHECK(engine.Got(second) == "\"b\"");
    CHECK(engine.Got(third) == "");
  }

  TEST_CASE("a client that waits for several keys is served once and leaves all lines") {
    Fixture engine;
    WaitingSession& client = engine.Waiting({"WTAKE", "a", "b", "a", "c", "0"});
    engine.Run({"SET", "b", "1"});
    engine.Run({"SET", "a", "2"});
    engine.Run({"SET", "c", "3"});
    CHECK(engine.woken.size() == 1);
    CHECK(engine.Got(client) == "\"1\"");
    for (const Bytes key : {"a", "b", "c"}) CHECK_FALSE(engine.AnybodyListed(key));
    CHECK(engine.Run({"MGET", "a", "b", "c"}) == "[\"2\", null, \"3\"]");
  }

  TEST_CASE("a transaction is over before somebody is served, and what it took back is not there") {
    Fixture engine;
    WaitingSession& client = engine.Waiting({"WTAKE", "k", "0"});
    for (const auto& args :
         std::vector<std::vector<Bytes>>{{"MULTI"}, {"SET", "k", "1"}, {"DEL", "k"}})
      engine.Run(args);
    CHECK(engine.Run({"EXEC"}) == "[OK, 1]");
    CHECK(engine.Got(client) == "");
    for (const auto& args :
         std::vector<std::vector<Bytes>>{{"MULTI"}, {"SET", "k", "1"}, {"APPEND", "k", "2"}}) {
      engine.Run(args);
    }
    CHECK(engine.Run({"EXEC"}) == "[OK, 2]");
    CHECK(engine.woken.size() == 1);
    CHECK(engine.Run({"GET", "k"}) == "null");
    CHECK(engine.Got(client) == "\"12\"");
  }

  TEST_CASE("a transaction that needs everybody out serves, too, and so does SWAPDB") {
    Fixture engine;
    WaitingSession& client = engine.Waiting({"WTAKE", "k", "0"});
    for (const auto& args :
         std::vector<std::vector<Bytes>>{{"MULTI"}, {"FLUSHALL"}, {"SET", "k", "1"}})
      engine.Run(args);
    CHECK(engine.Run({"EXEC"}) == "[OK, OK]");
    CHECK(engine.Got(client) == "\"1\"");
    WaitingSession& next = engine.Waiting({"WTAKE", "k", "0"});
    engine.Run({"SELECT", "1"});
    engine.Run({"SET", "k", "other"});
    CHECK(engine.Got(next) == "");
    CHECK(engine.Run({"SWAPDB", "0", "1"}) == "OK");
    CHECK(engine.Got(next) == "\"other\"");
    CHECK_FALSE(engine.AnybodyListed("k"));
  }

  TEST_CASE("inside MULTI nothing waits") {
    Fixture engine;
    WaitingSession& client = engine.Client();
    engine.Try(client, {"MULTI"});
    CHECK(engine.Got(client) == "OK");
    engine.Try(client, {"WTAKE", "k", "0"});
    CHECK(engine.Got(client) == "QUEUED");
    CHECK(engine.Try(client, {"EXEC"}) == Outcome::kDone);
    CHECK(engine.Got(client) == "[null]");
    CHECK_FALSE(engine.AnybodyListed("k"));
  }

  TEST_CASE("a chain of moves is walked to its end in the unit that began it") {
    Fixture engine;
    WaitingSession& third = engine.Waiting({"WTAKE", "c", "0"});
    WaitingSession& second = engine.Waiting({"WMOVE", "b", "c"});
    WaitingSession& first = engine.Waiting({"WMOVE", "a", "b"});
    engine.Run({"SET", "a", "x"});
    CHECK(engine.woken.size() == 3);
    for (auto* client : {&first, &second, &third}) CHECK(engine.Got(*client) == "\"x\"");
    CHECK(engine.Run({"EXISTS", "a", "b", "c"}) == "0");
  }

  TEST_CASE("a circle of moves ends: each waiter is served once") {
    Fixture engine;
    WaitingSession& forth = engine.Waiting({"WMOVE", "a", "b"});
    WaitingSession& back = engine.Waiting({"WMOVE", "b", "a"});
    engine.Run({"SET", "a", "x"});
    CHECK(engine.Got(forth) == "\"x\"");
    CHECK(engine.Got(back) == "\"x\"");
    CHECK(engine.Run({"GET", "a"}) == "\"x\"");
  }

  TEST_CASE("an error is an answer, and the value stays") {
    Fixture engine;
    engine.Run({"SET", "target", "1"});
    WaitingSession& client = engine.Waiting({"WMOVE", "source", "target"});
    engine.Run({"SET", "source", "2"});
    CHECK(engine.Got(client) == "(error) ERR the target is taken");
    CHECK(engine.Run({"GET", "source"}) == "\"2\"");
  }

  TEST_CASE("a wait ends once: what comes after its end finds the next client, or stays") {
    Fixture engine;
    for (const auto state :
         {Wait::State::kTimedOut, Wait::State::kUnblocked, Wait::State::kRefused}) {
      WaitingSession& client = engine.Waiting({"WTAKE", "k", "1000"});
      WaitingSession& next = engine.Waiting({"WTAKE", "k", "1000"});
      CHECK(engine.End(client, state));
      engine.Run({"SET", "k", "v"});
      CHECK_FALSE(engine.End(next, state));
      CHECK(engine.Got(next) == "\"v\"");
      CHECK(engine.Got(client) == (state == Wait::State::kRefused
                                       ? "(error) UNBLOCKED client unblocked via CLIENT UNBLOCK"
                                       : "null"));
      CHECK_FALSE(engine.AnybodyListed("k"));
    }
  }

  TEST_CASE(
      "what was served is logged behind what brought it, in a unit of its own, with its events") {
    Fixture engine;
    engine.log.SetEnabled(true);
    engine.Notify("AE");
    engine.Log();
    engine.Waiting({"WMOVE", "a", "b"});
    engine.Waiting({"WTAKE", "b", "0"});
    engine.Run({"SET", "a", "1"});
    CHECK(engine.Log() == Lines{"SET a 1", "RENAME a b", "DEL b"});
    CHECK(engine.Events() == Lines{"set a", "taken a", "taken b"});
  }

  TEST_CASE("what runs again is what the first run made of it, and all that wait see the same") {
    Fixture engine;
    engine.Run({"SET", "k", "7"});
    WaitingSession& first = engine.Waiting({"WAFTER", "k", "$", "0"});
    WaitingSession& second = engine.Waiting({"WAFTER", "k", "8", "0"});
    engine.Run({"SET", "k", "5"});
    engine.Run({"SET", "k", "7"});
    CHECK(engine.woken.empty());
    engine.Run({"SET", "k", "8"});
    CHECK(engine.Got(first) == "\"8\"");
    CHECK(engine.Got(second) == "");
    engine.Run({"SET", "k", "9"});
    CHECK(engine.Got(second) == "\"9\"");
    CHECK_FALSE(engine.AnybodyListed("k"));
  }

  TEST_CASE("a command that starts anew keeps its words, its place in line and its deadline") {
    Fixture engine;
    engine.Run({"SET", "k", "3"});
    WaitingSession& client = engine.Waiting({"WAFTER", "k", "$", "1000"});
    const std::shared_ptr<Wait> before = client.parking.wait;
    engine.Run({"DEL", "k"});
    engine.AdvanceMs(400);
    std::thread([&] { before->Restart(); }).join();
    REQUIRE(engine.woken.size() == 1);
    CHECK(engine.Got(client) == "");
    const std::shared_ptr<Wait> after = client.parking.wait;
    REQUIRE(after != nullptr);
    CHECK(after != before);
    CHECK(after->number == before->number);
    CHECK(after->deadline_ns == before->deadline_ns);
    CHECK_FALSE(client.parking.resumed.has_value());
    engine.Run({"SET", "k", "2"});
    CHECK(engine.Got(client) == "");
    engine.Run({"SET", "k", "4"});
    CHECK(engine.Got(client) == "\"4\"");
    before->Restart();  // has ended before
    CHECK(engine.woken.size() == 2);
  }

  TEST_CASE("who wants to know is told that a key has gone, whatever took it") {
    const auto run_all = [](Fixture& engine, const std::vector<std::vector<Bytes>>& commands) {
      for (const auto& args : commands) engine.Run(args);
    };
    const auto make_due = [](Fixture& engine) {
      engine.Run({"PEXPIRE", "k", "10"});
      engine.AdvanceMs(11);
    };
    struct Loss {
      const char* name;
      std::function<void(Fixture&)> happens;
      bool all_keys = false;
    };
    const Loss losses[] = {
        {"DEL",
         [&](Fixture& engine) {
           engine.Run({"DEL", "k"});
         }},
        {"a transaction",
         [&](Fixture& engine) {
           run_all(engine, {{"MULTI"}, {"SET", "k", "!"}, {"DEL", "k"}, {"EXEC"}});
         }},
        {"an exclusive transaction",
         [&](Fixture& engine) {
           run_all(engine, {{"MULTI"}, {"KEYS", "*"}, {"DEL", "k"}, {"EXEC"}});
         }},
        {"FLUSHDB", [&](Fixture& engine) { engine.Run({"FLUSHDB"}); }, true},
        {"SWAPDB",
         [&](Fixture& engine) {
           engine.Run({"SWAPDB", "0", "1"});
         },
         true},
        {"due, met by a timer",
         [&](Fixture& engine) {
           make_due(engine);
           engine.executor.ExpireDueKeys(0, 1, 1'000'000'000);
         }},
        {"due, met by a reader",
         [&](Fixture& engine) {
           make_due(engine);
           engine.Run({"GET", "k"});
         }},
        {"due, met by a walk",
         [&](Fixture& engine) {
           make_due(engine);
           engine.Run({"KEYS", "*"});
         }},
        {"due, met by a walk in a transaction",
         [&](Fixture& engine) {
           make_due(engine);
           run_all(engine, {{"MULTI"}, {"KEYS", "*"}, {"EXEC"}});
         }},
        {"evicted",
         [&](Fixture& engine) {
           engine.Run({"PEXPIRE", "k", "1000"});
           engine.eviction.policy = engine::EvictionPolicy::kVolatileTtl;
           engine.eviction.memory_max = 1;
           // It samples, and only this key may go.
           for (int i = 0; i < 1'000'000 && engine.Run({"EXISTS", "k"}) == "1"; ++i)
             engine.executor.MakeRoom();
         }},
    };
    for (const Loss& loss : losses) {
      for (const bool alone : {true, false}) {
        CAPTURE(loss.name);
        CAPTURE(alone);
        Fixture engine;
        engine.Spread();
        engine.Run({"SET", "k", "1"});
        engine.Run({"SET", "other", "1"});
        WaitingSession& client =
            alone ? engine.Waiting({"WWATCH", "k"}) : engine.Waiting({"WWATCH", "other", "k"});
        engine.Run({"SET", "k", "2"});
        CHECK(engine.Got(client) == "");
        loss.happens(engine);
        CHECK(engine.Run({"EXISTS", "k"}) == "0");
        CHECK(engine.Got(client) ==
              (loss.all_keys && !alone ? "(error) ERR no other" : "(error) ERR no k"));
        CHECK_FALSE(engine.AnybodyListed("k"));
        CHECK_FALSE(engine.AnybodyListed("other"));
      }
    }
  }

  TEST_CASE("who wants to know is told of another type, others wait on") {
    Fixture engine;
    engine.Run({"SET", "k", "1"});
    WaitingSession& told = engine.Waiting({"WWATCH", "k"});
    WaitingSession& other = engine.Waiting({"WAFTER", "k", "$", "0"});
    engine.Run({"LPUSH", "list", "1"});
    engine.Run({"RENAME", "list", "k"});
    CHECK(engine.Got(told) ==
          "(error) WRONGTYPE Operation against a key holding the wrong kind of value");
    CHECK(engine.Got(other) == "");
  }

  TEST_CASE("of several keys the others are seen as they are by who wants to know") {
    Fixture engine;
    engine.Spread();
    for (int i = 0; i < 10; ++i) {
      const std::string a = "a" + std::to_string(i), b = "b" + std::to_string(i);
      engine.Run({"SET", a, "1"});
      engine.Run({"SET", b, "1"});
      WaitingSession& client = engine.Waiting({"WWATCH", a, b});
      WaitingSession& other = engine.Waiting({"WWATCH", b, a});
      engine.woken.clear();
      engine.Run({"SET", b, "2"});
      CHECK(engine.woken.empty());
      engine.Run({"SET", b, "!"});
      CHECK(engine.woken.size() == 2);
      CHECK(engine.Got(client) == "\"!\"");
      CHECK(engine.Got(other) == "\"!\"");
    }
  }

  TEST_CASE("a command that says it brings nothing asks nobody") {
    Fixture engine;
    engine.Run({"SET", "k", "1"});
    WaitingSession& client = engine.Waiting({"WAFTER", "k", "$", "0"});
    CHECK(engine.Run({"WSECRET", "k", "5"}) == "OK");
    CHECK(engine.Got(client) == "");
    engine.Run({"EXPIRE", "k", "100"});
    CHECK(engine.Got(client) == "\"5\"");
  }

  TEST_CASE("a session stops for something outside, and any thread lets it go on") {
    Fixture engine;
    outside_is_ready = false;
    WaitingSession& client = engine.Client();
    CHECK(engine.Try(client, {"WOUTSIDE", "k", "v"}) == Outcome::kParked);
    CHECK(client.parking.reason == ParkReason::kOutside);
    CHECK_FALSE(engine.AnybodyListed("k"));
    CHECK(engine.Run({"SET", "k", "before"}) == "OK");  // nothing is held up meanwhile
    CHECK(engine.Got(client) == "");
    // Not ready after all: it stops again.
    std::thread([] { enlisted.back()->Restart(); }).join();
    CHECK(engine.Got(client) == "");
    CHECK(client.parking.reason == ParkReason::kOutside);
    CHECK(enlisted.size() == 2);
    std::thread([] {
      outside_is_ready = true;
      for (const auto& each : enlisted) each->Restart();
    }).join();
    CHECK(engine.woken.size() == 2);
    CHECK(engine.Run({"GET", "k"}) == "\"before\"");  // it runs on its own thread
    CHECK(engine.Got(client) == "OK");
    CHECK(client.parking.reason == ParkReason::kNone);
    CHECK(engine.Run({"GET", "k"}) == "\"v\"");
    enlisted.clear();
  }

  TEST_CASE("what is ready at once restarts at once; a session that has gone does not") {
    Fixture engine;
    outside_is_ready = false;
    WaitingSession& gone = engine.Client();
    CHECK(engine.Try(gone, {"WOUTSIDE", "k", "v"}) == Outcome::kParked);
    engine.End(gone, Wait::State::kGone);
    outside_is_ready = true;
    enlisted.back()->Restart();
    CHECK(engine.woken.empty());
    CHECK(gone.out.empty());
    enlisted.clear();
  }

  TEST_CASE("inside MULTI and in a stream nothing stops for something outside") {
    Fixture engine;
    outside_is_ready = false;
    WaitingSession& client = engine.Client();
    for (const std::vector<Bytes>& args :
         std::vector<std::vector<Bytes>>{{"MULTI"}, {"WOUTSIDE", "k", "v"}}) {
      engine.Try(client, args);
      engine.Got(client);
    }
    CHECK(engine.Try(client, {"EXEC"}) == Outcome::kDone);
    CHECK(engine.Got(client) == "[OK]");
    CHECK(engine.Run({"WOUTSIDE", "k", "w"}) == "OK");  // this session has no thread to go on with
    CHECK(engine.Apply({"WOUTSIDE", "k", "x"}));
    CHECK(enlisted.empty());
  }

  TEST_CASE(
      "a waiter whose command has to stop for something outside is not served but does so itself") {
    Fixture engine;
    outside_is_ready = false;
    WaitingSession& client = engine.Waiting({"WAWAIT", "k"});
    engine.Run({"SET", "k", "v"});
    CHECK(engine.Got(client) == "");
    CHECK(client.parking.reason == ParkReason::kOutside);
    CHECK(engine.Run({"GET", "k"}) == "\"v\"");
    outside_is_ready = true;
    enlisted.back()->Restart();
    CHECK(engine.Got(client) == "\"v\"");
    enlisted.clear();
  }

  TEST_CASE("waiters move with their keys' shards when the keyspace grows") {
    Fixture engine;
    std::vector<WaitingSession*> clients;
    for (int i = 0; i < 100; ++i)
      clients.push_back(&engine.Waiting({"WTAKE", "wait:" + std::to_string(i), "0"}));
    for (int i = 0; i < 20'000; ++i) engine.Run({"SET", "fill:" + std::to_string(i), "v"});
    REQUIRE(engine.databases.Get(0).staircase().shards() > 8);
    for (int i = 0; i < 100; ++i)
      engine.Run({"SET", "wait:" + std::to_string(i), std::to_string(i)});
    for (int i = 0; i < 100; ++i)
      CHECK(engine.Got(*clients[static_cast<size_t>(i)]) == "\"" + std::to_string(i) + "\"");
  }

  TEST_CASE(
      "a unit takes a limited number of keys for its waiters' sake; the waiters beyond start anew "
      "by themselves") {
    Fixture engine;
    constexpr size_t kClients = 1100;
    std::vector<WaitingSession*> clients;
    for (size_t i = 0; i < kClients; ++i)
      clients.push_back(&engine.Waiting({"WMOVE", "k", "to:" + std::to_string(i)}));
    for (int i = 0; i < 3000; ++i)
      engine.Run({"SET", "fill:" + std::to_string(i), "v"});  // many shards
    size_t restarted = 0;
    size_t served = 0;
    for (size_t i = 0; i < kClients; ++i) {
      engine.Run({"SET", "k", "v"});
      restarted = 0;
      served = 0;
      for (const auto& wait : engine.woken) {
        served += wait->state() == Wait::State::kServed;
        restarted += wait->state() == Wait::State::kRestarted;
      }
      CHECK(served == std::min(i + 1, kClients - restarted));
    }
    CHECK(served + restarted == kClients);
    CHECK(served >= 1024);
  }

  TEST_CASE(
      "what one thread brings another's client gets, nothing is lost and nothing comes twice") {
    Fixture engine;
    constexpr int kRounds = 2000;
    // The second thread: an executor of its own.
    std::thread producer([&] {
      engine::Participant* self = engine.participants.Join();
      exec::Executor executor(engine.environment, *self, engine.publisher, nullptr, nullptr, 7);
      exec::Session session(99);
      for (int i = 0; i < kRounds;) {
        self->In();
        const std::string number = std::to_string(i);
        const Bytes words[] = {"SETNX", "k", number};
        executor.BeginBatch();
        executor.Execute(session, {.command = engine.table.Find("SETNX"), .args = Args(words, 3)});
        const bool stored = session.out.size() == 4 && [&] {
          resp::IoSlice slice;
          session.out.Gather(&slice, 1);
          return slice.base[1] == '1';
        }();
        session.out.Clear();
        self->Out();
        i += stored;
      }
      engine.participants.Leave(self);
    });
    struct MailWaker final : exec::Waker {
      void Wake(std::shared_ptr<Wait> wait) noexcept override { last.store(wait.get()); }
      std::atomic<Wait*> last{nullptr};
    } waker;
    WaitingSession client(50, waker);
    for (int i = 0; i < kRounds; ++i) {
      engine.participant->In();
      waker.last.store(nullptr);
      if (engine.Try(client, {"WTAKE", "other", "k", "0"}) == Outcome::kParked) {
        const std::shared_ptr<Wait> wait = client.parking.wait;
        engine.participant->Out();
        while (waker.last.load() != wait.get()) std::this_thread::yield();
        engine.participant->In();
      }
      const std::string got = engine.Got(client);
      engine.participant->Out();
      REQUIRE(got == "\"" + std::to_string(i) + "\"");
    }
    producer.join();
    engine.participant->In();
  }

  TEST_CASE(
      "whoever comes first ends a wait: served by one thread, restarted by another, nothing is "
      "lost or comes twice") {
    Fixture engine;
    constexpr int kRounds = 1000;
    std::thread producer([&] {
      engine::Participant* self = engine.participants.Join();
      exec::Executor executor(engine.environment, *self, engine.publisher, nullptr, nullptr, 7);
      exec::Session session(99);
      for (int i = 0; i < kRounds;) {
        self->In();
        const std::string number = std::to_string(i);
        const Bytes words[] = {"SETNX", "k", number};
        executor.BeginBatch();
        executor.Execute(session, {.command = engine.table.Find("SETNX"), .args = Args(words, 3)});
        resp::IoSlice slice;
        session.out.Gather(&slice, 1);
        i += slice.base[1] == '1';
        session.out.Clear();
        self->Out();
        std::this_thread::yield();
      }
      engine.participants.Leave(self);
    });
    std::mutex mutex;
    std::shared_ptr<Wait> current;
    std::atomic<bool> over{false};
    std::thread restarter([&] {
      while (!over.load()) {
        std::shared_ptr<Wait> wait;
        {
          std::lock_guard lock(mutex);
          wait = current;
        }
        if (wait != nullptr) wait->Restart();
        std::this_thread::yield();
      }
    });
    struct MailWaker final : exec::Waker {
      void Wake(std::shared_ptr<Wait> wait) noexcept override { last.store(wait.get()); }
      std::atomic<Wait*> last{nullptr};
    } waker;
    WaitingSession client(50, waker);
    for (int i = 0; i < kRounds; ++i) {
      engine.participant->In();
      auto outcome = engine.Try(client, {"WTAKE", "other", "k", "0"});
      while (outcome == Outcome::kParked) {
        const std::shared_ptr<Wait> wait = client.parking.wait;
        {
          std::lock_guard lock(mutex);
          current = wait;
        }
        engine.participant->Out();
        while (waker.last.load() != wait.get()) std::this_thread::yield();
        engine.participant->In();
        outcome = engine.executor.EndWait(client) ? Outcome::kDone
                                                  : engine.Try(client, client.parking.TakeFirst());
      }
      client.parking.resumed.reset();
      const std::string got = engine.Got(client);
      engine.participant->Out();
      REQUIRE(got == "\"" + std::to_string(i) + "\"");
    }
    producer.join();
    over.store(true);
    restarter.join();
    engine.participant->In();
  }
}
