// engine_bench: what the engine costs without sockets, parsers and commands. Keys are 16 random bytes, values 64.
//
//   parts      what one operation is made of while everything is in the cache: the hash of a key, a lock and unlock, a
//              lookup and an overwrite among 1,000 keys
//   grow       inserting from empty: ns per insert with the steps of the staircase inside it (a hand-over, or the making of
//              the memory for one); how many, longest in us (wall and CPU; hand-overs and their memory apart), share of the time;
//              largest allocation
//   memory     bytes per key over the 80 of payload: as the allocator counts them, and by the resident set; entries a
//              bucket, bytes of it that are not entries
//   lookup     GET-like: hash, lock the shard, find the key, copy the value out; keys uniform over the keyspace
//   overwrite  SET-like: the same, and the value assigned in place
//                one by one, and gathered in batches of 16 and 64: hash all and prefetch their buckets, then prefetch
//                entries kEntriesAhead before they are looked up (a turn of a worker: gather, prefetch, run)
//   threads    the same lookups and overwrites (batches of 64) from 1 .. --threads threads, each on a CPU of its own:
//              throughput against one thread, lock acquisitions and how many of them had to wait
//
// Times are CPU time of the thread and the best of some rounds, so that a busy machine disturbs them less; "wall" says so
// where it is not.
//
//   engine_bench [--keys=1000000,5000000] [--threads=2] [--quick]
//
// --keys: sizes at which lookups are measured (memory is shown at 1M, 2M, 3M and 5M within the largest).
// --quick: 200,000 keys and fewer operations, to see that it runs.
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/memory.h"
#include "base/random.h"
#include "engine/keyspace.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

constexpr size_t kKeyBytes = 16;
constexpr size_t kValueBytes = 64;
constexpr unsigned kEntriesAhead =
    6;  // enough to cover a miss, few enough for the line-fill buffers
constexpr HashKey kHashKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::atomic<size_t> largest_allocation{0};  // set by __wrap_mi_malloc below, from any thread

uint64_t Now(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}
uint64_t CpuNs() { return Now(CLOCK_THREAD_CPUTIME_ID); }
uint64_t WallNs() { return Now(CLOCK_MONOTONIC); }

struct Settings {
  std::vector<uint64_t> keys = {1'000'000, 5'000'000};
  unsigned threads = 2;
  uint64_t operations = 2'000'000;
  int rounds = 7;
};

using Key = std::array<char, kKeyBytes>;

Bytes View(const Key& key) { return Bytes(key.data(), key.size()); }

// Key number `i`: the same 16 bytes every time.
Key KeyOf(uint64_t i) {
  Random random(i * 0x9e3779b97f4a7c15ULL + 1);
  Key key;
  for (size_t at = 0; at < kKeyBytes; at += 8) {
    const uint64_t bits = random.Next();
    std::memcpy(key.data() + at, &bits, 8);
  }
  return key;
}

// What requests ask for: keys uniform over the first `keys`, prepared before the clock runs, read in sequence
// after.
std::vector<Key> MakeRequests(uint64_t count, uint64_t keys, uint64_t seed) {
  Random random(seed);
  std::vector<Key> requests(count);
  for (Key& request : requests) request = KeyOf(random.Below(keys));
  return requests;
}

struct Bed {  // one keyspace and this thread's place in it
  Participants participants;
  Keyspace keyspace{kHashKey, participants};
  Participant* self = participants.Join();
  uint64_t keys = 0;

  Bed() { self->In(); }
  ~Bed() {
    self->Out();
    participants.Leave(self);
  }
};

// --- operations
// -----------------------------------------------------------------------------------------------------

enum class Kind { kLookup, kOverwrite };

