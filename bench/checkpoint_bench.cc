// checkpoint_bench: what checkpoints, loading and compaction cost on this machine's disk, without sockets and without a log.
// One database, keys of 16 bytes, values of 64, each part after the one before:
//
//   fill        inserting them, for scale
//   first       a checkpoint of everything: bytes, and time by stage
//   second      the same after one key in a hundred was set
//   cut         Begin, in an exclusive section: the longer of both
//   lock        how long a walk locks a shard: one of which nothing has changed, one of which all has and is copied in one
//               go (a checkpoint lets the lock go in between, see CheckpointCut::Options)
//   load        into empty databases, by 1 .. --threads threads, from the page cache
//   compact     both runs into one
//   large       a sorted set of a million members: encoding it in one go, and captured in pieces as a checkpoint does, with
//               how long one takes the lock; and setting a random member's score, by itself and while it is under capture
//
// Times are CPU time of the thread unless they say "wall"; the walk's own are taken over all its steps.
//
//   checkpoint_bench [--keys=1000000] [--threads=2] [--directory=PATH]
//
// --directory: must be there; the files go into a new directory below it, which is left for terrace-inspect.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "engine/checkpoint_loader.h"
#include "engine/checkpointer.h"
#include "engine/edit.h"
#include "engine/large_capture.h"
#include "storage/compaction.h"
#include "types/sorted_set.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

constexpr HashKey kHashKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

struct Settings {
  uint64_t keys = 1'000'000;
  unsigned threads = 2;
  std::string directory = "/tmp";
};

double Now(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
double CpuSeconds() { return Now(CLOCK_THREAD_CPUTIME_ID); }
double WallSeconds() { return Now(CLOCK_MONOTONIC); }

template <typename T>
T Must(StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.error().message().c_str());
  std::exit(1);
}
void Must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

class Bench {
 public:
  Bench(const Settings& settings, std::string directory)
      : settings_(settings), directory_(std::move(directory)) {
    storage::ManifestState state;
    state.hash_key = kHashKey;
    manifest_ = Must(storage::Manifest::Create(SystemFiles(), directory_, state));
    databases_ = std::make_unique<Databases>(1, kHashKey, participants_);
    unit_ = std::make_unique<Unit>(*databases_, log_, engine_settings_, counters_, *self_, 1);
  }
  ~Bench() { participants_.Leave(self_); }

  void Run() {
    const double begin = CpuSeconds();
    for (uint64_t i = 0; i < settings_.keys; ++i) Set(i);
    std::printf("fill      %10.0f ns a key\n",
                (CpuSeconds() - begin) * 1e9 / static_cast<double>(settings_.keys));
    {
      Checkpointer checkpointer(SystemFiles(), *manifest_, *databases_, SystemClock(), {});
      Checkpoint("first", checkpointer);
      for (uint64_t i = 0; i < settings_.keys / 100; ++i) Set(random_.Below(settings_.keys));
      Checkpoint("second", checkpointer);
    }
    std::printf("cut       %10.1f us\n", longest_cut_ * 1e6);
    // All is unchanged now, and stays so.
    Lock("unchanged", 1, [](Entry&) {});
    std::vector<CapturedKey> captured;
    Keyspace& keyspace = databases_->Get(0);
    Lock("changed", 2, [&](Entry& entry) {
      if (captured.size() > kShardEntriesTarget / 4) captured.clear();
      captured.emplace_back(keyspace.HashOf(entry.key()), entry, rdb::Compression::kNone);
    });
    for (unsigned threads = 1; threads <= settings_.threads; ++threads) Load(threads);
    const double compaction = CpuSeconds();
    const auto stats = Must(storage::CompactAll(SystemFiles(), *manifest_));
    Must(manifest_->RemoveUnknownFiles());
    std::printf("compact   %10.0f ms   %.1f MB -> %.1f MB\n", (CpuSeconds() - compaction) * 1e3,
                static_cast<double>(stats.bytes_before) / 1e6,
                static_cast<double>(stats.bytes) / 1e6);
    Large();
  }

