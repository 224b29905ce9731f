#include "server/dump_keeper.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/short_slices.h"
#include "server/info.h"
#include "server/log.h"
#include "server/save_points.h"
#include "server/version.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using config::LogLevel;

// How soon somebody notices that a save point is reached.
constexpr auto kLook = std::chrono::milliseconds(100);
// After one that failed, as Redis has it; what made it fail is seldom gone at once.
constexpr uint64_t kRetryNs = 5'000'000'000;

constexpr char kRefusal[] =
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
    "disk. Commands that may modify the data set are disabled, because this instance is configured "
    "to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error "
    "option). "
    "Please check the Redis logs for details about the RDB error.";

double MiB(uint64_t bytes) { return static_cast<double>(bytes) / kMiB; }

}  // namespace

engine::KeptAccess KeptBy(engine::EvictionPolicy policy) {
  switch (policy) {
    case engine::EvictionPolicy::kAllKeysLru:
    case engine::EvictionPolicy::kVolatileLru:
      return engine::KeptAccess::kIdle;
    case engine::EvictionPolicy::kAllKeysLfu:
    case engine::EvictionPolicy::kVolatileLfu:
      return engine::KeptAccess::kFrequency;
    default:
      return engine::KeptAccess::kNone;
  }
}

DumpKeeper::DumpKeeper(Parts& parts, FileSystem& files)
    : parts_(parts),
      images_(parts),
      dumper_(files, parts.databases, parts.clock, {}, &images_.budget()) {
  Follow(parts.config.Snapshot());
  for (const char* name : {"save", "stop-writes-on-bgsave-error"}) {
    parts.config.OnChange(name, [this](const config::Options&, const config::Options& now) {
      Follow(now);
      return Status::Ok();
    });
  }
}

void DumpKeeper::Follow(const config::Options& options) {
  MutexLock lock(mutex_);
  points_ = options.save;
  stop_writes_ = options.stop_writes_on_bgsave_error;
  RefuseWritesOrNot();
}

void DumpKeeper::RefuseWritesOrNot() {
  const bool refuses =
      parts_.log_writer == nullptr && stop_writes_ && !points_.empty() && !last_status_.ok();
  if (refuses == refuses_writes_) return;
  refuses_writes_ = refuses;
  if (!refuses && parts_.log_writer != nullptr) return;  // the gate is the log's then
  if (!refuses) return parts_.gates.Open(exec::kGateLogFails);
  parts_.gates.set_log_failure(kRefusal);
  parts_.gates.Close(exec::kGateLogFails);
}

void DumpKeeper::Start() {
  self_ = parts_.participants.Join();
  thread_ = std::thread([this] {
    GiveWayToWorkers();
    Run();
  });
}

void DumpKeeper::Cancel() {
  stop_ = true;
  dumper_.Cancel();
  wake_.NotifyAll();
}

void DumpKeeper::Stop() {
  if (!thread_.joinable()) return;
  Cancel();
  thread_.join();
  parts_.participants.Leave(self_);
}

bool DumpKeeper::Request() {
  MutexLock lock(mutex_);
  if (making_ || tickets_ != tickets_served_) return false;
  ++tickets_;
  wake_.NotifyAll();
  return true;
}

Status DumpKeeper::MakeNow(engine::Participant* self) {
  if (self != nullptr) self->Out();
  Status status;
  {
    MutexLock lock(mutex_);
    const uint64_t ticket = ++tickets_;
    wake_.NotifyAll();
    while (tickets_served_ < ticket) done_.Wait(mutex_);
    status = last_status_;
  }
  if (self != nullptr) self->In();
  return status;
}

bool DumpKeeper::EndAfterDump() {
  MutexLock lock(mutex_);
  if (parts_.log_writer != nullptr || points_.empty()) return false;
  ends_with_ = ++tickets_;
  wake_.NotifyAll();
  return true;
}

void DumpKeeper::MakeLast() {
  const Last last = last_.load(std::memory_order_relaxed);
  if (last == Last::kNever || (last == Last::kIfSavePoints && !has_save_points())) return;
  const Counts counts = this->counts();
  if (counts.made != 0 && counts.changes == ChangesOf(parts_)) return;
  const Status status = MakeNow(nullptr);
  if (!status.ok()) Log(LogLevel::kWarning, "The last dump failed");
}

bool DumpKeeper::has_save_points() const {
  MutexLock lock(mutex_);
  return parts_.log_writer == nullptr && !points_.empty();
}

