// The string commands as clients see them.
#include <doctest/doctest.h>

#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

TEST_SUITE("integration/strings") {
  TEST_CASE("SET honours every condition and answers the old value on request") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("SET k one XX") == "$-1");
    CHECK(client.Run("SET k one NX") == "+OK");
    CHECK(client.Run("SET k two NX") == "$-1");
    CHECK(client.Run("SET k two XX GET") == "$one");
    CHECK(client.Run("SET k three NX GET") == "$two");
    CHECK(client.Run("GET k") == "$two");
    CHECK(client.Run("SET new v GET") == "$-1");
    CHECK(client.Run("SET k v NX XX") == "-ERR syntax error");
    CHECK(client.Run("SET k v EX 10 PX 10") == "-ERR syntax error");
    CHECK(client.Run("SET k v EX 0") == "-ERR invalid expire time in 'set' command");
    CHECK(client.Run("SET k v EX ten") == "-ERR value is not an integer or out of range");
    CHECK(client.Run("SET k v EX 9223372036854775807") ==
          "-ERR invalid expire time in 'set' command");
    CHECK(client.Run("SET k v NOSUCH") == "-ERR syntax error");
  }

  TEST_CASE("SET keeps or drops the time to live as told") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("SET k v EX 100") == "+OK");
    CHECK(IsRecentTtl(client.Run("TTL k"), 100));
    CHECK(client.Run("SET k w KEEPTTL") == "+OK");
    CHECK(IsRecentTtl(client.Run("TTL k"), 100));
    CHECK(client.Run("SET k x") == "+OK");
    CHECK(client.Run("TTL k") == ":-1");
    CHECK(client.Run("SET k x PXAT 33177117420000") == "+OK");
    CHECK(client.Run("EXPIRETIME k") == ":33177117420");
    CHECK(client.Run("SETEX k 50 y") == "+OK");
    CHECK(client.Run("PSETEX k 0 y") == "-ERR invalid expire time in 'psetex' command");
    CHECK(client.Run("GETEX k PERSIST") == "$y");
    CHECK(client.Run("TTL k") == ":-1");
    CHECK(client.Run("GETEX k EX 7700") == "$y");
    CHECK(IsRecentTtl(client.Run("TTL k"), 7700));
    CHECK(client.Run("GETDEL k") == "$y");
    CHECK(client.Run("GETDEL k") == "$-1");
  }

  TEST_CASE("counters count, and refuse what is no number or overflows") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("INCR n") == ":1");
    CHECK(client.Run("INCRBY n 41") == ":42");
    CHECK(client.Run("DECRBY n 50") == ":-8");
    CHECK(client.Run("DECR n") == ":-9");
    CHECK(client.Run("GET n") == "$-9");
    client.Run("SET n 9223372036854775807");
    CHECK(client.Run("INCR n") == "-ERR increment or decrement would overflow");
    CHECK(client.Run("DECRBY n -9223372036854775808") == "-ERR decrement would overflow");
    client.Run("SET n 1a");
    CHECK(client.Run("INCR n") == "-ERR value is not an integer or out of range");
    client.Run("SET", "n", " 1");
    CHECK(client.Run("INCR n") == "-ERR value is not an integer or out of range");
    CHECK(client.Run("INCRBYFLOAT f 1.5") == "$1.5");
    CHECK(client.Run("INCRBYFLOAT f 1.5") == "$3");
    CHECK(client.Run("INCRBYFLOAT f -3.1e2") == "$-307");
    CHECK(client.Run("INCRBYFLOAT f x") == "-ERR value is not a valid float");
    CHECK(client.Run("INCRBYFLOAT f inf") == "-ERR increment would produce NaN or Infinity");
  }

  TEST_CASE("parts of a string are read and written in place") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("APPEND k Hello") == ":5");
    CHECK(client.Run("APPEND", "k", " World") == ":11");
    CHECK(client.Run("GETRANGE k 0 4") == "$Hello");
    CHECK(client.Run("GETRANGE k -5 -1") == "$World");
    CHECK(client.Run("SUBSTR k 5 1") == "$");
    CHECK(client.Run("SETRANGE k 6 Redis") == ":11");
    CHECK(client.Run("GET k") == "$Hello Redis");
    CHECK(client.Run("SETRANGE gap 3 x") == ":4");
    CHECK(client.Run("GET gap") == "$\\x00\\x00\\x00x");
    CHECK(client.Run("SETRANGE gap -1 x") == "-ERR offset is out of range");
    CHECK(client.Run("SETRANGE gap 536870912 x") ==
          "-ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    CHECK(client.Run("STRLEN none") == ":0");
  }

  TEST_CASE("many keys at once are set and read in one step") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("MSET a 1 b 2 a 3") == "+OK");
    CHECK(client.Run("MGET a none b") == "[$3 $-1 $2]");
    CHECK(client.Run("MSETNX c 1 b 2") == ":0");
    CHECK(client.Run("EXISTS c") == ":0");
    CHECK(client.Run("MSETNX c 1 d 2") == ":1");
    CHECK(client.Run("MSET a") == "-ERR wrong number of arguments for 'mset' command");
    CHECK(client.Run("MSET a 1 b") == "-ERR wrong number of arguments for 'mset' command");
    CHECK(client.Run("GETSET a new") == "$3");
    CHECK(client.Run("SETNX a x") == ":0");
  }

  TEST_CASE("the longest common subsequence is found, counted and mapped") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("MSET x ohmytext y mynewtext");
    CHECK(client.Run("LCS x y") == "$mytext");
    CHECK(client.Run("LCS x y LEN") == ":6");
    CHECK(client.Run("LCS x y IDX") == "[$matches [[[:4 :7] [:5 :8]] [[:2 :3] [:0 :1]]] $len :6]");
    CHECK(client.Run("LCS x y IDX MINMATCHLEN 4 WITHMATCHLEN") ==
          "[$matches [[[:4 :7] [:5 :8] :4]] $len :6]");
    CHECK(client.Run("LCS x y IDX LEN") ==
          "-ERR If you want both the length and indexes, please just use IDX.");
  }

  TEST_CASE("keys and values may hold any bytes and be empty") {
    ServerProcess server;
    Client client = server.Connect();
    std::string all_bytes;
    for (int byte = 0; byte < 256; ++byte) all_bytes.push_back(static_cast<char>(byte));
    CHECK(client.Run("SET", all_bytes, all_bytes + all_bytes) == "+OK");
    CHECK((client.Text("GET", all_bytes) == all_bytes + all_bytes));
    CHECK(client.Run("SET", "", "") == "+OK");
    CHECK(client.Run("GET", "") == "$");
    CHECK(client.Run("EXISTS", "", all_bytes) == ":2");
  }

  TEST_CASE("values of every size up to and past the large ones survive") {
    ServerProcess server;
    Client client = server.Connect();
    for (const size_t size :
         {1, 7, 8, 43, 44, 45, 63, 255, 4095, 4096, 16383, 32767, 32768, 32769, 65536, 1000003}) {
      const std::string value(size, static_cast<char>('a' + size % 26));
      REQUIRE(client.Run("SET", "k", value) == "+OK");
      REQUIRE((client.Text("GET", "k") == value));
      REQUIRE(client.Run("APPEND k !") == ":" + std::to_string(size + 1));
      REQUIRE((client.Text("GET", "k") == value + "!"));
    }
  }

  TEST_CASE("SET IFEQ and DELIFEQ act only on the expected value" * doctest::skip(AgainstStock())) {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET lock me");
    CHECK(client.Run("SET lock other IFEQ you") == "$-1");
    CHECK(client.Run("SET lock me-too IFEQ me") == "+OK");
    CHECK(client.Run("DELIFEQ lock me") == ":0");
    CHECK(client.Run("DELIFEQ lock me-too") == ":1");
    CHECK(client.Run("EXISTS lock") == ":0");
  }
}

}  // namespace
}  // namespace terrace::integration
