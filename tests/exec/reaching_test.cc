// Commands that read keys which they do not name (SORT with patterns): alone among all clients, wherever they stand.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>

#include "exec/families.h"
#include "exec/second_client.h"

using namespace terrace;
using terrace::testing::EngineFixture;
using terrace::testing::Lines;
using terrace::testing::SecondClient;
using Outcome = exec::Executor::Outcome;

namespace {

struct Fixture : EngineFixture {
  Fixture()
      : EngineFixture({commands::StringCommands(), commands::KeyCommands(),
                       commands::ListCommands(), commands::SortCommands(),
                       exec::TransactionCommands()}) {}
  SecondClient other{*this};
};

}  // namespace

TEST_SUITE("exec/reaching") {
  TEST_CASE("in a transaction it reaches as far as alone, and its effect is part of the unit") {
    Fixture engine;
    engine.Run({"RPUSH", "l", "1", "2"});
    engine.Run({"MSET", "w_1", "b", "w_2", "a"});
    engine.Log();
    engine.Run({"MULTI"});
    engine.Run({"SET", "w_2", "c"});
    engine.Run({"SORT", "l", "BY", "w_*", "ALPHA", "DESC", "GET", "w_*", "STORE", "dst"});
    engine.Run({"SORT_RO", "dst", "BY", "nosort"});
    CHECK(engine.Run({"EXEC"}) == "[OK, 2, [\"c\", \"b\"]]");
    CHECK(engine.Log() ==
          Lines{"MULTI", "SET w_2 c", "SORT l BY w_* ALPHA DESC GET w_* STORE dst", "EXEC"});
  }

  TEST_CASE("a pause that was announced while it waited to be alone parks it") {
    Fixture engine;
    engine.Run({"RPUSH", "l", "1"});
    const std::vector<Bytes> sort = {"SORT", "l", "GET", "w_*", "STORE", "dst"};
    std::thread pausing([&] {
      engine.participants.Exclusive(nullptr, [&] { engine.gates.Close(exec::kGatePauseWrites); });
    });
    while (!engine.participant->WantedOut()) std::this_thread::yield();
    CHECK(engine.other.Try(sort) == Outcome::kParked);
    pausing.join();
    CHECK(engine.other.TakeReply() == "");
    CHECK(engine.Run({"EXISTS", "dst"}) == "0");
    engine.gates.Open(exec::kGatePauseWrites);
    CHECK(engine.other.Run(sort) == "1");
    CHECK(engine.Run({"LRANGE", "dst", "0", "-1"}) == "[\"\"]");
  }

  TEST_CASE("another thread's writes to what it reads happen before it or after it") {
    Fixture engine;
    engine.Run({"RPUSH", "l", "1"});
    engine.Run({"MSET", "a_1", "0", "b_1", "0"});
    std::atomic<bool> done{false};
    std::thread writer([&] {
      engine::Participant* participant = engine.participants.Join();
      terrace::testing::RecordingPublisher publisher;
      participant->In();
      {
        exec::Executor executor(engine.environment, *participant, publisher, nullptr, nullptr, 2);
        exec::Session session(10);
        for (unsigned i = 0; !done.load(); ++i) {
          const std::string value = std::to_string(i);
          const std::vector<Bytes> words = {"MSET", "a_1", value, "b_1", value};
          executor.BeginBatch();
          executor.Execute(session, {.command = engine.table.Find("MSET"),
                                     .args = Args(words.data(), words.size())});
          session.out.Consume(session.out.size());
          participant->Yield();
        }
      }
      participant->Out();
      engine.participants.Leave(participant);
    });
    int torn = 0;
    for (int i = 0; i < 500; ++i) {
      const resp::ReplyValue reply = engine.Ask({"SORT_RO", "l", "GET", "a_*", "GET", "b_*"});
      torn += reply.elements.size() == 2 && reply.elements[0].string == reply.elements[1].string
                  ? 0
                  : 1;
    }
    done = true;
    engine.participant->Out();
    writer.join();
    engine.participant->In();
    CHECK(torn == 0);
  }
}
