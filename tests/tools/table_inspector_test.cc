#include <doctest/doctest.h>

#include "storage/reseal.h"
#include "tools/inspect_run.h"

// What the golden table holds: storage/table_format_test.cc.
namespace terrace::tools {
namespace {

constexpr size_t kValuesAt = 8;
constexpr size_t kLargeAt = 124;
constexpr size_t kKeysAt = 4237;
constexpr size_t kIndexAt = 4553;
constexpr size_t kFooterAt = 4633;

std::string Golden() { return GoldenFile("table_v1.table"); }

std::string Flipped(size_t at) {
  std::string bytes = Golden();
  bytes.at(at) = static_cast<char>(bytes[at] ^ 1);
  return bytes;
}

// The golden table with other bytes, and checksums that fit them.
std::string Forged(const std::string& old_bytes, const std::string& new_bytes) {
  std::string bytes = Golden();
  const size_t at = bytes.find(old_bytes);
  REQUIRE(at != std::string::npos);
  REQUIRE(old_bytes.size() == new_bytes.size());
  bytes.replace(at, old_bytes.size(), new_bytes);
  storage::ResealTable(&bytes);
  return bytes;
}

struct InspectedTable : Folder {
  explicit InspectedTable(const std::string& bytes) : path(Put("t", bytes)) {
    run = Inspect("table " + path);
  }
  std::string path;
  Finished run;
};

TEST_SUITE("tools/table_inspector") {
  TEST_CASE("a sound table is printed block by block and record by record") {
    const InspectedTable table(Golden());
    const std::string& output = table.run.output;
    CAPTURE(output);
    CHECK(table.run.code == 0);
    CHECK(output.starts_with(table.path + ": table, version 1, 4761 bytes\n"
                                          "  number      12\n"
                                          "  log offset  3456\n"
                                          "  records     7, of which tombstones 1\n"
                                          "  keys        29 bytes\n"
                                          "  values      4199 bytes\n"
                                          "  smallest    (0, 0000000000000000)\n"
                                          "  largest     (5, 000000000000004d)\n"
                                          "  filter      10 bits a key, 7 probes\n"));
    CHECK(Has(output,
              "           8  values            100    ok\n"
              "         124  values           4097    ok\n"
              "        4237  keys              111    ok\n"
              "        4364  keys               29    ok\n"
              "        4409  filter            128    ok\n"
              "        4553  index              64    ok\n"));
    CHECK(
        Has(output,
            "         0 0000000000000102      0 0             0                -            2      "
            "      2  4237+35 inline         counter\n"));
    CHECK(
        Has(output,
            "         0 8000000000000000    300 0             0                -      1000000      "
            "     37  8+34                   text\n"));
    CHECK(
        Has(output,
            "         0 9000000000000000      0 tombstone     0                -            0      "
            "      0  -                      gone\n"));
    CHECK(
        Has(output,
            "         0 ffffffffffffffff      0 4            81    1700000000123           29      "
            "     29  8+71                   timed\n"));
    CHECK(output.ends_with("7 records in 2 blocks of keys\nfine\n"));
  }

  TEST_CASE("a long value has several blocks, and is lost if one of them is damaged") {
    const std::string golden = GoldenFile("table_v2.table");
    constexpr size_t kLongAt = 4237, kTailAt = kLongAt + 16 + 32768;
    {
      const InspectedTable table(golden);
      CAPTURE(table.run.output);
      CHECK(table.run.code == 0);
      CHECK(table.run.output.starts_with(table.path + ": table, version 2, "));
      CHECK(Has(table.run.output,
                "        4237  values          32768    ok\n"
                "       37021  values              1    ok\n"
                "       37038  values             37    ok\n"));
      CHECK(Has(table.run.output, "        32769        32769  4237+0                 long\n"));
      CHECK(table.run.output.ends_with("9 records in 2 blocks of keys\nfine\n"));
    }
    for (const size_t at : {kLongAt + 5000, kTailAt + 16}) {
      std::string bytes = golden;
      bytes.at(at) = static_cast<char>(bytes[at] ^ 1);
      const InspectedTable table(bytes);
      CAPTURE(table.run.output);
      CHECK(table.run.code == 1);
      CHECK(Has(table.run.output, "  4237+0 lost            long\n"));
      CHECK(Has(table.run.output, "the values of 1 of them are lost\n"));
    }
  }

  TEST_CASE("keys whose values were in a damaged block are told from the others") {
    const InspectedTable table(Flipped(kValuesAt + 40));
    const std::string& output = table.run.output;
    CAPTURE(output);
    CHECK(table.run.code == 1);
    CHECK(Has(output, "           8  values            100   bad  a block's checksum is "));
    CHECK(Has(output, "         124  values           4097    ok\n"));
    CHECK(Has(output, "  8+34 lost              text\n"));
    CHECK(Has(output, "  4237+35 inline         counter\n"));
    CHECK(Has(output, "  124+0                  large\n"));
    CHECK(Has(output, "\n7 records in 2 blocks of keys; the values of 3 of them are lost\n"));
    CHECK(Has(output, "\ndamaged: " + table.path + ": offset 8: a block's checksum is "));
  }

  TEST_CASE("a block whose length is wrong ends at the next one that the index knows") {
    const InspectedTable table(Flipped(kLargeAt + 8));
    const std::string& output = table.run.output;
    CAPTURE(output);
    CHECK(table.run.code == 1);
    CHECK(Has(output, "         124  ?                   ?   bad  a block's checksum is "));
    CHECK(Has(output, "        4237  the next block that is known of\n        4237  keys "));
    CHECK(Has(output, "the values of 1 of them are lost\n"));
  }

  TEST_CASE("of damaged keys the other blocks are still printed") {
    const InspectedTable table(Flipped(kKeysAt + 50));
    const std::string& output = table.run.output;
    CAPTURE(output);
    CHECK(table.run.code == 1);
    CHECK(Has(output, "        4237  keys              111   bad  a block's checksum is "));
    CHECK(Has(output, "  large\n1 records in 1 blocks of keys\n"));
    CHECK(Has(output, "damaged: " + table.path + ": offset 4237: "));
  }

  TEST_CASE("records are found without an index and without a footer") {
    const struct {
      std::string bytes;
      const char* line;
      const char* damage;
    } cases[] = {
        {Flipped(kIndexAt + 20),
         "        4553  index              64   bad  a block's checksum is ",
         "offset 4553: a block's checksum is "},
        {Flipped(kFooterAt + 60), "  footer      bad: the footer's checksum is wrong",
         "offset 4633: the footer's checksum is wrong"},
        {Golden().substr(0, kFooterAt),
         "  footer      bad: this is no table, or its end is missing",
         "offset 4505: this is no table, or its end is missing"},
        {Golden() + "more than a table has", "behind it no block is known of\n",
         "this is no table, or its end is missing"},
        {Flipped(0), "  largest     (5, 000000000000004d)\n",
         "offset 0: this is no table: it does not begin as every table does"},
    };
    for (const auto& each : cases) {
      const InspectedTable table(each.bytes);
      const std::string& output = table.run.output;
      CAPTURE(output);
      CHECK(table.run.code == 1);
      CHECK(Has(output, each.line));
      CHECK(Has(output, "\n7 records in 2 blocks of keys\ndamaged: " + table.path + ": "));
      CHECK(Has(output, each.damage));
    }
  }

  TEST_CASE("what was cut off is said, and what is there is printed") {
    {
      const InspectedTable table(Golden().substr(0, kKeysAt + 60));
      CAPTURE(table.run.output);
      CHECK(table.run.code == 1);
      CHECK(table.run.output.starts_with(table.path + ": 4297 bytes\n  footer      bad: "));
      CHECK(
          Has(table.run.output, "        4237  ?                   ?   bad  a block of 111 bytes"));
      CHECK(Has(table.run.output, "\n0 records in 0 blocks of keys\ndamaged: "));
    }
    for (const size_t size : {0, 7, 8, 20, 127}) {
      CAPTURE(size);
      const InspectedTable table(Golden().substr(0, size));
      CAPTURE(table.run.output);
      CHECK(table.run.code == 1);
      CHECK(Has(table.run.output, "  footer      bad: the file is too short for one\n"));
      CHECK(Has(table.run.output, "damaged: " + table.path +
                                      ": offset 0: this is no table: it has "
                                      "only " +
                                      std::to_string(size) + " bytes\n"));
    }
  }

  TEST_CASE("right checksums are not yet right records") {
    {
      const InspectedTable table(Forged({"text\x22\x08", 6}, {"text\x22\x09", 6}));
      CAPTURE(table.run.output);
      CHECK(table.run.code == 1);
      CHECK(Has(table.run.output, "  9+0 lost               text\n"));
      CHECK(Has(table.run.output, ": offset 9: no good block here has the value of a record\n"));
    }
    {
      const InspectedTable table(Forged("\x04text\x22", "\x7ftext\x22"));
      CAPTURE(table.run.output);
      CHECK(table.run.code == 1);
      CHECK(Has(table.run.output, "counter\nbad at byte 4290: "));
      CHECK(Has(table.run.output, "  large\n3 records in 2 blocks of keys\n"));
      CHECK(Has(table.run.output, ": offset 4290: in a block of keys: "));
    }
  }

  TEST_CASE("wherever a byte of a table changes, it is damaged") {
    for (size_t at = 3; at < Golden().size(); at += 127) {
      CAPTURE(at);
      CHECK(InspectedTable(Flipped(at)).run.code == 1);
    }
  }

  TEST_CASE("the key of a stranger does nothing to the terminal") {
    const InspectedTable table(Forged("counter", "\x1b[2J\\\n\xff"));
    CAPTURE(table.run.output);
    CHECK(table.run.code == 0);
    CHECK(Has(table.run.output, "\\x1b[2J\\x5c\\x0a\\xff\n"));
  }
}

}  // namespace
}  // namespace terrace::tools
