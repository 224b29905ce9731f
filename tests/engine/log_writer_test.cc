#include "engine/log_writer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "env/held_file_system.h"
#include "env/lossy_file_system.h"
#include "storage/log_reader.h"

using namespace terrace;
using namespace terrace::engine;
using terrace::testing::Fault;
using terrace::testing::LossyFileSystem;

namespace {

constexpr const char* kDirectory = "log";
const std::string kHistory(40, 'a');

struct Listened final : LogWriter::Listener {
  void OnLogState(LogWriter::State state, const Status& why) override {
    states.push_back(state);
    words.push_back(why.message());
  }
  void OnLogBehind(bool is_behind) override { behind = is_behind; }

  std::vector<LogWriter::State> states;
  std::vector<std::string> words;
  bool behind = false;
};

std::unique_ptr<storage::SegmentSet> OpenSet(FileSystem& files) {
  auto set = storage::SegmentSet::Open(files, kDirectory, {});
  REQUIRE(set.ok());
  return *std::move(set);
}

std::unique_ptr<LossyFileSystem> NewDisk() {
  auto disk = std::make_unique<LossyFileSystem>();
  REQUIRE(disk->CreateDirectory(kDirectory).ok());
  REQUIRE(disk->SyncDirectory("").ok());
  return disk;
}

// What a server that starts from this disk would replay.
std::string Recover(FileSystem& files) {
  const auto set = OpenSet(files);
  storage::LogReader reader(*set, 1);
  std::string stream;
  while (true) {
    const auto bytes = reader.Next(set->next_offset());
    REQUIRE_MESSAGE(bytes.ok(), bytes.error().message());
    if (bytes->empty()) return stream;
    stream += *bytes;
  }
}

struct Bed {
  explicit Bed(LogWriter::Options wanted = {}, std::unique_ptr<LossyFileSystem> on = NewDisk())
      : disk(std::move(on)) {
    wanted.directory = kDirectory;
    writer.emplace(log, OpenSet(*disk), clock, listener, wanted);
    log.ContinueFrom(writer->segments().next_offset() - 1);
    const Status opened = writer->Open(kHistory);
    REQUIRE_MESSAGE(opened.ok(), opened.message());
  }
  uint64_t Append(Bytes unit) {
    const uint64_t end = log.Append(unit, 1, 0, 0);
    std::string all;
    REQUIRE(log.Read(end + 1 - unit.size(), unit.size(), &all));
    appended = end;
    return end;
  }
  void Run() {
    while (writer->Round()) {
    }
  }
  uint64_t reached() { return log.progress().reached(); }

  std::unique_ptr<LossyFileSystem> disk;
  ManualClock clock;
  Listened listener;
  CommitLog log;
  std::optional<LogWriter> writer;
  uint64_t appended = 0;
};

LogWriter::Options Small(LogSync sync) {
  return {.sync = sync,
          .segment_bytes_max = 4 * kKiB,
          .zeros_ahead_bytes = 0,
          .ballast_bytes = 256 * kKiB};
}

}  // namespace

