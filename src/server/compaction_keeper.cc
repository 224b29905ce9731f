#include "server/compaction_keeper.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/memory.h"
#include "base/short_slices.h"
#include "engine/write_brake.h"
#include "server/log.h"

namespace terrace::server {
namespace {

using config::LogLevel;

// Fewer dead bytes are not worth the while.
constexpr uint64_t kDeadBytesMin = 16 * kMiB;
// After so many bytes a compaction rests for as long as they took: half of the disk, and of a CPU, is for others.
constexpr uint64_t kRestBytes = kMiB;

bool IsHalfDead(const storage::TableGroup& group) {
  return group.runs > 1 && group.dead_bytes >= kDeadBytesMin && group.dead_bytes >= group.bytes / 2;
}

}  // namespace

void CompactionKeeper::Start() {
  stop_ = false;
  thread_ = std::thread([this] {
    GiveWayToWorkers();
    Run();
  });
}

void CompactionKeeper::Stop() {
  if (!thread_.joinable()) return;
  stop_ = true;
  Look();
  thread_.join();
}

void CompactionKeeper::Look() {
  {
    MutexLock lock(mutex_);
    look_ = true;
  }
  wake_.NotifyAll();
}

bool CompactionKeeper::WaitForWork() {
  MutexLock lock(mutex_);
  while (!look_) wake_.Wait(mutex_);
  look_ = false;
  return !stop_;
}

void CompactionKeeper::Run() {
  while (WaitForWork()) CompactIfMany();
}

// One part of hash space after the other, those with most to gain first.
void CompactionKeeper::CompactIfMany() {
  while (!stop_) {
    std::vector<storage::TableGroup> groups = storage::GroupsOf(*data_.manifest().state());
    size_t runs = 0;
    for (const storage::TableGroup& group : groups) runs = std::max(runs, group.runs);
    parts_.eviction.brake.SetRuns(runs);
    std::erase_if(groups, [](const storage::TableGroup& group) {
      return group.runs <= engine::WriteBrake::kFreeRuns && !IsHalfDead(group);
    });
    if (groups.empty()) return;
    const auto& next =
        *std::max_element(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
          return std::pair(a.runs, a.dead_bytes) < std::pair(b.runs, b.dead_bytes);
        });
    if (!Compact(IsHalfDead(next) ? next
                                  : storage::NewestRuns(next, engine::WriteBrake::kFreeRuns / 2)))
      return;
  }
}

bool CompactionKeeper::Compact(const storage::TableGroup& group) {
  uint64_t rested = 0;
  uint64_t since_ns = parts_.clock.MonotonicNs();
  storage::CompactionOptions options;
  options.partition_bits = storage::PartitionBitsFor(data_.table_bytes());
  options.go_on = [&](uint64_t bytes) {
    if (bytes - rested >= kRestBytes) {
      rested = bytes;
      const double share = 1 - parts_.eviction.brake.RunsBacklog();
      const auto worked = static_cast<double>(parts_.clock.MonotonicNs() - since_ns);
      std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<uint64_t>(share * worked)));
      since_ns = parts_.clock.MonotonicNs();
    }
    return !stop_.load(std::memory_order_relaxed);
  };
  const auto done = storage::CompactGroup(data_.files(), data_.manifest(), group, options);
  PurgeMemory();  // the buffers of many tables: the allocator would keep them for a while, and memory may be short
  if (done.ok()) {
    static_cast<void>(data_.manifest().RemoveUnknownFiles());
    compactions_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  if (!stop_) Log(LogLevel::kWarning, "Compaction failed: %s", done.error().message().c_str());
  return false;
}

}  // namespace terrace::server
