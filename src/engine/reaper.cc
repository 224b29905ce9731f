#include "engine/reaper.h"

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

void Reaper::Wake() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void Reaper::Free(std::unique_ptr<Keyspace> keyspace) {
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(keyspace));
    Wake();
  }
  wake_.NotifyOne();
}

void Reaper::Free(Entry* entry) {
  entries_waiting_.fetch_add(1, std::memory_order_relaxed);
  {
    MutexLock lock(mutex_);
    waiting_entries_.push_back(entry);
    Wake();
  }
  wake_.NotifyOne();
}

void Reaper::Run() {
  PaceThisThread([](void* owners) { static_cast<MemoryOwners*>(owners)->Settle(); }, &owners_);
  while (true) {
    std::vector<std::unique_ptr<Keyspace>> keyspaces;
    std::vector<Entry*> entries;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && waiting_entries_.empty() && !stopping_) wake_.Wait(mutex_);
      if (waiting_.empty() && waiting_entries_.empty()) return;
      keyspaces.swap(waiting_);
      entries.swap(waiting_entries_);
    }
    // The long part, with no lock held.
    for (Entry* entry : entries) {
      Entry::Delete(entry);
      CountFreed(1);
    }
    for (auto& keyspace : keyspaces) {
      const uint64_t size = keyspace->size();
      keyspace.reset();
      CountFreed(size);
    }
    owners_.Settle();  // what was freed since it last paused
    PurgeMemory();     // whole segments that became free; here, where no client waits for it
  }
}

namespace {

struct Retired {
  std::shared_ptr<Reaper> reaper;
  std::unique_ptr<Keyspace> keyspace;
};

}  // namespace

void RetireKeyspace(Participants& participants, std::shared_ptr<Reaper> reaper,
                    std::unique_ptr<Keyspace> keyspace) {
  reaper->Expect(keyspace->size());
  auto* retired = new Retired{std::move(reaper), std::move(keyspace)};
  participants.Retire(retired, [](void* memory) {
    const std::unique_ptr<Retired> item(static_cast<Retired*>(memory));
    item->reaper->Free(std::move(item->keyspace));
  });
}

}  // namespace terrace::engine
