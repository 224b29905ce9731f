// The public header alone: what somebody who embeds Terrace writes.
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "terrace/database.h"

using terrace::Database;
using terrace::Reply;

TEST_SUITE("exec/embedded") {
  TEST_CASE("what is set is read back, and a miss is nil") {
    auto database = Database::Open({});
    auto client = database->Connect();
    CHECK(client->Execute({"SET", "greeting", "hello"}).text == "OK");
    CHECK(client->Execute({"GET", "greeting"}).text == "hello");
    CHECK(client->Execute({"GET", "nothing"}).is_nil());
  }

  TEST_CASE("errors are the protocol's") {
    auto database = Database::Open({});
    auto client = database->Connect();
    const Reply reply = client->Execute({"NOSUCH", "x"});
    CHECK_FALSE(reply.ok());
    CHECK(reply.text == "ERR unknown command 'NOSUCH', with args beginning with: 'x' ");
    CHECK(client->Execute(std::vector<std::string_view>{}).type == Reply::Type::kError);
  }

  TEST_CASE("a transaction of one client breaks when another changes a watched key") {
    auto database = Database::Open({});
    auto first = database->Connect();
    auto second = database->Connect();
    first->Execute({"SET", "n", "1"});
    first->Execute({"WATCH", "n"});
    second->Execute({"SET", "n", "2"});
    first->Execute({"MULTI"});
    CHECK(first->Execute({"SET", "n", "3"}).text == "QUEUED");
    CHECK(first->Execute({"EXEC"}).is_nil());
    CHECK(first->Execute({"GET", "n"}).text == "2");
  }

  TEST_CASE("databases are apart and SWAPDB exchanges them") {
    auto database = Database::Open({.databases = 2});
    auto client = database->Connect();
    client->Execute({"SET", "k", "zero"});
    client->Execute({"SELECT", "1"});
    CHECK(client->Execute({"GET", "k"}).is_nil());
    client->Execute({"SWAPDB", "0", "1"});
    CHECK(client->Execute({"GET", "k"}).text == "zero");
  }

  TEST_CASE("clients of many threads lose no increment") {
    auto database = Database::Open({});
    constexpr int kThreads = 4, kIncrements = 5000;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        auto client = database->Connect();
        for (int i = 0; i < kIncrements; ++i) client->Execute({"INCR", "counter"});
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(database->Connect()->Execute({"GET", "counter"}).text ==
          std::to_string(kThreads * kIncrements));
  }
}
