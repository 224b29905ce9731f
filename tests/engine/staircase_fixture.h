// A staircase with one participant that is in, and the few steps every test of it takes: insert and remove
// keys the way a server does, then let the staircase follow the load.
#pragma once

#include <string>

#include "engine/staircase.h"

namespace terrace::engine {

class StaircaseFixture {
 public:
  StaircaseFixture() { self_->In(); }
  ~StaircaseFixture() {
    self_->Out();
    participants_.Leave(self_);
  }

  Staircase& staircase() { return staircase_; }
  Participants& participants() { return participants_; }
  uint64_t entries() const { return entries_; }
  uint64_t shards_min = 1;

  static std::string KeyOf(uint64_t i) { return "key:" + std::to_string(i); }

  void Insert(const std::string& key, uint64_t deadline_ms = 0) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t hash = staircase_.HashOf(key);
    Shard* shard = staircase_.Lock(hash);
    shard->Insert(hash, Entry::NewString(key, StringSource::OfInteger(1), deadline_ms));
    if (deadline_ms != 0) staircase_.NoteDeadline(hash, deadline_ms);
    ++entries_;
    const bool wants_step = staircase_.WantsStep(*shard);
    shard->Unlock();
    if (wants_step) Step();
  }
  bool Remove(const std::string& key) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t hash = staircase_.HashOf(key);
    Shard* shard = staircase_.Lock(hash);
    const Slot slot = shard->Lookup(hash, key);
    if (slot != nullptr) {
      Entry::Delete(shard->Remove(slot, hash));
      --entries_;
    }
    const bool wants_step = staircase_.WantsStep(*shard);
    shard->Unlock();
    if (wants_step) Step();
    return slot != nullptr;
  }
  bool Has(const std::string& key) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t hash = staircase_.HashOf(key);
    Shard* shard = staircase_.Lock(hash);
    const bool found = shard->Lookup(hash, key) != nullptr;
    shard->Unlock();
    return found;
  }
  /// One step, and what it retired is freed.
  bool Step() {
    const bool stepped = staircase_.Step(entries_, shards_min, [] { return uint64_t{0}; });
    if (stepped) {
      self_->Yield();
      participants_.Reclaim();
    }
    return stepped;
  }
  /// What idle workers do. Returns how many steps it took.
  int StepUntilContent() {
    int steps = 0;
    while (Step()) ++steps;
    return steps;
  }

 private:
  Participants participants_;
  Participant* self_ = participants_.Join();
  Staircase staircase_{HashKey{1, 2}, participants_};
  uint64_t entries_ = 0;
};

}  // namespace terrace::engine
