// HGETEX, HSETEX and HGETDEL.
#include <doctest/doctest.h>

#include <string>

#include "commands/support/field_fixture.h"

namespace terrace::commands {
namespace {

using testing::At;
using testing::FieldFixture;
using testing::kStartMs;
using testing::Lines;

constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

TEST_SUITE("commands/field_values") {
  TEST_CASE_FIXTURE(FieldFixture, "HGETDEL answers the values and deletes the fields") {
    Fill(false);
    CHECK(Run({"HGETDEL", "none", "FIELDS", "2", "a", "b"}) == "[null, null]");
    CHECK(Run({"HGETDEL", "h", "FIELDS", "1", "x"}) == "[null]");
    CHECK(Log().empty());
    CHECK(Run({"HGETDEL", "h", "FIELDS", "4", "a", "x", "b", "a"}) == "[\"1\", null, \"2\", null]");
    CHECK(Events() == Lines{"hdel h"});
    CHECK(Run({"HGETDEL", "h", "FIELDS", "1", "c"}) == "[\"3\"]");
    CHECK(Events() == Lines{"hdel h", "del h"});
    CHECK(Log() == Lines{"HDEL h a b", "HDEL h c"});
    CHECK(Run({"EXISTS", "h"}) == "0");
  }

  TEST_CASE_FIXTURE(FieldFixture,
                    "HGETEX answers the values and sets or takes away the deadlines") {
    for (const bool large : {false, true}) {
      Fill(large);
      const int64_t from = static_cast<int64_t>(now_ms() - kStartMs);
      CHECK(Run({"HGETEX", "h", "FIELDS", "2", "a", "x"}) == "[\"1\", null]");
      CHECK(Run({"HGETEX", "none", "EX", "5", "FIELDS", "2", "a", "x"}) == "[null, null]");
      CHECK(Run({"HGETEX", "h", "PERSIST", "FIELDS", "1", "a"}) == "[\"1\"]");
      CHECK(Run({"HGETEX", "h", "EX", "5", "FIELDS", "1", "x"}) == "[null]");
      CHECK(Log().empty());
      CHECK(Events().empty());
      CHECK(Run({"HGETEX", "h", "EX", "5", "FIELDS", "2", "a", "x"}) == "[\"1\", null]");
      CHECK(Run({"HGETEX", "h", "pxat", At(from + 700), "FIELDS", "1", "b"}) == "[\"2\"]");
      CHECK(Run({"HPTTL", "h", "FIELDS", "3", "a", "b", "c"}) == "[5000, 700, -1]");
      CHECK(Run({"HGETEX", "h", "PERSIST", "FIELDS", "2", "a", "c"}) == "[\"1\", \"3\"]");
      CHECK(Run({"HGETEX", "h", "PX", "0", "FIELDS", "2", "a", "a"}) == "[\"1\", null]");
      CHECK(Log() == Lines{"HPEXPIREAT h " + At(from + 5000) + " FIELDS 1 a",
                           "HPEXPIREAT h " + At(from + 700) + " FIELDS 1 b",
                           "HPERSIST h FIELDS 1 a", "HDEL h a"});
      CHECK(Events() == Lines{"hexpire h", "hexpire h", "hpersist h", "hdel h"});
      CHECK(Run({"HGETEX", "h", "EXAT", "1", "FIELDS", "2", "b", "c"}) == "[\"2\", \"3\"]");
      CHECK(Events() == Lines{"hdel h", "del h"});
    }
    CHECK(Run({"HGETEX", "h", "EX", "x", "FIELDS", "1", "a"}) ==
          "(error) ERR value is not an integer or out of range");
    CHECK(Run({"HGETEX", "h", "PX", "-1", "FIELDS", "1", "a"}) ==
          "(error) ERR invalid expire time, must be >= 0");
    CHECK(Run({"HGETEX", "h", "PXAT", "70368744177664", "FIELDS", "1", "a"}) ==
          "(error) ERR invalid expire time in 'hgetex' command");
    CHECK(Run({"HGETEX", "h", "PERSIST", "1", "FIELDS", "1", "a"}) ==
          "(error) ERR Mandatory argument FIELDS is missing or not at the right position");
    CHECK(Run({"HGETEX", "h", "EX", "1", "FIELDS"}) ==
          "(error) ERR Number of fields must be a positive integer");
  }

  TEST_CASE_FIXTURE(FieldFixture,
                    "HSETEX sets fields under a condition, with deadlines or without") {
    for (const bool large : {false, true}) {
      Fill(large);
      const int64_t from = static_cast<int64_t>(now_ms() - kStartMs);
      CHECK(Run({"HSETEX", "none", "FXX", "FIELDS", "1", "a", "1"}) == "0");
      CHECK(Run({"HSETEX", "h", "FXX", "FIELDS", "2", "a", "x", "d", "x"}) == "0");
      CHECK(Run({"HSETEX", "h", "FNX", "EX", "5", "FIELDS", "2", "d", "x", "a", "x"}) == "0");
      CHECK(Log().empty());
      CHECK(Events().empty());
      CHECK(Run({"EXISTS", "none"}) == "0");
      CHECK(Run({"HSETEX", "h", "EX", "5", "fnx", "FIELDS", "2", "d", "4", "e", "5"}) == "1");
      CHECK(Run({"HSETEX", "h", "PX", "700", "FIELDS", "1", "a", "one"}) == "1");
      CHECK(Run({"HSETEX", "h", "KEEPTTL", "FXX", "FIELDS", "2", "d", "four", "b", "two"}) == "1");
      CHECK(Run({"HSETEX", "h", "FIELDS", "1", "e", "five"}) == "1");
      CHECK(Run({"HPTTL", "h", "FIELDS", "5", "a", "b", "c", "d", "e"}) ==
            "[700, -1, -1, 5000, -1]");
      CHECK(Run({"HMGET", "h", "a", "b", "c", "d", "e"}) ==
            "[\"one\", \"two\", \"3\", \"four\", \"five\"]");
      CHECK(Log() ==
            Lines{"MULTI", "HSET h d 4 e 5", "HPEXPIREAT h " + At(from + 5000) + " FIELDS 2 d e",
                  "EXEC", "MULTI", "HSET h a one", "HPEXPIREAT h " + At(from + 700) + " FIELDS 1 a",
                  "EXEC", "MULTI", "HSET h d four b two",
                  "HPEXPIREAT h " + At(from + 5000) + " FIELDS 1 d", "EXEC", "HSET h e five"});
      CHECK(Events() == Lines{"hset h", "hexpire h", "hset h", "hexpire h", "hset h", "hset h"});
      CHECK(Run({"HSETEX", "h", "PX", "0", "FIELDS", "2", "a", "x", "new", "x"}) == "1");
      CHECK(Events() == Lines{"hset h", "hdel h"});
      CHECK(Log() == Lines{"HDEL h a"});
      CHECK(Run({"HSETEX", "new", "EXAT", "1", "FIELDS", "1", "a", "x"}) == "1");
      CHECK(Events() == Lines{"new new", "hset new", "hdel new", "del new"});
      CHECK(Log().empty());
      CHECK(Run({"HSETEX", "new", "EX", "5", "FIELDS", "1", "a", "x"}) == "1");
      CHECK(Events() == Lines{"new new", "hset new", "hexpire new"});
      CHECK(Run({"DEL", "new"}) == "1");
      Forget();
    }
    Run({"SET", "s", "v"});
    CHECK(Run({"HSETEX", "s", "FIELDS", "1", "a", "x"}) == kWrongType);
    const char* arity = "(error) ERR wrong number of arguments for 'hsetex' command";
    CHECK(Run({"HSETEX", "h", "FIELDS", "1", "a"}) == arity);
    CHECK(Run({"HSETEX", "h", "FIELDS", "2", "a", "x"}) == arity);
    CHECK(Run({"HSETEX", "h", "FIELDS", "1", "a", "x", "b"}) == arity);
    CHECK(Run({"HSETEX", "h", "FNX", "EX", "1", "FIELDS"}) == arity);
    CHECK(Run({"HSETEX", "h", "KEEPTTL", "FNX", "EX", "1"}) ==
          "(error) ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    CHECK(Run({"HSETEX", "h", "PX", "1", "PX", "1", "FIELDS", "1", "a", "x"}) ==
          "(error) ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    CHECK(Run({"HSETEX", "h", "FNX", "FXX", "FIELDS", "1", "a", "x"}) ==
          "(error) ERR Only one of FXX or FNX arguments can be specified");
    CHECK(Run({"HSETEX", "h", "nx", "FIELDS", "1", "a", "x"}) ==
          "(error) ERR unknown argument: nx");
    CHECK(Run({"HSETEX", "h", "FIELDS", "x", "a", "x"}) == "(error) ERR invalid number of fields");
    CHECK(Run({"HSETEX", "h", "EX", "FIELDS", "1", "a", "x"}) ==
          "(error) ERR value is not an integer or out of range");
    CHECK(Run({"HSETEX", "h", "FNX", "FXX", "EX", "1"}) ==
          "(error) ERR Only one of FXX or FNX arguments can be specified");
    CHECK(Run({"HSETEX", "h", "FNX", "EX", "1", "PX"}) ==
          "(error) ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
  }
}

}  // namespace
}  // namespace terrace::commands