 private:
  void Set(uint64_t i) {
    char key[17];
    std::snprintf(key, sizeof key, "key:%012llu", static_cast<unsigned long long>(i));
    char value[64];
    std::memset(value, 'a' + static_cast<int>(random_.Below(26)), sizeof value);
    self_->In();
    unit_->Begin(1, Origin::kClient);
    KeyRef ref;
    ref.key = Bytes(key, 16);
    ref.hash = databases_->HashOf(ref.key);
    ref.keyspace = &databases_->Get(0);
    KeyLocks locks;
    locks.Acquire(&ref, 1);
    Edit(*unit_, ref).SetString(StringSource::Of(Bytes(value, sizeof value)), 0);
    locks.Release();
    if (unit_->crowded != nullptr)
      std::exchange(unit_->crowded, nullptr)->Step([] { return uint64_t{0}; });
    self_->Out();
    if (participants_.WantsReclaim()) participants_.Reclaim();
  }

  void Checkpoint(const char* name, Checkpointer& checkpointer) {
    const double wall = WallSeconds();
    const double cut = CpuSeconds();
    participants_.Exclusive(nullptr, [&] { checkpointer.Begin({}); });
    longest_cut_ = std::max(longest_cut_, CpuSeconds() - cut);
    std::string stages;
    double begin = CpuSeconds();
    for (Checkpointer::Stage stage = checkpointer.stage(); checkpointer.running();) {
      checkpointer.Step(*self_);
      if (checkpointer.stage() == stage) continue;
      char text[60];
      std::snprintf(text, sizeof text, "  %s %.0f", NameOf(stage), (CpuSeconds() - begin) * 1e3);
      stages += text;
      stage = checkpointer.stage();
      begin = CpuSeconds();
    }
    Must(checkpointer.status());
    const Checkpointer::Stats stats = checkpointer.stats().value();
    std::printf("%-9s %10.0f ms wall   %llu keys, %.1f MB; ms:%s\n", name,
                (WallSeconds() - wall) * 1e3, static_cast<unsigned long long>(stats.entries),
                static_cast<double>(stats.bytes) / 1e6, stages.c_str());
  }

  void Lock(const char* name, uint16_t rounds, const std::function<void(Entry&)>& look) {
    Keyspace& keyspace = databases_->Get(0);
    keyspace.BeginCut(nullptr, static_cast<uint16_t>(keyspace.epoch() + rounds));
    self_->In();
    double sum = 0, longest = 0;
    uint64_t shards = 0;
    for (uint64_t at = 0; at < Staircase::kEnd; ++shards) {
      const double begin = CpuSeconds();
      at = keyspace.CaptureShard(at, [&](Entry& entry) {
        look(entry);
        return true;
      });
      const double took = CpuSeconds() - begin;
      sum += took;
      longest = std::max(longest, took);
    }
    self_->Out();
    std::printf("lock      %10.1f us   longest %.1f us, %s\n",
                sum * 1e6 / static_cast<double>(shards), longest * 1e6, name);
  }

