#include "storage/merging_iterator.h"

#include <doctest/doctest.h>

#include <map>

#include "env/lossy_file_system.h"
#include "storage/rows.h"

namespace terrace::storage {
namespace {

using testing::LossyFileSystem;

struct Tables {
  LossyFileSystem files;
  std::vector<std::unique_ptr<TableReader>> readers;
  std::vector<const TableReader*> newest_first;

  // Newest last, as they come about.
  void Add(const Rows& rows) {
    const std::string path = std::to_string(readers.size());
    Must(WriteTable(files, path, rows));
    readers.push_back(MustOpen(files, path, {.filter = false}));
    newest_first.insert(newest_first.begin(), readers.back().get());
  }

  Rows Merged(Tombstones tombstones, PositionRange range = {}) const {
    Rows rows;
    MergingIterator records(newest_first, tombstones, range);
    while (records.Next()) {
      Row row = FromRecord(records.record());
      row.value = Must(ValueOf(*newest_first[records.source()], records.record()));
      rows.push_back(std::move(row));
    }
    Must(records.status());
    CHECK_FALSE(records.Next());
    return rows;
  }
};

TEST_SUITE("storage/merging_iterator") {
  TEST_CASE(
      "the newest record of each key is seen, in order, and a tombstone hides what is older") {
    Tables tables;
    tables.Add({MakeRow({0, 1, "a"}, "1"), MakeRow({0, 2, "b"}, "1"), MakeRow({0, 3, "c"}, "1")});
    tables.Add({MakeRow({0, 2, "b"}, "2"), MakeTombstone({0, 3, "c"}), MakeTombstone({0, 9, "z"})});
    tables.Add(
        {MakeRow({0, 0, "new"}, "3"), MakeRow({0, 2, "b", 1}, "3"), MakeRow({0, 2, "ba"}, "3")});
    CHECK(tables.Merged(Tombstones::kHidden) ==
          Rows{MakeRow({0, 0, "new"}, "3"), MakeRow({0, 1, "a"}, "1"), MakeRow({0, 2, "b"}, "2"),
               MakeRow({0, 2, "b", 1}, "3"), MakeRow({0, 2, "ba"}, "3")});
    const Rows shown = tables.Merged(Tombstones::kShown);
    REQUIRE(shown.size() == 7);
    CHECK(shown[5] == MakeTombstone({0, 3, "c"}));
    CHECK(shown[6] == MakeTombstone({0, 9, "z"}));
    MergingIterator records(tables.newest_first, Tombstones::kShown);
    while (records.Next()) {
    }
    CHECK(records.hidden() == 2);
  }

  TEST_CASE("no tables, empty tables") {
    Tables tables;
    CHECK(tables.Merged(Tombstones::kShown).empty());
    tables.Add({});
    tables.Add({});
    CHECK(tables.Merged(Tombstones::kShown).empty());
    tables.Add({MakeRow({0, 1, "a"}, "1")});
    CHECK(tables.Merged(Tombstones::kHidden).size() == 1);
  }

  TEST_CASE("a table is read from when the merge comes to it, and no sooner") {
    Tables tables;
    constexpr uint64_t kTables = 20;
    for (uint64_t i = 0; i < kTables; ++i)
      tables.Add({MakeRow({0, 10 * i, "first"}, "v"), MakeRow({0, 10 * i + 9, "last"}, "v")});
    const uint64_t looks = tables.files.looks();
    MergingIterator records(tables.newest_first, Tombstones::kShown);
    for (uint64_t i = 0; i < 2 * kTables; ++i) {
      REQUIRE(records.Next());
      CHECK(records.record().hash == 10 * (i / 2) + i % 2 * 9);
      CHECK(tables.files.looks() - looks == i / 2 + 1);
      // The newest table has the last hashes.
      CHECK(records.source() == kTables - 1 - i / 2);
      for (uint64_t k = 0; k < kTables; ++k) CHECK(records.is_over(kTables - 1 - k) == (k < i / 2));
    }
    CHECK_FALSE(records.Next());
    Must(records.status());
  }

  TEST_CASE("random generations of tables, merged whole and in ranges, are what a map says") {
    const uint64_t seed = PrintedSeed("storage/merging_iterator");
    for (uint64_t round = 0; round < 30; ++round) {
      CAPTURE(round);
      Random random(seed + round);
      Tables tables;
      std::map<RowKey, Row> model;
      std::vector<RowKey> known;
      const uint64_t generations = 1 + random.Below(9);
      for (uint64_t i = 0; i < generations; ++i) {
        std::map<RowKey, Row> generation;
        for (uint64_t n = random.Below(round < 28 ? 200 : 2000); n > 0; --n) {
          Row row = RandomRow(random);
          if (!known.empty() && random.Below(2) == 0) row.key = known[random.Below(known.size())];
          known.push_back(row.key);
          generation.insert_or_assign(row.key, row);
        }
        Rows rows;
        for (const auto& [key, row] : generation) {
          rows.push_back(row);
          model.insert_or_assign(key, row);
        }
        tables.Add(rows);
      }
      Rows all;
      Rows live;
      for (const auto& [key, row] : model) {
        all.push_back(row);
        if (row.kind != kTombstone) live.push_back(row);
      }
      CHECK(tables.Merged(Tombstones::kShown) == all);
      CHECK(tables.Merged(Tombstones::kHidden) == live);
      // Ranges that do not meet and leave nothing out.
      Rows joined;
      Position first = kFirstPosition;
      for (uint64_t part = 1; part <= 5; ++part) {
        const Position last = part == 5
                                  ? kLastPosition
                                  : Position{static_cast<uint32_t>(part / 2),
                                             part % 2 == 0 ? random.Next() >> 1 : UINT64_MAX / 3};
        if (last < first) continue;
        const Rows rows = tables.Merged(Tombstones::kHidden, {first, last});
        joined.insert(joined.end(), rows.begin(), rows.end());
        if (part == 5) break;
        first = {last.space, last.hash + 1};
      }
      CHECK(joined == live);
    }
  }

  TEST_CASE("a damaged table ends the merge: what it would have hidden is not known") {
    Tables tables;
    Rows rows;
    for (uint64_t i = 0; i < 2000; ++i)
      rows.push_back(MakeRow({0, i << 50, "key" + std::to_string(i)}, "v"));
    tables.Add(rows);
    tables.Add(rows);
    const IndexEntry& block = tables.readers[1]->index()[3];
    tables.files.Flip("1", block.offset + 100);
    MergingIterator records(tables.newest_first, Tombstones::kHidden);
    Rows seen;
    while (records.Next()) seen.push_back(FromRecord(records.record()));
    CHECK(seen.size() < rows.size());
    CHECK(seen.size() > 100);
    CHECK(
        records.status().message().starts_with("1: offset " + std::to_string(block.offset) + ": "));
    CHECK_FALSE(records.Next());
  }
}

}  // namespace
}  // namespace terrace::storage