// What a handler does with the locked shard. Returns a byte so that nothing is optimized away.
template <Kind kind>
inline char Operate(Keyspace& keyspace, Shard& shard, uint64_t hash, Bytes key, Bytes value,
                    char* reply) {
  const Slot slot = shard.Lookup(hash, key);
  if (slot == nullptr) std::abort();
  Entry* entry = Shard::At(slot);
  if constexpr (kind == Kind::kLookup) {
    IntegerText text;
    const Bytes bytes = entry->StringBytes(&text);
    std::memcpy(reply, bytes.data(), std::min(bytes.size(), kValueBytes));
    return reply[0];
  } else {
    if (!entry->TryAssign(StringSource::Of(value), 0)) {
      Entry::Delete(
          keyspace.Replace(shard, slot, hash, Entry::NewString(key, StringSource::Of(value), 0)));
    }
    return 0;
  }
}

template <Kind kind>
uint64_t RunOneByOne(Keyspace& keyspace,
                     const std::vector<Key>& requests) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
  const std::string value(kValueBytes, 'v');
  char reply[kValueBytes];
  uint64_t sum = 0;
  for (const Key& request : requests) {
    const uint64_t hash = keyspace.HashOf(View(request));
    Shard* shard = keyspace.staircase().Lock(hash);
    sum += static_cast<unsigned char>(
        Operate<kind>(keyspace, *shard, hash, View(request), value, reply));
    shard->Unlock();
  }
  return sum;
}

template <Kind kind>
uint64_t RunBatches(Keyspace& keyspace, const std::vector<Key>& requests,
                    size_t batch) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
  const std::string value(kValueBytes, 'v');
  char reply[kValueBytes];
  std::vector<uint64_t> hashes(batch);
  Staircase& staircase = keyspace.staircase();
  uint64_t sum = 0;
  for (size_t begin = 0; begin + batch <= requests.size(); begin += batch) {
    const Key* keys = &requests[begin];
    for (size_t i = 0; i < batch; ++i) {
      hashes[i] = keyspace.HashOf(View(keys[i]));
      staircase.Guess(hashes[i])->PrefetchBucket(hashes[i]);
    }
    for (size_t i = 0; i < kEntriesAhead; ++i) staircase.Guess(hashes[i])->PrefetchEntry(hashes[i]);
    for (size_t i = 0; i < batch; ++i) {
      if (i + kEntriesAhead < batch) {
        const uint64_t ahead = hashes[i + kEntriesAhead];
        staircase.Guess(ahead)->PrefetchEntry(ahead);
      }
      Shard* shard = staircase.Lock(hashes[i]);
      sum += static_cast<unsigned char>(
          Operate<kind>(keyspace, *shard, hashes[i], View(keys[i]), value, reply));
      shard->Unlock();
    }
  }
  return sum;
}

template <Kind kind>
uint64_t Run(Keyspace& keyspace, const std::vector<Key>& requests, size_t batch) {
  return batch == 1 ? RunOneByOne<kind>(keyspace, requests)
                    : RunBatches<kind>(keyspace, requests, batch);
}

// CPU nanoseconds per operation, the best of some rounds: what disturbs us only ever adds.
template <typename Body>
double Measure(int rounds, uint64_t operations, Body body) {
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < rounds; ++i) {
    const uint64_t begin = CpuNs();
    body();
    best = std::min(best, CpuNs() - begin);
  }
  return static_cast<double>(best) / static_cast<double>(operations);
}

std::atomic<uint64_t> sink{0};  // results go here, so that the work has to be done

template <Kind kind>
double MeasureKind(Bed& bed, const Settings& settings, const std::vector<Key>& requests,
                   size_t batch) {
  return Measure(settings.rounds, requests.size(),
                 [&] { sink += Run<kind>(bed.keyspace, requests, batch); });
}

// --- growing
// --------------------------------------------------------------------------------------------------------

struct Growth {
  uint64_t inserts = 0;
  uint64_t cpu_ns = 0;
  uint64_t steps = 0;
  uint64_t step_cpu_ns = 0;
  uint64_t step_cpu_ns_max = 0;
  std::vector<uint32_t> handover_wall_ns;
  uint32_t memory_wall_ns_max = 0;
  uint32_t lookups_wall_ns_max = 0;
};

