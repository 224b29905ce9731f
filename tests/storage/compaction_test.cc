// Runs of several tables, and all tables made one run.
#include "storage/compaction.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/lossy_file_system.h"
#include "storage/merging_iterator.h"
#include "storage/rows.h"
#include "storage/run_writer.h"

namespace terrace::storage {
namespace {

using testing::LossyFileSystem;
using Content = std::map<RowKey, Row>;

class Directory {
 public:
  LossyFileSystem files;
  std::unique_ptr<Manifest> manifest;

  Directory() {
    Must(files.CreateDirectory("db"));
    Must(files.SyncDirectory("."));
    ManifestState state;
    state.next_space = 3;
    state.databases = {{0, 0}, {1, 1}, {2, 2}};
    manifest = Must(Manifest::Create(files, "db", state));
  }

  // One more run.
  void Add(const Content& rows, uint64_t table_bytes_max = 256 * kMiB,
           unsigned partition_bits = 0) {
    RunWriter run(files, *manifest,
                  {.table_bytes_max = table_bytes_max, .partition_bits = partition_bits});
    for (const auto& [key, row] : rows) Must(run.Add(row.record(), row.value));
    Must(run.Finish());
    while (Must(run.VerifyNext())) {
    }
    Must(manifest->Install([&run](ManifestState& state) {
      uint64_t last = 0;
      for (const TableEntry& table : state.tables) last = std::max(last, table.run);
      for (const TableFacts& facts : run.tables())
        state.tables.push_back(TableEntry::Of(facts, last + 1));
    }));
    run.Installed();
  }
  // Values only; tombstones that are left are counted.
  Content Read(uint64_t* tombstones = nullptr) {
    std::vector<TableEntry> tables = manifest->state()->tables;
    std::stable_sort(tables.begin(), tables.end(),
                     [](const TableEntry& a, const TableEntry& b) { return a.run > b.run; });
    std::vector<std::unique_ptr<TableReader>> readers;
    std::vector<const TableReader*> newest_first;
    for (const TableEntry& table : tables) {
      if (tombstones != nullptr) *tombstones += table.tombstones;
      readers.push_back(MustOpen(files, manifest->TablePath(table.number)));
      newest_first.push_back(readers.back().get());
    }
    Content content;
    MergingIterator records(newest_first, Tombstones::kHidden);
    while (records.Next()) {
      Row row = FromRecord(records.record());
      row.value = Must(ValueOf(*newest_first[records.source()], records.record()));
      content.emplace(row.key, row);
    }
    Must(records.status());
    return content;
  }
};

Content RandomContent(Random& random, uint64_t rows) {
  Content content;
  for (uint64_t i = 0; i < rows; ++i) {
    Row row = RandomRow(random);
    row.key.hash &= uint64_t{0xff} << 56;  // many meet
    row.key.key = "key" + std::to_string(random.Below(40));
    content.insert_or_assign(row.key, row);
  }
  return content;
}

TEST_SUITE("storage/compaction") {
  TEST_CASE(
      "a run is as many tables as its size asks for, and records of one position stay together") {
    Random random(PrintedSeed("storage/compaction"));
    Directory directory;
    const Content rows = RandomContent(random, 5000);
    directory.Add(rows, 30'000);
    const auto state = directory.manifest->state();
    CHECK(state->tables.size() > 5);
    CHECK(CountRuns(*state) == 1);
    for (const TableEntry& table : state->tables) CHECK(table.file_bytes < 90'000);
    Content values = rows;
    std::erase_if(values, [](const auto& row) { return row.second.kind == kTombstone; });
    CHECK((directory.Read() == values));
  }

  TEST_CASE("a run that is given up leaves nothing behind") {
    Random random(1);
    Directory directory;
    {
      RunWriter run(directory.files, *directory.manifest, {.table_bytes_max = 1000});
      for (const auto& [key, row] : RandomContent(random, 200))
        Must(run.Add(row.record(), row.value));
      CHECK(run.tables().size() > 2);
      CHECK(Must(directory.manifest->UnknownFiles()).empty());
    }
    CHECK(Must(directory.manifest->RemoveUnknownFiles()) > 3);
  }

  TEST_CASE("compacted tables hold what was seen before, and no tombstone") {
    Random random(PrintedSeed("storage/compaction"));
    Directory directory;
    for (int run = 0; run < 6; ++run) directory.Add(RandomContent(random, 800), 50'000);
    const Content before = directory.Read();
    CHECK(CountRuns(*directory.manifest->state()) == 6);
    const auto stats =
        Must(CompactAll(directory.files, *directory.manifest, {.table_bytes_max = 50'000}));
    uint64_t tombstones = 0;
    CHECK((directory.Read(&tombstones) == before));
    CHECK(tombstones == 0);
    CHECK(stats.records == before.size());
    CHECK(stats.bytes < stats.bytes_before);
    CHECK(stats.tables == directory.manifest->state()->tables.size());
    CHECK(CountRuns(*directory.manifest->state()) == 1);
    // What comes later is newer.
    Content change;
    Row changed = before.begin()->second;
    changed.value = "changed";
    changed.size = changed.value.size();
    change.emplace(changed.key, changed);
    directory.Add(change);
    CHECK(directory.Read().at(changed.key).value == "changed");
  }

  TEST_CASE(
      "parts of hash space are compacted one after the other, and each leaves the others alone") {
    Random random(PrintedSeed("storage/compaction"));
    Directory directory;
    for (int run = 0; run < 4; ++run) directory.Add(RandomContent(random, 3000), 256 * kMiB, 2);
    // One that was written when there was less, and reaches across.
    directory.Add(RandomContent(random, 50));
    for (int run = 0; run < 2; ++run) directory.Add(RandomContent(random, 3000), 256 * kMiB, 2);
    const Content before = directory.Read();
    CHECK(GroupsOf(*directory.manifest->state()).size() == 1);
    Must(CompactAll(directory.files, *directory.manifest, {.partition_bits = 2}));
    CHECK((directory.Read() == before));
    for (int run = 0; run < 3; ++run) directory.Add(RandomContent(random, 3000), 256 * kMiB, 2);
    Content seen = directory.Read();
    std::vector<TableGroup> groups = GroupsOf(*directory.manifest->state());
    CHECK(groups.size() == 3 * 4);  // of each space
    size_t tables = 0;
    for (const TableGroup& group : groups) {
      CHECK(group.runs == 4);
      tables += group.tables.size();
    }
    CHECK(tables == directory.manifest->state()->tables.size());
    while (!groups.empty()) {
      const size_t which = random.Below(groups.size());
      const auto stats = Must(
          CompactGroup(directory.files, *directory.manifest, groups[which], {.partition_bits = 2}));
      CHECK(stats.tables_before == 4);
      CHECK(stats.tables == 1);
      groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(which));
      CHECK((directory.Read() == seen));
      // What comes between is newer than either.
      const Content more = RandomContent(random, 20);
      directory.Add(more, 256 * kMiB, 2);
      seen = directory.Read();
    }
  }

  TEST_CASE("the newest runs are merged alone, and still hide what is older") {
    Random random(PrintedSeed("storage/compaction"));
    Directory directory;
    for (int round = 0; round < 30; ++round) {
      const uint64_t rows = random.Below(4) == 0 ? 3000 : 200;
      directory.Add(RandomContent(random, rows), 256 * kMiB, 1);
      const Content before = directory.Read();
      std::vector<TableGroup> groups = GroupsOf(*directory.manifest->state());
      const TableGroup& group = groups[random.Below(groups.size())];
      const TableGroup newest = NewestRuns(group, 1 + random.Below(4));
      const auto stats =
          Must(CompactGroup(directory.files, *directory.manifest, newest, {.partition_bits = 1}));
      CHECK(stats.tables_before == newest.tables.size());
      CHECK((directory.Read() == before));
      Must(directory.manifest->RemoveUnknownFiles());
    }
    CHECK(MostRuns(*directory.manifest->state()) > 1);
    uint64_t tombstones = 0;
    directory.Read(&tombstones);
    CHECK(tombstones > 0);
  }

  TEST_CASE("runs are merged with those of their size, and what is large stays as it is") {
    TableGroup group;
    const auto add = [&](uint64_t run, uint64_t bytes) {
      TableEntry table;
      table.run = run;
      table.file_bytes = bytes;
      table.dead_bytes = 1;
      group.tables.push_back(table);
    };
    add(1, 1000);
    add(1, 1000);
    for (uint64_t run = 2; run < 9; ++run) add(run, 100);
    TableGroup newest = NewestRuns(group, 4);
    CHECK(newest.runs == 7);
    CHECK(newest.bytes == 700);
    CHECK(newest.dead_bytes == 7);
    CHECK(!newest.has_oldest);
    CHECK(NewestRuns(group, 8).tables.size() == 9);  // so many are wanted, whatever their size
    CHECK(NewestRuns(group, 8).has_oldest);
    add(9, 1000);
    newest = NewestRuns(group, 1);
    CHECK(newest.runs == 8);  // together they are small to the newest
    add(10, 10);
    CHECK(NewestRuns(group, 1).runs == 1);
    add(11, 2000);
    CHECK(NewestRuns(group, 1).has_oldest);
  }

  TEST_CASE("tables are split for compaction when there is much of them") {
    CHECK(PartitionBitsFor(0) == 0);
    CHECK(PartitionBitsFor(256 * kMiB) == 0);
    CHECK(PartitionBitsFor(257 * kMiB) == 1);
    CHECK(PartitionBitsFor(1024 * kMiB) == 2);
    CHECK(PartitionBitsFor(uint64_t{1} << 50) == 8);
  }

  TEST_CASE("spaces that were dropped go, whether or not tables of theirs alone are left") {
    Random random(2);
    Directory directory;
    directory.Add(RandomContent(random, 500));
    Must(directory.manifest->Install([](ManifestState& state) {
      state.databases = {{0, 2}};
      state.dropped_spaces = {0, 1};
    }));
    Content left = directory.Read();
    std::erase_if(left, [](const auto& row) { return row.first.space != 2; });
    Must(CompactAll(directory.files, *directory.manifest));
    CHECK((directory.Read() == left));
    CHECK(directory.manifest->state()->dropped_spaces.empty());
    CHECK(Must(directory.manifest->RemoveUnknownFiles()) == 1);
    // Nothing is left of any: no table at all.
    Must(directory.manifest->Install([](ManifestState& state) {
      state.databases.clear();
      state.dropped_spaces = {2};
      ForgetDeadSpaces(&state);
    }));
    CHECK(directory.manifest->state()->tables.empty());
    CHECK(directory.manifest->state()->dropped_spaces.empty());
  }

  TEST_CASE("a space stays dropped as long as a table may hold it") {
    ManifestState state;
    state.next_space = 9;
    state.databases = {{0, 4}};
    state.dropped_spaces = {1, 3, 6, 8};
    const auto table = [](uint64_t number, uint32_t first, uint32_t last) {
      TableEntry entry;
      entry.number = number;
      entry.smallest = {first, 0};
      entry.largest = {last, 0};
      return entry;
    };
    state.tables = {table(1, 1, 3), table(2, 3, 6), table(3, 5, 8)};
    ForgetDeadSpaces(&state);
    REQUIRE(state.tables.size() == 1);
    CHECK(state.tables[0].number == 2);
    CHECK(state.dropped_spaces == std::vector<uint32_t>{3, 6});
  }

  TEST_CASE("a checkpoint installed while a compaction runs stays, and counts") {
    // The compaction reads the tables of the first run; at its first read another run is installed.
    class Intruded final : public FileSystem {
     public:
      explicit Intruded(FileSystem& files) : files_(files) {}
      std::function<void()> at_create;
      StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
        return files_.Open(path);
      }
      StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
        if (at_create) std::exchange(at_create, nullptr)();
        return files_.Create(path);
      }
      Status Rename(const std::string& from, const std::string& to) override {
        return files_.Rename(from, to);
      }
      Status Remove(const std::string& path) override { return files_.Remove(path); }
      Status Truncate(const std::string& path, uint64_t size) override {
        return files_.Truncate(path, size);
      }
      Status CreateDirectory(const std::string& path) override {
        return files_.CreateDirectory(path);
      }
      Status RemoveDirectory(const std::string& path) override {
        return files_.RemoveDirectory(path);
      }
      Status SyncDirectory(const std::string& path) override { return files_.SyncDirectory(path); }
      StatusOr<std::vector<std::string>> List(const std::string& directory) override {
        return files_.List(directory);
      }
      StatusOr<uint64_t> FreeBytes(const std::string& directory) override {
        return files_.FreeBytes(directory);
      }

     private:
      FileSystem& files_;
    };
    Random random(3);
    Directory directory;
    for (int run = 0; run < 3; ++run) directory.Add(RandomContent(random, 300));
    Content expected = directory.Read();
    const Content intruder = RandomContent(random, 100);
    for (const auto& [key, row] : intruder) {
      expected.erase(key);
      if (row.kind != kTombstone) expected.emplace(key, row);
    }
    Intruded files(directory.files);
    files.at_create = [&] { directory.Add(intruder); };
    Must(CompactAll(files, *directory.manifest));
    CHECK((directory.Read() == expected));
    CHECK(CountRuns(*directory.manifest->state()) == 2);
  }

  TEST_CASE("long values are passed on a block at a time, and may be stopped at between two") {
    Random random(5);
    Directory directory;
    Content content;
    for (const size_t size :
         {3 * kLongBlockBytes + 7, size_t{5 * kMiB}, kLongBlockBytes, size_t{100}}) {
      Row row =
          MakeRow({0, random.Next(), "of " + std::to_string(size)}, RandomBytes(random, size));
      row.size = random.Next();
      directory.Add({{row.key, row}});
      content[row.key] = row;
    }
    const auto before = directory.manifest->state();
    uint64_t asked = 0;
    const auto refuse = [&](uint64_t) { return ++asked < 3; };
    CHECK(!CompactAll(directory.files, *directory.manifest, {.go_on = refuse}).ok());
    CHECK(*directory.manifest->state() == *before);
    CHECK(Must(directory.manifest->RemoveUnknownFiles()) == 1);
    asked = 0;
    const auto count = [&](uint64_t) { return ++asked > 0; };
    Must(CompactAll(directory.files, *directory.manifest, {.go_on = count}));
    CHECK(asked == 5);
    CHECK((directory.Read() == content));
  }

  TEST_CASE("a compaction that is cancelled, or meets damage, changes nothing") {
    Random random(4);
    Directory directory;
    for (int run = 0; run < 3; ++run) directory.Add(RandomContent(random, 3000));
    const auto before = directory.manifest->state();
    uint64_t asked = 0, written = 0;
    const auto go_on = [&](uint64_t bytes) {
      CHECK(bytes > written);
      written = bytes;
      return ++asked < 3;
    };
    CHECK(!CompactAll(directory.files, *directory.manifest, {.go_on = go_on}).ok());
    CHECK(asked == 3);
    CHECK(*directory.manifest->state() == *before);
    CHECK(Must(directory.manifest->RemoveUnknownFiles()) == 1);
    const std::string table = directory.manifest->TablePath(before->tables.back().number);
    directory.files.Flip(table, 100);
    const auto damaged = CompactAll(directory.files, *directory.manifest);
    REQUIRE(!damaged.ok());
    CHECK(damaged.error().message().find(table) != std::string::npos);
    CHECK(*directory.manifest->state() == *before);
  }
}

}  // namespace
}  // namespace terrace::storage
