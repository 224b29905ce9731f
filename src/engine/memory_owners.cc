#include "engine/memory_owners.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace terrace::engine {

void MemoryOwners::Join(MemoryOwner& owner) {
  MutexLock lock(mutex_);
  places_.push_back({&owner, false});
}

void MemoryOwners::Leave(MemoryOwner& owner) {
  MutexLock lock(mutex_);
  Answered(owner, true);
}

void MemoryOwners::TookBack(MemoryOwner& owner) {
  MutexLock lock(mutex_);
  Answered(owner, false);
}

void MemoryOwners::Answered(MemoryOwner& owner, bool leaves) {
  const auto place = std::find_if(places_.begin(), places_.end(),
                                  [&](const Place& each) { return each.owner == &owner; });
  if (place == places_.end()) return;
  if (std::exchange(place->asked, false) && --asked_ == 0) answered_.NotifyAll();
  if (leaves) places_.erase(place);
}

void MemoryOwners::Settle() {
  MutexLock lock(mutex_);
  for (Place& place : places_) {
    if (!std::exchange(place.asked, true)) ++asked_;
    place.owner->TakeBackSoon();
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kSettleMs);
  while (asked_ != 0 && answered_.WaitUntil(mutex_, end)) {
  }
}

}  // namespace terrace::engine
