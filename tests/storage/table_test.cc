#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "env/lossy_file_system.h"
#include "storage/rows.h"

namespace terrace::storage {
namespace {

using testing::LossyFileSystem;

constexpr char kPath[] = "t";

Rows RandomRows(Random& random, size_t count) {
  std::map<RowKey, Row> rows;
  while (rows.size() < count) {
    Row row = RandomRow(random);
    rows.emplace(row.key, row);
  }
  Rows sorted;
  for (auto& [key, row] : rows) sorted.push_back(std::move(row));
  return sorted;
}

Rows InRange(const Rows& rows, PositionRange range) {
  Rows found;
  for (const Row& row : rows) {
    const Position at{row.key.space, row.key.hash};
    if (range.first <= at && at <= range.last) found.push_back(row);
  }
  return found;
}

TEST_SUITE("storage/table") {
  TEST_CASE("random records come back from a table: all in order, by ranges, and one by one") {
    const uint64_t seed = PrintedSeed("storage/table");
    for (uint64_t round = 0; round < 30; ++round) {
      CAPTURE(round);
      Random random(seed + round);
      LossyFileSystem files;
      const size_t count = round == 0 ? 0 : round == 1 ? 1 : round < 26 ? random.Below(300) : 4000;
      const Rows rows = RandomRows(random, count);
      const TableWriter::Options options{
          .number = round + 1,
          .log_offset = random.Next(),
          .filter_bits_per_key = static_cast<uint32_t>(random.Below(25)),
          .sync_bytes = 64 * kKiB};
      const TableFacts facts = Must(WriteTable(files, kPath, rows, options));
      const auto table = MustOpen(files, kPath, {.filter = random.Below(4) != 0});

      CHECK(table->facts() == facts);
      CHECK(facts.number == options.number);
      CHECK(facts.log_offset == options.log_offset);
      CHECK(facts.records == rows.size());
      CHECK(facts.tombstones ==
            static_cast<uint64_t>(std::count_if(
                rows.begin(), rows.end(), [](const Row& row) { return row.kind == kTombstone; })));
      CHECK(facts.file_bytes == files.Contents(kPath).size());
      Must(table->Verify());
      Must(table->VerifyPlaces());
      CHECK(MustReadRows(*table) == rows);

      for (int i = 0; i < 20 && !rows.empty(); ++i) {
        const RowKey& a = rows[random.Below(rows.size())].key;
        const RowKey& b = rows[random.Below(rows.size())].key;
        // Ranges that begin and end at records, beside them, and that are empty.
        const PositionRange range{{a.space, a.hash + random.Below(3) - 1},
                                  {b.space, b.hash + random.Below(3) - 1}};
        CHECK(MustReadRows(*table, range) == InRange(rows, range));
      }
      for (size_t i = 0; i < std::min<size_t>(rows.size(), 300); ++i) {
        const Row& row = rows[random.Below(rows.size())];
        const auto found = Must(table->Find(row.key.space, row.key.hash, row.key.key, row.key.sub));
        REQUIRE(found.has_value());
        const Position position{row.key.space, row.key.hash};
        CHECK(table->BlockFor(position, table->BlockAt(position)).has_value());
        CHECK(found->kind == row.kind);
        CHECK(found->flags == row.flags);
        CHECK(found->deadline_ms == row.deadline_ms);
        CHECK(found->size == row.size);
        if (!found->is_tombstone()) CHECK(Must(table->ReadValue(found->value)) == row.value);
        if (found->inline_value) CHECK(*found->inline_value == row.value);
        // The hash is here, the key is not.
        CHECK_FALSE(Must(table->Find(row.key.space, row.key.hash, row.key.key + ", and not a key",
                                     row.key.sub)));
        CHECK_FALSE(Must(table->Find(row.key.space + 3, row.key.hash, row.key.key, row.key.sub)));
      }
    }
  }

  TEST_CASE("a collection in many chunks fills several blocks, and each chunk is found") {
    LossyFileSystem files;
    Rows rows;
    rows.push_back(MakeRow({0, 41, "before"}, "v"));
    for (uint64_t sub = 0; sub < 5000; ++sub)
      rows.push_back(MakeRow({0, 42, "big", sub}, "chunk " + std::to_string(sub)));
    rows.push_back(MakeRow({0, 42, "bigger"}, "same hash"));
    rows.push_back(MakeRow({0, 43, "after"}, "v"));
    Must(WriteTable(files, kPath, rows));
    const auto table = MustOpen(files, kPath);
    CHECK(table->index().size() > 5);
    CHECK(MustReadRows(*table) == rows);
    CHECK(MustReadRows(*table, {{0, 42}, {0, 42}}).size() == 5001);
    for (const Row& row : rows)
      CHECK(Must(table->Find(0, row.key.hash, row.key.key, row.key.sub)).has_value());
    CHECK_FALSE(Must(table->Find(0, 42, "big", 5000)));
    CHECK_FALSE(Must(table->Find(0, 42, "bi", 0)));
  }

  TEST_CASE("a space begins a block, so that one of them is read without the others") {
    LossyFileSystem files;
    Rows rows;
    for (uint32_t space = 0; space < 5; ++space)
      for (uint64_t i = 0; i < 3; ++i)
        rows.push_back(MakeRow({space * 10, i << 60, "k" + std::to_string(i)}, "v"));
    Must(WriteTable(files, kPath, rows));
    const auto table = MustOpen(files, kPath);
    CHECK(table->index().size() == 5);
    CHECK(MustReadRows(*table, {{20, 0}, {20, UINT64_MAX}}) ==
          Rows(rows.begin() + 6, rows.begin() + 9));
    CHECK(MustReadRows(*table, {{21, 0}, {29, UINT64_MAX}}).empty());
  }

  TEST_CASE("a key is found however unevenly hashes are spread") {
    for (const unsigned shift : {0u, 20u, 45u}) {
      LossyFileSystem files;
      Rows rows;
      Random random(shift);
      // Most lie at one end, or in one place.
      uint64_t hash = 0;
      for (int i = 0; i < 30'000; ++i) {
        hash += 1 + (random.Next() >> (i < 20'000 ? 14 + shift : 17));
        if (hash > uint64_t{1} << 63) break;
        rows.push_back(MakeRow({7, hash, "key:" + std::to_string(i)}, "v"));
      }
      rows.push_back(MakeRow({7, UINT64_MAX, "last"}, "v"));
      Must(WriteTable(files, kPath, rows));
      const auto table = MustOpen(files, kPath);
      CHECK(table->index().size() > 32);
      for (size_t i = 0; i < rows.size(); i += 7)
        REQUIRE(Must(table->Find(7, rows[i].key.hash, rows[i].key.key, 0)).has_value());
      for (const uint64_t at : {uint64_t{0}, rows[0].key.hash - 1, UINT64_MAX - 1}) {
        CHECK_FALSE(Must(table->Find(7, at, "nothing", 0)));
        for (const uint32_t space : {0u, 6u, 8u})
          CHECK_FALSE(Must(table->Find(space, at, "nothing", 0)));
      }
      for (const IndexEntry& entry : table->index()) {
        const size_t block = table->BlockAt(entry.first);
        REQUIRE(table->index()[block].first <= entry.first);
        REQUIRE((block + 1 == table->index().size() ||
                 !(table->index()[block + 1].first < entry.first)));
      }
    }
  }

  TEST_CASE("keys are read without the values, many blocks at a time") {
    LossyFileSystem files;
    Rows rows;
    Random random(5);
    uint64_t hash = 0;
    for (int i = 0; i < 60000; ++i) {
      hash += random.Next() >> 17;
      rows.push_back(MakeRow({0, hash, "key:" + std::to_string(i)}, std::string(60, 'v')));
    }
    const TableFacts facts = Must(WriteTable(files, kPath, rows));
    const auto table = MustOpen(files, kPath, {.filter = false});
    uint64_t key_blocks = 0;
    for (const IndexEntry& entry : table->index()) key_blocks += entry.length;
    CHECK(key_blocks < facts.file_bytes / 3);
    CHECK(key_blocks > kKeyStretchBytes);  // so there are several stretches
    const uint64_t looks = files.looks();
    KeyIterator records(*table);
    uint64_t count = 0;
    while (records.Next()) ++count;
    Must(records.status());
    CHECK(count == rows.size());
    CHECK(files.looks() - looks < 12);
  }

  TEST_CASE("a value costs one read of one block; one that is larger has its own, or several") {
    LossyFileSystem files;
    const std::string small(100, 's');
    const std::string block(kValueBlockBytes, 'b');
    const std::string large(kValueBlockBytes + 1, 'l');
    const std::string huge(3 * kMiB, 'h');
    const Rows rows = {MakeRow({0, 1, "a"}, small), MakeRow({0, 2, "b"}, block),
                       MakeRow({0, 3, "c"}, large), MakeRow({0, 4, "d"}, huge),
                       MakeRow({0, 5, "e"}, small), MakeRow({0, 6, "f"}, "")};
    Must(WriteTable(files, kPath, rows));
    const auto table = MustOpen(files, kPath);
    Must(table->Verify());
    std::vector<ValueHandle> handles;
    KeyIterator records(*table);
    while (records.Next()) handles.push_back(records.record().value);
    REQUIRE(handles.size() == rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const uint64_t looks = files.looks();
      CHECK(Must(table->ReadValue(handles[i])) == rows[i].value);
      const size_t size = rows[i].value.size();
      CHECK(files.looks() - looks <= (size > kValueBlockBytes ? 2 + size / kLongBlockBytes : 1));
      CHECK(handles[i].offset < kValueBlockBytes);
    }
    for (size_t i = 0; i < 4; ++i) CHECK(handles[i].block != handles[i + 1].block);
  }

  TEST_CASE("small values stand beside their keys, and how small they are is a matter of bytes") {
    LossyFileSystem files;
    const Rows rows = {MakeRow({0, 1, "in"}, std::string(kInlineValueBytesMax, 'i')),
                       MakeRow({0, 2, "out"}, std::string(kInlineValueBytesMax + 1, 'o'))};
    Must(WriteTable(files, kPath, rows));
    const auto table = MustOpen(files, kPath);
    KeyIterator records(*table);
    REQUIRE(records.Next());
    CHECK(records.record().is_inline);
    CHECK(records.record().inline_value == rows[0].value);
    REQUIRE(records.Next());
    CHECK_FALSE(records.record().is_inline);
    CHECK(MustReadRows(*table) == rows);
  }

  TEST_CASE("several threads read one table") {
    LossyFileSystem files;
    Random random(7);
    const Rows rows = RandomRows(random, 2000);
    Must(WriteTable(files, kPath, rows));
    const auto table = MustOpen(files, kPath);
    std::vector<std::thread> threads;
    std::vector<Rows> read(4);
    for (size_t i = 0; i < read.size(); ++i) {
      threads.emplace_back([&table, &read, i] {
        PositionRange range;
        range.first = {static_cast<uint32_t>(i), 0};
        if (i < 3) range.last = {static_cast<uint32_t>(i), UINT64_MAX};
        KeyIterator records(*table, range);
        while (records.Next()) {
          Row row = FromRecord(records.record());
          if (!records.record().is_tombstone())
            row.value = *table->ReadValue(records.record().value);
          read[i].push_back(std::move(row));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    Rows all;
    for (const Rows& part : read) all.insert(all.end(), part.begin(), part.end());
    CHECK(all == rows);
  }

  TEST_CASE(
      "a writer holds back a stretch of keys and a block of values, however long the table grows") {
    LossyFileSystem files;
    auto writer = Must(TableWriter::Create(files, kPath, {}));
    uint64_t held_back_max = 0;
    for (uint64_t i = 0; i < 100'000; ++i) {
      const std::string key = "key:" + std::to_string(i);
      KeyRecord record{.hash = i << 40, .size = 30};
      record.key = key;
      Must(writer->Add(record, std::string(30, 'v')));
      held_back_max = std::max(held_back_max, writer->estimated_bytes() - files.used_bytes());
    }
    const uint64_t estimated = writer->estimated_bytes();
    const TableFacts facts = Must(writer->Finish());
    CHECK(facts.file_bytes > 4 * kMiB);
    // And 256 KiB of buffer; index and filter, which are in the estimate, are less than as much again.
    CHECK(held_back_max < kKeyStretchBytes + 512 * kKiB);
    CHECK(facts.file_bytes >= estimated);
    CHECK(facts.file_bytes < estimated + estimated / 100);
  }

  TEST_CASE("keys and values over their limits are refused, and end the table") {
    LossyFileSystem files;
    auto writer = Must(TableWriter::Create(files, kPath, {}));
    const char byte = 0;
    KeyRecord record;
    record.key = Bytes(&byte, kKeyBytesMax + 1);  // it is not looked at
    CHECK(writer->Add(record, "").message() ==
          "t: a key of 536870913 bytes; a table takes up to 536870912");
    record.key = "k";
    CHECK_FALSE(writer->Add(record, "").ok());
    CHECK_FALSE(writer->Finish().ok());
    Must(writer->Discard());
    CHECK_FALSE(files.Exists(kPath));
    writer = Must(TableWriter::Create(files, kPath, {}));
    CHECK(writer->Add(record, Bytes(&byte, kValueBytesMax + 1)).message() ==
          "t: a value of 1099511627777 bytes; a table takes up to 1099511627776");
  }

  TEST_CASE("a writer whose disk fails says so from then on, and syncs nothing again") {
    for (const testing::Fault fault :
         {testing::Fault::kIo, testing::Fault::kNoSpace, testing::Fault::kShortWrite}) {
      for (uint64_t change = 1;; ++change) {
        LossyFileSystem files;
        auto writer = Must(TableWriter::Create(files, kPath, {.sync_bytes = 300 * kKiB}));
        const uint64_t before = files.changes();
        files.FailChange(change, fault);
        Status first;
        for (uint64_t i = 0; i < 20000; ++i) {
          const std::string key = std::to_string(i);
          KeyRecord record{.hash = i << 40};
          record.key = key;
          Status status = writer->Add(record, std::string(50, 'v'));
          if (!first.ok()) CHECK(status.message() == first.message());
          if (first.ok()) first = status;
        }
        const auto facts = writer->Finish();
        if (facts.ok()) {
          CHECK(files.changes() - before < change);
          CHECK(change > 8);  // so appends and syncs in mid-table have failed, too
          break;
        }
        if (!first.ok()) CHECK(facts.error().message() == first.message());
        CHECK(files.changes() - before == change);
        // Whether the bytes are there after the last sync has failed is nobody's to say; before it they are not all there.
        if (!files.last_change().starts_with("sync"))
          CHECK_FALSE(TableReader::Open(files, kPath, {}).ok());
        Must(writer->Discard());
      }
    }
  }
}

}  // namespace
}  // namespace terrace::storage
