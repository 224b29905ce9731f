#include "storage/value_places.h"

#include <doctest/doctest.h>

#include <map>

#include "env/lossy_file_system.h"
#include "storage/golden_file.h"
#include "storage/reseal.h"
#include "storage/rows.h"

namespace terrace::storage {
namespace {

using testing::LossyFileSystem;

constexpr const char* kPath = "t";

std::string ValueOfSize(size_t size, int number) {
  return std::string(size, static_cast<char>('a' + number % 26));
}

// In order, with hashes spread over all there are.
Rows SpreadRows(Random& random, int count, size_t bytes_max) {
  std::map<uint64_t, Row> rows;
  while (rows.size() < static_cast<size_t>(count)) {
    const int i = static_cast<int>(rows.size());
    const uint64_t hash = random.Next();
    Row row = MakeRow({0, hash, "key:" + std::to_string(i)},
                      ValueOfSize(kInlineValueBytesMax + 1 + random.Below(bytes_max), i));
    row.kind = static_cast<uint8_t>(i % 20);
    rows.insert_or_assign(hash, std::move(row));
  }
  Rows sorted;
  for (auto& [hash, row] : rows) sorted.push_back(std::move(row));
  return sorted;
}

// The block of keys that has the row.
size_t BlockOf(const TableReader& table, const Row& row) {
  size_t block = table.BlockAt({row.key.space, row.key.hash});
  while (block + 1 < table.index().size() &&
         table.index()[block + 1].first <= Position{row.key.space, row.key.hash})
    ++block;
  return block;
}

std::optional<PlacedValue> FindPlaced(const TableReader& table, const Row& row,
                                      std::string* bytes) {
  const auto place = table.PlaceOf(BlockOf(table, row), row.key.hash);
  if (!place) return std::nullopt;
  *bytes = Must(table.blocks().ReadBytes(place->offset, place->size));
  return Must(table.PlacedIn(*place, *bytes, row.key.hash));
}

struct Tally {
  size_t found = 0;
  size_t not_told = 0;
};

// What is found is right.
Tally FindAll(const TableReader& table, const Rows& rows) {
  Tally tally;
  std::string bytes;
  for (const Row& row : rows) {
    const auto placed = FindPlaced(table, row, &bytes);
    if (!placed) {
      ++tally.not_told;
      continue;
    }
    ++tally.found;
    CHECK(placed->kind == row.kind);
    CHECK((placed->bytes == row.value));
  }
  return tally;
}

}  // namespace

TEST_SUITE("storage/value_places") {
  TEST_CASE("a value is found by its place, whatever its size, but for long ones") {
    const uint64_t seed = PrintedSeed("storage/value_places");
    for (const size_t bytes_max : {size_t{1}, size_t{100}, size_t{3000}, size_t{9000}}) {
      CAPTURE(bytes_max);
      Random random(seed);
      LossyFileSystem files;
      const Rows rows = SpreadRows(random, 3000, bytes_max);
      Must(WriteTable(files, kPath, rows));
      const auto table = MustOpen(files, kPath);
      Must(table->Verify());
      Must(table->VerifyPlaces());
      // A block of keys in fifteen hundred does not tell; two blocks of values whose hashes begin alike are as rare.
      CHECK(FindAll(*table, rows).found > rows.size() * 9 / 10);
      CHECK((MustReadRows(*table) == rows));
    }
  }

  TEST_CASE("the golden table with places is written as ever, and tells them") {
    LossyFileSystem files;
    Rows rows;
    for (uint64_t i = 1; i <= 9; ++i)
      rows.push_back(MakeRow({0, i << 60 | i, "key:" + std::to_string(i)},
                             ValueOfSize(i == 5 ? 4 : 300 * i, static_cast<int>(i))));
    Must(WriteTable(files, kPath, rows));
    const std::string golden = GoldenFile("table_v3_places.table", files.Contents(kPath));
    CHECK((golden == files.Contents(kPath)));
    const auto table = MustOpen(files, kPath);
    Must(table->VerifyPlaces());
    const Tally tally = FindAll(*table, rows);
    CHECK(tally.found == 8);
    CHECK(tally.not_told == 1);  // it stands with its key
  }

  TEST_CASE("a block of small values fits a page with its directory") {
    Random random(1);
    LossyFileSystem files;
    Must(WriteTable(files, kPath, SpreadRows(random, 2000, 300)));
    const auto table = MustOpen(files, kPath);
    for (uint64_t at = kTableHeadMagic.size(); at < table->index().front().offset;) {
      const Block block = Must(table->blocks().ReadAnyBlock(at, kValueBlockBytes));
      REQUIRE(block.header().kind == BlockKind::kValues);
      CHECK(block.body().size() <= kValueBlockBytes);
      at += BlockHeader::kBytes + block.body().size();
    }
  }

  TEST_CASE("what has no value in a block has no place, and long values are not told") {
    LossyFileSystem files;
    Rows rows = {MakeRow({0, 1ull << 60, "inline"}, "short"),
                 MakeRow({0, 2ull << 60 | 2, "value"}, ValueOfSize(100, 1)),
                 MakeTombstone({0, 3ull << 60 | 3, "gone"}),
                 MakeRow({0, 4ull << 60 | 4, "other"}, ValueOfSize(kLongBlockBytes, 2))};
    Must(WriteTable(files, kPath, rows));
    std::string bytes;
    {
      const auto table = MustOpen(files, kPath);
      Must(table->VerifyPlaces());
      CHECK_FALSE(FindPlaced(*table, rows[0], &bytes));
      CHECK((FindPlaced(*table, rows[1], &bytes)->bytes == rows[1].value));
      CHECK_FALSE(FindPlaced(*table, rows[2], &bytes));
      CHECK((FindPlaced(*table, rows[3], &bytes)->bytes == rows[3].value));
      Row stranger = MakeRow({0, 2ull << 60 | 7, "stranger"}, "");
      CHECK_FALSE(FindPlaced(*table, stranger, &bytes));
    }
    // Between the two that are told of.
    rows[2] = MakeRow({0, 3ull << 60 | 3, "long"}, ValueOfSize(kLongBlockBytes + 1, 3));
    Must(WriteTable(files, "long", rows));
    const auto table = MustOpen(files, "long");
    Must(table->VerifyPlaces());
    CHECK(FindAll(*table, rows).found == 0);
    CHECK((MustReadRows(*table) == rows));
  }

  TEST_CASE("a block of keys in which two have the same tag does not tell") {
    const uint64_t tag = 0xabcdef;
    const Row first = MakeRow({0, 1ull << 60 | tag, "first"}, ValueOfSize(50, 0));
    for (const Row& second : {MakeRow({0, 9ull << 60 | tag, "tag"}, ValueOfSize(50, 1)),
                              MakeRow({0, 1ull << 60 | tag, "hash"}, ValueOfSize(50, 1)),
                              MakeRow({0, 1ull << 60 | tag, "first", 7}, ValueOfSize(50, 1)),
                              MakeRow({0, 9ull << 60 | tag, "inline"}, "x"),
                              MakeTombstone({0, 9ull << 60 | tag, "no"})}) {
      CAPTURE(second.key.key);
      LossyFileSystem files;
      const Rows rows = {first, second};
      Must(WriteTable(files, kPath, rows));
      const auto table = MustOpen(files, kPath);
      Must(table->VerifyPlaces());
      CHECK(FindAll(*table, rows).found == 0);
      CHECK((MustReadRows(*table) == rows));
    }
  }

  TEST_CASE("a table of an earlier version tells no places") {
    LossyFileSystem files;
    for (const char* golden : {"table_v1.table", "table_v2.table"}) {
      files.Put(kPath, GoldenFile(golden));
      const auto table = MustOpen(files, kPath);
      const Rows rows = MustReadRows(*table);
      CHECK(FindAll(*table, rows).not_told == rows.size());
      Must(table->VerifyPlaces());
    }
  }

  TEST_CASE("places and directories that make no sense are damage, and nothing else") {
    Random random(2);
    LossyFileSystem files;
    const Rows rows = SpreadRows(random, 300, 1500);
    Must(WriteTable(files, kPath, rows));
    const std::string whole = files.Contents(kPath);
    const auto footer =
        Must(DecodeTableFooter(Bytes(whole).substr(whole.size() - TableFooter::kBytes)));
    const auto open_forged = [&](uint64_t at, const std::string& bytes, BlockExtent block) {
      std::string forged = whole;
      forged.replace(at, bytes.size(), bytes);
      ResealBlock(&forged, block);
      files.Put(kPath, forged);
      return TableReader::Open(files, kPath, {});
    };
    const uint64_t places = footer.places.offset + BlockHeader::kBytes;
    for (const auto& [at, bytes, words] : std::vector<std::tuple<uint64_t, std::string, Bytes>>{
             {places + 0, Field(uint64_t{1} << 60), "cannot be where its place says"},
             {places + 0, Field(UINT64_MAX), "cannot be where its place says"},
             {places + 0, Field(uint64_t{0}), "cannot be where its place says"},
             {places + 8, Field(uint32_t{64}), "shifted out of sight"},
             {places + 12, Field(UINT32_MAX), "cut off"},
             {places + 12, Field(uint32_t{1}), "in the places: "}}) {
      CAPTURE(words);
      const auto table = open_forged(at, bytes, footer.places);
      REQUIRE_FALSE(table.ok());
      CHECK(table.error().message().starts_with(
          "t: offset " + std::to_string(footer.places.offset) + ": in the places: "));
      CHECK(table.error().message().find(words) != std::string::npos);
    }
    // The directory of the first block of values.
    const BlockExtent block{kTableHeadMagic.size(),
                            DecodeBlockHeader(Bytes(whole).substr(kTableHeadMagic.size())).length};
    const uint64_t end = block.offset + BlockHeader::kBytes + block.length;
    const uint64_t entry = end - ValueDirectory::kFootBytes - ValueDirectory::kEntryBytes;
    for (const auto& [at, bytes, words] : std::vector<std::tuple<uint64_t, std::string, Bytes>>{
             {end - 2, Field(uint16_t{0xffff}), "shorter than its directory"},
             {entry + 4, Field(uint16_t{0xffff}), "has no room for"},
             {entry + 0, std::string(3, '\x11'), "does not have what a record says"},
             {entry + 3, std::string(1, '\x63'), "says something else than a record"}}) {
      CAPTURE(words);
      const auto table = Must(open_forged(at, bytes, block));
      const Status status = table->VerifyPlaces();
      CHECK(status.message().starts_with("t: offset 8: "));
      CHECK(status.message().find(words) != std::string::npos);
    }
  }
}

}  // namespace terrace::storage
