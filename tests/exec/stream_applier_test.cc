// A recorded stream, applied to another engine: the same data, the same bytes in its log, and nobody sees half a unit.
#include "exec/stream_applier.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cctype>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"
#include "exec/collection_traffic.h"
#include "exec/families.h"
#include "exec/second_client.h"
#include "exec/stream_engine.h"

using namespace terrace;
using terrace::testing::EngineFixture;
using Outcome = exec::StreamApplier::Outcome;

namespace {

using Fixture = testing::StreamEngine;
using testing::Encode;
constexpr unsigned kDatabases = testing::kStreamDatabases;

Outcome Apply(exec::StreamApplier& applier, EngineFixture& engine,
              const std::vector<std::string>& words) {
  const std::vector<Bytes> views(words.begin(), words.end());
  engine.executor.BeginBatch();
  return applier.Apply(Args(views.data(), views.size()), Encode(words));
}

void ApplyAll(exec::StreamApplier& applier, EngineFixture& engine, Bytes stream) {
  resp::ReplyParser parser;
  parser.Feed(stream);
  resp::ReplyValue command;
  while (parser.Next(&command) == resp::ReplyParser::Outcome::kValue) {
    std::vector<std::string> words;
    for (const auto& word : command.elements) words.push_back(word.string);
    INFO(words[0]);
    REQUIRE(Apply(applier, engine, words) != Outcome::kFailed);
  }
  REQUIRE(parser.buffered_bytes() == 0);
}

// Random clients of an engine: every command that writes, in and out of transactions.
class Traffic {
 public:
  Traffic(Fixture& engine, uint64_t seed) : engine_(engine), random_(seed) {}