// What the machine does to work of the same length that allocates nothing and touches no new memory, in the same
// minute: lookups of keys that are there. Under a hypervisor some stretches last many times as long as others, and the
// CPU clock of its guest runs on.
void LookAround(Bed& bed, Growth& growth) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
  constexpr uint64_t kLookups = 50;
  const uint64_t begin = WallNs();
  uint64_t key_number = bed.keys;
  for (uint64_t i = 0; i < kLookups; ++i) {
    key_number = (key_number * 48271 + 11) % bed.keys;
    const Key key = KeyOf(key_number);
    const uint64_t hash = bed.keyspace.HashOf(View(key));
    Shard* shard = bed.keyspace.staircase().Lock(hash);
    if (shard->Lookup(hash, View(key)) == nullptr) std::abort();
    shard->Unlock();
  }
  growth.lookups_wall_ns_max =
      std::max(growth.lookups_wall_ns_max, static_cast<uint32_t>(WallNs() - begin));
}

void Step(Bed& bed, Growth& growth) {
  const uint64_t handovers = bed.keyspace.staircase().stats().handovers;
  const uint64_t cpu = CpuNs(), wall = WallNs();
  if (!bed.keyspace.Step(&WallNs)) return;
  const uint64_t wall_ns = WallNs() - wall, cpu_ns = CpuNs() - cpu;
  ++growth.steps;
  growth.step_cpu_ns += cpu_ns;
  growth.step_cpu_ns_max = std::max(growth.step_cpu_ns_max, cpu_ns);
  if (bed.keyspace.staircase().stats().handovers > handovers) {
    growth.handover_wall_ns.push_back(static_cast<uint32_t>(wall_ns));
  } else {
    growth.memory_wall_ns_max = std::max(growth.memory_wall_ns_max, static_cast<uint32_t>(wall_ns));
  }
}

void Grow(Bed& bed, uint64_t keys, Growth& growth) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
  const std::string value(kValueBytes, 'v');
  growth.handover_wall_ns.reserve(growth.handover_wall_ns.size() + keys / 100);
  largest_allocation = 0;
  uint64_t begin = CpuNs();
  for (; bed.keys < keys; ++bed.keys) {
    const Key key = KeyOf(bed.keys);
    const uint64_t hash = bed.keyspace.HashOf(View(key));
    Shard* shard = bed.keyspace.staircase().Lock(hash);
    if (shard->Lookup(hash, View(key)) != nullptr) std::abort();
    Entry* entry = Entry::NewString(View(key), StringSource::Of(value), 0);
    bed.keyspace.Insert(*shard, hash, entry, bed.self->slot());
    const bool wants_step = bed.keyspace.staircase().WantsStep(*shard);
    shard->Unlock();
    ++growth.inserts;
    if (wants_step) {
      Step(bed, growth);
      const uint64_t pause = CpuNs();
      LookAround(bed, growth);
      begin += CpuNs() - pause;
    }
    if (growth.inserts % 1024 == 0) {  // a turn of the loop
      bed.self->Yield();
      bed.participants.Reclaim();
    }
  }
  growth.cpu_ns += CpuNs() - begin;
}