  void Large() {
    constexpr uint64_t kMembers = 1'000'000, kEdits = 100'000;
    types::SortedSet zset = types::SortedSet::New();
    const auto set = [&](uint64_t member) {
      zset.Set("member:" + std::to_string(member), static_cast<double>(random_.Below(kMembers)),
               {128, 64});
    };
    for (uint64_t i = 0; i < kMembers; ++i) set(i);
    const auto edit = [&] {
      const double begin = CpuSeconds();
      for (uint64_t i = 0; i < kEdits; ++i) set(random_.Below(kMembers));
      return (CpuSeconds() - begin) * 1e9 / static_cast<double>(kEdits);
    };
    edit();
    const double alone_ns = edit();
    Entry* entry = Entry::NewCollection("large", zset.value(), 0);
    const rdb::EncodeOptions uncompressed{.compression = rdb::Compression::kNone};
    double begin = CpuSeconds();
    const size_t bytes = CapturedKey(1, *entry, uncompressed).bytes();
    std::printf("large     %10.0f ms in one go, %.1f MB\n", (CpuSeconds() - begin) * 1e3,
                static_cast<double>(bytes) / 1e6);
    types::CaptureBytes kept;
    const LargeCaptures::Options options;
    begin = CpuSeconds();
    const auto capture = LargeCapture::Begin(databases_->Get(0), 1, *entry, uncompressed, &kept);
    const double begun = CpuSeconds() - begin;
    const double captured_ns = edit();
    const uint64_t kept_bytes = kept.now();
    double sum = 0, longest = 0;
    uint64_t pieces = 0;
    size_t finished = 0;
    std::string piece;
    const auto take = [&] {
      capture->TakePiece(&piece);
      finished += piece.size();
    };
    for (; !capture->complete(); ++pieces) {
      begin = CpuSeconds();
      capture->EncodeLocked(options.piece_items, options.piece_bytes);
      const double took = CpuSeconds() - begin;
      sum += took;
      longest = std::max(longest, took);
      take();
    }
    begin = CpuSeconds();
    while (capture->EncodeRest(options.piece_bytes)) take();
    take();
    std::printf(
        "large     %10.1f us a piece   longest %.1f us, %llu of them; begun in %.1f us, "
        "finished in %.1f ms, %.1f MB\n",
        sum * 1e6 / static_cast<double>(pieces), longest * 1e6,
        static_cast<unsigned long long>(pieces), begun * 1e6, (CpuSeconds() - begin) * 1e3,
        static_cast<double>(finished) / 1e6);
    std::printf("large     %10.0f ns an edit   %.0f ns during the capture, %.1f bytes kept\n",
                alone_ns, captured_ns,
                static_cast<double>(kept_bytes) / static_cast<double>(kEdits));
    Entry::Delete(entry);
  }

  void Load(unsigned threads) {
    Participants participants;
    Databases loaded(1, kHashKey, participants);
    const double wall = WallSeconds();
    const auto loader =
        Must(CheckpointLoader::Open(SystemFiles(), *manifest_, loaded, engine_settings_.encoding));
    std::vector<std::thread> loading;
    for (unsigned part = 0; part < threads; ++part) {
      loading.emplace_back([&, part] {
        Participant* self = participants.Join();
        Must(loader->LoadPart(part, threads, *self));
        participants.Leave(self);
      });
    }
    for (std::thread& thread : loading) thread.join();
    const double took = WallSeconds() - wall;
    std::printf("load      %10.0f ms wall   %u threads, %.0f ns a key, %.0f MB/s\n", took * 1e3,
                threads, took * 1e9 / static_cast<double>(loader->keys()),
                static_cast<double>(loader->bytes()) / 1e6 / took);
  }

  const Settings settings_;
  const std::string directory_;
  Participants participants_;
  Participant* self_ = participants_.Join();
  std::unique_ptr<storage::Manifest> manifest_;
  std::unique_ptr<Databases> databases_;
  CommitLog log_{64};
  EngineSettings engine_settings_;
  EngineCounters counters_;
  std::unique_ptr<Unit> unit_;
  Random random_{1};
  double longest_cut_ = 0;
};

bool ParseArgument(const std::string& argument, Settings* settings) {
  const size_t equals = argument.find('=');
  if (equals == std::string::npos) return false;
  const std::string name = argument.substr(0, equals), value = argument.substr(equals + 1);
  if (name == "--keys") settings->keys = std::strtoull(value.c_str(), nullptr, 10);
  if (name == "--threads")
    settings->threads = static_cast<unsigned>(std::strtoul(value.c_str(), nullptr, 10));
  if (name == "--directory") settings->directory = value;
  return (name == "--keys" || name == "--threads" || name == "--directory") &&
         settings->keys >= 100 && settings->threads > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    if (!ParseArgument(argv[i], &settings)) {
      std::fprintf(stderr,
                   "usage: checkpoint_bench [--keys=1000000] [--threads=2] [--directory=PATH]\n");
      return 2;
    }
  }
  std::string directory = settings.directory + "/checkpoint_bench.XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) {
    std::perror(directory.c_str());
    return 1;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::printf("%llu keys, files in %s\n", static_cast<unsigned long long>(settings.keys),
              directory.c_str());
  Bench(settings, directory).Run();
  return 0;
}
