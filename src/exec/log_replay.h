// LogReplay: brings the log's bytes back to life at the start: parses them and applies them as a stream
// (exec/stream_applier.h). Our own log holds only what our own handlers have done, so a command that cannot be run, or
// whose handler objects, means that the data are not what they were: the replay ends there and says where.
//
// Threads: its executor's participant, which is in.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "exec/session.h"
#include "exec/stream_applier.h"
#include "resp/request_parser.h"
#include "resp/turn_arena.h"

namespace terrace::exec {

class LogReplay {
 public:
  /// The first byte to come has log offset `offset`.
  LogReplay(Executor& executor, uint64_t offset);

  /// The next bytes, cut anywhere.
  Status Feed(Bytes bytes);
  /// There are no more: an error if they end within a unit.
  Status End() const;

  uint64_t commands() const { return commands_; }

 private:
  Status ApplyParsed();
  Status Refuse(const std::string& why) const;

  Executor& executor_;
  Session session_;
  StreamApplier applier_;
  resp::RequestParser parser_;
  resp::TurnArena arena_;
  uint64_t offset_;  // of the byte behind those fed
  uint64_t commands_ = 0;
};

}  // namespace terrace::exec
