// StreamApplier: runs a replication stream: the leader's, as it arrives, or the log's own, at recovery. What a stream
// says has happened; so no gate is asked, nothing expires or is evicted, and no reply is written.
//
//   SELECT 0 | SET a 1 | MULTI | INCR b | SELECT 1 | DEL c | EXEC | PING
//              one unit  '--------------- one unit -------'  bytes only
//
// A MULTI is kept until its EXEC and then runs with all its keys' shards locked, or everybody out, so no session sees
// half of it. The handlers' own effects are discarded: what goes to our log are the bytes that were received, a whole
// unit at a time and while its locks are held, so offsets stay the leader's and the log's order the execution order.
// Bytes of a command that could not be run go to the log, too: a stream with a hole has no offsets.
//
// Threads: its executor's participant, which is in.
#pragma once

#include <cstdint>
#include <string>

#include "exec/executor.h"
#include "exec/session.h"

namespace terrace::exec {

class StreamApplier {
 public:
  enum class Outcome : uint8_t {
    kApplied,
    kQueued,  // part of a MULTI whose EXEC has not come yet
    kFailed,  // unknown, no command for a stream, or its handler objected; the rest of its unit has been run
  };

  /// `session` is the stream's own: its database, its MULTI. Nobody else uses it.
  StreamApplier(Executor& executor, Session& session);

  /// The next command. `raw` is it as it stands in the stream; empty if our log holds it already (recovery).
  Outcome Apply(Args args, Bytes raw);

  /// Bytes of a MULTI that has begun.
  size_t pending_bytes() const { return unit_bytes_.size(); }
  /// The stream broke off: what has not come to its EXEC never happened.
  void Forget();

 private:
  Outcome Queue(const commands::Command* command, Args args, Bytes raw);
  Outcome RunQueue();

  Executor& executor_;
  Session& session_;
  std::string unit_bytes_;
  bool failed_ = false;  // something in the MULTI cannot be run
};

}  // namespace terrace::exec
