#include <doctest/doctest.h>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kBadOffset = "(error) ERR bit offset is not an integer or out of range";
constexpr const char* kBadBit = "(error) ERR bit is not an integer or out of range";
constexpr const char* kNotInteger = "(error) ERR value is not an integer or out of range";
constexpr const char* kSyntax = "(error) ERR syntax error";

struct BitFixture : EngineFixture {
  BitFixture()
      : EngineFixture({StringCommands(), CounterCommands(), BitCommands(), ExpireCommands(),
                       ObjectCommands()}) {
    Notify("Ag");
  }
  uint64_t ChangesOf(std::initializer_list<Bytes> args) {
    const uint64_t before = changes();
    Run(args);
    return changes() - before;
  }
};

TEST_SUITE("commands/bit") {
  TEST_CASE_FIXTURE(BitFixture,
                    "SETBIT makes the string as long as it must be and logs only what changes it") {
    CHECK(Run({"SETBIT", "k", "9", "1"}) == "0");
    CHECK(Wire({"GET", "k"}) == std::string("$2\r\n\x00@\r\n", 8));
    CHECK(Run({"SETBIT", "k", "9", "1"}) == "1");
    CHECK(Run({"SETBIT", "k", "30", "0"}) == "0");
    CHECK(Run({"STRLEN", "k"}) == "4");
    CHECK(Run({"SETBIT", "k", "9", "0"}) == "1");
    CHECK(Run({"SETBIT", "k", "9", "0"}) == "0");
    CHECK(Run({"GETBIT", "k", "9"}) == "0");
    CHECK(Run({"GETBIT", "k", "1000"}) == "0");
    CHECK(Run({"GETBIT", "none", "0"}) == "0");
    CHECK(Run({"OBJECT", "ENCODING", "k"}) == "\"raw\"");
    CHECK(Log() == Lines{"SETBIT k 9 1", "SETBIT k 30 0", "SETBIT k 9 0"});
    CHECK(Events() == Lines{"setbit k", "setbit k", "setbit k"});
  }

  TEST_CASE_FIXTURE(BitFixture, "an integer's digits are bytes, too, and a deadline stays") {
    Run({"SET", "n", "1", "EX", "100"});
    CHECK(Run({"GETBIT", "n", "2"}) == "1");
    CHECK(Run({"BITCOUNT", "n"}) == "3");
    CHECK(Run({"SETBIT", "n", "6", "1"}) == "0");
    CHECK(Run({"GET", "n"}) == "\"3\"");
    CHECK(Run({"TTL", "n"}) == "100");
  }

  TEST_CASE_FIXTURE(BitFixture, "offsets end where strings end") {
    for (const Bytes offset : {"-1", "x", "", "1.5", "4294967296", "9223372036854775808", "#1"}) {
      CAPTURE(offset);
      CHECK(Run({"SETBIT", "k", offset, "1"}) == kBadOffset);
      CHECK(Run({"GETBIT", "k", offset}) == kBadOffset);
    }
    CHECK(Run({"GETBIT", "k", "4294967295"}) == "0");
    CHECK(Run({"BITFIELD", "k", "GET", "u8", "#9223372036854775807"}) == kBadOffset);
    CHECK(Run({"BITFIELD", "k", "GET", "u8", "#-1"}) == kBadOffset);
    CHECK(Run({"SETBIT", "k", "0", "2"}) == kBadBit);
    CHECK(Run({"SETBIT", "k", "0", "-1"}) == kBadBit);
    CHECK(Run({"SETBIT", "k", "0", "x"}) == kBadBit);
    CHECK(Log().empty());
    // The limit is the leader's affair.
    settings.string_bytes_max.store(16);
    CHECK(Run({"SETBIT", "k", "128", "1"}) == kBadOffset);
    CHECK(Apply({"SETBIT", "k", "128", "1"}));
    CHECK(Run({"STRLEN", "k"}) == "17");
  }

  TEST_CASE_FIXTURE(BitFixture, "BITCOUNT of a part, in bytes or bits") {
    Run({"SET", "k", "foobar"});
    CHECK(Run({"BITCOUNT", "k"}) == "26");
    CHECK(Run({"BITCOUNT", "k", "0", "0"}) == "4");
    CHECK(Run({"BITCOUNT", "k", "1", "1", "byte"}) == "6");
    CHECK(Run({"BITCOUNT", "k", "5", "30", "BIT"}) == "17");
    CHECK(Run({"BITCOUNT", "k", "-2", "-1"}) == "7");
    CHECK(Run({"BITCOUNT", "k", "-100", "100"}) == "26");
    CHECK(Run({"BITCOUNT", "k", "3", "1"}) == "0");
    CHECK(Run({"BITCOUNT", "k", "-1", "-3"}) == "0");
    CHECK(Run({"BITCOUNT", "none"}) == "0");
    CHECK(Run({"BITCOUNT", "none", "0"}) == kSyntax);
    CHECK(Run({"BITCOUNT", "none", "0", "1", "word"}) == kSyntax);
    CHECK(Run({"BITCOUNT", "none", "0", "1", "bit", "x"}) == kSyntax);
    CHECK(Run({"BITCOUNT", "none", "0", "x"}) == kNotInteger);
    CHECK(Run({"BITCOUNT", "none", "0", "x", "word"}) == kNotInteger);
  }

  TEST_CASE_FIXTURE(BitFixture, "BITPOS: zeros go on behind the end unless the end is given") {
    Run({"SET", "ones", Bytes("\xff\xff\xff", 3)});
    Run({"SET", "mixed", Bytes("\x00\xff\xf0", 3)});
    Run({"SET", "empty", ""});
    CHECK(Run({"BITPOS", "ones", "0"}) == "24");
    CHECK(Run({"BITPOS", "ones", "0", "1"}) == "24");
    CHECK(Run({"BITPOS", "ones", "0", "0", "-1"}) == "-1");
    CHECK(Run({"BITPOS", "ones", "0", "0", "-1", "BIT"}) == "-1");
    CHECK(Run({"BITPOS", "ones", "0", "3"}) == "-1");
    CHECK(Run({"BITPOS", "mixed", "1"}) == "8");
    CHECK(Run({"BITPOS", "mixed", "1", "2"}) == "16");
    CHECK(Run({"BITPOS", "mixed", "0", "9", "-1", "bit"}) == "20");
    CHECK(Run({"BITPOS", "mixed", "1", "20", "23", "bit"}) == "-1");
    CHECK(Run({"BITPOS", "none", "0"}) == "0");
    CHECK(Run({"BITPOS", "none", "1"}) == "-1");
    CHECK(Run({"BITPOS", "none", "0", "0", "-1"}) == "0");
    CHECK(Run({"BITPOS", "empty", "0"}) == "-1");
    CHECK(Run({"BITPOS", "ones", "2"}) == "(error) ERR The bit argument must be 1 or 0.");
    CHECK(Run({"BITPOS", "ones", "x"}) == kNotInteger);
    CHECK(Run({"BITPOS", "ones", "0", "x"}) == kNotInteger);
    CHECK(Run({"BITPOS", "ones", "0", "0", "x", "word"}) == kSyntax);
    CHECK(Run({"BITPOS", "ones", "0", "0", "1", "bit", "x"}) == kSyntax);
  }

  TEST_CASE_FIXTURE(BitFixture, "BITOP sets or deletes its target, which may be a source") {
    Run({"SET", "a", "abc"});
    Run({"SET", "b", "ab"});
    Run({"SET", "n", "12"});
    Run({"SET", "target", "old", "EX", "100"});
    Log();
    Events();
    CHECK(Run({"BITOP", "AND", "target", "a", "b"}) == "3");
    CHECK(Wire({"GET", "target"}) == std::string("$3\r\nab\x00\r\n", 9));
    CHECK(Run({"TTL", "target"}) == "-1");
    CHECK(Run({"OBJECT", "ENCODING", "target"}) == "\"raw\"");
    CHECK(Run({"bitop", "xor", "a", "a", "a"}) == "3");
    CHECK(Wire({"GET", "a"}) == std::string("$3\r\n\x00\x00\x00\r\n", 9));
    CHECK(Run({"BITOP", "OR", "t2", "n", "none"}) == "2");
    CHECK(Run({"GET", "t2"}) == "\"12\"");
    CHECK(Run({"BITOP", "NOT", "t2", "none"}) == "0");
    CHECK(Run({"BITOP", "NOT", "t2", "none"}) == "0");
    CHECK(Log() == Lines{"BITOP AND target a b", "bitop xor a a a", "BITOP OR t2 n none",
                         "BITOP NOT t2 none"});
    CHECK(Events() == Lines{"set target", "set a", "set t2", "del t2"});
    CHECK(Run({"BITOP", "NOT", "t", "a", "b"}) ==
          "(error) ERR BITOP NOT must be called with a single source key.");
    CHECK(Run({"BITOP", "NAND", "t", "a", "b"}) == kSyntax);
  }

  TEST_CASE_FIXTURE(BitFixture, "BITOP of large strings") {
    const std::string large(100'000, '\x0f');
    Run({"SET", "large", large});
    Run({"SET", "small", "\xf0"});
    CHECK(Run({"BITOP", "OR", "t", "large", "small"}) == "100000");
    CHECK(Run({"BITCOUNT", "t"}) == "400004");
    CHECK(Run({"BITCOUNT", "t", "0", "0"}) == "8");
  }

  TEST_CASE_FIXTURE(BitFixture, "BITFIELD works through its operations in order") {
    CHECK(Run({"BITFIELD", "k", "SET", "i8", "0", "-100", "GET", "u8", "0", "INCRBY", "u4", "#3",
               "5"}) == "[0, 156, 5]");
    CHECK(Run({"BITFIELD", "k",    "OVERFLOW", "SAT",  "INCRBY", "u4", "#3",  "100",
               "OVERFLOW", "FAIL", "INCRBY",   "u4",   "#3",     "1",  "SET", "i8",
               "0",        "128",  "OVERFLOW", "WRAP", "INCRBY", "u4", "#3",  "1"}) ==
          "[15, null, null, 0]");
    CHECK(Run({"BITFIELD", "k"}) == "[]");
    CHECK(Run({"BITFIELD", "k", "GET", "i8", "0"}) == "[-100]");
    CHECK(Run({"BITFIELD_RO", "k", "GET", "i8", "0", "GET", "u4", "100"}) == "[-100, 0]");
    CHECK(Run({"BITFIELD_RO", "none", "GET", "i64", "0"}) == "[0]");
    CHECK(Events() == Lines{"setbit k", "setbit k"});
    CHECK(Log().size() == 2);
  }

  TEST_CASE_FIXTURE(BitFixture,
                    "BITFIELD counts what it changed and logs whatever made the string longer") {
    CHECK(ChangesOf({"BITFIELD", "k", "SET", "u8", "0", "1", "SET", "u8", "8", "2", "INCRBY", "u8",
                     "16", "3"}) == 3);
    Log();
    Events();
    CHECK(ChangesOf({"BITFIELD", "k", "SET", "u8", "0", "1"}) == 0);
    CHECK(Log().empty());
    CHECK(ChangesOf({"BITFIELD", "k", "OVERFLOW", "FAIL", "INCRBY", "u8", "24", "256"}) == 0);
    CHECK(Run({"STRLEN", "k"}) == "4");
    CHECK(Log().size() == 1);  // a follower's string has to be as long
    CHECK(Events().empty());
  }

  TEST_CASE_FIXTURE(BitFixture, "BITFIELD refuses what it cannot read before it does anything") {
    constexpr const char* kBadType =
        "(error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
        "supported but i64 is.";
    CHECK(Run({"BITFIELD", "k", "SET", "u8", "0", "1", "GET", "u64", "0"}) == kBadType);
    CHECK(Run({"BITFIELD", "k", "SET", "u8", "x", "1"}) == kBadOffset);
    CHECK(Run({"BITFIELD", "k", "SET", "u8", "0", "x"}) == kNotInteger);
    CHECK(Run({"BITFIELD", "k", "SET", "u8", "0"}) == kSyntax);
    CHECK(Run({"BITFIELD", "k", "FLIP", "u8", "0"}) == kSyntax);
    CHECK(Run({"BITFIELD", "k", "OVERFLOW"}) == kSyntax);
    CHECK(Run({"BITFIELD", "k", "OVERFLOW", "halt"}) ==
          "(error) ERR Invalid OVERFLOW type specified");
    CHECK(Run({"BITFIELD_RO", "k", "GET", "u8", "0", "SET", "u8", "0", "1"}) ==
          "(error) ERR BITFIELD_RO only supports the GET subcommand");
    CHECK(Run({"GET", "k"}) == "null");
    CHECK(Log().empty());
  }
}

}  // namespace
}  // namespace terrace::commands