TEST_SUITE("engine/log_writer") {
  TEST_CASE("under always a reply may leave when its bytes are synced, and not before") {
    Bed bed(Small(LogSync::kAlways));
    CHECK(bed.reached() == 0);
    const uint64_t end = bed.Append("one");
    CHECK(bed.reached() == 0);
    bed.disk->FailChange(2, Fault::kIo);  // the append goes through, the sync does not
    CHECK(bed.writer->Round());
    CHECK(bed.reached() == 0);
    CHECK(bed.writer->state() == LogWriter::State::kFailed);
    bed.clock.AdvanceMs(1000);
    bed.Run();
    CHECK(bed.reached() == end);
    CHECK(bed.writer->state() == LogWriter::State::kRunning);
    CHECK(Recover(*bed.disk->Crash(1)).ends_with("one"));
  }

  TEST_CASE("under always small units are written onto zeros, and a full disk only does without") {
    LogWriter::Options options = Small(LogSync::kAlways);
    options.zeros_ahead_bytes = 1000;
    Bed bed(options);
    const std::string path = bed.writer->segments().writer()->path();
    bed.Append("one");
    bed.Run();
    const uint64_t size = bed.disk->Contents(path).size();
    CHECK(size > 1000);
    CHECK(size < 1200);
    bed.Append("two");
    bed.Run();
    CHECK(bed.disk->Contents(path).size() == size);
    CHECK(bed.reached() == bed.appended);
    CHECK(Recover(*bed.disk->Crash(1)).ends_with("onetwo"));
    bed.Append(std::string(900, 'x'));
    bed.Run();
    bed.disk->FailChange(1, Fault::kNoSpace);  // the zeros
    const uint64_t end = bed.Append("three");
    bed.Run();
    CHECK(bed.reached() == end);
    CHECK(bed.writer->failures() == 0);
    bed.Append(std::string(kMiB, 'y'));
    bed.Append("four");
    bed.Run();
    CHECK(bed.writer->segments().count() == 2);
    CHECK(bed.disk->Contents(path).size() < kMiB + 3000);  // what is over of it is cut off
    CHECK(Recover(*bed.disk->Crash(2)).ends_with("yfour"));
  }

  TEST_CASE(
      "under everysec a reply may leave when its bytes are written, and a second later they are "
      "synced") {
    Bed bed(Small(LogSync::kEverySecond));
    const uint64_t end = bed.Append("one");
    bed.Run();
    CHECK(bed.reached() == end);
    CHECK(bed.writer->written_offset() == end);
    CHECK(bed.writer->synced_offset() == 0);
    bed.clock.AdvanceMs(1000);
    bed.Run();
    CHECK(bed.writer->synced_offset() == end);
    CHECK(bed.log.carried() == end);
  }

  TEST_CASE("what gathered while the disk was busy is synced at once") {
    Bed bed(Small(LogSync::kAlways));
    for (int i = 0; i < 100; ++i) bed.Append("unit");
    bed.Run();
    CHECK(bed.writer->syncs() == 1);
    CHECK(bed.reached() == bed.appended);
  }

  TEST_CASE("the log goes on in another segment, and all of it comes back") {
    Bed bed(Small(LogSync::kAlways));
    Random random(7);
    std::string stream;
    for (int i = 0; i < 300; ++i) {
      bed.Append(std::string(random.Below(500), static_cast<char>('a' + i % 26)));
      if (random.Below(3) == 0) bed.Run();
    }
    bed.Run();
    REQUIRE(bed.log.Read(1, SIZE_MAX, &stream));
    CHECK(bed.writer->segments().count() > 5);
    CHECK(Recover(*bed.disk->Crash(2)) == stream);
  }

  TEST_CASE("a stop makes durable what there is, whatever the policy") {
    Bed bed(Small(LogSync::kNever));
    bed.Append("last words");
    CHECK(bed.writer->Stop().ok());
    CHECK(Recover(*bed.disk->Crash(3)).ends_with("last words"));
  }

  TEST_CASE("a stop behind a failure tries once more, for there is no later") {
    Bed bed(Small(LogSync::kAlways));
    bed.disk->FailChange(1, Fault::kIo);
    bed.Append("last words");
    bed.writer->Round();
    CHECK(bed.writer->state() == LogWriter::State::kFailed);
    CHECK(bed.writer->Stop().ok());
    CHECK(Recover(*bed.disk->Crash(10)).ends_with("last words"));
  }

  TEST_CASE("the next writer goes on where the one before has ended") {
    auto disk = NewDisk();
    std::string before;
    {
      Bed bed(Small(LogSync::kAlways), std::move(disk));
      bed.Append("one");
      CHECK(bed.writer->Stop().ok());
      before = Recover(*bed.disk);
      disk = bed.disk->Crash(4);
    }
    Bed bed(Small(LogSync::kAlways), std::move(disk));
    CHECK(bed.log.end_offset() == before.size());
    CHECK(bed.reached() == before.size());
    bed.Append("two");
    bed.Run();
    const std::string after = Recover(*bed.disk->Crash(5));
    CHECK(after.starts_with(before));
    CHECK(after.ends_with("two"));
    CHECK(bed.writer->segments().histories().size() == 1);
  }

  TEST_CASE(
      "a full disk gives the ballast away, so that the log goes on, and says so until there is "
      "room") {
    Bed bed(Small(LogSync::kAlways));
    bed.disk->set_capacity_bytes(bed.disk->used_bytes() + 1000);
    const std::string unit(800, 'u');
    bed.Append(unit);
    bed.Run();
    bed.Append(unit);
    bed.Run();
    CHECK(bed.writer->state() == LogWriter::State::kShortOfRoom);
    CHECK(bed.writer->failure().error_number() == ENOSPC);
    CHECK(!bed.disk->Exists("log/BALLAST"));
    CHECK(bed.reached() == bed.appended);  // it was logged all the same
    bed.Append("DEL");
    bed.Run();
    CHECK(bed.reached() == bed.appended);
    bed.clock.AdvanceMs(1000);
    bed.Run();
    CHECK(bed.writer->state() == LogWriter::State::kShortOfRoom);
    bed.disk->set_capacity_bytes(UINT64_MAX);
    bed.clock.AdvanceMs(1000);
    bed.Run();
    CHECK(bed.writer->state() == LogWriter::State::kRunning);
    CHECK(bed.disk->Exists("log/BALLAST"));
    std::string stream;
    REQUIRE(bed.log.Read(1, SIZE_MAX, &stream));
    CHECK(Recover(*bed.disk->Crash(6)) == stream);
  }

  TEST_CASE(
      "a segment begins where it was asked to, and what comes before goes when nobody needs it") {
    Bed bed(Small(LogSync::kEverySecond));
    bed.Append("one");
    bed.Append("two");
    const uint64_t cut = bed.appended + 1;
    bed.writer->RotateAt(cut);
    bed.Append("three");
    bed.Run();
    CHECK(bed.writer->segments().count() == 2);
    CHECK(bed.writer->synced_offset() + 1 == cut);
    CHECK(bed.writer->written_offset() == bed.appended);
    bed.writer->ReleaseBelow(cut);
    bed.writer->Round();
    CHECK(bed.writer->segments().first_offset() == cut);
    CHECK(bed.writer->segments().count() == 1);
    // Also when nothing comes behind it.
    bed.writer->RotateAt(bed.appended + 1);
    bed.Run();
    CHECK(bed.writer->segments().count() == 2);
    const auto after = bed.disk->Crash(9);
    const auto set = OpenSet(*after);
    storage::LogReader reader(*set, cut);
    const auto bytes = reader.Next(set->next_offset());
    REQUIRE(bytes.ok());
    CHECK(*bytes == "three");
  }

  // What no restart needs, for followers that were away.
  TEST_CASE("what comes before a checkpoint stays as long as the backlog needs it") {
    LogWriter::Options options = Small(LogSync::kAlways);
    options.retention = {.backlog_bytes = 3000, .bytes_max = 20'000};
    Bed bed(options);
    const auto append = [&](int units) {
      for (int i = 0; i < units; ++i) {
        bed.Append(std::string(1000, 'u'));
        bed.Run();
      }
    };
    const auto first = [&] { return bed.writer->segments().first_offset(); };
    const auto kept = [&] { return bed.appended + 1 - first(); };
    append(10);
    bed.writer->RotateAt(bed.appended + 1);
    bed.writer->ReleaseBelow(bed.appended + 1);
    const uint64_t checkpoint = bed.appended + 1;
    append(2);
    CHECK(first() < checkpoint);
    CHECK(kept() >= 3000);
    CHECK(kept() < 3000 + options.segment_bytes_max + 2000);  // in whole segments
    append(6);
    CHECK(first() == checkpoint);
    // What a restart needs stays, however long it is.
    append(100);
    CHECK(first() == checkpoint);
    SUBCASE("all segments together are too long") {
      bed.writer->set_retention({.backlog_bytes = 1'000'000, .bytes_max = 20'000});
      bed.writer->ReleaseBelow(bed.appended + 1);
      bed.Run();
      CHECK(kept() <= 20'000);
      CHECK(kept() > 10'000);
      // A limit below everything leaves what cannot go.
      bed.writer->set_retention({.backlog_bytes = 1'000'000, .bytes_max = 1});
      bed.Run();
      CHECK(bed.writer->segments().count() == 1);
    }
    SUBCASE("it is dropped at once") {
      bed.writer->set_retention({.backlog_bytes = 1'000'000});
      bed.writer->RotateAt(bed.appended + 1);
      bed.writer->DropBelow(bed.appended + 1);
      bed.Run();
      bed.writer->Round();
      CHECK(kept() == 0);
    }
    CHECK(bed.writer->state() == LogWriter::State::kRunning);
  }

  TEST_CASE("a full disk takes what is kept for followers, before it takes the ballast") {
    LogWriter::Options options = Small(LogSync::kAlways);
    options.retention.backlog_bytes = 1'000'000;
    Bed bed(options);
    std::string unit(1000, 'u');
    for (int i = 0; i < 50; ++i) {
      bed.Append(unit);
      bed.Run();
    }
    bed.writer->ReleaseBelow(bed.appended + 1);
    bed.Run();
    const uint64_t checkpoint = bed.appended + 1;
    CHECK(bed.writer->segments().first_offset() == 1);
    bed.disk->set_capacity_bytes(bed.disk->used_bytes() + 100);
    bed.Append(unit);
    bed.Run();
    CHECK(bed.writer->segments().first_offset() > 1);
    CHECK(bed.writer->state() == LogWriter::State::kRunning);
    CHECK(bed.disk->Exists("log/BALLAST"));
    CHECK(bed.reached() == bed.appended);
    CHECK(bed.writer->segments().first_offset() <= checkpoint);
    // There is no more of it: then the ballast goes.
    for (int i = 0; i < 200 && bed.writer->state() == LogWriter::State::kRunning; ++i) {
      bed.Append(unit);
      bed.Run();
    }
    CHECK(bed.writer->state() == LogWriter::State::kShortOfRoom);
    CHECK(bed.reached() == bed.appended);
  }

  TEST_CASE("while nothing can be written no reply leaves, and it goes on by itself") {
    Bed bed(Small(LogSync::kEverySecond));
    const uint64_t before = bed.Append("one");
    bed.Run();
    bed.disk->FailChange(1, Fault::kIo, 40);
    const uint64_t after = bed.Append("two");
    for (int i = 0; i < 200 && bed.reached() < after; ++i) {
      bed.clock.AdvanceMs(100);
      bed.writer->Round();
      if (bed.writer->state() == LogWriter::State::kFailed) CHECK(bed.reached() == before);
    }
    CHECK(bed.reached() == after);
    CHECK(bed.writer->failures() > 1);
    CHECK(bed.listener.states.front() == LogWriter::State::kFailed);
    CHECK(bed.listener.states.back() == LogWriter::State::kRunning);
    CHECK(bed.listener.words.front().find("log/") != std::string::npos);
    std::string stream;
    REQUIRE(bed.log.Read(1, SIZE_MAX, &stream));
    CHECK(Recover(*bed.disk) == stream);
  }

  TEST_CASE("whoever listens is told when too many bytes wait, and when they no longer do") {
    LogWriter::Options options = Small(LogSync::kAlways);
    options.behind_bytes = 10'000;
    Bed bed(options);
    bed.disk->FailChange(1, Fault::kIo, 1000);
    bed.Append(std::string(9'000, 'x'));
    bed.writer->Round();
    CHECK(!bed.listener.behind);
    bed.Append(std::string(9'000, 'x'));
    bed.writer->Round();
    CHECK(bed.listener.behind);
    for (int i = 0; i < 1000 && bed.listener.behind; ++i) {
      bed.clock.AdvanceMs(300);
      bed.writer->Round();
    }
    CHECK(!bed.listener.behind);
    CHECK(bed.reached() == bed.appended);
  }

  // Appends, rounds, pauses and rotations; stopped at every change of the disk, the power cut there: what may have been
  // answered is there, and nothing is that was not appended.
  TEST_CASE("wherever the power is cut, what a reply left for is there") {
    for (const LogSync sync : {LogSync::kAlways, LogSync::kEverySecond}) {
      uint64_t stops = 0;
      for (uint64_t stop = 1;; ++stop) {
        Bed bed(Small(sync));
        bed.disk->StopAt(stop);
        Random random(stop);
        uint64_t synced = 0;
        for (int i = 0; i < 150 && !bed.disk->stopped(); ++i) {
          bed.Append(std::string(1 + random.Below(400), static_cast<char>('a' + i % 26)));
          if (random.Below(2) == 0) bed.writer->Round();
          if (random.Below(10) == 0) bed.clock.AdvanceMs(1100);
          synced = sync == LogSync::kAlways ? bed.reached() : bed.writer->synced_offset();
        }
        const bool stopped = bed.disk->stopped();
        std::string stream;
        REQUIRE(bed.log.Read(1, SIZE_MAX, &stream));
        for (uint64_t seed = 0; seed < 4; ++seed) {
          const std::string found = Recover(*bed.disk->Crash(stop * 10 + seed));
          INFO("stopped at change " << stop << ", seed " << stop * 10 + seed);
          REQUIRE(found.size() >= synced);
          REQUIRE(found == stream.substr(0, found.size()));
        }
        if (!stopped) break;
        ++stops;
      }
      CHECK(stops > 50);
    }
  }

  TEST_CASE("a thread of its own carries what others append") {
    auto disk = NewDisk();
    CommitLog log;
    Listened listener;
    LogWriter writer(
        log, OpenSet(*disk), SystemClock(), listener,
        {.directory = kDirectory, .sync = LogSync::kAlways, .segment_bytes_max = 64 * kKiB});
    REQUIRE(writer.Open(kHistory).ok());
    writer.Start();
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&log] {
        for (int i = 0; i < 300; ++i) {
          const uint64_t end = log.Append(std::string(50, 'x'), 1, 0, 0);
          log.Ring();
          while (log.progress().reached() < end) std::this_thread::yield();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(writer.Stop().ok());
    CHECK(Recover(*disk->Crash(8)).size() == log.end_offset());
  }

  TEST_CASE("under everysec nobody waits for a disk that takes its time to sync") {
    auto disk = NewDisk();
    terrace::testing::HeldFileSystem slow(*disk);
    CommitLog log;
    Listened listener;
    ManualClock clock;
    LogWriter writer(log, OpenSet(slow), clock, listener,
                     {.directory = kDirectory, .sync = LogSync::kEverySecond});
    REQUIRE(writer.Open(kHistory).ok());
    const auto append = [&] {
      const uint64_t end = log.Append("unit", 1, 0, 0);
      log.Ring();
      return end;
    };
    slow.Hold();
    clock.AdvanceMs(1100);
    const uint64_t first = append();
    writer.Start();
    slow.AwaitSync();
    uint64_t end = 0;
    for (int i = 0; i < 10; ++i) {
      end = append();
      while (log.progress().reached() < end) std::this_thread::yield();
    }
    CHECK(writer.synced_offset() < first);
    CHECK(log.carried() < first);  // so all of it stays in memory
    // The next one is due, and does not begin before this one is through.
    clock.AdvanceMs(1100);
    end = append();
    while (writer.delayed_syncs() == 0) std::this_thread::yield();
    slow.LetGo();
    while (writer.synced_offset() < first) std::this_thread::yield();
    CHECK(writer.Stop().ok());
    CHECK(writer.synced_offset() == end);
    CHECK(Recover(*disk->Crash(9)).size() == end);
  }

  TEST_CASE("a sync of the other thread that fails sends the rest to another segment") {
    auto disk = NewDisk();
    terrace::testing::HeldFileSystem slow(*disk);
    CommitLog log;
    Listened listener;
    ManualClock clock;
    LogWriter writer(log, OpenSet(slow), clock, listener,
                     {.directory = kDirectory, .sync = LogSync::kEverySecond});
    REQUIRE(writer.Open(kHistory).ok());
    slow.Hold();
    clock.AdvanceMs(1100);
    log.Append("first", 1, 0, 0);
    writer.Start();
    slow.AwaitSync();
    const uint64_t end = log.Append("second", 1, 0, 0);
    log.Ring();
    while (writer.written_offset() < end) std::this_thread::yield();
    disk->FailChange(1, Fault::kIo);  // that is this sync
    slow.LetGo();
    while (writer.state() != LogWriter::State::kFailed) std::this_thread::yield();
    clock.AdvanceMs(1000);
    log.Wake();
    while (writer.state() != LogWriter::State::kRunning) std::this_thread::yield();
    CHECK(writer.failures() == 1);
    CHECK(writer.Stop().ok());
    CHECK(Recover(*disk->Crash(10)).size() == end);
  }
}
