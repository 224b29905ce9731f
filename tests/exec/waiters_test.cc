// Sessions that wait for keys, with two commands made up for it: WTAKE takes the string that a key holds, WMOVE moves it
// to another key; both wait for it.
#include <doctest/doctest.h>

#include <memory>
#include <thread>

#include "base/numbers.h"
#include "commands/support/engine_fixture.h"
#include "exec/families.h"
#include "exec/transaction.h"

using namespace terrace;
using exec::ParkReason;
using exec::Wait;
using terrace::testing::EngineFixture;
using terrace::testing::Lines;
using Outcome = exec::Executor::Outcome;

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

constexpr KeySpec kTakeKeys[] = {{.flags = kKeyRW, .index = 1, .last = -2}};
constexpr KeySpec kMoveKeys[] = {{.flags = kKeyRW, .index = 1, .last = 1}};
constexpr CommandSpec kWaitingCommands[] = {
    {.name = "wtake", .arity = -3, .flags = kWrite | kBlocking, .keys = kTakeKeys, .write = Take},
    {.name = "wmove", .arity = 3, .flags = kWrite | kBlocking, .keys = kMoveKeys, .write = MoveOver},
};

struct WaitingSession final : exec::Session {
  WaitingSession(uint64_t session_id, exec::Waker& session_waker) : exec::Session(session_id), waker_(session_waker) {}
  exec::Waker* waker() override { return &waker_; }

 private:
  exec::Waker& waker_;
};

// Several sessions on one executor, as a worker has them.
struct Fixture : EngineFixture, exec::Waker {
  Fixture() : EngineFixture({kWaitingCommands, StringCommands(), KeyCommands(), ExpireCommands(),
                             exec::TransactionCommands(), exec::KeyspaceCommands(), exec::SelectCommands()}) {}
  ~Fixture() override {
    for (auto& each : sessions) End(*each, Wait::State::kGone);
  }

  void Wake(std::shared_ptr<Wait> wait) noexcept override { woken.push_back(std::move(wait)); }

  WaitingSession& Client() {
    sessions.push_back(std::make_unique<WaitingSession>(sessions.size() + 10, *this));
    return *sessions.back();
  }
  Outcome Try(exec::Session& client, const std::vector<Bytes>& args) {
    const exec::OwnedRequest request(table.Find(args[0]), Args(args.data(), args.size()), Bytes());
    executor.BeginBatch();
    return executor.Execute(client, {.command = request.command(), .args = request.args()});
  }
  /// A client that waits with this command.
  WaitingSession& Waiting(const std::vector<Bytes>& args) {
    WaitingSession& client = Client();
    REQUIRE(Try(client, args) == Outcome::kParked);
    REQUIRE(client.parking.reason == ParkReason::kKeys);
    REQUIRE(client.out.empty());
    return client;
  }
  /// What the client got; "" if it still waits.
  std::string Got(exec::Session& client) {
    const std::shared_ptr<Wait> wait = client.parking.wait;
    if (wait != nullptr && wait->state() != Wait::State::kWaiting) {
      executor.FinishWait(client, *wait);
      Forget(client);
    }
    resp::ReplyParser parser;
    while (!client.out.empty()) {
      resp::IoSlice slice;
      client.out.Gather(&slice, 1);
      parser.Feed(Bytes(slice.base, slice.len));
      client.out.Consume(slice.len);
    }
    resp::ReplyValue value;
    return parser.Next(&value) == resp::ReplyParser::Outcome::kValue ? value.ToString() : "";
  }
  bool End(exec::Session& client, Wait::State state) {
    if (client.parking.wait == nullptr) return false;
    const bool ended = client.parking.wait->TryEnd(state);
    if (state == Wait::State::kGone) Forget(client);
    return ended;
  }
  void Forget(exec::Session& client) {
    executor.ForgetWait(*client.parking.wait);
    client.parking = {};
  }
  bool AnybodyListed(Bytes key, unsigned db = 0) {
    engine::KeyRef ref = executor.RefFor(db, key);
    bool any = false;
    executor.WithLocked(&ref, 1, [&] { any = ref.shard->interest() != nullptr && ref.shard->interest()->has_waits(); });
    return any;
  }

  std::vector<std::shared_ptr<Wait>> woken;
  std::vector<std::unique_ptr<WaitingSession>> sessions;
};

}  // namespace

TEST_SUITE("exec/waiters") {
  TEST_CASE("what is there is taken at once, what is not is waited for and served by the write that brings it") {
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
    for (const auto& args : std::vector<std::vector<Bytes>>{{"MULTI"}, {"SET", "k", "1"}, {"DEL", "k"}}) engine.Run(args);
    CHECK(engine.Run({"EXEC"}) == "[OK, 1]");
    CHECK(engine.Got(client) == "");
    for (const auto& args : std::vector<std::vector<Bytes>>{{"MULTI"}, {"SET", "k", "1"}, {"APPEND", "k", "2"}}) {
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
    for (const auto& args : std::vector<std::vector<Bytes>>{{"MULTI"}, {"FLUSHALL"}, {"SET", "k", "1"}}) engine.Run(args);
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
    for (const auto state : {Wait::State::kTimedOut, Wait::State::kUnblocked, Wait::State::kRefused}) {
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

  TEST_CASE("what was served is logged behind what brought it, in a unit of its own, with its events") {
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

  TEST_CASE("waiters move with their keys' shards when the keyspace grows") {
    Fixture engine;
    std::vector<WaitingSession*> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(&engine.Waiting({"WTAKE", "wait:" + std::to_string(i), "0"}));
    for (int i = 0; i < 20'000; ++i) engine.Run({"SET", "fill:" + std::to_string(i), "v"});
    REQUIRE(engine.databases.Get(0).staircase().shards() > 8);
    for (int i = 0; i < 100; ++i) engine.Run({"SET", "wait:" + std::to_string(i), std::to_string(i)});
    for (int i = 0; i < 100; ++i) CHECK(engine.Got(*clients[static_cast<size_t>(i)]) == "\"" + std::to_string(i) + "\"");
  }

  TEST_CASE("a unit takes a limited number of keys for its waiters' sake; the waiters beyond start anew by themselves") {
    Fixture engine;
    constexpr size_t kClients = 1100;
    std::vector<WaitingSession*> clients;
    for (size_t i = 0; i < kClients; ++i) clients.push_back(&engine.Waiting({"WMOVE", "k", "to:" + std::to_string(i)}));
    for (int i = 0; i < 3000; ++i) engine.Run({"SET", "fill:" + std::to_string(i), "v"});  // many shards
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

  TEST_CASE("what one thread brings another's client gets, nothing is lost and nothing comes twice") {
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
}
