// HEXPIRE and its relatives, and what every other command makes of fields with deadlines.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "commands/support/field_fixture.h"

namespace terrace::commands {
namespace {

using testing::At;
using testing::FieldFixture;
using testing::kStartMs;
using testing::Lines;

constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

TEST_SUITE("commands/field_deadlines") {
  TEST_CASE_FIXTURE(FieldFixture, "deadlines of fields are set, told and taken away") {
    for (const bool large : {false, true}) {
      const int64_t from = static_cast<int64_t>(now_ms() - kStartMs);
      Fill(large);
      CHECK(Run({"HPEXPIRE", "h", "1500", "FIELDS", "3", "a", "none", "b"}) == "[1, -2, 1]");
      CHECK(Run({"OBJECT", "ENCODING", "h"}) == (large ? "\"hashtable\"" : "\"listpackex\""));
      CHECK(Run({"HEXPIRE", "h", "20", "fields", "1", "b"}) == "[1]");
      CHECK(Run({"HPTTL", "h", "FIELDS", "4", "a", "b", "c", "d"}) == "[1500, 20000, -1, -2]");
      CHECK(Run({"HTTL", "h", "FIELDS", "4", "a", "b", "c", "d"}) == "[2, 20, -1, -2]");
      CHECK(Run({"HPEXPIRETIME", "h", "FIELDS", "2", "a", "c"}) == "[" + At(from + 1500) + ", -1]");
      CHECK(Run({"HEXPIRETIME", "h", "FIELDS", "1", "b"}) ==
            "[" + FormatInt64((static_cast<int64_t>(kStartMs) + from + 20'999) / 1000) + "]");
      CHECK(Log() == Lines{"HPEXPIREAT h " + At(from + 1500) + " FIELDS 2 a b",
                           "HPEXPIREAT h " + At(from + 20'000) + " FIELDS 1 b"});
      CHECK(Events() == Lines{"hexpire h", "hexpire h"});
      CHECK(HashesWithDeadlines() == 1);
      CHECK(Run({"HPERSIST", "h", "FIELDS", "3", "b", "c", "d"}) == "[1, -1, -2]");
      CHECK(Run({"HPERSIST", "h", "FIELDS", "1", "b"}) == "[-1]");
      CHECK(Run({"HPERSIST", "h", "FIELDS", "2", "a", "a"}) == "[1, -1]");
      CHECK(Log() == Lines{"HPERSIST h FIELDS 3 b c d", "HPERSIST h FIELDS 2 a a"});
      CHECK(Events() == Lines{"hpersist h", "hpersist h"});
      CHECK(HashesWithDeadlines() == 0);
      AdvanceMs(100'000);
      CHECK(Run({"HLEN", "h"}) == "3");
      CHECK(Run({"OBJECT", "ENCODING", "h"}) == (large ? "\"hashtable\"" : "\"listpackex\""));
    }
  }

  TEST_CASE_FIXTURE(FieldFixture, "conditions compare with the deadline a field has") {
    for (const bool large : {false, true}) {
      Fill(large);
      const int64_t from = static_cast<int64_t>(now_ms() - kStartMs);
      CHECK(Run({"HPEXPIRE", "h", "1000", "XX", "FIELDS", "1", "a"}) == "[0]");
      CHECK(Run({"HPEXPIRE", "h", "1000", "GT", "FIELDS", "1", "a"}) == "[0]");
      CHECK(Run({"HPEXPIRE", "h", "1000", "LT", "FIELDS", "1", "a"}) == "[1]");
      CHECK(Run({"HPEXPIRE", "h", "1000", "NX", "FIELDS", "2", "a", "b"}) == "[0, 1]");
      CHECK(Run({"HPEXPIRE", "h", "1000", "GT", "FIELDS", "1", "a"}) == "[0]");
      CHECK(Run({"HPEXPIRE", "h", "1000", "LT", "FIELDS", "1", "a"}) == "[0]");
      CHECK(Run({"HPEXPIRE", "h", "2000", "gt", "FIELDS", "3", "a", "c", "a"}) == "[1, 0, 0]");
      CHECK(Run({"HPEXPIRE", "h", "500", "xx", "FIELDS", "2", "a", "c"}) == "[1, 0]");
      CHECK(Log() == Lines{"HPEXPIREAT h " + At(from + 1000) + " LT FIELDS 1 a",
                           "HPEXPIREAT h " + At(from + 1000) + " NX FIELDS 1 b",
                           "HPEXPIREAT h " + At(from + 2000) + " gt FIELDS 1 a",
                           "HPEXPIREAT h " + At(from + 500) + " xx FIELDS 1 a"});
      CHECK(Events().size() == 4);
    }
  }

  TEST_CASE_FIXTURE(FieldFixture,
                    "a time that is past deletes the fields, and with the last one the key") {
    for (const bool large : {false, true}) {
      Fill(large);
      CHECK(Run({"HPEXPIREAT", "h", At(0), "FIELDS", "3", "a", "none", "a"}) == "[2, -2, -2]");
      CHECK(Run({"HEXPIRE", "h", "0", "NX", "FIELDS", "1", "b"}) == "[2]");
      CHECK(Log() == Lines{"HDEL h a", "HDEL h b"});
      CHECK(Events() == Lines{"hdel h", "hdel h"});
      CHECK(Run({"HEXPIREAT", "h", "1", "FIELDS", "2", "c", "c"}) == "[2, -2]");
      CHECK(Events() == Lines{"hdel h", "del h"});
      CHECK(Run({"EXISTS", "h"}) == "0");
      CHECK(Log() == Lines{"HDEL h c"});
    }
    CHECK(expired_fields() == 6);
    // A follower keeps the fields until it is told otherwise.
    Fill(true);
    CHECK(Apply({"HPEXPIREAT", "h", "0", "FIELDS", "1", "a"}));
    CHECK(databases.Get(0).size() == 1);
    CHECK(HashesWithDeadlines() == 1);
    CHECK(Run({"HGET", "h", "a"}) == "null");
  }

  TEST_CASE_FIXTURE(FieldFixture, "requests that make no sense are refused with Redis' texts") {
    Fill(false);
    Run({"SET", "s", "v"});
    Forget();
    for (const Bytes command : {"HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT"}) {
      CHECK(Run({command, "s", "x", "FIELDS", "1", "a"}) == kWrongType);
      CHECK(Run({command, "h", "x", "FIELDS", "1", "a"}) ==
            "(error) ERR value is not an integer or out of range");
      CHECK(Run({command, "h", "-1", "FIELDS", "1", "a"}) ==
            "(error) ERR invalid expire time, must be >= 0");
      CHECK(Run({command, "h", "1", "FIELD", "1", "a"}) ==
            "(error) ERR Mandatory argument FIELDS is missing or not at the right position");
      CHECK(Run({command, "h", "1", "NX", "XX", "FIELDS", "1", "a"}) ==
            "(error) ERR Mandatory argument FIELDS is missing or not at the right position");
      CHECK(Run({command, "h", "1", "FIELDS", "0", "a"}) ==
            "(error) ERR Parameter `numFields` should be greater than 0");
      CHECK(Run({command, "h", "1", "FIELDS", "x", "a"}) ==
            "(error) ERR Parameter `numFields` should be greater than 0");
      CHECK(Run({command, "h", "1", "FIELDS", "2", "a"}) ==
            "(error) ERR The `numfields` parameter must match the number of arguments");
      CHECK(Run({command, "h", "1", "NX", "FIELDS", "1"}) ==
            "(error) ERR The `numfields` parameter must match the number of arguments");
      CHECK(Run({command, "none", "1", "FIELDS", "2", "a", "b"}) == "[-2, -2]");
    }
    CHECK(Run({"HEXPIRE", "h", "70368744178", "FIELDS", "1", "a"}) ==
          "(error) ERR invalid expire time in 'hexpire' command");
    CHECK(Run({"HPEXPIREAT", "h", "70368744177664", "FIELDS", "1", "a"}) ==
          "(error) ERR invalid expire time in 'hpexpireat' command");
    CHECK(Run({"HPEXPIRE", "h", "70368744177663", "FIELDS", "1", "a"}) ==
          "(error) ERR invalid expire time in 'hpexpire' command");
    for (const Bytes command :
         {"HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME", "HPERSIST", "HGETDEL", "HGETEX"}) {
      CHECK(Run({command, "s", "FIELDS", "1", "a"}) == kWrongType);
      CHECK(Run({command, "h", "FIELD", "1", "a"}) ==
            "(error) ERR Mandatory argument FIELDS is missing or not at the right position");
      CHECK(Run({command, "h", "FIELDS", "0", "a"}) ==
            "(error) ERR Number of fields must be a positive integer");
      CHECK(Run({command, "h", "FIELDS", "3", "a", "b"}) ==
            "(error) ERR The `numfields` parameter must match the number of arguments");
    }
    for (const Bytes command : {"HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME", "HPERSIST"}) {
      CHECK(Run({command, "none", "FIELDS", "2", "a", "b"}) == "[-2, -2]");
    }
    CHECK(Log().empty());
    CHECK(Events().empty());
    CHECK(Run({"HPEXPIREAT", "h", "70368744177663", "FIELDS", "1", "a"}) == "[1]");
    CHECK(Run({"HPEXPIRETIME", "h", "FIELDS", "1", "a"}) == "[70368744177663]");
  }

  TEST_CASE_FIXTURE(FieldFixture, "a field is gone at its deadline, for every reader") {
    for (const bool large : {false, true}) {
      const std::vector<std::pair<std::vector<Bytes>, const char*>> readers = {
          {{"HGET", "h", "a"}, "null"},
          {{"HMGET", "h", "a", "c"}, "[null, \"3\"]"},
          {{"HGETALL", "h"}, "[\"c\", \"3\"]"},
          {{"HKEYS", "h"}, "[\"c\"]"},
          {{"HVALS", "h"}, "[\"3\"]"},
          {{"HLEN", "h"}, "1"},
          {{"HEXISTS", "h", "b"}, "0"},
          {{"HSTRLEN", "h", "b"}, "0"},
          {{"HSCAN", "h", "0"}, "[\"0\", [\"c\", \"3\"]]"},
          {{"HRANDFIELD", "h", "5"}, "[\"c\"]"},
          {{"HRANDFIELD", "h"}, "\"c\""},
          {{"HPTTL", "h", "FIELDS", "2", "a", "c"}, "[-2, -1]"},
          {{"HDEL", "h", "a"}, "0"},
          {{"HSETNX", "h", "c", "x"}, "0"},
          {{"EXISTS", "h"}, "1"},
          {{"HPERSIST", "h", "FIELDS", "1", "a"}, "[-2]"},
          {{"HGETDEL", "h", "FIELDS", "1", "a"}, "[null]"},
          {{"HGETEX", "h", "PERSIST", "FIELDS", "2", "a", "c"}, "[null, \"3\"]"},
      };
      for (const auto& [request, reply] : readers) {
        const std::string name(request[0]);
        CAPTURE(name);
        Fill(large);
        Run({"HPEXPIRE", "h", "10", "FIELDS", "2", "a", "b"});
        Forget();
        const uint64_t before = expired_fields();
        AdvanceMs(10);
        CHECK(Run({"HMGET", "h", "a", "b", "c"}) == "[\"1\", \"2\", \"3\"]");
        CHECK(Log().empty());
        AdvanceMs(1);
        CHECK(Run(request) == reply);
        CHECK(Log() == Lines{"HDEL h a b"});
        CHECK(Events() == Lines{"hexpired h"});
        CHECK(expired_fields() == before + 2);
        CHECK(HashesWithDeadlines() == 0);
      }
    }
  }

  TEST_CASE_FIXTURE(FieldFixture, "with the last field the key goes, however it is found out") {
    for (const bool large : {false, true}) {
      const std::vector<std::pair<std::vector<Bytes>, const char*>> readers = {
          {{"HGETALL", "h"}, "[]"},     {{"EXISTS", "h"}, "0"},       {{"TYPE", "h"}, "none"},
          {{"HLEN", "h"}, "0"},         {{"DUMP", "h"}, "null"},      {{"GET", "h"}, "null"},
          {{"DEL", "h"}, "0"},          {{"HGET", "h", "c"}, "null"}, {{"COPY", "h", "g"}, "0"},
          {{"PEXPIRE", "h", "9"}, "0"},
      };
      for (const auto& [request, reply] : readers) {
        const std::string name(request[0]);
        CAPTURE(name);
        Fill(large);
        Run({"HPEXPIRE", "h", "10", "FIELDS", "3", "a", "b", "c"});
        Forget();
        AdvanceMs(11);
        CHECK(Run(request) == reply);
        CHECK(Log().size() == 1);
        const Lines events = Events();
        REQUIRE(events.size() >= 2);
        CHECK((events[0] == "hexpired h" && events[1] == "del h"));
        CHECK(databases.Get(0).size() == 0);
      }
      Fill(large);
      Run({"HPEXPIRE", "h", "10", "FIELDS", "3", "a", "b", "c"});
      Forget();
      AdvanceMs(11);
      CHECK(Run({"SCAN", "0", "COUNT", "1000"}) ==
            "[\"0\", []]");  // which deletes what it leaves out
      CHECK(Run({"KEYS", "*"}) == "[]");
      CHECK(Run({"RANDOMKEY"}) == "null");
      CHECK(databases.Get(0).size() == 0);
      CHECK(Events() == Lines{"hexpired h", "del h"});
    }
  }

  TEST_CASE_FIXTURE(FieldFixture, "timers remove fields that nobody asks for") {
    for (const bool large : {false, true}) {
      Fill(large);
      Run({"HPEXPIRE", "h", "10", "FIELDS", "1", "a"});
      Run({"HPEXPIRE", "h", "20", "FIELDS", "2", "b", "c"});
      Forget();
      AdvanceMs(10);
      RunTimers();
      CHECK(Log().empty());
      AdvanceMs(1);
      RunTimers();
      CHECK(Log() == Lines{"HDEL h a"});
      CHECK(Events() == Lines{"hexpired h"});
      CHECK(HashesWithDeadlines() == 1);
      AdvanceMs(10);
      RunTimers();
      CHECK(Log().size() == 1);
      CHECK(Events() == Lines{"hexpired h", "del h"});
      CHECK(databases.Get(0).size() == 0);
      CHECK(HashesWithDeadlines() == 0);
    }
  }

  TEST_CASE_FIXTURE(FieldFixture,
                    "many fields that are due together go in pieces, or with the key") {
    std::vector<std::string> words;
    for (int i = 0; i < 3'000; ++i) words.push_back("f" + std::to_string(i));
    const auto fill = [&](bool keep_one) {
      for (const std::string& word : words) Run({"HSET", "h", word, "v"});
      std::vector<Bytes> request = {"HPEXPIRE", "h", "10", "FIELDS"};
      const std::string count = std::to_string(words.size() - (keep_one ? 1 : 0));
      request.push_back(count);
      request.insert(request.end(), words.begin() + (keep_one ? 1 : 0), words.end());
      CHECK(Ask(request).elements.size() == words.size() - (keep_one ? 1 : 0));
      Forget();
      AdvanceMs(11);
    };
    fill(true);
    const uint64_t before = expired_fields();
    CHECK(Run({"HLEN", "h"}) == "1");
    CHECK(Log().size() == 5);  // of a thousand fields each at most, in a transaction
    CHECK(Events() == Lines{"hexpired h"});
    CHECK(expired_fields() == before + 2'999);
    fill(true);
    RunTimers();
    CHECK(Run({"HLEN", "h"}) == "1");
    CHECK(Log().size() == 12);  // units of 256
    CHECK(Run({"OBJECT", "ENCODING", "h"}) == "\"hashtable\"");
    fill(false);
    CHECK(Run({"HLEN", "h"}) == "0");
    CHECK(Log() == Lines{"DEL h"});
  }

  TEST_CASE_FIXTURE(FieldFixture,
                    "a key's own deadline and those of its fields do not disturb each other") {
    for (const bool large : {false, true}) {
      for (const bool field_first : {true, false}) {
        Fill(large);
        const auto set_field = [&] { Run({"HPEXPIRE", "h", "50", "FIELDS", "1", "a"}); };
        if (field_first) set_field();
        CHECK(Run({"PEXPIRE", "h", "100"}) == "1");
        if (!field_first) set_field();
        CHECK(databases.Get(0).deadlines() == 1);
        CHECK(HashesWithDeadlines() == 1);
        CHECK(Run({"PTTL", "h"}) == "100");
        CHECK(Run({"HPTTL", "h", "FIELDS", "1", "a"}) == "[50]");
        AdvanceMs(51);
        CHECK(Run({"HGET", "h", "a"}) == "null");
        CHECK(Run({"PTTL", "h"}) == "49");
        CHECK(HashesWithDeadlines() == 0);
        Run({"HPEXPIRE", "h", "1000", "FIELDS", "1", "b"});
        CHECK(Run({"PEXPIRE", "h", "200"}) == "1");
        CHECK(Run({"PERSIST", "h"}) == "1");
        CHECK(databases.Get(0).deadlines() == 0);
        CHECK(Run({"PEXPIRE", "h", "60"}) == "1");
        CHECK(Run({"HPTTL", "h", "FIELDS", "1", "b"}) == "[1000]");
        Forget();
        AdvanceMs(61);
        RunTimers();
        CHECK(Log() == Lines{"DEL h"});
        CHECK(Events() == Lines{"expired h"});
        CHECK(HashesWithDeadlines() == 0);
        CHECK(databases.Get(0).deadlines() == 0);
      }
    }
  }

  TEST_CASE_FIXTURE(FieldFixture, "deadlines follow the hash wherever it goes") {
    for (const bool large : {false, true}) {
      Fill(large);
      Run({"HPEXPIRE", "h", "100", "FIELDS", "2", "a", "b"});
      Run({"RENAME", "h", "g"});
      CHECK(Run({"HPTTL", "g", "FIELDS", "3", "a", "b", "c"}) == "[100, 100, -1]");
      Run({"COPY", "g", "h"});
      CHECK(Run({"HPTTL", "h", "FIELDS", "3", "a", "b", "c"}) == "[100, 100, -1]");
      CHECK(HashesWithDeadlines() == 2);
      Run({"MOVE", "g", "1"});
      CHECK(HashesWithDeadlines() == 1);
      CHECK(HashesWithDeadlines(1) == 1);
      Run({"SWAPDB", "1", "2"});
      Run({"SELECT", "2"});
      CHECK(Run({"HPTTL", "g", "FIELDS", "1", "a"}) == "[100]");
      AdvanceMs(101);
      RunTimers();
      CHECK(Run({"HGETALL", "g"}) == "[\"c\", \"3\"]");
      Run({"SELECT", "0"});
      CHECK(Run({"HGETALL", "h"}) == "[\"c\", \"3\"]");
      Run({"FLUSHALL"});
      CHECK(HashesWithDeadlines() + HashesWithDeadlines(2) == 0);
    }
  }

  TEST_CASE_FIXTURE(
      FieldFixture,
      "DUMP and RESTORE keep deadlines; a hash that has lost them is one like any other") {
    for (const bool large : {false, true}) {
      Fill(large);
      const std::string plain = Ask({"DUMP", "h"}).string;
      Run({"HPEXPIRE", "h", "100", "FIELDS", "2", "a", "b"});
      Run({"HPEXPIRE", "h", "70", "FIELDS", "1", "b"});
      const std::string timed = Ask({"DUMP", "h"}).string;
      CHECK(static_cast<int>(timed[0]) == (large ? 24 : 25));
      CHECK(timed[timed.size() - 10] == 12);  // the version of RDB that knows these
      CHECK(plain[plain.size() - 10] == 10);
      CHECK(Run({"RESTORE", "g", "0", timed}) == "OK");
      CHECK(Run({"HPTTL", "g", "FIELDS", "3", "a", "b", "c"}) == "[100, 70, -1]");
      CHECK(HashesWithDeadlines() == 2);
      Run({"HPERSIST", "h", "FIELDS", "2", "a", "b"});
      CHECK(Ask({"DUMP", "h"}).string[0] == plain[0]);
      // What is past when it is restored goes at once.
      AdvanceMs(80);
      CHECK(Run({"RESTORE", "g", "0", timed, "REPLACE"}) == "OK");
      CHECK(Run({"HLEN", "g"}) == "2");
      AdvanceMs(80);
      CHECK(Run({"RESTORE", "g", "5000", timed, "REPLACE"}) == "OK");
      CHECK(Run({"PTTL", "g"}) == "5000");
      CHECK(Run({"HGETALL", "g"}) == "[\"c\", \"3\"]");
      Run({"DEL", "g"});
    }
  }

  TEST_CASE_FIXTURE(FieldFixture, "a new value takes a field's deadline away, counting keeps it") {
    for (const bool large : {false, true}) {
      Fill(large);
      const std::string at = At(static_cast<int64_t>(now_ms() - kStartMs) + 1000);
      Run({"HPEXPIRE", "h", "1000", "FIELDS", "3", "a", "b", "c"});
      Forget();
      Run({"HSET", "h", "a", "x"});
      CHECK(Run({"HINCRBY", "h", "b", "5"}) == "7");
      CHECK(Run({"HINCRBYFLOAT", "h", "c", "0.5"}) == "\"3.5\"");
      CHECK(Run({"HPTTL", "h", "FIELDS", "3", "a", "b", "c"}) == "[-1, 1000, 1000]");
      CHECK(Log() == Lines{"HSET h a x", "HINCRBY h b 5", "MULTI", "HSET h c 3.5",
                           "HPEXPIREAT h " + at + " FIELDS 1 c", "EXEC"});
      AdvanceMs(1001);
      CHECK(Run({"HINCRBY", "h", "b", "5"}) == "5");
      CHECK(Run({"HPTTL", "h", "FIELDS", "1", "b"}) == "[-1]");
    }
  }

  TEST_CASE_FIXTURE(FieldFixture, "while nothing may be removed, readers see what would be left") {
    for (const bool large : {false, true}) {
      Fill(large);
      Run({"HPEXPIRE", "h", "10", "FIELDS", "2", "a", "b"});
      Run({"HSETEX", "g", "PX", "10", "FIELDS", "1", "a", "1"});
      Forget();
      AdvanceMs(11);
      settings.paused = true;
      CHECK(Run({"HGETALL", "h"}) == "[\"c\", \"3\"]");
      CHECK(Run({"HLEN", "h"}) == "1");
      CHECK(Run({"HGET", "h", "a"}) == "null");
      CHECK(Run({"EXISTS", "h", "g"}) == "1");
      CHECK(Run({"HLEN", "g"}) == "0");
      CHECK(Run({"KEYS", "*"}) == "[\"h\"]");
      RunTimers();
      CHECK(Log().empty());
      CHECK(Events().empty());
      CHECK(HashesWithDeadlines() == 2);
      settings.paused = false;
      RunTimers();
      CHECK(Log().size() == 2);
      CHECK(HashesWithDeadlines() == 0);
    }
  }

  TEST_CASE_FIXTURE(FieldFixture, "a watch breaks when a field of the hash expires") {
    Fill(false);
    Run({"HPEXPIRE", "h", "10", "FIELDS", "1", "a"});
    Run({"WATCH", "h"});
    AdvanceMs(11);
    Run({"MULTI"});
    Run({"HLEN", "h"});
    CHECK(Run({"EXEC"}) == "null");
    // Not so if it was due already.
    Fill(false);
    Run({"HPEXPIRE", "h", "10", "FIELDS", "1", "a"});
    AdvanceMs(11);
    Run({"WATCH", "h"});
    Run({"MULTI"});
    Run({"HLEN", "h"});
    CHECK(Run({"EXEC"}) == "[2]");
  }

  TEST_CASE_FIXTURE(FieldFixture, "random commands under a clock agree with a map") {
    const char* text = std::getenv("TERRACE_SEED");
    const uint64_t seed = text == nullptr ? 7'402'026 : std::strtoull(text, nullptr, 10);
    INFO("TERRACE_SEED=", seed);
    Random random(seed);
    struct Field {
      int64_t value = 0;
      uint64_t deadline = 0;
    };
    for (const int64_t entries : {0, 8, 512}) {
      settings.encoding.hash_listpack_entries = entries;
      std::map<std::string, Field> model;
      Run({"DEL", "h"});
      const auto expire = [&] {
        std::erase_if(model, [&](const auto& item) {
          return item.second.deadline != 0 && item.second.deadline < now_ms();
        });
      };
      for (int i = 0; i < 4'000; ++i) {
        const std::string field = "f" + std::to_string(random.Below(20));
        const std::string number = std::to_string(random.Below(50));
        expire();
        const auto held = model.find(field);
        const bool there = held != model.end();
        switch (random.Below(9)) {
          case 0:
            CHECK(Run({"HSET", "h", field, number}) == (there ? "0" : "1"));
            model[field] = {std::stoll(number), 0};
            break;
          case 1: {
            const int64_t sum = (there ? held->second.value : 0) + std::stoll(number);
            CHECK(Run({"HINCRBY", "h", field, number}) == std::to_string(sum));
            model[field].value = sum;
            break;
          }
          case 2:
            CHECK(Run({"HDEL", "h", field}) == (there ? "1" : "0"));
            model.erase(field);
            break;
          case 3:
          case 4:
            CHECK(Run({"HPEXPIRE", "h", number, "FIELDS", "1", field}) == (!there ? "[-2]"
                                                                           : number == "0"
                                                                               ? "[2]"
                                                                               : "[1]"));
            if (!there) break;
            held->second.deadline = now_ms() + std::stoull(number);
            if (number == "0") model.erase(held);
            break;
          case 5:
            CHECK(Run({"HPERSIST", "h", "FIELDS", "1", field}) == (!there ? "[-2]"
                                                                   : held->second.deadline == 0
                                                                       ? "[-1]"
                                                                       : "[1]"));
            if (there) held->second.deadline = 0;
            break;
          case 6:
            CHECK(Run({"HSETEX", "h", "PX", std::to_string(1 + random.Below(50)), "FNX", "FIELDS",
                       "1", field, number}) == (there ? "0" : "1"));
            if (!there) {
              const resp::ReplyValue at = Ask({"HPEXPIRETIME", "h", "FIELDS", "1", field});
              model[field] = {std::stoll(number), static_cast<uint64_t>(at.elements[0].integer)};
            }
            break;
          case 7:
            RunTimers();
            break;
          default:
            AdvanceMs(random.Below(15));
            expire();
        }
        REQUIRE(Run({"HLEN", "h"}) == std::to_string(model.size()));
        REQUIRE(Run({"EXISTS", "h"}) == (model.empty() ? "0" : "1"));
        const auto now = model.find(field);
        REQUIRE(Run({"HGET", "h", field}) ==
                (now == model.end() ? "null" : "\"" + std::to_string(now->second.value) + "\""));
        REQUIRE(Run({"HPEXPIRETIME", "h", "FIELDS", "1", field}) ==
                (now == model.end()          ? "[-2]"
                 : now->second.deadline == 0 ? "[-1]"
                                             : "[" + std::to_string(now->second.deadline) + "]"));
        uint32_t timed = 0;
        for (const auto& [name, item] : model) timed |= item.deadline != 0 ? 1 : 0;
        REQUIRE(HashesWithDeadlines() == timed);
      }
    }
  }
}

}  // namespace
}  // namespace terrace::commands
