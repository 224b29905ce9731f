// Participants: every thread that looks at shared engine memory, and two things that need to know when it does not.
//
// A participant is *out* (it holds no pointer into engine memory: it polls, waits or sleeps) or *in*. It goes in once
// for a batch of commands, not once a command.
//
//   Reclamation  What was unlinked (a bucket array that was handed over, a flushed keyspace) is freed once every
//                participant that might have seen it has been out. Participants note the epoch they went in at;
//                something retired in epoch e is free when everybody who is in went in later than e.
//   Exclusive    A requester waits until all others are out and keeps them out: the whole keyspace stands still.
//                The requester itself counts as out while it waits, so two requesters queue instead of deadlocking.
//
// Going in is one plain store and one load; the expensive half of the handshake (a fence between "I am in" and "does
// somebody want me out?", and whatever is looked at next) is paid by the rare requester with membarrier(2), which runs a
// fence on all our threads. Where the system refuses membarrier (a container's seccomp profile, gVisor, kernels before
// 4.14) everybody pays for the own fence: some ten nanoseconds a batch. Which of the two is settled when the group begins.
//
// Threads: a Participant belongs to one thread. Participants itself is thread safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"

namespace terrace::engine {

class Participants;

/// Who executes the fence that going in needs.
enum class Fencing : uint8_t {
  kByRequester,  // with membarrier(2), on everybody's behalf
  kByEveryone,   // each participant, whenever it goes in
};
/// What this system allows, asked anew.
Fencing ProbeFencing();

/// A full fence of the thread that calls it; ThreadSanitizer has none, and where it runs (x86) a sequentially consistent
/// store, as In makes it there, is one.
inline void FenceOfOneThread() {
#if !defined(__SANITIZE_THREAD__)
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

class alignas(64) Participant {
 public:
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;

  /// Waits while somebody has the exclusive section.
  inline void In();
  inline void Out();
  bool is_in() const { return state_.load(std::memory_order_relaxed) != 0; }

  /// True if somebody waits for everybody to go out. Checked between units so that nobody waits for a whole batch.
  inline bool WantedOut() const;
  /// Out, and in again as soon as the exclusive section is over.
  void Yield() {
    Out();
    In();
  }
  /// Which stay inside this is: a guess about shared memory that was made in an earlier one may be gone. Its thread only.
  uint64_t stay() const { return stay_; }
  /// 0 .. kParticipantsMax-1, unique among living participants: an index into per-thread counters.
  unsigned slot() const { return slot_; }
  Participants& group() { return *group_; }

 private:
  friend class Participants;
  Participant(Participants* group, unsigned slot) : group_(group), slot_(slot) {}
  void InSlow();

  // 0 when out, else the epoch it went in at (epochs start at 1).
  std::atomic<uint64_t> state_{0};
  uint64_t stay_ = 0;
  Participants* group_;
  unsigned slot_;
};

class Participants {
 public:
  static constexpr unsigned kParticipantsMax = 64;

  explicit Participants(Fencing fencing = ProbeFencing());
  ~Participants();
  Participants(const Participants&) = delete;
  Participants& operator=(const Participants&) = delete;

  /// A new participant, out. nullptr when kParticipantsMax are alive.
  Participant* Join() TERRACE_EXCLUDES(mutex_);
  /// The participant must be out.
  void Leave(Participant* participant) TERRACE_EXCLUDES(mutex_);

  /// Runs `section` while every other participant is out. `self` (may be nullptr) must be in and holds no lock; it is
  /// in again on return. `section` may not ask for another exclusive section.
  void Exclusive(Participant* self, const std::function<void()>& section) TERRACE_EXCLUDES(mutex_);

  /// Frees `memory` with `free` once nobody can hold a pointer into it. Any thread, in or out.
  void Retire(void* memory, void (*free)(void*)) TERRACE_EXCLUDES(mutex_);
  /// Frees what has become free. Called by workers in idle moments; returns how many are still waiting.
  size_t Reclaim() TERRACE_EXCLUDES(mutex_);

  /// Slots of participants, past and present, are below this.
  unsigned slots() const { return slots_.load(std::memory_order_acquire); }
  /// Enough is waiting that freeing it is worth a fence on every thread. One relaxed load.
  bool WantsReclaim() const { return waiting_.load(std::memory_order_relaxed) >= kReclaimBatch; }

  Fencing fencing() const { return fencing_; }
  uint64_t exclusive_sections() const {
    return exclusive_sections_.load(std::memory_order_relaxed);
  }

 private:
  friend class Participant;

  static constexpr size_t kReclaimBatch = 16;

  struct Retired {
    uint64_t epoch;
    void* memory;
    void (*free)(void*);
  };

  bool IsOut(unsigned slot, const Participant* self) TERRACE_EXCLUDES(mutex_);
  void WaitUntilOthersAreOut(const Participant* self) TERRACE_EXCLUDES(mutex_);
  /// Between the requester's store and its look at the others' states.
  void FenceEverybody() const;

  // Read by everybody all the time, written rarely.
  alignas(64) std::atomic<uint64_t> epoch_{1};
  std::atomic<uint32_t> exclusive_{0};  // 1 while an exclusive section is wanted or held
  std::atomic<size_t> waiting_{0};      // retired and not freed yet
  std::atomic<unsigned> slots_{0};
  const Fencing fencing_;

  alignas(64) std::atomic<uint64_t> exclusive_sections_{0};
  Mutex exclusive_mutex_;  // requests queue here
  Mutex mutex_;
  std::unique_ptr<Participant> participants_[kParticipantsMax] TERRACE_GUARDED_BY(mutex_);
  std::vector<Retired> retired_ TERRACE_GUARDED_BY(mutex_);
};

inline void Participant::In() {
#if defined(__SANITIZE_THREAD__)
  constexpr auto kOrder =
      std::memory_order_seq_cst;  // ThreadSanitizer sees neither membarrier nor fences
#else
  constexpr auto kOrder = std::
      memory_order_relaxed;  // the fence below is run by the requester's membarrier, or is real
#endif
  state_.store(group_->epoch_.load(std::memory_order_acquire), kOrder);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (TERRACE_UNLIKELY(group_->fencing_ == Fencing::kByEveryone)) FenceOfOneThread();
  if (TERRACE_UNLIKELY(group_->exclusive_.load(std::memory_order_seq_cst) != 0)) InSlow();
}

inline void Participant::Out() {
  state_.store(0, std::memory_order_release);
  ++stay_;
}

inline bool Participant::WantedOut() const {
  return TERRACE_UNLIKELY(group_->exclusive_.load(std::memory_order_relaxed) != 0);
}

}  // namespace terrace::engine
