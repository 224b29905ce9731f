#include "engine/reaper.h"

#include <algorithm>
#include <utility>

#include "base/memory.h"

namespace terrace::engine {

Reaper::~Reaper() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  wake_.NotifyAll();
  if (thread.joinable()) thread.join();
}

void Reaper::LimitTo(uint64_t memory_max) {
  bytes_max_.store(memory_max == 0 ? kBytesMax : std::min(kBytesMax, memory_max / 2),
                   std::memory_order_relaxed);
}

void Reaper::Wake() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void Reaper::Expect(uint64_t entries, uint64_t bytes) {
  entries_waiting_.fetch_add(entries, std::memory_order_relaxed);
  keyspace_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void Reaper::Free(std::unique_ptr<Keyspace> keyspace, uint64_t bytes) {
  {
    MutexLock lock(mutex_);
    keyspaces_.push_back({std::move(keyspace), bytes});
    Wake();
  }
  wake_.NotifyOne();
}

void Reaper::Free(Entry* entry) {
  const uint64_t bytes = entry->MemoryEstimate();
  const uint64_t waiting = collection_bytes_.load(std::memory_order_relaxed);
  if (waiting != 0 && waiting + bytes > bytes_max()) return Entry::Delete(entry);  // R2
  entries_waiting_.fetch_add(1, std::memory_order_relaxed);
  collection_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  {
    MutexLock lock(mutex_);
    entries_.push_back({entry, bytes});
    Wake();
  }
  wake_.NotifyOne();
}

void Reaper::Begin(std::atomic<uint64_t>& waiting, uint64_t bytes) {
  counted_in_ = &waiting;
  left_bytes_ = bytes;
}

void Reaper::OnFreed(uint64_t bytes) {
  const uint64_t counted = std::min(bytes, left_bytes_);
  left_bytes_ -= counted;
  counted_in_->fetch_sub(counted, std::memory_order_release);
}

void Reaper::End(uint64_t entries) {
  OnFreed(left_bytes_);
  entries_freed_.fetch_add(entries, std::memory_order_relaxed);
  entries_waiting_.fetch_sub(entries, std::memory_order_release);
}

void Reaper::Pace(int64_t freed) {
  if (freed <= 0) return;
  const auto bytes = static_cast<uint64_t>(freed);
  if (left_bytes_ != 0) OnFreed(bytes);
  slice_bytes_ += bytes;
  // R1. Beyond the smallest slice, a 256th of what waits.
  const uint64_t waiting = collection_bytes_.load(std::memory_order_relaxed) +
                           keyspace_bytes_.load(std::memory_order_relaxed);
  if (slice_bytes_ < std::min(waiting / 256, kSliceBytesMax)) return;
  slice_bytes_ = 0;
  owners_.Settle();
}

void Reaper::Run() {
  PaceThisThread([](void* reaper, int64_t freed) { static_cast<Reaper*>(reaper)->Pace(freed); },
                 this);
  while (true) {
    std::vector<WaitingKeyspace> keyspaces;
    std::vector<WaitingEntry> entries;
    {
      MutexLock lock(mutex_);
      while (keyspaces_.empty() && entries_.empty() && !stopping_) wake_.Wait(mutex_);
      if (keyspaces_.empty() && entries_.empty()) return;
      keyspaces.swap(keyspaces_);
      entries.swap(entries_);
    }
    // The long part, with no lock held.
    for (const WaitingEntry& waiting : entries) {
      Begin(collection_bytes_, waiting.bytes);
      Entry::Delete(waiting.entry);
      End(1);
    }
    for (WaitingKeyspace& waiting : keyspaces) {
      const uint64_t size = waiting.keyspace->size();
      Begin(keyspace_bytes_, waiting.bytes);
      waiting.keyspace.reset();
      End(size);
    }
    owners_.Settle();  // what was freed since it last paused
    slice_bytes_ = 0;
    PurgeMemory();  // whole segments that became free; here, where no client waits for it
  }
}

namespace {

struct Retired {
  std::shared_ptr<Reaper> reaper;
  std::unique_ptr<Keyspace> keyspace;
  uint64_t bytes;
};

}  // namespace

void RetireKeyspace(Participants& participants, std::shared_ptr<Reaper> reaper,
                    std::unique_ptr<Keyspace> keyspace) {
  const uint64_t bytes = keyspace->MemoryEstimate();
  reaper->Expect(keyspace->size(), bytes);
  auto* retired = new Retired{std::move(reaper), std::move(keyspace), bytes};
  participants.Retire(retired, [](void* memory) {
    const std::unique_ptr<Retired> item(static_cast<Retired*>(memory));
    item->reaper->Free(std::move(item->keyspace), item->bytes);
  });
}

}  // namespace terrace::engine