  void Run(int commands) {
    for (int i = 0; i < commands; ++i) {
      if (random_.Below(20) == 0) Send({"SELECT", std::to_string(random_.Below(kDatabases))});
      const bool transaction = random_.Below(10) == 0;
      if (transaction) Send({"MULTI"});
      for (uint64_t n = transaction ? random_.Below(5) : 1; n > 0; --n) Send(Command());
      if (transaction) Send({"EXEC"});
      engine_.AdvanceMs(random_.Below(5));
      if (random_.Below(10) == 0) engine_.executor.ExpireDueKeys(0, 1, 1'000'000'000);
    }
  }
  const std::set<std::string>& sent() const { return sent_; }

 private:
  std::string Key() { return "k" + std::to_string(random_.Below(40)); }
  std::string Text() {
    return random_.Below(2) == 0 ? std::to_string(random_.Below(1000))
                                 : std::string(random_.Below(60), 'x') + "y";
  }
  std::string Ms() { return std::to_string(1 + random_.Below(300)); }
  std::string At(uint64_t unit_ms) {
    return std::to_string((engine_.now_ms() + random_.Below(3000)) / unit_ms);
  }
  std::string Payload() {
    const resp::ReplyValue dump =
        engine_.Ask({"DUMP", random_.Below(2) == 0 ? Key() : collections_.AnyKey()});
    return dump.string.empty() ? "no payload" : dump.string;
  }

  std::vector<std::string> Command() {
    collections_.set_now_ms(engine_.now_ms());
    if (random_.Below(2) == 0) return collections_.Command();
    switch (random_.Below(39)) {
      case 0:
        return {"SET", Key(), Text()};
      case 1:
        return {"SET", Key(), Text(), "PX", Ms()};
      case 2:
        return {"SET", Key(), Text(), "NX", "EX", "1"};
      case 3:
        return {"SET", Key(), Text(), "XX", "KEEPTTL"};
      case 4:
        return {"SETNX", Key(), Text()};
      case 5:
        return {"SETEX", Key(), "1", Text()};
      case 6:
        return {"PSETEX", Key(), Ms(), Text()};
      case 7:
        return {"GETSET", Key(), Text()};
      case 8:
        return {"GETDEL", Key()};
      case 9:
        return {"GETEX", Key(), "PX", Ms()};
      case 10:
        return {"GETEX", Key(), "PERSIST"};
      case 11:
        return {"APPEND", Key(), Text()};
      case 12:
        return {"SETRANGE", Key(), std::to_string(random_.Below(30)), Text()};
      case 13:
        return {"MSET", Key(), Text(), Key(), Text(), Key(), Text()};
      case 14:
        return {"MSETNX", Key(), Text(), Key(), Text()};
      case 15:
        return {"INCR", Key()};
      case 16:
        return {"DECR", Key()};
      case 17:
        return {"INCRBY", Key(), Ms()};
      case 18:
        return {"DECRBY", Key(), Ms()};
      case 19:
        return {"INCRBYFLOAT", Key(), "0.5"};
      case 20:
        return {"DEL", Key(), Key()};
      case 21:
        return {"UNLINK", Key()};
      case 22:
        return {"RENAME", Key(), Key()};
      case 23:
        return {"RENAMENX", Key(), Key()};
      case 24:
        return {"COPY", Key(), Key(), "DB", std::to_string(random_.Below(kDatabases)), "REPLACE"};
      case 25:
        return {"MOVE", Key(), std::to_string(random_.Below(kDatabases))};
      case 26:
        return {"EXPIRE", Key(), "1"};
      case 27:
        return {"PEXPIRE", Key(), Ms()};
      case 28:
        return {"EXPIREAT", Key(), At(1000)};
      case 29:
        return {"PEXPIREAT", Key(), At(1)};
      case 30:
        return {"PERSIST", Key()};
      case 31:
        return {"RESTORE", Key(), "0", Payload(), "REPLACE"};
      case 32:
        return {"PUBLISH", "channel", Text()};
      case 33:
        return {"SPUBLISH", "channel", Text()};
      case 34:
        return {"GET", Key()};
      case 35:
        return random_.Below(20) == 0 ? std::vector<std::string>{"FLUSHDB"} : Command();
      case 37:
        return {"DELIFEQ", Key(), std::to_string(random_.Below(1000))};
      case 36:
        return random_.Below(20) == 0 ? std::vector<std::string>{"FLUSHALL"} : Command();
      default:
        return random_.Below(10) == 0 ? std::vector<std::string>{"SWAPDB", "0", "2"} : Command();
    }
  }
  void Send(const std::vector<std::string>& words) {
    sent_.insert(words[0]);
    if (words.size() > 1) sent_.insert(words[0] + "|" + words[1]);
    const std::vector<Bytes> views(words.begin(), words.end());
    engine_.Wire(views);
  }

  Fixture& engine_;
  Random random_;
  testing::CollectionTraffic collections_{random_};
  std::set<std::string> sent_;
};

}  // namespace

TEST_SUITE("exec/stream_applier") {
  TEST_CASE("the stream of any traffic gives another engine the same data and the same log") {
    std::set<std::string> sent;  // by any of the runs: the rarest commands are not in each
    for (const uint64_t seed : {1, 2, 3}) {
      Fixture source;
      Traffic traffic(source, seed);
      traffic.Run(9000);  // the rarest command is one in five thousand
      Fixture target;
      exec::Session stream(9);
      exec::StreamApplier applier(target.executor, stream);
      ApplyAll(applier, target, source.Stream());
      const auto held = source.Contents();
      const auto applied = target.Contents();
      for (const auto& [key, text] : held) {
        const auto found = applied.find(key);
        REQUIRE_MESSAGE(found != applied.end(), key);
        REQUIRE_MESSAGE(found->second == text, key << " " << text << "\n-- applied: --\n"
                                                   << found->second);
      }
      REQUIRE(held.size() == applied.size());
      REQUIRE(source.Stream() == target.Stream());
      CHECK(source.Stream().size() > 50'000);
      sent.insert(traffic.sent().begin(), traffic.sent().end());
    }
    // A command that writes and is not among the traffic is a hole in this test.
    const Fixture known;
    for (uint32_t id = 0; id < known.table.ids(); ++id) {
      const commands::Command& command = known.table.ById(id);
      if ((command.flags & (commands::kWrite | commands::kMayReplicate)) == 0) continue;
      std::string name(command.full_name());
      for (char& c : name) c = static_cast<char>(std::toupper(c));
      INFO(name);
      CHECK((sent.count(name) == 1 || name == "RESTORE-ASKING"));
    }
  }

  TEST_CASE("a MULTI happens at its EXEC and not before, and one that breaks off never") {
    Fixture engine;
    exec::Session stream(9);
    exec::StreamApplier applier(engine.executor, stream);
    const uint64_t start = engine.log.end_offset();
    CHECK(Apply(applier, engine, {"MULTI"}) == Outcome::kQueued);
    CHECK(Apply(applier, engine, {"SET", "a", "1"}) == Outcome::kQueued);
    CHECK(Apply(applier, engine, {"SELECT", "1"}) == Outcome::kQueued);
    CHECK(Apply(applier, engine, {"SET", "b", "2"}) == Outcome::kQueued);
    CHECK(applier.pending_bytes() > 0);
    CHECK(engine.Contents().empty());
    CHECK(engine.log.end_offset() == start);
    CHECK(Apply(applier, engine, {"EXEC"}) == Outcome::kApplied);
    CHECK(engine.Contents() == std::map<std::string, std::string>{{"0 a", "0 1"}, {"1 b", "0 2"}});
    CHECK(stream.db == 1);
    const uint64_t end = engine.log.end_offset();
    Apply(applier, engine, {"MULTI"});
    Apply(applier, engine, {"DEL", "b"});
    applier.Forget();
    CHECK(Apply(applier, engine, {"PING"}) == Outcome::kApplied);
    CHECK(engine.Contents().size() == 2);
    CHECK(engine.log.end_offset() == end + Encode({"PING"}).size());
  }

  TEST_CASE("what a stream may not hold is refused, and its bytes count all the same") {
    Fixture engine;
    exec::Session stream(9);
    exec::StreamApplier applier(engine.executor, stream);
    engine.Run({"SET", "a", "text"});
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"NOSUCH", "x"},
                                               {"GET", "a"},
                                               {"SET", "a"},
                                               {"EXEC"},
                                               {"SELECT", "99"},
                                               {"INCR", "a"},
                                               {"WATCH", "a"}}) {
      INFO(words[0]);
      const uint64_t end = engine.log.end_offset();
      CHECK(Apply(applier, engine, words) == Outcome::kFailed);
      CHECK(engine.log.end_offset() == end + Encode(words).size());
    }
    Apply(applier, engine, {"MULTI"});
    Apply(applier, engine, {"NOSUCH"});
    Apply(applier, engine, {"SET", "a", "2"});
    CHECK(Apply(applier, engine, {"EXEC"}) == Outcome::kFailed);
    CHECK(engine.Run({"GET", "a"}) == "\"2\"");
  }

  TEST_CASE("at recovery nothing is appended: the log has it already") {
    Fixture engine;
    exec::Session stream(9);
    exec::StreamApplier applier(engine.executor, stream);
    const uint64_t end = engine.log.end_offset();
    const std::vector<Bytes> words = {"SET", "a", "1"};
    CHECK(applier.Apply(Args(words.data(), words.size()), Bytes()) == Outcome::kApplied);
    CHECK(engine.log.end_offset() == end);
    CHECK(engine.Run({"GET", "a"}) == "\"1\"");
    engine.Run({"SET", "b", "2"});
    CHECK(engine.Log() == terrace::testing::Lines{"SET b 2"});
  }

  TEST_CASE("a reader on another thread never sees half of an applied MULTI") {
    Fixture engine;
    exec::Session stream(9);
    exec::StreamApplier applier(engine.executor, stream);
    Apply(applier, engine, {"MSET", "a", "0", "b", "0"});
    std::atomic<bool> done{false};
    std::atomic<int> looks{0}, torn{0};
    std::thread reader([&] {
      engine::Participant* participant = engine.participants.Join();
      terrace::testing::RecordingPublisher publisher;
      participant->In();
      exec::Executor executor(engine.environment, *participant, publisher, nullptr, nullptr, 2);
      exec::Session session(10);
      const std::vector<Bytes> words = {"MGET", "a", "b"};
      do {
        executor.BeginBatch();
        executor.Execute(session, {.command = engine.table.Find("MGET"),
                                   .args = Args(words.data(), words.size())});
        std::string wire;
        while (!session.out.empty()) {
          resp::IoSlice slice;
          session.out.Gather(&slice, 1);
          wire.append(slice.base, slice.len);
          session.out.Consume(slice.len);
        }
        // *2 and two bulk strings: alike, so the halves behind the header are.
        const std::string values = wire.substr(4);
        if (values.substr(0, values.size() / 2) != values.substr(values.size() / 2))
          torn.fetch_add(1);
        looks.fetch_add(1);
        participant->Yield();
      } while (!done.load());
      participant->Out();
      engine.participants.Leave(participant);
    });
    for (int i = 0; i < 1000 || looks.load() < 10; ++i) {
      const std::string value = std::to_string(100000 + i);
      Apply(applier, engine, {"MULTI"});
      // Every eighth unit needs everybody out, the others their keys' shards.
      if (i % 8 == 0) Apply(applier, engine, {"FLUSHALL"});
      Apply(applier, engine, {"SET", "a", value});
      Apply(applier, engine, {"SET", "b", value});
      if (Apply(applier, engine, {"EXEC"}) != Outcome::kApplied) torn.fetch_add(1);
    }
    done = true;
    engine.participant->Out();
    reader.join();
    engine.participant->In();
    CHECK(torn == 0);
    CHECK(looks > 0);
  }
}