void PrintGrowth(const Bed& bed, Growth& growth) {
  std::sort(growth.handover_wall_ns.begin(), growth.handover_wall_ns.end());
  const auto quantile = [&](double q) {
    if (growth.handover_wall_ns.empty()) return 0.0;
    const auto at =
        static_cast<size_t>(q * static_cast<double>(growth.handover_wall_ns.size() - 1));
    return static_cast<double>(growth.handover_wall_ns[at]) / 1000;
  };
  std::printf("grow to %lluk: %.1f ns per insert; steps %llu, %.0f %% of the time\n",
              static_cast<unsigned long long>(bed.keys / 1000),
              static_cast<double>(growth.cpu_ns) / static_cast<double>(growth.inserts),
              static_cast<unsigned long long>(growth.steps),
              100 * static_cast<double>(growth.step_cpu_ns) / static_cast<double>(growth.cpu_ns));
  std::printf(
      "  hand-over wall us: median %.0f, p99 %.0f, p99.9 %.0f, longest %.0f; memory for one: "
      "longest "
      "%.0f\n  step CPU us: mean %.0f, longest %.0f\n",
      quantile(0.5), quantile(0.99), quantile(0.999), quantile(1),
      static_cast<double>(growth.memory_wall_ns_max) / 1000,
      static_cast<double>(growth.step_cpu_ns) /
          static_cast<double>(std::max<uint64_t>(growth.steps, 1)) / 1000,
      static_cast<double>(growth.step_cpu_ns_max) / 1000);
  std::printf("  between the steps, as many stretches of 50 lookups: longest %.0f\n",
              static_cast<double>(growth.lookups_wall_ns_max) / 1000);
  std::printf("  largest allocation: %zu bytes\n", largest_allocation.load());
}

// --- memory
// ---------------------------------------------------------------------------------------------------------

struct MemoryMark {
  int64_t used = UsedMemory();
  int64_t resident = ResidentMemory();
};

void PrintMemory(Bed& bed, const MemoryMark& before) {
  bed.self->Yield();
  bed.participants.Reclaim();
  const auto keys = static_cast<double>(bed.keys);
  const double payload = kKeyBytes + kValueBytes;
  const double entry = static_cast<double>(AllocationSize(8 + kKeyBytes + 1 + kValueBytes));
  const MemoryMark now;
  const double used = static_cast<double>(now.used - before.used) / keys;
  const double resident = static_cast<double>(now.resident - before.resident) / keys;
  const Staircase& staircase = bed.keyspace.staircase();
  const double buckets = static_cast<double>(staircase.shards()) * kShardBuckets;
  std::printf(
      "%8.1fM %11.2f %11.2f %11.2f %11.2f %11.0f %%\n", keys / 1e6, used - payload,
      resident - payload, used - entry, keys / buckets,
      100 * static_cast<double>(staircase.frontier()) / static_cast<double>(Staircase::kEnd));
}

void PrintMemoryHead() {
  std::printf("bytes per key over payload\n%9s %11s %11s %11s %11s %13s\n", "keys", "allocator",
              "resident", "not entry", "per bucket", "frontier");
}

// --- sections
// -------------------------------------------------------------------------------------------------------

void LockAndUnlock(Keyspace& keyspace, uint64_t times) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
  for (uint64_t i = 0; i < times; ++i) keyspace.staircase().Lock(i << 40)->Unlock();
}

void Parts(const Settings& settings) {
  Bed bed;
  Growth growth;
  Grow(bed, 1000, growth);
  const std::vector<Key> requests = MakeRequests(settings.operations, 1000, 1);
  const double hash = Measure(settings.rounds, requests.size(), [&] {
    for (const Key& key : requests)
      sink.store(bed.keyspace.HashOf(View(key)), std::memory_order_relaxed);
  });
  const double lock = Measure(settings.rounds, requests.size(),
                              [&] { LockAndUnlock(bed.keyspace, requests.size()); });
  std::printf("parts, in the cache (ns): hash %.1f, guess+lock+unlock %.1f", hash, lock);
  for (const size_t batch : {size_t{1}, size_t{64}}) {
    std::printf("; batch %zu: lookup %.1f, overwrite %.1f", batch,
                MeasureKind<Kind::kLookup>(bed, settings, requests, batch),
                MeasureKind<Kind::kOverwrite>(bed, settings, requests, batch));
  }
  std::printf("\n");
}

