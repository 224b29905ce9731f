// DEBUG RELOAD: all data as an RDB file and back.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

const std::vector<std::string> kDebug = {"--enable-debug-command", "yes", "--threads", "2"};

// Some of every type, in small and large, in two databases.
void Fill(Client& client) {
  for (int i = 0; i < 200; ++i) {
    const std::string n = std::to_string(i);
    CHECK(client.Run("SET string:" + n + " " + std::string(static_cast<size_t>(i * 3), 'v') + n) ==
          "+OK");
    client.Run("RPUSH list " + n + " element" + n);
    client.Run("SADD numbers " + n);
    client.Run("SADD words word" + n);
    client.Run("HSET hash field" + n + " " + n);
    client.Run("ZADD scores " + n + ".5 member" + n);
  }
  client.Run("RPUSH small a");
  client.Run("HSET small-hash a b");
  client.Run("ZADD small-scores 1 a");
  client.Run("PEXPIREAT string:7 4102444800000");
  client.Run("SELECT 3");
  client.Run("SET other db");
  client.Run("SELECT 0");
}

TEST_SUITE("integration/reload") {
  TEST_CASE("data are the same after DEBUG RELOAD, deadlines and databases included") {
    ServerProcess server(kDebug);
    Client client = server.Connect();
    Fill(client);
    if (!AgainstStock()) {
      client.Run("HPEXPIREAT hash 4102444800000 FIELDS 2 field3 field5");
      client.Run("HPEXPIREAT small-hash 4102444800000 FIELDS 1 a");
    }
    const std::string digest = client.Run("DEBUG DIGEST");
    CHECK(client.Run("DEBUG RELOAD") == "+OK");
    if (!AgainstStock()) {
      CHECK(client.Run("HPEXPIRETIME hash FIELDS 2 field3 field4") == "[:4102444800000 :-1]");
      CHECK(client.Run("HPEXPIRETIME small-hash FIELDS 1 a") == "[:4102444800000]");
    }
    CHECK(client.Run("DEBUG DIGEST") == digest);
    CHECK(client.Run("PEXPIRETIME string:7") == ":4102444800000");
    CHECK(client.Run("DBSIZE") == ":208");
    CHECK(client.Run("ZSCORE scores member20") == "$20.5");
    CHECK(client.Run("FLUSHALL") == "+OK");
    CHECK(client.Run("DEBUG RELOAD NOSAVE") == "+OK");
    CHECK(client.Run("DEBUG DIGEST") == digest);
  }

  TEST_CASE("a damaged file is refused and leaves the data alone") {
    ServerProcess server(kDebug);
    Client client = server.Connect();
    Fill(client);
    const std::string digest = client.Run("DEBUG DIGEST");
    REQUIRE(client.Run("DEBUG RELOAD") == "+OK");
    const std::string path = server.folder() + "/dump.rdb";
    const auto size = std::filesystem::file_size(path);
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(size / 2));
      const int byte = file.peek();
      file.seekp(static_cast<std::streamoff>(size / 2));
      file.put(static_cast<char>(byte ^ 0x55));
    }
    const std::string error = "-ERR Error trying to load the RDB dump, check server logs.";
    CHECK(client.Run("DEBUG RELOAD NOSAVE") == error);
    std::filesystem::resize_file(path, size / 3);
    CHECK(client.Run("DEBUG RELOAD NOSAVE") == error);
    std::filesystem::remove(path);
    CHECK(client.Run("DEBUG RELOAD NOSAVE") == error);
    CHECK(client.Run("DEBUG DIGEST") == digest);
  }

  TEST_CASE("NOFLUSH adds to the data, and replaces keys only with MERGE") {
    ServerProcess server(kDebug);
    Client client = server.Connect();
    CHECK(client.Run("MSET a file b file") == "+OK");
    REQUIRE(client.Run("DEBUG RELOAD") == "+OK");
    CHECK(client.Run("FLUSHALL") == "+OK");
    CHECK(client.Run("MSET a live c live") == "+OK");
    CHECK(client.Run("DEBUG RELOAD NOSAVE NOFLUSH") ==
          "-ERR Error trying to load the RDB dump, check server logs.");
    CHECK(client.Run("MGET a b c") == "[$live $-1 $live]");
    CHECK(client.Run("DEBUG RELOAD NOSAVE NOFLUSH MERGE") == "+OK");
    CHECK(client.Run("MGET a b c") == "[$file $file $live]");
    CHECK(client.Run("DEBUG RELOAD SIDEWAYS") ==
          "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
  }

  TEST_CASE("keys whose deadline passed while they were in the file do not come back") {
    ServerProcess server(kDebug);
    Client client = server.Connect();
    CHECK(client.Run("DEBUG SET-ACTIVE-EXPIRE 0") == "+OK");
    CHECK(client.Run("MSET stays 1 goes 1") == "+OK");
    CHECK(client.Run("PEXPIREAT goes 4102444800000") == ":1");
    REQUIRE(client.Run("DEBUG RELOAD") == "+OK");
    CHECK(client.Run("PEXPIRE goes 1") == ":1");
    REQUIRE(client.Run("DEBUG SLEEP 0.01") == "+OK");
    CHECK(client.Run("DEBUG RELOAD") == "+OK");
    CHECK(client.Run("DBSIZE") == ":1");
  }
}

}  // namespace
}  // namespace terrace::integration
