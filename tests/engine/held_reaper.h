// A reaper that stops at its first slice until it is released, so that a test can look at what waits.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "engine/reaper.h"
#include "types/hash.h"

namespace terrace::engine {

class HeldReaper {
 public:
  HeldReaper() { reaper_.owners().Join(owner_); }
  ~HeldReaper() { Release(); }

  Reaper& operator*() { return reaper_; }
  Reaper* operator->() { return &reaper_; }

  void WaitUntilHeld() { owner_.WaitUntilAsked(); }
  void Release() {
    if (released_) return;
    released_ = true;
    owner_.Release();
    reaper_.owners().Leave(owner_);
  }
  void WaitUntilDone() {
    while (reaper_.entries_waiting() != 0) std::this_thread::yield();
  }

 private:
  class Owner final : public MemoryOwner {
   public:
    void TakeBackSoon() override {
      std::unique_lock lock(mutex_);
      asked_ = true;
      changed_.notify_all();
      changed_.wait(lock, [&] { return released_; });
    }
    void WaitUntilAsked() {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return asked_; });
    }
    void Release() {
      const std::lock_guard lock(mutex_);
      released_ = true;
      changed_.notify_all();
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool asked_ = false;
    bool released_ = false;
  };

  Owner owner_;
  Reaper reaper_;
  bool released_ = false;
};

/// An entry with a hash of so many fields, 128 bytes and more each.
inline Entry* NewLargeEntry(size_t fields) {
  types::Hash hash = types::Hash::New();
  const types::HashLimits limits{types::EncodingLimits()};
  const std::string value(100, 'v');
  for (size_t i = 0; i < fields; ++i) hash.Set("field:" + std::to_string(i), value, limits);
  return Entry::NewCollection("key", hash.value(), 0);
}

}  // namespace terrace::engine