void Operations(Bed& bed, const Settings& settings) {
  const std::vector<Key> requests = MakeRequests(settings.operations, bed.keys, 2);
  std::printf("%lluk keys, ns per operation:   lookup  overwrite\n",
              static_cast<unsigned long long>(bed.keys / 1000));
  for (const size_t batch : {size_t{1}, size_t{16}, size_t{64}}) {
    std::printf("  %-27s %8.1f %10.1f\n",
                batch == 1 ? "one by one" : ("batches of " + std::to_string(batch)).c_str(),
                MeasureKind<Kind::kLookup>(bed, settings, requests, batch),
                MeasureKind<Kind::kOverwrite>(bed, settings, requests, batch));
  }
}

struct LockCounts {
  uint64_t acquired = 0;
  uint64_t contended = 0;
};

LockCounts CountLocks(Keyspace& keyspace) {
  LockCounts counts;
  keyspace.staircase().ForEachShard(0, [&](Shard& shard, uint64_t, uint64_t) {
    counts.acquired += shard.acquisitions();
    counts.contended += shard.contended();
    return true;
  });
  return counts;
}

struct ThreadsResult {
  double wall_mops = 0;  // million operations a second over all threads
  double cpu_mops = 0;   // the same as if no other process had taken CPU time from them
  LockCounts locks;
};

template <Kind kind>
void OneThread(Bed& bed, const Settings& settings, unsigned number, std::atomic<unsigned>& ready,
               unsigned threads, std::atomic<uint64_t>& cpu_ns_max) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(number % std::max(1u, std::thread::hardware_concurrency()), &cpus);
  pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
  const std::vector<Key> requests = MakeRequests(settings.operations, bed.keys, 100 + number);
  Participant* self = bed.participants.Join();
  ready.fetch_add(1);
  while (ready.load() < threads) {
  }
  const uint64_t begin = CpuNs();
  for (int round = 0; round < settings.rounds; ++round) {
    self->In();
    sink += Run<kind>(bed.keyspace, requests, 64);
    self->Out();
  }
  const uint64_t took = CpuNs() - begin;
  uint64_t seen = cpu_ns_max.load();
  while (took > seen && !cpu_ns_max.compare_exchange_weak(seen, took)) {
  }
  bed.participants.Leave(self);
}

template <Kind kind>
ThreadsResult RunThreads(Bed& bed, const Settings& settings, unsigned threads) {
  const LockCounts before = CountLocks(bed.keyspace);
  std::atomic<unsigned> ready{0};
  std::atomic<uint64_t> cpu_ns_max{0};
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; ++i) {
    running.emplace_back([&, i] { OneThread<kind>(bed, settings, i, ready, threads, cpu_ns_max); });
  }
  while (ready.load() < threads) std::this_thread::yield();
  const uint64_t begin = WallNs();
  for (std::thread& thread : running) thread.join();
  const auto operations = static_cast<double>(settings.operations) * settings.rounds * threads;
  ThreadsResult result;
  result.wall_mops = 1000 * operations / static_cast<double>(WallNs() - begin);
  result.cpu_mops = 1000 * operations / static_cast<double>(cpu_ns_max.load());
  const LockCounts after = CountLocks(bed.keyspace);
  result.locks = {after.acquired - before.acquired, after.contended - before.contended};
  return result;
}

template <Kind kind>
void Scaling(Bed& bed, const Settings& settings, const char* name) {
  ThreadsResult one;
  for (unsigned threads = 1; threads <= settings.threads; ++threads) {
    const ThreadsResult result = RunThreads<kind>(bed, settings, threads);
    if (threads == 1) one = result;
    std::printf("%8lluk %-10s %7u %8.2f %9.2f %8.2f %9.2f %12llu %10llu %10.5f %%\n",
                static_cast<unsigned long long>(bed.keys / 1000), name, threads, result.wall_mops,
                result.wall_mops / one.wall_mops, result.cpu_mops, result.cpu_mops / one.cpu_mops,
                static_cast<unsigned long long>(result.locks.acquired),
                static_cast<unsigned long long>(result.locks.contended),
                100 * static_cast<double>(result.locks.contended) /
                    static_cast<double>(result.locks.acquired));
  }
}

