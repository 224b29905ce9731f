#include "engine/memory_owners.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/reaper.h"
#include "held_reaper.h"

namespace terrace::engine {
namespace {

// A thread that takes back as soon as it is asked, or never.
class Owner final : public MemoryOwner {
 public:
  explicit Owner(MemoryOwners& owners, bool answers = true) : owners_(owners) {
    owners_.Join(*this);
    if (answers) thread_ = std::thread([this] { Answer(); });
  }
  ~Owner() {
    owners_.Leave(*this);
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void TakeBackSoon() override {
    {
      const std::lock_guard lock(mutex_);
      ++asked_;
    }
    changed_.notify_all();
  }
  void WaitUntilAsked(size_t times) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ >= times; });
  }
  size_t asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  size_t answered() {
    const std::lock_guard lock(mutex_);
    return answered_;
  }

 private:
  void Answer() {
    while (true) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ends_ || answered_ != asked_; });
        if (ends_) return;
        answered_ = asked_;
      }
      owners_.TookBack(*this);
    }
  }

  MemoryOwners& owners_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t asked_ = 0;
  size_t answered_ = 0;
  bool ends_ = false;
  std::thread thread_;
};

TEST_SUITE("engine/memory_owners") {
  TEST_CASE("all owners have answered when Settle returns") {
    MemoryOwners owners;
    Owner one(owners);
    Owner other(owners);
    for (size_t i = 1; i <= 100; ++i) {
      owners.Settle();
      CHECK(one.answered() == i);
      CHECK(other.answered() == i);
    }
  }

  TEST_CASE("without owners, and with one that does not answer, Settle comes to an end") {
    MemoryOwners owners;
    owners.Settle();
    {
      Owner mute(owners, false);
      owners.Settle();
      CHECK(mute.asked() == 1);
    }
    Owner one(owners);
    owners.Settle();
    CHECK(one.answered() == 1);
  }

  TEST_CASE("an owner that leaves is not waited for") {
    MemoryOwners owners;
    auto mute = std::make_unique<Owner>(owners, false);
    std::thread settling([&] { owners.Settle(); });
    mute->WaitUntilAsked(1);
    mute.reset();
    settling.join();
  }

  TEST_CASE("a large collection is freed in slices, and its owner takes each back") {
    auto reaper = std::make_unique<Reaper>();
    Owner owner(reaper->owners());
    constexpr size_t kFields = 20'000;
    reaper->Free(NewLargeEntry(kFields));
    owner.WaitUntilAsked(kFields * 100 / kPaceBytes - 1);
  }
}

}  // namespace
}  // namespace terrace::engine
