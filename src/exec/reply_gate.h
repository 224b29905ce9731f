// ReplyGate: which replies of a session may leave. A reply carries the log offset it depends on; replies leave in order,
// as soon as the log has got that far (written, synced or acknowledged, whichever was promised).
//
//   reply buffer   |--reply 1--|--reply 2--|--reply 3--|
//   holds          mark 120 needs 7000     mark 190 needs 7012        no hold: as free as what stands before it
//
// Threads: the session's worker.
#pragma once

#include <cstdint>
#include <deque>

namespace terrace::exec {

class ReplyGate {
 public:
  /// Everything up to position `mark` of the reply buffer waits for `offset`.
  void Hold(uint64_t mark, uint64_t offset) {
    if (!holds_.empty() && holds_.back().offset >= offset) {
      holds_.back().mark = mark;  // the one before it waits at least as long
      return;
    }
    holds_.push_back({mark, offset});
  }
  /// The position up to which replies may leave, of a buffer that ends at `end`, when the log has reached `reached`.
  uint64_t Release(uint64_t end, uint64_t reached) {
    uint64_t free_to = free_to_;
    while (!holds_.empty() && holds_.front().offset <= reached) {
      free_to = holds_.front().mark;
      holds_.pop_front();
    }
    free_to_ = holds_.empty() ? end : free_to;
    return free_to_;
  }
  bool empty() const { return holds_.empty(); }
  /// The offset the first waiting reply needs; 0 if none waits.
  uint64_t waiting_for() const { return holds_.empty() ? 0 : holds_.front().offset; }

 private:
  struct Waiting {
    uint64_t mark;
    uint64_t offset;
  };
  std::deque<Waiting> holds_;
  uint64_t free_to_ = 0;
};

}  // namespace terrace::exec
