// Checkpoints and compactions as a server makes them, stopped at every file operation, with the power cut there, and with
// every operation failing once. What is found afterwards is the set of the last install that was acknowledged, or of one
// that was under way; all its tables are whole, and nothing else of ours is left when the unknown files are gone.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "env/lossy_file_system.h"
#include "storage/file_names.h"
#include "storage/manifest.h"
#include "storage/merging_iterator.h"
#include "storage/rows.h"

namespace terrace::storage {
namespace {

using testing::Fault;
using testing::LossyFileSystem;
using Content = std::map<RowKey, Row>;

constexpr char kDirectory[] = "db";
constexpr uint64_t kCrashSeeds = 12;
constexpr int kRounds = 7;

struct Version {
  uint64_t log_offset = 0;  // unique, so the manifest tells which version it is
  Content content;
};

ManifestState NewState() {
  ManifestState state;
  state.directory_id = {7};
  state.hash_key = {8, 9};
  return state;
}

// One life of a server on one disk.
class Server {
 public:
  Server(FileSystem& files, uint64_t seed, Version last = {})
      : files_(files), random_(seed), acknowledged_(std::move(last)) {}

  const Version& acknowledged() const { return acknowledged_; }
  // What may be found besides: installs that did not come back, or came back with an error.
  const std::vector<Version>& attempts() const { return attempts_; }
  Manifest& manifest() { return *manifest_; }

  bool Start() {
    auto exists = Manifest::Exists(files_, kDirectory);
    if (!exists.ok()) return false;
    auto manifest = *exists ? Manifest::Open(files_, kDirectory)
                            : Manifest::Create(files_, kDirectory, NewState());
    if (!manifest.ok()) {
      error_ = manifest.error().message();
      return false;
    }
    manifest_ = *std::move(manifest);
    is_created_ = true;
    return manifest_->RemoveUnknownFiles().ok();
  }
  bool is_created() const { return is_created_; }
  const std::string& error() const { return error_; }

  // True if all of it succeeded.
  bool Round(int number) {
    const bool installed = number % 3 == 2 ? Compact() : Checkpoint();
    if (!installed) {
      for (const TableEntry& table : written_) manifest_->Abandon(table.number);
      if (in_hand_ != 0) manifest_->Abandon(in_hand_);
    }
    written_.clear();
    in_hand_ = 0;
    return manifest_->RemoveUnknownFiles().ok() && installed;
  }

  // From the start through kRounds, or to the first failure: then false.
  bool Live() {
    bool going = Start();
    for (int round = 0; going && round < kRounds; ++round) going = Round(round);
    return going;
  }

 private:
  bool Checkpoint() {
    Version next = NextVersion();
    Content changed;
    for (uint64_t i = 1 + random_.Below(30); i > 0; --i) {
      Row row = RandomRow(random_);
      if (!next.content.empty() && random_.Below(2) == 0) {
        auto known = next.content.begin();
        std::advance(known, static_cast<std::ptrdiff_t>(random_.Below(next.content.size())));
        row.key = known->first;
      }
      changed.insert_or_assign(row.key, row);
    }
    // In two tables that do not meet, now and then.
    const Position split = random_.Below(2) == 0 ? kLastPosition : Position{1, 0};
    Rows first;
    Rows second;
    for (const auto& [key, row] : changed) {
      (Position{key.space, key.hash} < split ? first : second).push_back(row);
      if (row.kind == kTombstone) {
        next.content.erase(key);
      } else {
        next.content.insert_or_assign(key, row);
      }
    }
    for (const Rows& rows : {first, second})
      if (!rows.empty() && !Write(rows, next.log_offset)) return false;
    return Install(std::move(next), [this](ManifestState& state) {
      state.tables.insert(state.tables.end(), written_.begin(), written_.end());
    });
  }

