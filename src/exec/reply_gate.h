// ReplyGate: which replies of a session may leave. A reply carries the log offset it depends on; replies leave in order,
// as soon as the log has got that far (written, synced or acknowledged, whichever was promised).
//
//   reply buffer   |--reply 1--|--reply 2--|--reply 3--|--reply 4--|
//   holds           no hold     120..190    no hold     260..300
//                               needs 7000              needs 7012
//
// A reply without a hold is as free as what stands before it: here the first may leave at once, the third with the
// second. Pushes stand in the same buffer, so none overtakes a reply.
//
// Threads: the session's worker.
#pragma once

#include <cstdint>
#include <deque>

namespace terrace::exec {

class ReplyGate {
 public:
  /// What stands in the reply buffer from position `begin` on waits for `offset`.
  void Hold(uint64_t begin, uint64_t offset) {
    if (!holds_.empty() && holds_.back().offset >= offset)
      return;  // what stands before it waits at least as long
    holds_.push_back({begin, offset});
  }
  /// The position up to which replies may leave, of a buffer that ends at `end`, when the log has reached `reached`.
  uint64_t Release(uint64_t end, uint64_t reached) {
    while (!holds_.empty() && holds_.front().offset <= reached) holds_.pop_front();
    return holds_.empty() ? end : holds_.front().begin;
  }
  bool empty() const { return holds_.empty(); }
  /// The offset the first waiting reply needs; 0 if none waits.
  uint64_t waiting_for() const { return holds_.empty() ? 0 : holds_.front().offset; }

 private:
  struct Waiting {
    uint64_t begin;
    uint64_t offset;
  };
  std::deque<Waiting> holds_;  // both ascend
};

}  // namespace terrace::exec
