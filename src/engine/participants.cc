#include "engine/participants.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>
#include <utility>

namespace terrace::engine {

// Kernels before 4.14 have only the global form, which takes milliseconds: not asked for. Registering is for the whole
// process and may be repeated.
Fencing ProbeFencing() {
  const bool allowed =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 &&
      syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
  return allowed ? Fencing::kByRequester : Fencing::kByEveryone;
}

Participants::Participants(Fencing fencing) : fencing_(fencing) {}

Participants::~Participants() {
  for (const Retired& item : retired_) item.free(item.memory);
}

void Participants::FenceEverybody() const {
  if (fencing_ == Fencing::kByEveryone)
    return FenceOfOneThread();  // the others' halves are in their In()
  // Every thread of the process, this one too, executes a full fence before this returns. It worked at the start.
  TERRACE_CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
}

Participant* Participants::Join() {
  MutexLock lock(mutex_);
  for (unsigned slot = 0; slot < kParticipantsMax; ++slot) {
    if (participants_[slot] == nullptr) {
      participants_[slot].reset(new Participant(this, slot));
      if (slots_.load(std::memory_order_relaxed) <= slot)
        slots_.store(slot + 1, std::memory_order_release);
      return participants_[slot].get();
    }
  }
  return nullptr;
}

void Participants::Leave(Participant* participant) {
  TERRACE_CHECK(!participant->is_in());
  MutexLock lock(mutex_);
  participants_[participant->slot()].reset();
}

// Someone wants everybody out. Going out again before waiting is what lets the requester proceed.
void Participant::InSlow() {
  do {
    state_.store(0, std::memory_order_release);
    group_->exclusive_.wait(1, std::memory_order_acquire);
    state_.store(group_->epoch_.load(std::memory_order_acquire), std::memory_order_seq_cst);
    if (group_->fencing_ == Fencing::kByEveryone) FenceOfOneThread();
  } while (group_->exclusive_.load(std::memory_order_seq_cst) != 0);
}

bool Participants::IsOut(unsigned slot, const Participant* self) {
  MutexLock lock(mutex_);
  const Participant* participant = participants_[slot].get();
  return participant == nullptr || participant == self ||
         participant->state_.load(std::memory_order_acquire) == 0;
}

// The mutex is not held while waiting: whom we wait for may want it, to retire something, before it goes out.
// Somebody who joins behind our back goes no further than In().
void Participants::WaitUntilOthersAreOut(const Participant* self) {
  for (unsigned slot = 0; slot < kParticipantsMax; ++slot) {
    for (int spins = 0; !IsOut(slot, self); ++spins) {
      if (spins > 1000) std::this_thread::yield();
    }
  }
}

void Participants::Exclusive(Participant* self, const std::function<void()>& section) {
  if (self != nullptr) {
    TERRACE_DCHECK(self->is_in());
    self->Out();
  }
  {
    MutexLock one_at_a_time(exclusive_mutex_);
    exclusive_.store(1, std::memory_order_seq_cst);
    FenceEverybody();
    WaitUntilOthersAreOut(self);
    section();
    exclusive_sections_.fetch_add(1, std::memory_order_relaxed);
    exclusive_.store(0, std::memory_order_release);
  }
  exclusive_.notify_all();
  if (self != nullptr) self->In();
}

void Participants::Retire(void* memory, void (*free)(void*)) {
  MutexLock lock(mutex_);
  // Whoever goes in after this increment cannot find `memory` any more: it was unlinked before.
  const uint64_t epoch = epoch_.fetch_add(1, std::memory_order_acq_rel);
  retired_.push_back({epoch, memory, free});
  waiting_.store(retired_.size(), std::memory_order_relaxed);
}

size_t Participants::Reclaim() {
  std::vector<Retired> ready;
  size_t left;
  {
    MutexLock lock(mutex_);
    if (retired_.empty()) return 0;
    FenceEverybody();
    uint64_t oldest = UINT64_MAX;
    for (const auto& participant : participants_) {
      if (participant == nullptr) continue;
      const uint64_t state = participant->state_.load(std::memory_order_acquire);
      if (state != 0 && state < oldest) oldest = state;
    }
    size_t kept = 0;
    for (Retired& item : retired_) {
      if (item.epoch < oldest) {
        ready.push_back(item);
      } else {
        retired_[kept++] = item;
      }
    }
    retired_.resize(kept);
    waiting_.store(kept, std::memory_order_relaxed);
    left = kept;
  }
  for (const Retired& item : ready) item.free(item.memory);
  return left;
}

}  // namespace terrace::engine