  bool Compact() {
    const auto state = manifest_->state();
    std::vector<std::unique_ptr<TableReader>> readers;
    if (!OpenTables(files_, *manifest_, &readers)) return false;
    std::vector<const TableReader*> tables;
    uint64_t run = 0;
    for (const auto& reader : readers) tables.push_back(reader.get());
    for (const TableEntry& table : state->tables) run = std::max(run, table.run);
    Rows rows;
    MergingIterator records(tables, Tombstones::kHidden);
    while (records.Next()) {
      auto value = ValueOf(*tables[records.source()], records.record());
      if (!value.ok()) return false;
      rows.push_back(FromRecord(records.record()));
      rows.back().value = *std::move(value);
    }
    if (!records.status().ok() || !Write(rows, run)) return false;
    return Install(NextVersion(), [this](ManifestState& next) { next.tables = written_; });
  }

  Version NextVersion() const {
    return {(attempts_.empty() ? acknowledged_ : attempts_.back()).log_offset + 10,
            acknowledged_.content};
  }

  bool Write(const Rows& rows, uint64_t run) {
    in_hand_ = manifest_->NewFileNumber();
    const auto facts = WriteTable(files_, manifest_->TablePath(in_hand_), rows,
                                  {.number = in_hand_, .sync_bytes = 4096});
    if (!facts.ok()) return false;
    written_.push_back(TableEntry::Of(*facts, run));
    return true;
  }

  bool Install(Version next, const std::function<void(ManifestState&)>& change) {
    attempts_.push_back(next);
    const Status status = manifest_->Install([&](ManifestState& state) {
      change(state);
      state.checkpoint.log_offset = next.log_offset;
    });
    if (!status.ok()) return false;
    acknowledged_ = std::move(next);
    attempts_.clear();
    return true;
  }

 public:
  // Newest first.
  static bool OpenTables(FileSystem& files, const Manifest& manifest,
                         std::vector<std::unique_ptr<TableReader>>* readers) {
    std::vector<TableEntry> tables = manifest.state()->tables;
    std::stable_sort(tables.begin(), tables.end(),
                     [](const TableEntry& a, const TableEntry& b) { return a.run > b.run; });
    for (const TableEntry& table : tables) {
      auto reader = TableReader::Open(files, manifest.TablePath(table.number), {});
      if (!reader.ok()) return false;
      readers->push_back(*std::move(reader));
    }
    return true;
  }

