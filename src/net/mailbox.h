// How anything crosses threads: a bounded mailbox (the data) and a doorbell (the wake-up).
//
//   producer's thread                            consumer's thread
//     Outbox::Post ----------> Mailbox  -- ring -->  DrainInto
//        |  full?                ^  \                   |
//        v                       |   '--- ring ---------'  "there is room again"
//     spill queue --- Flush -----'
//
// A full mailbox neither blocks nor drops: the producer keeps what does not fit in its own bounded spill
// queue, stops taking in new work while it has a backlog, and is rung when the consumer has made room. So two
// workers that fill each other's mailboxes both go on draining their own, and neither can deadlock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "net/loop.h"

namespace terrace::net {

/// A bounded queue from many threads to one. Items of one producer arrive in the order it posted them.
template <typename T>
class Mailbox {
 public:
  /// `doorbell` is the consumer's; it is rung when the first item comes into an empty mailbox, so its
  /// callback has to drain. CONTRACT: it, and every producer's, outlives the last call here.
  Mailbox(Doorbell& doorbell, size_t items_max) : doorbell_(doorbell), items_max_(items_max) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// From any thread. False if full; then `item` is untouched, and `when_room`, if given, is rung after the
  /// next drain.
  [[nodiscard]] bool TryPost(T&& item, Doorbell* when_room = nullptr) {
    bool was_empty;
    {
      MutexLock lock(mutex_);
      if (items_.size() >= items_max_) {
        Await(when_room);
        return false;
      }
      was_empty = items_.empty();
      items_.push_back(std::move(item));
    }
    if (was_empty) doorbell_.Ring();
    return true;
  }

  /// On the consumer's thread: its letter to itself. It is never refused and rings nothing: the consumer drains before
  /// it goes back to its loop.
  void PostToSelf(T&& item) {
    MutexLock lock(mutex_);
    items_.push_back(std::move(item));
  }

  /// From any thread. Posts from the front of `queue` what fits, under one lock; the rest stays. `when_room`
  /// is as above.
  void PostFrom(std::deque<T>& queue, Doorbell* when_room) {
    bool ring = false;
    {
      MutexLock lock(mutex_);
      while (!queue.empty() && items_.size() < items_max_) {
        ring = ring || items_.empty();
        items_.push_back(std::move(queue.front()));
        queue.pop_front();
      }
      if (!queue.empty()) Await(when_room);
    }
    if (ring) doorbell_.Ring();
  }

  /// On the consumer's thread: swaps everything there is into `out`, whose old contents go and whose capacity
  /// the mailbox keeps. False if there was nothing.
  bool DrainInto(std::vector<T>& out) {
    out.clear();
    {
      MutexLock lock(mutex_);
      items_.swap(out);
      awaiting_room_.swap(ringing_);
    }
    for (Doorbell* producer : ringing_) producer->Ring();
    ringing_.clear();
    return !out.empty();
  }

 private:
  void Await(Doorbell* producer) TERRACE_REQUIRES(mutex_) {
    if (producer == nullptr) return;
    // As many as there are workers: a search is cheap, and each is rung once.
    if (std::find(awaiting_room_.begin(), awaiting_room_.end(), producer) == awaiting_room_.end()) {
      awaiting_room_.push_back(producer);
    }
  }

  Doorbell& doorbell_;
  const size_t items_max_;

  Mutex mutex_;
  std::vector<T> items_ TERRACE_GUARDED_BY(mutex_);
  std::vector<Doorbell*> awaiting_room_ TERRACE_GUARDED_BY(mutex_);

  // The consumer's alone; empty but during DrainInto().
  std::vector<Doorbell*> ringing_;
};

/// One producer's way into one mailbox. Everything here is on the producer's thread.
template <typename T>
class Outbox {
 public:
  /// `doorbell` is the producer's own, rung when a full mailbox has room again: its callback calls Flush().
  Outbox(Mailbox<T>& mailbox, Doorbell& doorbell, size_t spill_items_max)
      : mailbox_(mailbox), doorbell_(doorbell), spill_items_max_(spill_items_max) {}
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Posts, or keeps the item until there is room. False if even the spill queue is full; `item` is untouched
  /// then. An owner that takes in no work while backlogged() never meets that if one turn's work fits the
  /// spill queue.
  [[nodiscard]] bool Post(T&& item) {
    if (spill_.size() >= spill_items_max_) Flush();
    // Behind a backlog an item queues, even if the mailbox has room: order.
    if (spill_.empty() && mailbox_.TryPost(std::move(item), &doorbell_)) return true;
    if (spill_.size() >= spill_items_max_) return false;
    spill_.push_back(
        std::move(item));  // NOLINT(bugprone-use-after-move): what TryPost refuses it leaves alone
    return true;
  }

  /// Posts what fits of the backlog. True if none is left.
  bool Flush() {
    if (!spill_.empty()) mailbox_.PostFrom(spill_, &doorbell_);
    return spill_.empty();
  }

  /// Something waits for room: the owner takes in no new work until Flush() has sent it.
  bool backlogged() const { return !spill_.empty(); }
  size_t backlog_items() const { return spill_.size(); }

 private:
  Mailbox<T>& mailbox_;
  Doorbell& doorbell_;
  const size_t spill_items_max_;
  std::deque<T> spill_;
};

}  // namespace terrace::net
