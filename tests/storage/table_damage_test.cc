#include <doctest/doctest.h>

#include <algorithm>

#include "env/lossy_file_system.h"
#include "storage/reseal.h"
#include "storage/rows.h"

namespace terrace::storage {
namespace {

using testing::LossyFileSystem;

constexpr char kPath[] = "data/7.table";

Rows SmallTable() {
  Rows rows;
  rows.push_back(MakeRow({0, 10, "inline"}, "abc"));
  rows.push_back(MakeRow({0, 1000, "plain"}, std::string(40, 'p')));
  rows.push_back(MakeRow({0, 1000, "plain", 5}, std::string(30, 'c')));
  rows.push_back(MakeTombstone({0, 5000, "gone"}));
  rows.push_back(MakeRow({1, 1ull << 60, "other space"}, std::string(20, 'o')));
  rows.back().deadline_ms = 1'700'000'000'000;
  rows.back().flags = 3;
  rows.push_back(MakeRow({1, 1ull << 61, "large"}, std::string(kValueBlockBytes + 10, 'l')));
  rows.back().size = 12345;
  return rows;
}

// Everything that can be asked of the table: no answer may differ from what was written. Says whether all was well.
bool AnswersAreRight(LossyFileSystem& files, const Rows& rows, bool filter) {
  const auto table = TableReader::Open(files, kPath, {.filter = filter});
  if (!table.ok()) {
    CHECK(table.error().message().starts_with("data/7.table: offset "));
    return false;
  }
  bool well = true;
  Rows read;
  if (const Status status = ReadRows(**table, {}, &read); !status.ok()) {
    CHECK(status.message().starts_with("data/7.table: offset "));
    well = false;
    REQUIRE(read.size() <= rows.size());
    CHECK(std::equal(read.begin(), read.end(), rows.begin()));
  } else {
    CHECK(read == rows);
  }
  for (const Row& row : rows) {
    const auto found = (*table)->Find(row.key.space, row.key.hash, row.key.key, row.key.sub);
    if (!found.ok()) {
      well = false;
      continue;
    }
    REQUIRE(found->has_value());
    CHECK((*found)->size == row.size);
    CHECK((*found)->kind == row.kind);
    if (row.kind == kTombstone) continue;
    const auto value = (*table)->ReadValue((*found)->value);
    if (value.ok()) CHECK(*value == row.value);
    well = well && value.ok();
  }
  return (*table)->Verify().ok() && well;
}

// The bytes at `offset` of the table replaced, and its checksums made to fit.
Status StatusOfForged(const std::string& table, uint64_t offset, const std::string& bytes) {
  LossyFileSystem files;
  Must(files.CreateDirectory("data"));
  std::string forged = table;
  forged.replace(offset, bytes.size(), bytes);
  ResealTable(&forged);
  files.Put(kPath, forged);
  const auto reader = TableReader::Open(files, kPath, {});
  return reader.ok() ? (*reader)->Verify() : reader.error();
}

std::string SmallTableBytes() {
  LossyFileSystem files;
  Must(files.CreateDirectory("data"));
  Must(WriteTable(files, kPath, SmallTable(), {.number = 7}));
  return files.Contents(kPath);
}

TEST_SUITE("storage/table_damage") {
  TEST_CASE("whatever byte of a table changes, it is noticed, and no answer is wrong") {
    const Rows rows = SmallTable();
    const std::string whole = SmallTableBytes();
    LossyFileSystem files;
    Must(files.CreateDirectory("data"));
    files.Put(kPath, whole);
    REQUIRE(AnswersAreRight(files, rows, true));
    size_t flips = 0;
    for (size_t at = 0; at < whole.size(); ++at) {
      for (const unsigned mask : {1, 0x80, 0xff}) {
        CAPTURE(at);
        CAPTURE(mask);
        files.Flip(kPath, at, static_cast<unsigned char>(mask));
        CHECK_FALSE(AnswersAreRight(files, rows, true));
        CHECK_FALSE(AnswersAreRight(files, rows, false));
        files.Flip(kPath, at, static_cast<unsigned char>(mask));
        ++flips;
      }
    }
    std::printf("storage/table_damage: %zu flips in %zu bytes\n", flips, whole.size());
    CHECK(AnswersAreRight(files, rows, true));
  }

  TEST_CASE("a table that was cut, or has grown, does not open") {
    const std::string whole = SmallTableBytes();
    LossyFileSystem files;
    Must(files.CreateDirectory("data"));
    for (size_t size = 0; size < whole.size(); ++size) {
      files.Put(kPath, whole.substr(0, size));
      CHECK_FALSE(TableReader::Open(files, kPath, {}).ok());
    }
    for (const size_t more : {1, 16, 4096}) {
      files.Put(kPath, whole + std::string(more, '\0'));
      CHECK_FALSE(TableReader::Open(files, kPath, {}).ok());
    }
  }

  TEST_CASE("a later version and an unknown codec are refused by their number") {
    const std::string whole = SmallTableBytes();
    const size_t footer = whole.size() - TableFooter::kBytes;
    CHECK(StatusOfForged(whole, footer + 116, Field(uint32_t{4})).message() ==
          "data/7.table: offset " + std::to_string(footer) +
              ": a table of version 4; versions 1 to 3 can be read");
    const auto at = FieldAt<uint64_t>(whole.data() + footer);
    CHECK(StatusOfForged(whole, at + 5, "\x01").message() ==
          "data/7.table: offset " + std::to_string(at) +
              ": a block is packed with codec 1, which is not known here");
  }

  TEST_CASE("parts that do not fit each other are noticed behind right checksums, too") {
    const std::string whole = SmallTableBytes();
    Must(StatusOfForged(whole, 0, ""));
    const size_t footer = whole.size() - TableFooter::kBytes;
    const auto index = FieldAt<uint64_t>(whole.data() + footer) + BlockHeader::kBytes;
    const auto keys = FieldAt<uint64_t>(whole.data() + index + 16);
    const size_t head = keys + BlockHeader::kBytes;
    const size_t record = head + KeyBlockHead::kBytes;
    const struct {
      size_t at;
      std::string bytes;
      const char* words;
    } cases[] = {
        {footer + 0, Field(uint64_t{1} << 62), "a block is longer|were expected in a file"},
        {footer + 8, Field(uint64_t{1} << 62), "a block is longer than the file"},
        {footer + 8, Field(uint64_t{1}), "was expected; this is one of index"},
        {footer + 0, Field(keys), "was expected; this is one of keys"},
        {footer + 24, Field(uint64_t{64}), "lines of filter"},
        {footer + 48, Field(uint64_t{5}), "there are 6 records, and should be 5"},
        {footer + 56, Field(uint64_t{2}), "there are 1 tombstones, and should be 2"},
        {footer + 64, Field(uint64_t{2}), "bytes of keys"},
        {footer + 72, Field(uint64_t{2}), "bytes of values"},
        {footer + 84, Field(uint64_t{11}), "is out of order"},
        {footer + 84, Field(uint64_t{9}), "does not begin with the smallest"},
        {footer + 96, Field(UINT64_MAX), "the last record is"},
        {index + 12, Field(uint32_t{3}), "records, and should be 6"},
        {index + 16, Field(uint64_t{whole.size()}), "cannot be there"},
        {index + IndexEntry::kBytes + 16, Field(uint64_t{keys}), "cannot be there"},
        {index + 24, Field(uint32_t{7}), "cannot be there"},
        {index + 24, Field(UINT32_MAX), "cannot be there"},
        {head + 0, Field(uint32_t{9}), "than the index says"},
        {head + 4, Field(uint64_t{9}), "than the index says"},
        {head + 12, Field(uint32_t{0}), "than the index says"},
        {record + 0, Field(uint16_t{0x8000}), "a record's head is not known"},
        {record + 0, Field(uint16_t{9}), "a record's head is not known"},
        {record + 2, "\xff", "a tombstone has a value"},
        {record + 3, "\x7f", "in a block of keys: "},
    };
    for (const auto& each : cases) {
      const std::string words = each.words;
      CAPTURE(words);
      const Status status = StatusOfForged(whole, each.at, each.bytes);
      REQUIRE_FALSE(status.ok());
      const std::string message = status.message();
      CAPTURE(message);
      CHECK(status.message().starts_with("data/7.table: offset "));
      const size_t bar = words.find('|');
      CHECK((status.message().find(words.substr(0, bar)) != std::string::npos ||
             (bar != std::string::npos &&
              status.message().find(words.substr(bar + 1)) != std::string::npos)));
    }
  }

  TEST_CASE("blocks of one position that are out of order are noticed") {
    LossyFileSystem files;
    Must(files.CreateDirectory("data"));
    Rows rows;
    for (uint64_t sub = 0; sub < 600; ++sub) rows.push_back(MakeRow({0, 42, "big", sub}, "v"));
    Must(WriteTable(files, kPath, rows));
    const IndexEntry second = MustOpen(files, kPath)->index().at(1);
    REQUIRE(second.first.hash == 42);
    // The second block's first record: head 2, kind 1, length of the key 1, key 3, and then the sub, which becomes 0.
    const uint64_t sub_at = second.offset + BlockHeader::kBytes + KeyBlockHead::kBytes + 7;
    const std::string whole = files.Contents(kPath);
    REQUIRE(static_cast<uint8_t>(whole[sub_at]) >= 0x80);
    const Status status = StatusOfForged(whole, sub_at, std::string("\x80\0", 2));
    CHECK(status.message() == "data/7.table: offset " + std::to_string(second.offset) +
                                  ": blocks of keys are out of order");
  }

  TEST_CASE("a block that lies elsewhere than it was written is not taken for another") {
    LossyFileSystem files;
    Must(files.CreateDirectory("data"));
    Rows rows;
    for (uint64_t i = 0; i < 3; ++i)
      rows.push_back(
          MakeRow({0, i, "k"}, std::string(kValueBlockBytes + 1, static_cast<char>('a' + i))));
    Must(WriteTable(files, kPath, rows));
    std::string bytes = files.Contents(kPath);
    const size_t block =
        BlockHeader::kBytes + kValueBlockBytes + 1 + ValueDirectory().bytes_with_next();
    bytes.replace(kTableHeadMagic.size(), block,
                  bytes.substr(kTableHeadMagic.size() + block, block));
    files.Put(kPath, bytes);
    const auto table = MustOpen(files, kPath);
    Rows read;
    const Status status = ReadRows(*table, {}, &read);
    CHECK(read.empty());
    CHECK(status.message().find("data/7.table: offset 8: a block's checksum is") == 0);
  }

  TEST_CASE("random damage behind right checksums is an answer or an error, and nothing else") {
    const uint64_t seed = PrintedSeed("storage/table_damage");
    const std::string whole = SmallTableBytes();
    Random random(seed);
    uint64_t opened = 0;
    for (int round = 0; round < 20000; ++round) {
      std::string bytes = whole;
      for (uint64_t i = 0; i <= random.Below(4); ++i) {
        // Where the meaning is: behind the large value.
        const size_t at = bytes.size() - 1 - random.Below(900);
        bytes[at] = static_cast<char>(random.Next() >> random.Below(8));
      }
      ResealTable(&bytes);
      LossyFileSystem files;
      Must(files.CreateDirectory("data"));
      files.Put(kPath, bytes);
      const auto table = TableReader::Open(files, kPath, {});
      if (!table.ok()) continue;
      ++opened;
      Rows read;
      if (ReadRows(**table, {}, &read).ok()) CHECK(read.size() == (*table)->facts().records);
      (void)(*table)->Find(0, 1000, "plain", 5);
      (void)(*table)->Verify().ok();
    }
    CHECK(opened > 100);
  }
}

}  // namespace
}  // namespace terrace::storage
