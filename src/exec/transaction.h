// What a session's end, RESET and the transaction commands share.
#pragma once

namespace terrace::exec {

class Session;
class Executor;

/// Takes the session's watches off their keys.
void ForgetWatches(Session& session, Executor& executor);
/// Leaves MULTI: forgets the queue and the watches.
void DiscardTransaction(Session& session, Executor& executor);

}  // namespace terrace::exec
