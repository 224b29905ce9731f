// A client library as its users call it: hiredis, on which many others stand.
#include <doctest/doctest.h>
#include <hiredis/hiredis.h>

#include <memory>
#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

using Context = std::unique_ptr<redisContext, decltype(&redisFree)>;
using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

Context Open(const ServerProcess& server) {
  return {redisConnect("127.0.0.1", server.port()), &redisFree};
}

Reply Own(void* reply) { return {static_cast<redisReply*>(reply), &freeReplyObject}; }

TEST_SUITE("integration/hiredis") {
  TEST_CASE("formatted commands and their replies") {
    ServerProcess server;
    Context context = Open(server);
    REQUIRE(context->err == 0);
    const std::string binary("a\0b\r\n", 5);
    Reply set =
        Own(redisCommand(context.get(), "SET key %b EX %d", binary.data(), binary.size(), 100));
    CHECK(std::string(set->str) == "OK");
    Reply get = Own(redisCommand(context.get(), "GET %s", "key"));
    CHECK(get->type == REDIS_REPLY_STRING);
    CHECK((std::string(get->str, get->len) == binary));
    Reply ttl = Own(redisCommand(context.get(), "TTL key"));
    CHECK(ttl->type == REDIS_REPLY_INTEGER);
    CHECK(ttl->integer <= 100);
    CHECK(ttl->integer > 40);
    Reply many = Own(redisCommand(context.get(), "MGET key none"));
    REQUIRE(many->elements == 2);
    CHECK(many->element[1]->type == REDIS_REPLY_NIL);
    Reply error = Own(redisCommand(context.get(), "INCR key"));
    CHECK(error->type == REDIS_REPLY_ERROR);
  }

  TEST_CASE("appended commands are pipelined") {
    ServerProcess server;
    Context context = Open(server);
    for (int i = 0; i < 1000; ++i) redisAppendCommand(context.get(), "INCR counter");
    for (int i = 1; i <= 1000; ++i) {
      void* raw = nullptr;
      REQUIRE(redisGetReply(context.get(), &raw) == REDIS_OK);
      REQUIRE(Own(raw)->integer == i);
    }
  }
}

}  // namespace
}  // namespace terrace::integration
