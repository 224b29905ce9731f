// The part of Executor that sees to it that commands find values in memory (engine/residency.h).
#include "exec/executor.h"

namespace terrace::exec {

using engine::Entry;
using engine::KeyRef;

std::string UnreadableText(const Status& why) {
  return "ERR the value of a key cannot be read: " + why.message();
}

// What was found unreadable is read here once more, which tells why, or that all is well again; and so is what is away again
// after the command has waited for it a few times. So a command whose session has waited gets an answer in the end.
bool Executor::BringValues(resp::Reply& reply, const commands::Command& command, Args args,
                           KeyRef* refs, size_t count, commands::WaitWish* wish) {
  if (command.spec->needs_values != nullptr && !command.spec->needs_values(args)) return true;
  engine::Residency& residency = *env_.databases.residency();
  read_in_.reader = residency.reader();
  read_in_.keys.clear();
  const bool may_wait = wish != nullptr && read_in_.reader != nullptr &&
                        (passed_conditions_ & kGateWaitedEnough) == 0;
  for (size_t i = 0; i < count; ++i) {
    const Entry* entry = refs[i].entry();
    if (entry == nullptr || !entry->is_away()) continue;
    if (may_wait && !entry->away_mark().unreadable()) {
      read_in_.keys.emplace_back(*refs[i].keyspace, refs[i].hash, *entry);
    } else if (const Status read = residency.ReadIn(refs[i]); !read.ok()) {
      reply.Error(UnreadableText(read));
      return false;
    }
  }
  if (read_in_.keys.empty()) return true;
  wish->wanted = true;
  wish->readiness = &read_in_;
  return false;
}

bool Executor::WaitsForValues(const Session& session, KeyRef* refs, size_t count) {
  const engine::Residency* residency = env_.databases.residency();
  if (TERRACE_LIKELY(residency == nullptr) || session.waker == nullptr || count == 0 ||
      (session.gates & kGateWaitedEnough) != 0)
    return false;
  read_in_.reader = residency->reader();
  read_in_.keys.clear();
  if (read_in_.reader == nullptr) return false;
  WithLocked(refs, count, [&] {
    for (size_t i = 0; i < count; ++i) {
      const Entry* entry = refs[i].entry();
      if (entry != nullptr && entry->is_away() && !entry->away_mark().unreadable())
        read_in_.keys.emplace_back(*refs[i].keyspace, refs[i].hash, *entry);
    }
  });
  if (read_in_.keys.empty()) return false;
  wish_.wanted = true;
  wish_.readiness = &read_in_;
  return true;
}

}  // namespace terrace::exec