void Threads(Bed& bed, const Settings& settings) {
  std::printf("%9s %-10s %7s %8s %9s %8s %9s %12s %10s %12s\n", "keys", "", "threads", "Mops/s",
              "x 1 thr.", "cpu Mops", "x 1 thr.", "locks", "contended", "share");
  bed.self->Out();
  Scaling<Kind::kLookup>(bed, settings, "lookup");
  Scaling<Kind::kOverwrite>(bed, settings, "overwrite");
  bed.self->In();
}

// Everything on one keyspace that grows from mark to mark.
void RunAll(const Settings& settings) {
  std::printf("entry header 8, key %zu, value %zu; shard object %zu bytes, %u buckets, load %u\n",
              kKeyBytes, kValueBytes, sizeof(Shard), kShardBuckets, kBucketLoad);
  Parts(settings);
  std::vector<uint64_t> marks = settings.keys;
  for (const uint64_t mark : {1'000'000, 2'000'000, 3'000'000, 5'000'000}) {
    if (mark < settings.keys.back()) marks.push_back(mark);
  }
  std::sort(marks.begin(), marks.end());
  marks.erase(std::unique(marks.begin(), marks.end()), marks.end());

  const MemoryMark before;
  Bed bed;
  Growth growth;
  for (const uint64_t mark : marks) {
    Grow(bed, mark, growth);
    PrintGrowth(bed, growth);
    PrintMemoryHead();
    PrintMemory(bed, before);
    if (std::find(settings.keys.begin(), settings.keys.end(), mark) == settings.keys.end())
      continue;
    Operations(bed, settings);
    if (settings.threads > 1) Threads(bed, settings);
  }
}

bool ParseArgument(const std::string& argument, Settings& settings) {
  if (argument == "--quick") {
    settings = {.keys = {200'000}, .threads = settings.threads, .operations = 200'000, .rounds = 1};
    return true;
  }
  if (argument.rfind("--threads=", 0) == 0) {
    settings.threads = static_cast<unsigned>(std::strtoul(argument.c_str() + 10, nullptr, 10));
    return settings.threads > 0 && settings.threads < Participants::kParticipantsMax;
  }
  if (argument.rfind("--keys=", 0) != 0) return false;
  settings.keys.clear();
  for (const char* at = argument.c_str() + 7; *at != '\0';) {
    char* end = nullptr;
    settings.keys.push_back(std::strtoull(at, &end, 10));
    if (end == at || settings.keys.back() == 0) return false;
    at = *end == ',' ? end + 1 : end;
  }
  std::sort(settings.keys.begin(), settings.keys.end());
  return !settings.keys.empty();
}

void NoteAllocation(size_t size) {
  if (size > largest_allocation.load(std::memory_order_relaxed)) {
    largest_allocation.store(size, std::memory_order_relaxed);
  }
}

}  // namespace

// The linker's --wrap sends every call of mi_malloc here and calls the allocator's own function
// __real_mi_malloc.
extern "C" {
void* __real_mi_malloc(size_t size);
void* __real_mi_malloc_aligned(size_t size, size_t alignment);
void* __wrap_mi_malloc(size_t size) {
  NoteAllocation(size);
  return __real_mi_malloc(size);
}
void* __wrap_mi_malloc_aligned(size_t size, size_t alignment) {
  NoteAllocation(size);
  return __real_mi_malloc_aligned(size, alignment);
}
}

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    if (!ParseArgument(argv[i], settings)) {
      std::fprintf(stderr,
                   "usage: engine_bench [--keys=1000000,5000000] [--threads=2] [--quick]\n");
      return 2;
    }
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  RunAll(settings);
  return 0;
}
