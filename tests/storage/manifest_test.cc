#include "storage/manifest.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "env/lossy_file_system.h"
#include "storage/file_names.h"
#include "storage/rows.h"

namespace terrace::storage {
namespace {

using testing::Fault;
using testing::LossyFileSystem;
using Names = std::vector<std::string>;

ManifestState NewState() {
  ManifestState state;
  state.directory_id = {1, 2, 3};
  state.hash_key = {4, 5};
  return state;
}

struct Directory {
  LossyFileSystem files;
  std::unique_ptr<Manifest> manifest;

  Directory() {
    Must(files.CreateDirectory("db"));
    Must(files.SyncDirectory("."));
    manifest = Must(Manifest::Create(files, "db", NewState()));
  }

  TableEntry NewTable(uint64_t run) {
    const uint64_t number = manifest->NewFileNumber();
    const Rows rows = {MakeRow({0, number, "k"}, std::string(100, 'v'))};
    return TableEntry::Of(
        Must(WriteTable(files, manifest->TablePath(number), rows, {.number = number})), run);
  }
  Status Add(const TableEntry& table) {
    return manifest->Install([&table](ManifestState& state) { state.tables.push_back(table); });
  }
  void Reopen() { manifest = Must(Manifest::Open(files, "db")); }
};

TEST_SUITE("storage/manifest") {
  TEST_CASE("what was installed is there after opening") {
    Directory directory;
    const TableEntry table = directory.NewTable(1);
    Must(directory.manifest->Install([&](ManifestState& state) {
      state.tables.push_back(table);
      state.checkpoint.log_offset = 77;
      state.checkpoint.selected_db = 3;
      // Order is seen to.
      state.next_space = 3;
      state.databases = {{4, 2}, {0, 0}};
      state.dropped_spaces = {1};
    }));
    const auto state = directory.manifest->state();
    CHECK(state->generation == 2);
    directory.Reopen();
    CHECK(*directory.manifest->state() == *state);
    CHECK(state->databases[0].database == 0);
    CHECK(state->hash_key.k1 == 5);
    CHECK(directory.manifest->NewFileNumber() == 2);
  }

  TEST_CASE("there is one manifest, and none is made where one was lost") {
    LossyFileSystem files;
    Must(files.CreateDirectory("db"));
    CHECK_FALSE(Must(Manifest::Exists(files, "db")));
    CHECK(Manifest::Open(files, "db").error().error_number() == ENOENT);
    files.Put("db/00000001.table", "x");
    const auto refused = Manifest::Create(files, "db", NewState());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message().starts_with(
        "db/00000001.table: there is a table, but no MANIFEST that says what it belongs to; "
        "nothing was changed. Restore"));
    Must(files.Remove("db/00000001.table"));
    Must(Manifest::Create(files, "db", NewState()));
    CHECK(Must(Manifest::Exists(files, "db")));
    CHECK(Manifest::Create(files, "db", NewState()).error().error_number() == EEXIST);
    // An error of the disk is not the absence of a manifest.
    files.FailLook(1);
    CHECK_FALSE(Manifest::Exists(files, "db").ok());
    for (uint64_t look = 1; look <= 3; ++look) {
      files.FailLook(look);
      CHECK_FALSE(Manifest::Open(files, "db").ok());
    }
  }

  TEST_CASE("unknown files of ours are named and removed, others stay") {
    Directory directory;
    const TableEntry kept = directory.NewTable(1);
    Must(directory.Add(kept));
    const TableEntry pending = directory.NewTable(2);
    for (const char* name : {"db/00000090.table", "db/MANIFEST.new", "db/notes.txt", "db/90.table"})
      directory.files.Put(name, "x");
    CHECK(Must(directory.manifest->UnknownFiles()) == Names{"00000090.table", "MANIFEST.new"});
    CHECK(Must(directory.manifest->RemoveUnknownFiles()) == 2);
    CHECK(Must(directory.manifest->RemoveUnknownFiles()) == 0);
    CHECK(directory.files.Exists("db/notes.txt"));
    CHECK(directory.files.Exists("db/90.table"));
    directory.manifest->Abandon(pending.number);
    CHECK(Must(directory.manifest->UnknownFiles()) == Names{TableFileName(pending.number)});
    // A table that is no longer named is unknown, even to those who have it open.
    const auto open = MustOpen(directory.files, directory.manifest->TablePath(kept.number));
    Must(directory.manifest->Install([](ManifestState& state) { state.tables.clear(); }));
    CHECK(Must(directory.manifest->RemoveUnknownFiles()) == 2);
    CHECK(MustReadRows(*open).size() == 1);
  }

