#include <doctest/doctest.h>

#include "commands/support/engine_fixture.h"
#include "exec/families.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kNoHll = "(error) WRONGTYPE Key is not a valid HyperLogLog string value.";
constexpr const char* kDamaged = "(error) INVALIDOBJ Corrupted HLL object detected";

struct HllFixture : EngineFixture {
  HllFixture()
      : EngineFixture({StringCommands(), HyperLogLogCommands(), ExpireCommands(), ObjectCommands(),
                       exec::TransactionCommands()}) {
    Notify("Ag");
  }
  uint64_t ChangesOf(std::initializer_list<Bytes> args) {
    const uint64_t before = changes();
    Run(args);
    return changes() - before;
  }
  std::string BytesOf(Bytes key) { return Ask({"GET", key}).string; }
};

TEST_SUITE("commands/hyperloglog") {
  TEST_CASE_FIXTURE(HllFixture, "PFADD says whether anything changed and logs only that") {
    CHECK(Run({"PFADD", "h"}) == "1");
    CHECK(Run({"PFADD", "h"}) == "0");
    CHECK(Run({"PFADD", "h", "a", "b"}) == "1");
    CHECK(Run({"PFADD", "h", "b", "a"}) == "0");
    CHECK(Run({"PFADD", "h", "a", "", "c"}) == "1");
    CHECK(Run({"PFCOUNT", "h"}) == "4");
    CHECK(Run({"OBJECT", "ENCODING", "h"}) == "\"raw\"");
    CHECK(Log() == Lines{"PFADD h", "PFADD h a b", "PFADD h a \"\" c", "PFCOUNT h"});
    CHECK(Events() == Lines{"pfadd h", "pfadd h", "pfadd h"});
  }

  TEST_CASE_FIXTURE(
      HllFixture,
      "changes are counted as Redis does: elements that raised a register, and the key") {
    CHECK(ChangesOf({"PFADD", "h", "a", "b", "c"}) == 4);
    CHECK(ChangesOf({"PFADD", "h", "a", "d"}) == 1);
    CHECK(ChangesOf({"PFCOUNT", "h"}) == 1);
    CHECK(ChangesOf({"PFCOUNT", "h"}) == 0);
    CHECK(ChangesOf({"PFCOUNT", "h", "h"}) == 0);
    CHECK(ChangesOf({"PFMERGE", "h", "none"}) == 1);
    CHECK(ChangesOf({"PFDEBUG", "TODENSE", "h"}) == 1);
    CHECK(ChangesOf({"PFDEBUG", "TODENSE", "h"}) == 0);
    CHECK(ChangesOf({"PFADD", "h", "a", "e", "f"}) == 2);
  }

  TEST_CASE_FIXTURE(HllFixture, "the count is kept in the value: asked again it writes nothing") {
    Run({"PFADD", "h", "a", "b"});
    Log();
    CHECK(BytesOf("h").at(15) == '\x80');
    CHECK(Run({"PFCOUNT", "h"}) == "2");
    CHECK(BytesOf("h").substr(8, 8) == std::string("\x02\0\0\0\0\0\0\0", 8));
    CHECK(Run({"PFCOUNT", "h"}) == "2");
    CHECK(Log() == Lines{"PFCOUNT h"});
    CHECK(Run({"PFCOUNT", "none"}) == "0");
    CHECK(Run({"PFCOUNT", "h", "none"}) == "2");
    CHECK(Log().empty());
    Run({"PFADD", "h", "c"});
    CHECK(Run({"PFCOUNT", "h"}) == "3");
  }

  TEST_CASE_FIXTURE(HllFixture, "a count that is kept breaks watches, one that was kept does not") {
    Run({"PFADD", "h", "a"});
    Run({"PFCOUNT", "h"});
    CHECK(Run({"WATCH", "h"}) == "OK");
    Run({"PFCOUNT", "h"});
    Run({"MULTI"});
    CHECK(Run({"EXEC"}) == "[]");
    Run({"PFADD", "h", "b"});
    CHECK(Run({"WATCH", "h"}) == "OK");
    Run({"PFCOUNT", "h"});
    Run({"MULTI"});
    CHECK(Run({"EXEC"}) == "null");
  }

  TEST_CASE_FIXTURE(HllFixture,
                    "sparse becomes dense at hll-sparse-max-bytes and the deadline stays") {
    settings.encoding.hll_sparse_bytes.store(30);
    Run({"PFADD", "h", "a"});
    Run({"EXPIRE", "h", "100"});
    CHECK(Run({"PFDEBUG", "ENCODING", "h"}) == "sparse");
    CHECK(Run({"PFADD", "h", "b", "c", "d", "e"}) == "1");
    CHECK(Run({"PFDEBUG", "encoding", "h"}) == "dense");
    CHECK(Run({"STRLEN", "h"}) == "12304");
    CHECK(Run({"PFADD", "h", "f", "f"}) == "1");
    CHECK(Run({"PFADD", "h", "f"}) == "0");
    CHECK(Run({"PFCOUNT", "h"}) == "6");
    CHECK(Run({"TTL", "h"}) == "100");
  }

  TEST_CASE_FIXTURE(HllFixture, "PFMERGE adds to its target and is dense if anything it reads is") {
    Run({"PFADD", "a", "1", "2", "3"});
    Run({"PFADD", "b", "3", "4"});
    Log();
    CHECK(Run({"PFMERGE", "t", "a", "b", "none"}) == "OK");
    CHECK(Run({"PFCOUNT", "t"}) == "4");
    CHECK(Run({"PFDEBUG", "ENCODING", "t"}) == "sparse");
    Run({"PFDEBUG", "TODENSE", "b"});
    CHECK(Run({"PFMERGE", "t", "b"}) == "OK");
    CHECK(Run({"PFDEBUG", "ENCODING", "t"}) == "dense");
    CHECK(Run({"PFMERGE", "fresh"}) == "OK");
    CHECK(Run({"PFCOUNT", "fresh"}) == "0");
    CHECK(Run({"PFCOUNT", "a", "b", "t"}) == "4");
    CHECK(Log() == Lines{"PFMERGE t a b none", "PFCOUNT t", "PFDEBUG TODENSE b", "PFMERGE t b",
                         "PFMERGE fresh", "PFCOUNT fresh"});
  }

  TEST_CASE_FIXTURE(HllFixture, "other strings and damaged ones are refused and stay as they are") {
    Run({"PFADD", "good", "a"});
    Run({"SET", "text", "hello"});
    Run({"SET", "damaged", BytesOf("good") + "hello"});
    Run({"SET", "empty", BytesOf("good").substr(0, 16)});
    Run({"SET", "number", "12345"});
    Log();
    for (const Bytes key : {"text", "number"}) {
      CHECK(Run({"PFADD", key, "x"}) == kNoHll);
      CHECK(Run({"PFCOUNT", key}) == kNoHll);
      CHECK(Run({"PFCOUNT", "good", key}) == kNoHll);
      CHECK(Run({"PFMERGE", "good", key}) == kNoHll);
      CHECK(Run({"PFMERGE", key, "good"}) == kNoHll);
      CHECK(Run({"PFDEBUG", "ENCODING", key}) == kNoHll);
    }
    for (const Bytes key : {"damaged", "empty"}) {
      const std::string before = BytesOf(key);
      Run({"PFCOUNT", key});
      CHECK(Run({"PFCOUNT", "good", key}) == kDamaged);
      CHECK(Run({"PFMERGE", "t", key}) == kDamaged);
      CHECK(Run({"PFMERGE", key, "good"}) == kDamaged);
      CHECK(Run({"PFDEBUG", "TODENSE", key}) == kDamaged);
      CHECK(Run({"PFDEBUG", "DECODE", key}) == kDamaged);
      CHECK(BytesOf(key) == before);
    }
    CHECK(Run({"PFADD", "empty", "x"}) == kDamaged);
    CHECK(Run({"PFCOUNT", "damaged"}) == kDamaged);
    CHECK(Run({"GET", "t"}) == "null");
    CHECK(Log().empty());
  }

  TEST_CASE_FIXTURE(HllFixture, "PFDEBUG looks inside") {
    Run({"PFADD", "h", "a"});
    CHECK(Run({"PFDEBUG", "DECODE", "h"}) == "\"Z:12711 v:2,1 Z:3672\"");
    const resp::ReplyValue registers = Ask({"PFDEBUG", "GETREG", "h"});
    REQUIRE(registers.elements.size() == 16384);
    CHECK(registers.elements[12711].integer == 2);
    CHECK(registers.elements[12712].integer == 0);
    CHECK(Run({"PFDEBUG", "DECODE", "h"}) == "(error) ERR HLL encoding is not sparse");
    CHECK(Run({"PFDEBUG", "TODENSE", "h"}) == "0");
    CHECK(Run({"PFDEBUG", "what", "h"}) == "(error) ERR Unknown PFDEBUG subcommand 'what'");
    CHECK(Run({"PFDEBUG", "what", "none"}) == "(error) ERR The specified key does not exist");
    CHECK(Run({"PFSELFTEST"}) == "OK");
  }
}

}  // namespace
}  // namespace terrace::commands
