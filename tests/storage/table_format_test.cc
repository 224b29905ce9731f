#include "storage/table_format.h"

#include <doctest/doctest.h>

#include "env/lossy_file_system.h"
#include "storage/golden_file.h"
#include "storage/rows.h"

namespace terrace::storage {
namespace {

// Every kind of record and block that version 1 has.
Rows GoldenRows1() {
  Rows rows;
  rows.push_back(MakeRow({0, 0, ""}, ""));
  rows.push_back(MakeRow({0, 258, "counter"}, "\x01\x2a"));
  rows.push_back(MakeRow({0, 0x8000000000000000, "text"}, "a value of more than sixteen bytes"));
  rows.push_back(
      MakeRow({0, 0x8000000000000000, "text", 300}, "a chunk of the same key, as it may be"));
  rows.back().size = 1'000'000;
  rows.push_back(MakeTombstone({0, 0x9000000000000000, "gone"}));
  rows.push_back(MakeRow({0, UINT64_MAX, "timed"}, "here until the deadline comes"));
  rows.back().deadline_ms = 1'700'000'000'123;
  rows.back().flags = 0x81;
  rows.back().kind = 4;
  rows.push_back(MakeRow({5, 77, "large"}, std::string(kValueBlockBytes + 1, 'l')));
  return rows;
}

// And a value of two blocks.
Rows GoldenRows2() {
  Rows rows = GoldenRows1();
  rows.push_back(MakeRow({5, 78, "long"}, std::string(kLongBlockBytes + 1, 'L')));
  rows.push_back(MakeRow({5, 79, "last"}, "behind the long one, in another block"));
  return rows;
}

TEST_SUITE("storage/table_format") {
  TEST_CASE("the golden table is written and read as ever") {
    testing::LossyFileSystem files;
    const TableFacts facts =
        Must(WriteTable(files, "t", GoldenRows2(), {.number = 12, .log_offset = 3456}));
    const std::string bytes = files.Contents("t");
    const std::string golden = GoldenFile("table_v3.table", bytes);
    CHECK((golden == bytes));
    files.Put("t", golden);
    const auto table = MustOpen(files, "t");
    CHECK(table->facts() == facts);
    CHECK((MustReadRows(*table) == GoldenRows2()));
    Must(table->Verify());
    Must(table->VerifyPlaces());
  }

  TEST_CASE("the golden tables of earlier versions are read") {
    for (const bool is_first : {true, false}) {
      testing::LossyFileSystem files;
      files.Put("t", GoldenFile(is_first ? "table_v1.table" : "table_v2.table"));
      const auto table = MustOpen(files, "t");
      CHECK(table->facts().number == 12);
      CHECK(table->facts().log_offset == 3456);
      CHECK((MustReadRows(*table) == (is_first ? GoldenRows1() : GoldenRows2())));
      Must(table->Verify());
    }
  }

  TEST_CASE("the order is by space, hash, key and sub, bytes being unsigned") {
    const Rows ascending = {MakeRow({0, 1, "z"}, ""),     MakeRow({0, 2, "a"}, ""),
                            MakeRow({0, 2, "a", 1}, ""),  MakeRow({0, 2, "a", 300}, ""),
                            MakeRow({0, 2, "aa"}, ""),    MakeRow({0, 2, "a\x7f"}, ""),
                            MakeRow({0, 2, "a\xff"}, ""), MakeRow({1, 0, ""}, "")};
    for (size_t i = 0; i < ascending.size(); ++i) {
      for (size_t j = 0; j < ascending.size(); ++j) {
        const auto order = CompareOrder(ascending[i].record(), ascending[j].record());
        CHECK((order < 0) == (i < j));
        CHECK((order == 0) == (i == j));
      }
    }
  }

  TEST_CASE("a block's checksum covers its header, its body and its place") {
    const std::string body = "body";
    const std::string header = EncodeBlockHeader(BlockKind::kKeys, body, 100);
    const uint32_t crc = DecodeBlockHeader(header).crc;
    CHECK(BlockCrc(header, body, 100) == crc);
    CHECK(BlockCrc(header, body, 101) != crc);
    CHECK(BlockCrc(header, "bode", 100) != crc);
    for (size_t at = 4; at < header.size(); ++at) {
      std::string other = header;
      other[at] = static_cast<char>(other[at] ^ 1);
      CHECK(BlockCrc(other, body, 100) != crc);
    }
    CHECK(header.size() == BlockHeader::kBytes);
  }
}

}  // namespace
}  // namespace terrace::storage