  TEST_CASE("a number that a lost table bore is not given out again") {
    Directory directory;
    directory.files.Put("db/00000041.table", "left behind");
    directory.Reopen();
    CHECK(directory.manifest->NewFileNumber() == 42);
  }

  TEST_CASE("a table that is missing or has another size is damage, and nothing is touched") {
    Directory directory;
    const TableEntry table = directory.NewTable(1);
    Must(directory.Add(table));
    const std::string path = directory.manifest->TablePath(table.number);
    const std::string bytes = directory.files.Contents(path);
    directory.files.Put("db/00000090.table", "x");
    directory.files.Put(path, bytes.substr(0, 100));
    const auto shorter = Manifest::Open(directory.files, "db");
    REQUIRE_FALSE(shorter.ok());
    CHECK(shorter.error().message().starts_with(
        "db/00000001.table: offset 100: the manifest says that this table has " +
        std::to_string(bytes.size()) + " bytes, and it has 100; nothing was changed. Restore"));
    Must(directory.files.Remove(path));
    CHECK(Manifest::Open(directory.files, "db")
              .error()
              .message()
              .starts_with(
                  "db/00000001.table: the manifest names this table, and it is missing; nothing"));
    CHECK(directory.files.Exists("db/00000090.table"));
  }

  TEST_CASE("a damaged manifest is refused, whatever byte it is") {
    Directory directory;
    Must(directory.Add(directory.NewTable(1)));
    const size_t size = directory.files.Contents("db/MANIFEST").size();
    for (size_t at = 0; at < size; ++at) {
      directory.files.Flip("db/MANIFEST", at, 0x10);
      const auto manifest = Manifest::Open(directory.files, "db");
      REQUIRE_FALSE(manifest.ok());
      CHECK(manifest.error().message().starts_with("db/MANIFEST: offset "));
      CHECK(manifest.error().message().find("Restore the data directory") != std::string::npos);
      directory.files.Flip("db/MANIFEST", at, 0x10);
    }
    directory.Reopen();
  }

  TEST_CASE("a state that cannot be is not installed, nor one whose tables are not there in full") {
    Directory directory;
    const TableEntry table = directory.NewTable(1);
    TableEntry wrong = table;
    wrong.file_bytes += 1;
    CHECK_FALSE(directory.Add(wrong).ok());
    wrong = table;
    wrong.number = directory.manifest->NewFileNumber();
    CHECK(directory.Add(wrong).message().find("is missing") != std::string::npos);
    wrong.number = 1000;
    CHECK(directory.Add(wrong).message() ==
          "db/MANIFEST was not replaced: table 1000 has a number out of order");
    CHECK(directory.manifest->state()->generation == 1);
    Must(directory.Add(table));
    // The same table in two runs is two of a number.
    CHECK_FALSE(directory.Add(table).ok());
  }

  TEST_CASE("more tables than the limit are refused") {
    ManifestState state = NewState();
    state.next_file_number = kManifestTablesMax + 2;
    state.tables.resize(kManifestTablesMax + 1);
    CHECK(CheckManifest(state).message() ==
          "there are 1000001 tables; a manifest takes up to 1000000");
    LossyFileSystem files;
    Must(files.CreateDirectory("db"));
    files.Put("db/MANIFEST", std::string(kManifestBytesMax + 1, 'x'));
    CHECK(Manifest::Open(files, "db").error().message().find("no manifest has 134217729 bytes") !=
          std::string::npos);
  }

