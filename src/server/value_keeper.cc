#include "server/value_keeper.h"

#include <algorithm>

#include "base/check.h"
#include "engine/value_warmer.h"
#include "server/log.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using config::LogLevel;

// Reads of the disk that are under way at a time, a thread: what an SSD needs to show what it can.
constexpr unsigned kReadsAtOnce = 16;
// The same, a worker that reads by itself: with as many clients it has a use for them.
constexpr unsigned kReadsOfALoop = 64;
// A read-in costs who reads as much CPU as who answers. Two threads at the least: what is asked for together comes together, and
// while one waits for that the other hands on what has come. With one, disk and CPU would wait for each other in turns.
constexpr unsigned kReaderThreadsMin = 2;
constexpr unsigned kReaderThreadsMax = 8;
constexpr unsigned kWarmersMax = 4;

}  // namespace

ValueKeeper::ValueKeeper(Parts& parts, DataDirectory& data)
    : parts_(parts),
      store_(data.files(), data.manifest()),
      residency_(store_, parts.databases, parts.engine_settings.encoding),
      pool_(residency_) {
  parts_.databases.set_residency(&residency_);
  residency_.set_clock_after_reading([this](uint32_t clock) {
    const uint64_t now_ms = parts_.clock.WallMs();
    if (!parts_.engine_settings.lfu.load(std::memory_order_relaxed))
      return engine::LruClock(now_ms);
    const engine::LfuSettings lfu{
        parts_.engine_settings.lfu_log_factor.load(std::memory_order_relaxed),
        parts_.engine_settings.lfu_decay_minutes.load(std::memory_order_relaxed)};
    const auto counter = engine::LfuCounter(clock, now_ms, lfu);
    return engine::LfuPack(engine::LfuMinutes(now_ms),
                           std::max<uint8_t>(counter, engine::kLfuInitial));
  });
}

ValueKeeper::~ValueKeeper() {
  Stop();
  parts_.databases.set_residency(nullptr);
}

void ValueKeeper::Start() {
  begun_ns_ = parts_.clock.MonotonicNs();
  left_by_loading_ = parts_.databases.away();
  const bool values_go = parts_.eviction.values_only;
  if (left_by_loading_ == 0 && !values_go) return EndWarming();
  const auto workers = static_cast<unsigned>(parts_.workers.size());
  if (values_go) store_.ExpectRandomReads();
  pool_.Start({.threads = std::clamp(workers, kReaderThreadsMin, kReaderThreadsMax),
               .reads_each = kReadsAtOnce,
               .past_page_cache = values_go});
  residency_.set_reader(&pool_);
  if (values_go) return;
  const unsigned count = std::min(static_cast<unsigned>(parts_.workers.size()), kWarmersMax);
  warming_ = count;
  for (unsigned i = 0; i < count; ++i) {
    engine::Participant* self = parts_.participants.Join();
    TERRACE_CHECK(self != nullptr);
    warmers_.emplace_back([this, self, i, count] { Warm(i, count, *self); });
  }
}

std::unique_ptr<engine::LoopValueReader> ValueKeeper::NewLoopReader() {
  if (residency_.reader() == nullptr || !queued()) return nullptr;
  auto reader = std::make_unique<engine::LoopValueReader>(residency_, pool_, kReadsOfALoop,
                                                          parts_.eviction.values_only);
  if (!reader->reads()) return nullptr;
  loop_reads_.fetch_add(static_cast<unsigned>(reader->depth()), std::memory_order_relaxed);
  return reader;
}

uint64_t ValueKeeper::values_read() {
  const engine::Residency::Counters& counters = residency_.counters();
  return counters.read_in.load(std::memory_order_relaxed) +
         counters.read_at_once.load(std::memory_order_relaxed);
}

unsigned ValueKeeper::readers() const {
  const unsigned loops = loop_reads_.load(std::memory_order_relaxed);
  return loops != 0 ? loops : pool_.readers();
}

void ValueKeeper::Stop() {
  stop_ = true;
  for (std::thread& warmer : warmers_) warmer.join();
  warmers_.clear();
  pool_.Stop();
}

void ValueKeeper::Warm(unsigned part, unsigned parts, engine::Participant& self) {
  const Status status = engine::ValueWarmer(residency_).Warm(part, parts, self, [this] {
    return !stop_.load(std::memory_order_relaxed);
  });
  parts_.participants.Leave(&self);
  if (!status.ok()) {
    Log(LogLevel::kWarning, "Not all values can be brought into memory: %s",
        status.message().c_str());
  }
  if (warming_.fetch_sub(1) == 1 && !stop_) EndWarming();
}

void ValueKeeper::EndWarming() {
  const uint64_t ns = parts_.clock.MonotonicNs() - begun_ns_;
  warm_ms_ = ns / 1'000'000;
  const uint64_t away = parts_.databases.away();
  if (away != 0) {
    Log(LogLevel::kWarning, "%llu values cannot be read; commands that need them are refused",
        static_cast<unsigned long long>(away));
    return;
  }
  // Nothing goes away again, so nobody will ask for a value, or for a table.
  parts_.databases.set_residency(nullptr);
  store_.Close();
  if (left_by_loading_ == 0) return;
  Log(LogLevel::kNotice, "All values are in memory: %llu, %.3f seconds",
      static_cast<unsigned long long>(left_by_loading_), static_cast<double>(ns) / 1e9);
}

}  // namespace terrace::server
