// The part of Executor that sees to it that commands find values in memory (engine/residency.h).
#include <algorithm>

#include "exec/arity.h"
#include "exec/executor.h"

namespace terrace::exec {

using engine::Entry;
using engine::KeyRef;

namespace {

// Of a session; and keys of a request: there is enough to read at a time then.
constexpr size_t kRequestsAheadMax = 64;
constexpr size_t kKeysAheadMax = 64;

// Their shards are locked.
std::vector<engine::AwayKey> FindAway(KeyRef* refs, size_t count) {
  std::vector<engine::AwayKey> keys;
  for (size_t i = 0; i < count; ++i) {
    const Entry* entry = refs[i].entry();
    if (entry != nullptr && entry->is_away() && !entry->away_mark().unreadable())
      keys.emplace_back(*refs[i].keyspace, refs[i].hash, *entry);
  }
  return keys;
}

}  // namespace

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
  if (read_in_.reader == nullptr) return false;
  WithLocked(refs, count, [&] { read_in_.keys = FindAway(refs, count); });
  if (read_in_.keys.empty()) return false;
  wish_.wanted = true;
  wish_.readiness = &read_in_;
  return true;
}

// A guess, like any look ahead: the requests before it may change what it needs, and then what was read is not put in, or
// was for nothing.
void Executor::ReadAhead(Session& session) {
  engine::ValueReader* reader = session.waker->value_reader();
  Parking& parking = session.parking;
  if (reader == nullptr || parking.wait == nullptr || parking.wait->values == nullptr ||
      session.in_multi())
    return;
  const size_t end = std::min(parking.requests.size(), kRequestsAheadMax);
  for (; parking.asked_ahead < end && reader->has_time(); ++parking.asked_ahead)
    ReadAhead(*reader, session, parking.requests[parking.asked_ahead]);
}

void Executor::ReadAhead(engine::ValueReader& reader, const Session& session,
                         const OwnedRequest& request) {
  const commands::Command* command = request.command();
  if (command == nullptr || command->spec->session != nullptr || !command->subcommands.empty())
    return;
  const Args args = request.args();
  if (!FitsArity(*command, args.size())) return;
  if (command->spec->needs_values != nullptr && !command->spec->needs_values(args)) return;
  ahead_refs_.clear();
  if (Reaches(*command, args) || !FindRefs(*command, args, session.db, &ahead_refs_) ||
      ahead_refs_.empty() || ahead_refs_.size() > kKeysAheadMax)
    return;
  std::vector<engine::AwayKey> keys;
  WithLocked(ahead_refs_.data(), ahead_refs_.size(),
             [&] { keys = FindAway(ahead_refs_.data(), ahead_refs_.size()); });
  if (!keys.empty()) reader.ReadAhead(std::move(keys));
}

}  // namespace terrace::exec
