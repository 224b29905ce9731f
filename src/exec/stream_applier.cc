#include "exec/stream_applier.h"

#include "base/ascii.h"
#include "exec/arity.h"
#include "exec/transaction.h"

namespace terrace::exec {
namespace {

using commands::Command;

// The command if it is one that a stream may hold; handlers of others expect a client.
const Command* FindApplicable(const commands::CommandTable& table, Args args) {
  if (args.size() == 0) return nullptr;
  const Command* command = table.Find(args[0]);
  if (command != nullptr) command = commands::CommandTable::FindSubcommand(*command, args);
  if (command == nullptr) return nullptr;
  if (!FitsArity(*command, args.size())) return nullptr;
  const Bytes name = command->spec->name;
  const bool is_frame = name == "select" || name == "multi" || name == "exec";
  if (!is_frame && (command->flags & (commands::kWrite | commands::kMayReplicate)) == 0)
    return nullptr;
  return command;
}

// A leader's sign of life: bytes of the log and nothing to run.
bool IsPing(Args args) { return args.size() > 0 && EqualsIgnoreCase(args[0], "ping"); }

}  // namespace

StreamApplier::StreamApplier(Executor& executor, Session& session)
    : executor_(executor), session_(session) {
  session_.reply.set_muted(true);
}

void StreamApplier::Forget() {
  unit_bytes_.clear();
  failed_ = false;
  session_.queue.clear();
  session_.queue_bytes = 0;
  session_.gates &= ~static_cast<uint32_t>(kGateInMulti);
}

StreamApplier::Outcome StreamApplier::Apply(Args args, Bytes raw) {
  const Command* command = FindApplicable(executor_.env().table, args);
  const Bytes name = command == nullptr ? Bytes() : Bytes(command->spec->name);
  if (session_.in_multi()) return Queue(command, args, raw);
  if (name == "multi") {
    session_.gates |= kGateInMulti;
    unit_bytes_.assign(raw);
    return Outcome::kQueued;
  }
  // What is not understood is bytes of the log, too.
  const bool runs = command != nullptr && name != "exec";
  const bool applied = executor_.ApplyOne(session_, runs ? command : nullptr, args, raw);
  return applied && (runs || IsPing(args)) ? Outcome::kApplied : Outcome::kFailed;
}

StreamApplier::Outcome StreamApplier::Queue(const Command* command, Args args, Bytes raw) {
  unit_bytes_.append(raw);
  const Bytes name = command == nullptr ? Bytes() : Bytes(command->spec->name);
  if (name == "exec") return RunQueue();
  if (command == nullptr || name == "multi") {
    failed_ |= !IsPing(args);
  } else {
    session_.queue.emplace_back(command, args, Bytes());
    session_.queue_bytes += session_.queue.back().memory_bytes();
  }
  return Outcome::kQueued;
}

StreamApplier::Outcome StreamApplier::RunQueue() {
  const bool applied = executor_.ApplyQueue(session_, unit_bytes_) && !failed_;
  Forget();
  return applied ? Outcome::kApplied : Outcome::kFailed;
}

}  // namespace terrace::exec