  TEST_CASE("an install that failed at its last step keeps the files of both sets") {
    Directory directory;
    const TableEntry first = directory.NewTable(1);
    Must(directory.Add(first));
    const TableEntry second = directory.NewTable(2);
    // Two in a row: any of three sets may be on the disk then.
    const TableEntry third = directory.NewTable(3);
    for (const TableEntry& table : {second, third}) {
      // sync directory, create, append, sync, rename, sync directory
      directory.files.FailChange(6, Fault::kIo);
      const Status failed =
          directory.manifest->Install([&table](ManifestState& state) { state.tables = {table}; });
      CHECK_FALSE(failed.ok());
      CHECK(directory.files.last_change().find("sync") == 0);
      directory.manifest->Abandon(table.number);
      CHECK(directory.manifest->state()->tables == std::vector{first});
      CHECK(Must(directory.manifest->RemoveUnknownFiles()) == 0);
    }
    std::vector<uint64_t> seen(4);
    for (uint64_t seed = 0; seed < 200; ++seed) {
      const auto found = directory.files.Crash(seed);
      const auto manifest = Must(Manifest::Open(*found, "db"));
      REQUIRE(manifest->state()->tables.size() == 1);
      ++seen[manifest->state()->tables[0].number];
    }
    // The second install has synced the first one's rename on its way.
    CHECK(seen[1] == 0);
    CHECK(seen[2] > 0);
    CHECK(seen[3] > 0);
    Must(directory.manifest->Install([](ManifestState&) {}));
    CHECK(Must(directory.manifest->UnknownFiles()) ==
          Names{TableFileName(second.number), TableFileName(third.number)});
    CHECK(directory.manifest->state()->generation == 5);
  }

  TEST_CASE("several threads install, and one removes what is unknown") {
    Directory directory;
    constexpr uint64_t kThreads = 4;
    constexpr uint64_t kTables = 20;
    std::atomic<uint64_t> failures = 0;
    std::atomic<bool> over = false;
    std::thread remover([&] {
      while (!over) failures += !directory.manifest->RemoveUnknownFiles().ok();
    });
    std::vector<std::thread> writers;
    for (uint64_t thread = 0; thread < kThreads; ++thread) {
      writers.emplace_back([&directory, &failures] {
        Manifest& manifest = *directory.manifest;
        for (uint64_t i = 0; i < kTables; ++i) {
          const uint64_t number = manifest.NewFileNumber();
          const Rows rows = {MakeRow({0, number, "k"}, "v")};
          const auto facts =
              WriteTable(directory.files, manifest.TablePath(number), rows, {.number = number});
          failures += !facts.ok() || !manifest
                                          .Install([&facts, number](ManifestState& state) {
                                            state.tables.push_back(TableEntry::Of(*facts, number));
                                          })
                                          .ok();
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
    over = true;
    remover.join();
    CHECK(failures == 0);
    directory.Reopen();
    CHECK(directory.manifest->state()->tables.size() == kThreads * kTables);
    CHECK(directory.manifest->state()->generation == 1 + kThreads * kTables);
    CHECK(Must(directory.manifest->UnknownFiles()).empty());
  }

  TEST_CASE("opening makes durable what it has read, before anything is removed") {
    Directory directory;
    const TableEntry first = directory.NewTable(1);
    Must(directory.Add(first));
    const TableEntry second = directory.NewTable(2);
    directory.files.FailChange(6, Fault::kIo);
    CHECK_FALSE(
        directory.manifest->Install([&second](ManifestState& state) { state.tables = {second}; })
            .ok());
    // The process ends here, the machine goes on: the next one reads the rename that was not synced.
    directory.Reopen();
    CHECK(directory.manifest->state()->tables == std::vector{second});
    CHECK(Must(directory.manifest->RemoveUnknownFiles()) == 1);
    for (uint64_t seed = 0; seed < 50; ++seed) {
      const auto found = directory.files.Crash(seed);
      CHECK(Must(Manifest::Open(*found, "db"))->state()->tables == std::vector{second});
    }
    directory.files.FailChange(1, Fault::kIo);
    CHECK_FALSE(Manifest::Open(directory.files, "db").ok());
  }
}

}  // namespace
}  // namespace terrace::storage