bool DumpKeeper::running() const {
  MutexLock lock(mutex_);
  return making_ || tickets_ != tickets_served_;
}

DumpKeeper::Counts DumpKeeper::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

void DumpKeeper::Run() {
  uint64_t ticket = 0;
  while (WaitForWork(&ticket)) {
    Make();
    bool ends = false;
    {
      MutexLock lock(mutex_);
      making_ = false;
      tickets_served_ = ticket;
      if (ends_with_ != 0 && ends_with_ <= ticket) {
        ends_with_ = 0;
        ends = last_status_.ok();
        if (!ends) Log(LogLevel::kWarning, "Error trying to save the DB, can't exit.");
      }
      done_.NotifyAll();
    }
    if (ends) parts_.run.request_stop();
  }
}

bool DumpKeeper::WaitForWork(uint64_t* ticket) {
  MutexLock lock(mutex_);
  while (!stop_) {
    if (tickets_ != tickets_served_ || IsDue()) {
      making_ = true;
      *ticket = tickets_;
      return true;
    }
    wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kLook);
  }
  return false;
}

bool DumpKeeper::IsDue() const {
  if (parts_.log_writer != nullptr || points_.empty()) return false;
  if (parts_.clock.MonotonicNs() < retry_ns_) return false;
  return AtSavePoint(points_, ChangesOf(parts_) - counts_.changes,
                     std::max(counts_.last_ms, parts_.run.started_ms), parts_.clock.WallMs());
}

void DumpKeeper::Make() {
  const config::Options options = parts_.config.Snapshot();
  engine::Dumper::Options wanted = {
      .directory = ".",
      .name = options.dbfilename,
      .name_of_new = "temp-" + std::to_string(::getpid()) + ".rdb",
      .compression = options.rdbcompression ? rdb::Compression::kLzf : rdb::Compression::kNone,
      .kept = KeptBy(parts_.eviction.policy.load()),
      .lfu = {parts_.engine_settings.lfu_log_factor.load(std::memory_order_relaxed),
              parts_.engine_settings.lfu_decay_minutes.load(std::memory_order_relaxed)},
      .notes = {{"redis-ver", kRedisVersion},
                {"redis-bits", "64"},
                {"ctime", std::to_string(parts_.clock.WallMs() / 1000)}}};
  MutexLock turn(parts_.cut_turn);
  self_->In();
  wanted.rdb_version = engine::RdbVersionFor(parts_.databases);
  self_->Out();
  uint64_t changes = 0;
  Status status = MakeOne(wanted, &changes);
  if (!status.ok() && dumper_.version_too_low()) {
    wanted.rdb_version = rdb::kRdbVersionTimedFields;
    status = MakeOne(wanted, &changes);
  }
  {
    MutexLock lock(mutex_);
    last_status_ = status;
    RefuseWritesOrNot();
    retry_ns_ = status.ok() ? 0 : parts_.clock.MonotonicNs() + kRetryNs;
    if (status.ok()) {
      ++counts_.made;
      counts_.last_ms = parts_.clock.WallMs();
      counts_.changes = changes;
    } else {
      ++counts_.failed;
    }
  }
  if (!status.ok()) {
    Log(LogLevel::kWarning, "The dump to %s failed: %s", wanted.name.c_str(),
        status.message().c_str());
    return;
  }
  const auto stats = dumper_.stats();
  Log(LogLevel::kNotice, "Dump: %s, %llu keys, %.1f MiB, %llu ms", wanted.name.c_str(),
      static_cast<unsigned long long>(stats->keys), MiB(stats->bytes),
      static_cast<unsigned long long>(stats->ms));
}

Status DumpKeeper::MakeOne(engine::Dumper::Options options, uint64_t* changes) {
  if (Status opened = dumper_.Open(std::move(options)); !opened.ok()) return opened;
  {
    MutexLock lock(mutex_);
    counts_.begun_ms = parts_.clock.WallMs();
  }
  Pace();
  self_->In();
  parts_.participants.Exclusive(self_, [&] {
    *changes = ChangesOf(parts_);
    dumper_.Begin();
  });
  self_->Out();
  while (dumper_.Step(*self_)) {
    // Begin may have come after the Cancel of whoever stops us.
    if (stop_) dumper_.Cancel();
    Pace();
  }
  Pace();
  return dumper_.status();
}

void DumpKeeper::Pace() {
  images_.Pace(dumper_.image_bytes(), parts_.limits.image_bytes.load(std::memory_order_relaxed));
}

}  // namespace terrace::server
