#include <doctest/doctest.h>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kNotInteger = "(error) ERR value is not an integer or out of range";
constexpr const char* kNotFloat = "(error) ERR value is not a valid float";
constexpr const char* kOverflow = "(error) ERR increment or decrement would overflow";
constexpr const char* kNotFinite = "(error) ERR increment would produce NaN or Infinity";

struct CounterFixture : EngineFixture {
  CounterFixture() : EngineFixture({StringCommands(), CounterCommands()}) { Notify("An"); }
};

TEST_SUITE("commands/counter") {
  TEST_CASE_FIXTURE(CounterFixture, "counting begins at 0 and is logged as it came") {
    CHECK(Run({"INCR", "a"}) == "1");
    CHECK(Run({"INCR", "a"}) == "2");
    CHECK(Run({"DECR", "b"}) == "-1");
    CHECK(Run({"INCRBY", "a", "40"}) == "42");
    CHECK(Run({"DECRBY", "a", "43"}) == "-1");
    CHECK(Run({"incrby", "c", "0"}) == "0");
    CHECK(Run({"MGET", "a", "b", "c"}) == "[\"-1\", \"-1\", \"0\"]");
    CHECK(Log() == Lines{"INCR a", "INCR a", "DECR b", "INCRBY a 40", "DECRBY a 43", "incrby c 0"});
    CHECK(Events() == Lines{"new a", "incrby a", "incrby a", "new b", "incrby b", "incrby a",
                            "incrby a", "new c", "incrby c"});
  }

  TEST_CASE_FIXTURE(CounterFixture, "the ends of int64 are not passed") {
    Run({"MSET", "max", "9223372036854775807", "min", "-9223372036854775808"});
    Log();
    Events();
    CHECK(Run({"INCR", "max"}) == kOverflow);
    CHECK(Run({"INCRBY", "max", "1"}) == kOverflow);
    CHECK(Run({"DECRBY", "max", "-1"}) == kOverflow);
    CHECK(Run({"DECR", "min"}) == kOverflow);
    CHECK(Run({"INCRBY", "min", "-1"}) == kOverflow);
    CHECK(Run({"DECRBY", "min", "-9223372036854775808"}) == "(error) ERR decrement would overflow");
    CHECK(Log().empty());
    CHECK(Events().empty());
    CHECK(Run({"DECRBY", "max", "9223372036854775807"}) == "0");
    CHECK(Run({"INCRBY", "min", "9223372036854775807"}) == "-1");
  }

  TEST_CASE_FIXTURE(CounterFixture, "what is no integer is not counted") {
    for (const Bytes value : {"", " 1", "1 ", "01", "+1", "1.0", "abc", "9223372036854775808"}) {
      Run({"SET", "k", value});
      CHECK(Run({"INCR", "k"}) == kNotInteger);
      CHECK(Run({"INCRBY", "fresh", value}) == kNotInteger);
      CHECK(Run({"DECRBY", "fresh", value}) == kNotInteger);
    }
    CHECK(Run({"GET", "fresh"}) == "null");
  }

  TEST_CASE_FIXTURE(CounterFixture,
                    "digits that came by APPEND are counted and the deadline stays") {
    Run({"SET", "k", "1", "PX", "100"});
    Run({"APPEND", "k", "9"});
    CHECK(Run({"INCR", "k"}) == "20");
    CHECK(Run({"INCR", "k"}) == "21");
    CHECK(Run({"INCRBYFLOAT", "k", "0.5"}) == "\"21.5\"");
    AdvanceMs(101);
    CHECK(Run({"GET", "k"}) == "null");
  }

  TEST_CASE_FIXTURE(CounterFixture, "INCRBYFLOAT prints plain decimals and logs the sum") {
    CHECK(Run({"INCRBYFLOAT", "k", "10.5"}) == "\"10.5\"");
    CHECK(Run({"INCRBYFLOAT", "k", "0.1"}) == "\"10.6\"");
    CHECK(Run({"INCRBYFLOAT", "k", "-5"}) == "\"5.6\"");
    CHECK(Run({"INCRBYFLOAT", "k", "-5.6"}) == "\"0\"");
    CHECK(Run({"INCRBYFLOAT", "k", "-0"}) == "\"0\"");
    Run({"SET", "e", "5.0e3"});
    CHECK(Run({"INCRBYFLOAT", "e", "2.0e2"}) == "\"5200\"");
    CHECK(Run({"INCR", "e"}) == "5201");
    CHECK(Run({"INCRBYFLOAT", "x", "0x10"}) == "\"16\"");
    CHECK(Run({"INCRBYFLOAT", "pi", "3.1415926535897932384"}) == "\"3.14159265358979324\"");
    CHECK(Log() == Lines{"SET k 10.5 KEEPTTL", "SET k 10.6 KEEPTTL", "SET k 5.6 KEEPTTL",
                         "SET k 0 KEEPTTL", "SET k 0 KEEPTTL", "SET e 5.0e3", "SET e 5200 KEEPTTL",
                         "INCR e", "SET x 16 KEEPTTL", "SET pi 3.14159265358979324 KEEPTTL"});
    CHECK(Events() == Lines{"new k", "incrbyfloat k", "incrbyfloat k", "incrbyfloat k",
                            "incrbyfloat k", "incrbyfloat k", "new e", "set e", "incrbyfloat e",
                            "incrby e", "new x", "incrbyfloat x", "new pi", "incrbyfloat pi"});
  }

  TEST_CASE_FIXTURE(CounterFixture,
                    "INCRBYFLOAT refuses what is no number and sums that are not finite") {
    for (const Bytes value : {"", " 1", "1 ", "abc", "nan", "1e5000", "5e"}) {
      Run({"SET", "k", value});
      CHECK(Run({"INCRBYFLOAT", "k", "1"}) == kNotFloat);
      CHECK(Run({"INCRBYFLOAT", "fresh", value}) == kNotFloat);
    }
    Run({"SET", "k", "inf"});
    Log();
    CHECK(Run({"INCRBYFLOAT", "k", "1"}) == kNotFinite);
    CHECK(Run({"INCRBYFLOAT", "k", "-inf"}) == kNotFinite);
    CHECK(Run({"INCRBYFLOAT", "fresh", "infinity"}) == kNotFinite);
    CHECK(Log().empty());
    CHECK(Ask({"INCRBYFLOAT", "fresh", "1e4932"}).string.size() == 4933);
  }
}

}  // namespace
}  // namespace terrace::commands