 private:
  FileSystem& files_;
  Random random_;
  std::unique_ptr<Manifest> manifest_;
  Version acknowledged_;
  std::vector<Version> attempts_;
  std::vector<TableEntry> written_;
  uint64_t in_hand_ = 0;
  bool is_created_ = false;
  std::string error_;
};

Content ContentOf(FileSystem& files, const Manifest& manifest) {
  std::vector<std::unique_ptr<TableReader>> readers;
  REQUIRE(Server::OpenTables(files, manifest, &readers));
  std::vector<const TableReader*> tables;
  for (const auto& reader : readers) {
    Must(reader->Verify());
    tables.push_back(reader.get());
  }
  Content content;
  MergingIterator records(tables, Tombstones::kHidden);
  while (records.Next()) {
    Row row = FromRecord(records.record());
    row.value = Must(ValueOf(*tables[records.source()], records.record()));
    content.emplace(row.key, row);
  }
  Must(records.status());
  return content;
}

// Which of the versions that may be there is there. All of it is looked at.
Version FoundAfter(FileSystem& files, const Server& before) {
  const auto manifest = Must(Manifest::Open(files, kDirectory));
  std::vector<Version> possible = before.attempts();
  possible.push_back(before.acknowledged());
  const uint64_t offset = manifest->state()->checkpoint.log_offset;
  const auto found =
      std::find_if(possible.begin(), possible.end(),
                   [offset](const Version& version) { return version.log_offset == offset; });
  REQUIRE(found != possible.end());
  CHECK((ContentOf(files, *manifest) == found->content));
  Must(manifest->RemoveUnknownFiles());
  for (const std::string& name : Must(files.List(kDirectory))) {
    const auto number = ParseTableFileName(name);
    const auto& tables = manifest->state()->tables;
    const bool is_named =
        number && std::any_of(tables.begin(), tables.end(),
                              [&](const auto& table) { return table.number == *number; });
    CHECK((name == kManifestName || is_named));
  }
  return *found;
}

void MakeDirectory(LossyFileSystem& files) {
  Must(files.CreateDirectory(kDirectory));
  Must(files.SyncDirectory("."));
}

TEST_SUITE("storage/table_set_crash") {
  TEST_CASE("stopped at every change of a file, what is found is a set that was installed") {
    const uint64_t seed = PrintedSeed("storage/table_set_crash");
    uint64_t stops = 0;
    uint64_t found_new = 0;
    uint64_t found_old = 0;
    for (uint64_t stop = 1;; ++stop) {
      CAPTURE(stop);
      LossyFileSystem files({.page_bytes = 64});
      MakeDirectory(files);
      files.StopAt(stop);
      Server server(files, seed);
      const bool lived = server.Live();
      if (!files.stopped()) {
        REQUIRE(lived);
        break;
      }
      ++stops;
      for (uint64_t crash = 0; crash < kCrashSeeds; ++crash) {
        CAPTURE(crash);
        const auto disk = files.Crash(crash);
        if (!server.is_created() && !Must(Manifest::Exists(*disk, kDirectory))) {
          Must(Manifest::Create(*disk, kDirectory, NewState()));
          continue;
        }
        const Version found = FoundAfter(*disk, server);
        if (!server.attempts().empty())
          ++(found.log_offset == server.acknowledged().log_offset ? found_old : found_new);
        // And it can go on from there.
        Server next(*disk, seed + crash, found);
        REQUIRE(next.Start());
        for (int round = 0; round < 3; ++round) REQUIRE(next.Round(round));
        FoundAfter(*disk, next);
      }
    }
    std::printf(
        "storage/table_set_crash: %llu stops, %llu crashes each; under way: old %llu, new %llu\n",
        static_cast<unsigned long long>(stops), static_cast<unsigned long long>(kCrashSeeds),
        static_cast<unsigned long long>(found_old), static_cast<unsigned long long>(found_new));
    CHECK(stops > 50);
    CHECK(found_old > 0);
    CHECK(found_new > 0);
  }

  TEST_CASE("stopped a second time, while it recovers and goes on") {
    const uint64_t seed = PrintedSeed("storage/table_set_crash");
    uint64_t stops = 0;
    bool ended = false;
    for (uint64_t stop = 1; !ended; stop += 3) {
      LossyFileSystem files({.page_bytes = 64});
      MakeDirectory(files);
      files.StopAt(stop);
      Server server(files, seed);
      static_cast<void>(server.Live());
      ended = !files.stopped();
      if (!server.is_created()) continue;
      for (uint64_t again = 1;; ++again) {
        CAPTURE(stop);
        CAPTURE(again);
        const auto disk = files.Crash(stop + again);
        const auto untouched = files.Crash(stop + again);
        const Version found = FoundAfter(*untouched, server);
        disk->StopAt(again);
        Server next(*disk, seed + again, found);
        bool running = next.Start();
        for (int round = 1; running && round < 3; ++round) running = next.Round(round);
        if (!disk->stopped()) {
          REQUIRE(running);
          break;
        }
        ++stops;
        for (uint64_t crash = 0; crash < 3; ++crash) FoundAfter(*disk->Crash(crash), next);
      }
    }
    std::printf("storage/table_set_crash: %llu second stops\n",
                static_cast<unsigned long long>(stops));
    CHECK(stops > 300);
  }

  TEST_CASE("every change failing once leaves a set, and a server that goes on") {
    const uint64_t seed = PrintedSeed("storage/table_set_crash");
    uint64_t faults = 0;
    for (const Fault fault : {Fault::kIo, Fault::kNoSpace, Fault::kShortWrite}) {
      for (uint64_t change = 1;; ++change) {
        CAPTURE(change);
        LossyFileSystem files({.page_bytes = 64});
        MakeDirectory(files);
        Server server(files, seed);
        const uint64_t before = files.changes();
        files.FailChange(change, fault);
        // Whatever has failed, the next try succeeds.
        const bool started = server.Start();
        if (!started) REQUIRE(server.Start());
        bool failed = !started;
        for (int round = 0; round < kRounds; ++round) {
          if (server.Round(round)) continue;
          CHECK_FALSE(failed);
          failed = true;
          for (uint64_t crash = 0; crash < 4; ++crash) FoundAfter(*files.Crash(crash), server);
        }
        if (files.changes() - before < change) {
          CHECK_FALSE(failed);
          break;
        }
        CHECK(failed);
        FoundAfter(files, server);
        for (uint64_t crash = 0; crash < 4; ++crash) {
          const Version found = FoundAfter(*files.Crash(crash), server);
          if (server.attempts().empty())
            CHECK(found.log_offset == server.acknowledged().log_offset);
        }
        ++faults;
      }
    }
    std::printf("storage/table_set_crash: %llu faults\n", static_cast<unsigned long long>(faults));
    CHECK(faults > 150);
  }

  TEST_CASE("every look failing once is an error, never an absence, and nothing is lost by it") {
    const uint64_t seed = PrintedSeed("storage/table_set_crash");
    uint64_t faults = 0;
    for (uint64_t look = 1;; ++look) {
      CAPTURE(look);
      LossyFileSystem files;
      MakeDirectory(files);
      Server server(files, seed);
      REQUIRE(server.Start());
      const uint64_t before = files.looks();
      files.FailLook(look);
      bool failed = false;
      for (int round = 0; round < kRounds; ++round) failed = !server.Round(round) || failed;
      if (files.looks() - before < look) {
        CHECK_FALSE(failed);
        break;
      }
      CHECK(failed);
      FoundAfter(files, server);
      ++faults;
    }
    CHECK(faults > 20);
  }

  TEST_CASE(
      "a disk that is full in mid-table leaves the old set, and the new one fits when there is "
      "space") {
    LossyFileSystem files;
    MakeDirectory(files);
    const auto manifest = Must(Manifest::Create(files, kDirectory, NewState()));
    const auto write = [&](char fill) {
      Rows rows;
      for (uint64_t i = 0; i < 2000; ++i)
        rows.push_back(MakeRow({0, i << 50, "key" + std::to_string(i)}, std::string(200, fill)));
      const uint64_t number = manifest->NewFileNumber();
      const auto facts = WriteTable(files, manifest->TablePath(number), rows, {.number = number});
      if (!facts.ok()) {
        CHECK(facts.error().error_number() == ENOSPC);
        CHECK(facts.error().message().find(manifest->TablePath(number)) != std::string::npos);
        manifest->Abandon(number);
        return false;
      }
      Must(manifest->Install([&facts](ManifestState& state) {
        state.tables = {TableEntry::Of(*facts, state.generation)};
      }));
      return true;
    };
    REQUIRE(write('a'));
    const uint64_t used = files.used_bytes();
    const auto before = manifest->state();
    files.set_capacity_bytes(used + used / 2);
    CHECK_FALSE(write('b'));
    CHECK(files.used_bytes() > used);
    CHECK(Must(manifest->RemoveUnknownFiles()) == 1);
    CHECK(files.used_bytes() == used);
    CHECK(*manifest->state() == *before);
    for (uint64_t crash = 0; crash < 10; ++crash) {
      const auto disk = files.Crash(crash);
      const auto reopened = Must(Manifest::Open(*disk, kDirectory));
      CHECK(*reopened->state() == *before);
      CHECK(ContentOf(*disk, *reopened).begin()->second.value == std::string(200, 'a'));
    }
    files.set_capacity_bytes(UINT64_MAX);
    CHECK(write('b'));
    CHECK(ContentOf(files, *manifest).begin()->second.value == std::string(200, 'b'));
  }
}

}  // namespace
}  // namespace terrace::storage
