// What a session's end, RESET and the transaction commands share.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/key_locks.h"

namespace terrace::exec {

class Session;
class Executor;

/// What EXEC has to lock, and which part of it belongs to which queued command.
struct TransactionPlan {
  std::vector<engine::KeyRef> refs;
  std::vector<size_t>
      begins;  // of each queued command's refs; one more at the end, where those of watched keys begin
  bool exclusive = false;  // keys are not known beforehand, or not all it needs
};
TransactionPlan PlanTransaction(const Session& session, const Executor& executor);

/// Takes the session's watches off their keys.
void ForgetWatches(Session& session, Executor& executor);
/// Leaves MULTI: forgets the queue and the watches.
void DiscardTransaction(Session& session, Executor& executor);

}  // namespace terrace::exec
