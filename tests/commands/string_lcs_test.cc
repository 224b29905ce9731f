#include <doctest/doctest.h>

#include "commands/lcs.h"
#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;

struct LcsFixture : EngineFixture {
  LcsFixture() : EngineFixture({StringCommands()}) {
    Run({"MSET", "a", "ohmytext", "b", "mynewtext"});
    Log();
  }
};

TEST_SUITE("commands/string_lcs") {
  TEST_CASE_FIXTURE(LcsFixture, "LCS answers with the text, its length or where it stands") {
    CHECK(Run({"LCS", "a", "b"}) == "\"mytext\"");
    CHECK(Run({"LCS", "a", "b", "LEN"}) == "6");
    CHECK(Run({"LCS", "a", "b", "idx"}) ==
          "[\"matches\", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], \"len\", 6]");
    CHECK(Run({"LCS", "a", "b", "IDX", "MINMATCHLEN", "4"}) ==
          "[\"matches\", [[[4, 7], [5, 8]]], \"len\", 6]");
    CHECK(Run({"LCS", "a", "b", "IDX", "WITHMATCHLEN"}) ==
          "[\"matches\", [[[4, 7], [5, 8], 4], [[2, 3], [0, 1], 2]], \"len\", 6]");
    CHECK(Run({"LCS", "a", "b", "IDX", "MINMATCHLEN", "-5"}) == Run({"LCS", "a", "b", "IDX"}));
    CHECK(Run({"LCS", "a", "b", "IDX", "MINMATCHLEN", "7"}) == "[\"matches\", [], \"len\", 6]");
    CHECK(Run({"LCS", "a", "b", "WITHMATCHLEN", "MINMATCHLEN", "9"}) == "\"mytext\"");
    CHECK(Log().empty());
    session.reply.set_protocol(3);
    CHECK(Run({"LCS", "a", "b", "IDX"}) ==
          "{\"matches\": [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], \"len\": 6}");
  }

  TEST_CASE_FIXTURE(LcsFixture, "a missing key is an empty string") {
    CHECK(Run({"LCS", "a", "none"}) == "\"\"");
    CHECK(Run({"LCS", "none", "none", "LEN"}) == "0");
    CHECK(Run({"LCS", "none", "b", "IDX"}) == "[\"matches\", [], \"len\", 0]");
    CHECK(Run({"LCS", "a", "a", "IDX"}) == "[\"matches\", [[[0, 7], [0, 7]]], \"len\", 8]");
  }

  TEST_CASE_FIXTURE(LcsFixture, "wrong options and too much work are refused") {
    CHECK(Run({"LCS", "a", "b", "foo"}) == "(error) ERR syntax error");
    CHECK(Run({"LCS", "a", "b", "MINMATCHLEN"}) == "(error) ERR syntax error");
    CHECK(Run({"LCS", "a", "b", "MINMATCHLEN", "x"}) ==
          "(error) ERR value is not an integer or out of range");
    CHECK(Run({"LCS", "a", "b", "LEN", "IDX"}) ==
          "(error) ERR If you want both the length and indexes, please just use IDX.");
    settings.string_bytes_max = 4 * 9 * 10 - 1;
    CHECK(Run({"LCS", "a", "b"}) ==
          "(error) ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    settings.string_bytes_max = 4 * 9 * 10;
    CHECK(Run({"LCS", "a", "b", "LEN"}) == "6");
  }

  TEST_CASE("sizes whose table no number can hold are seen") {
    CHECK(LcsTable::BytesFor(0, 0) == 4);
    CHECK(LcsTable::BytesFor(UINT32_MAX, 1) == SIZE_MAX);
    CHECK(LcsTable::BytesFor(UINT32_MAX - 1, UINT32_MAX - 1) == SIZE_MAX);
  }

  TEST_CASE("runs follow the way Redis takes back through the table") {
    const LcsTable table("-AABBABAACCCAAB", "BABACAABBACAB");
    CHECK(table.length() == 8);
    CHECK(table.Text() == "BABACAAB");
    std::string runs;
    for (const LcsTable::Run& run : table.Runs()) {
      runs += std::to_string(run.a_from) + "/" + std::to_string(run.b_from) + "x" +
              std::to_string(run.length) + " ";
    }
    CHECK(runs == "13/11x2 12/9x1 11/4x1 8/3x1 4/0x3 ");
  }
}

}  // namespace
}  // namespace terrace::commands
