#include "exec/gates.h"

#include <algorithm>

#include "base/ascii.h"
#include "exec/executor.h"

namespace terrace::exec {

using commands::Command;

namespace {

Passage Refuse(Executor& executor, Session& session, const Command& command, Bytes error) {
  executor.Reject(session, &command, error);
  return Passage::kAnswered;
}

Passage PassProtected(Executor& executor, Session& session, const Command& command, Args, Bytes) {
  if (session.MayRunProtected()) return Passage::kRun;
  return Refuse(executor, session, command,
                "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
                "\"local\", you can run it "
                "from a local connection, otherwise you need to set this option in the "
                "configuration file, and then "
                "restart the server.");
}

Passage PassAuth(Executor& executor, Session& session, const Command& command, Args, Bytes) {
  if ((command.flags & commands::kNoAuth) != 0) return Passage::kRun;
  return Refuse(executor, session, command, "NOAUTH Authentication required.");
}

// Whether an EXEC's queue has a command of these flags, or the command itself.
bool Has(uint32_t flags, const Session& session, const Command& command) {
  if ((command.flags & flags) != 0) return true;
  if (command.spec->name != Bytes("exec") || !session.in_multi()) return false;
  return std::any_of(session.queue.begin(), session.queue.end(), [&](const OwnedRequest& queued) {
    return (queued.command()->flags & flags) != 0;
  });
}

// Whether it may leave values behind that have changed since the last checkpoint: its keys', or those of an EXEC's queue. What
// makes room does not (DEL, UNLINK, FLUSHALL).
bool ChangesValues(const Command& command, Args args) {
  if ((command.flags & commands::kDenyOom) != 0) return true;
  const commands::CommandSpec& spec = *command.spec;
  return spec.write != nullptr && (spec.needs_values == nullptr || spec.needs_values(args));
}
bool ChangesValues(const Session& session, const Command& command, Args args) {
  if (ChangesValues(command, args)) return true;
  if (command.spec->name != Bytes("exec") || !session.in_multi()) return false;
  return std::any_of(session.queue.begin(), session.queue.end(), [](const OwnedRequest& queued) {
    return ChangesValues(*queued.command(), queued.args());
  });
}

// About what it adds to the log.
uint64_t BytesOf(const Session& session, Args args) {
  constexpr uint64_t kPerCommand = 32;
  uint64_t bytes = kPerCommand + (session.in_multi() ? session.queue_bytes : 0);
  for (const Bytes arg : args) bytes += arg.size();
  return bytes;
}

Passage PassMemory(Executor& executor, Session& session, const Command& command, Args args, Bytes) {
  if (!executor.env().eviction.IsFull()) return Passage::kRun;
  // Every command tries to make room; only one that would need more memory is refused when there is none.
  if (executor.MakeRoom()) return Passage::kRun;
  const engine::EvictionSettings& eviction = executor.env().eviction;
  if (!eviction.OverMaximum(executor.env().databases.reaper(), executor.env().log.memory_bytes()))
    return Passage::kRun;
  // A checkpoint makes room: until it is done writers wait. It may have been done since we looked, so we look twice.
  if (eviction.values_only && session.waker != nullptr && ChangesValues(session, command, args)) {
    const auto awaited = [&] {
      return eviction.early_checkpoint == engine::EarlyCheckpoint::kWanted;
    };
    if (!awaited() && executor.MakeRoom()) return Passage::kRun;
    if (awaited()) return Passage::kPark;
  }
  if (!Has(commands::kDenyOom, session, command)) return Passage::kRun;
  return Refuse(executor, session, command,
                "OOM command not allowed when used memory > 'maxmemory'.");
}

Passage PassSubscribed(Executor& executor, Session& session, const Command& command, Args, Bytes) {
  if ((command.flags & commands::kSubscribeMode) != 0 || session.reply.protocol() > 2)
    return Passage::kRun;
  return Refuse(executor, session, command,
                "ERR Can't execute '" + std::string(command.full_name()) +
                    "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
                    "in this context");
}

Passage PassLoading(Executor& executor, Session& session, const Command& command, Args, Bytes) {
  if ((command.flags & commands::kLoading) != 0) return Passage::kRun;
  return Refuse(executor, session, command, "LOADING Redis is loading the dataset in memory");
}

constexpr uint32_t kChanges = commands::kWrite | commands::kMayReplicate;

// What takes room neither in memory nor on the disk passes: a full disk is made empty by deleting.
Passage PassLogFails(Executor& executor, Session& session, const Command& command, Args, Bytes) {
  if (!Has(commands::kDenyOom, session, command)) return Passage::kRun;
  return Refuse(executor, session, command, executor.env().gates.log_failure());
}

Passage PassWritesWait(Executor&, Session& session, const Command& command, Args, Bytes) {
  return Has(kChanges, session, command) ? Passage::kPark : Passage::kRun;
}

Passage PassPause(Executor& executor, Session& session, const Command& command, Args, Bytes) {
  const uint32_t closed = executor.env().gates.closed.load(std::memory_order_acquire);
  // A full pause holds everything up, the CLIENT UNPAUSE of an ordinary client included, as in Redis.
  if ((closed & kGatePauseAll) != 0) return Passage::kPark;
  return Has(kChanges, session, command) ? Passage::kPark : Passage::kRun;
}

// Long before that, writers are slowed down (engine/write_brake.h). Each waits for its place once.
Passage PassBrake(Executor& executor, Session& session, const Command& command, Args args,
                  Bytes raw) {
  engine::WriteBrake& brake = executor.env().eviction.brake;
  const uint64_t log_end = executor.env().log.end_offset();
  if (brake.Backlog(log_end) == 0 || session.parking.has_place || session.waker == nullptr ||
      !ChangesValues(session, command, args))
    return Passage::kRun;
  const uint64_t now_ns = executor.NowNs();
  const uint64_t begin_ns = brake.Claim(BytesOf(session, args), log_end, now_ns);
  if (begin_ns <= now_ns) return Passage::kRun;
  brake.CountDelay(begin_ns - now_ns);
  session.parking.has_place = true;
  executor.WaitUntil(begin_ns, session, command, args, raw);
  return Passage::kWait;
}

Passage PassMulti(Executor& executor, Session& session, const Command& command, Args args,
                  Bytes raw) {
  if ((command.flags & commands::kImmediateInMulti) != 0) return Passage::kRun;
  if ((command.flags & commands::kNoMulti) != 0) {
    return Refuse(executor, session, command, "ERR Command not allowed inside a transaction");
  }
  session.queue.emplace_back(&command, args, raw);
  session.queue_bytes += session.queue.back().memory_bytes();
  session.reply.Simple("QUEUED");
  return Passage::kAnswered;
}

}  // namespace

const Gate kGates[] = {
    {"protected", kGateProtected, PassProtected},
    {"auth", kGateNeedsAuth, PassAuth},
    {"loading", kGateLoading, PassLoading},
    {"disk", kGateLogFails, PassLogFails},
    {"memory", kGateMaxMemory, PassMemory},
    {"log room", kGateLogBehind | kGateImages, PassWritesWait},
    {"pubsub", kGateSubscribed, PassSubscribed},
    {"pause", kGatePauseWrites | kGatePauseAll, PassPause},
    {"multi", kGateInMulti, PassMulti},
    {"brake", kGateBrake, PassBrake},
};
const unsigned kGateCount = sizeof kGates / sizeof kGates[0];

Passage PassGates(Executor& executor, Session& session, const Command& command, Args args,
                  Bytes raw, uint32_t conditions) {
  for (const Gate& gate : kGates) {
    if ((conditions & gate.conditions) == 0) continue;
    const Passage passage = gate.pass(executor, session, command, args, raw);
    if (passage != Passage::kRun) return passage;
  }
  return Passage::kRun;
}

}  // namespace terrace::exec
