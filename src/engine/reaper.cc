#include "engine/reaper.h"

#include <utility>

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

void Reaper::Free(std::unique_ptr<Keyspace> keyspace) {
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(keyspace));
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  }
  wake_.NotifyOne();
}

void Reaper::Run() {
  while (true) {
    std::vector<std::unique_ptr<Keyspace>> batch;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && !stopping_) wake_.Wait(mutex_);
      if (waiting_.empty()) return;
      batch.swap(waiting_);
    }
    batch.clear();  // the long part, with no lock held
  }
}

namespace {

struct Retired {
  std::shared_ptr<Reaper> reaper;
  std::unique_ptr<Keyspace> keyspace;
};

}  // namespace

void RetireKeyspace(Participants& participants, std::shared_ptr<Reaper> reaper, std::unique_ptr<Keyspace> keyspace) {
  auto* retired = new Retired{std::move(reaper), std::move(keyspace)};
  participants.Retire(retired, [](void* memory) {
    const std::unique_ptr<Retired> item(static_cast<Retired*>(memory));
    item->reaper->Free(std::move(item->keyspace));
  });
}

}  // namespace terrace::engine
