// Members at random: SPOP takes them out, SRANDMEMBER shows them. What went is logged by name.
#include <cstdint>
#include <string>
#include <vector>

#include "base/numbers.h"
#include "commands/collection_edit.h"
#include "commands/context.h"
#include "commands/drawn_reply.h"
#include "commands/families.h"
#include "types/set.h"

namespace terrace::commands {
namespace {

using engine::kNotifyGeneric;
using engine::kNotifySet;
using types::Element;
using types::Set;

// Logs SREM of members as they come, so many a command: one that names a million would be refused by its readers.
class RemovalLog {
 public:
  RemovalLog(WriteContext& ctx, Bytes key) : ctx_(ctx), key_(key) {}
  void Add(Bytes member) {
    if (!ctx_.unit.logging) return;
    bytes_.append(member);
    ends_.push_back(bytes_.size());
    if (ends_.size() == kMembersMax) Flush();
  }
  void Flush() {
    if (ends_.empty()) return;
    std::vector<Bytes> words = {"SREM", key_};
    size_t begin = 0;
    for (const size_t end : ends_) {
      words.push_back(Bytes(bytes_).substr(begin, end - begin));
      begin = end;
    }
    ctx_.unit.LogArgs(ctx_.db, words.data(), words.size());
    bytes_.clear();
    ends_.clear();
  }

 private:
  static constexpr size_t kMembersMax = 1024;

  WriteContext& ctx_;
  Bytes key_;
  std::string bytes_;  // members end to end: by the time they are logged the set has lost them
  std::vector<size_t> ends_;
};

void ReplyMember(resp::Reply& reply, const Element& element) {
  char digits[kInt64CharsMax];
  reply.Bulk(element.Text(digits));
}

void ReplyAll(resp::Reply& reply, const Set& set) {
  set.ForEach([&](const Element& element) {
    ReplyMember(reply, element);
    return true;
  });
}

// SPOP key count
Effect PopSeveral(WriteContext& ctx, Args args) {
  const auto count = ParseInt64(args[2]);
  if (!count) return Fail(ctx, Errc::kNotAnInteger);
  if (*count < 0) {
    ctx.reply.Error("ERR value is out of range, must be positive");
    return Effect::None();
  }
  const auto found = ctx.Peek(args[1], Type::kSet);
  if (!found.ok()) return Fail(ctx, found.error());
  if (*found == nullptr || *count == 0) {
    ctx.reply.Set(0);
    return Effect::None();
  }
  const Set held((*found)->collection());
  const size_t size = held.Size();
  const auto wanted = static_cast<uint64_t>(*count);
  if (wanted >= size) {
    ctx.reply.Set(size);
    ReplyAll(ctx.reply, held);
    ctx.Notify(kNotifySet, "spop", args[1]);
    ctx.Edit(args[1]).Delete();
    ctx.Notify(kNotifyGeneric, "del", args[1]);
    return ctx.Rewritten({"DEL", args[1]}).Counting(size);
  }
  CollectionEdit<Set> set(ctx, args[1]);
  RemovalLog removals(ctx, args[1]);
  ctx.reply.Set(wanted);
  set->Pop(wanted, ctx.unit.random, [&](const Element& element) {
    char digits[kInt64CharsMax];
    const Bytes member = element.Text(digits);
    ctx.reply.Bulk(member);
    removals.Add(member);
  });
  removals.Flush();
  set.Finish(kNotifySet, "spop");
  return Effect::Logged().Counting(wanted);
}

// SPOP key [count]
Effect Pop(WriteContext& ctx, Args args) {
  if (args.size() == 3) return PopSeveral(ctx, args);
  if (args.size() > 3) return Fail(ctx, Errc::kSyntax);
  const auto found = ctx.Peek(args[1], Type::kSet);
  if (TERRACE_UNLIKELY(!found.ok())) return Fail(ctx, found.error());
  if (*found == nullptr) {
    ctx.reply.Null();
    return Effect::None();
  }
  CollectionEdit<Set> set(ctx, args[1]);
  set->Pop(1, ctx.unit.random, [&](const Element& element) {
    char digits[kInt64CharsMax];
    const Bytes member = element.Text(digits);
    ctx.reply.Bulk(member);
    ctx.unit.LogWords(ctx.db, {"SREM", args[1], member});
  });
  set.Finish(kNotifySet, "spop");
  return Effect::Logged();
}

// SRANDMEMBER key count; a negative count asks for so many that may repeat.
void ShowSeveral(ReadContext& ctx, Args args) {
  const auto count = ParseInt64(args[2]);
  if (!count) return ReplyError(ctx, Errc::kNotAnInteger);
  if (*count == INT64_MIN) {  // has no positive
    return ctx.reply.Error(
        "ERR value is out of range, value must between -9223372036854775807 and "
        "9223372036854775807");
  }
  if (*count < -kDrawsMax) return ctx.reply.Error(kTooManyDrawsError);
  const auto found = ctx.Find(args[1], Type::kSet);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (*found == nullptr || *count == 0) return ctx.reply.Array(0);
  const Set set((*found)->collection());
  if (*count < 0) {
    const auto wanted = static_cast<size_t>(-*count);
    return ReplyDrawn(ctx.reply, wanted, wanted, [&](size_t some, const auto& has_room) {
      for (; some != 0 && has_room(); --some) ReplyMember(ctx.reply, set.Pick(ctx.unit.random));
    });
  }
  const auto wanted = static_cast<uint64_t>(*count);
  if (wanted >= set.Size()) {
    ctx.reply.Array(set.Size());
    return ReplyAll(ctx.reply, set);
  }
  ctx.reply.Array(wanted);
  set.Sample(wanted, ctx.unit.random,
             [&](const Element& element) { ReplyMember(ctx.reply, element); });
}

// SRANDMEMBER key [count]
void Show(ReadContext& ctx, Args args) {
  if (args.size() == 3) return ShowSeveral(ctx, args);
  if (args.size() > 3) return ReplyError(ctx, Errc::kSyntax);
  const auto found = ctx.Find(args[1], Type::kSet);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (*found == nullptr) return ctx.reply.Null();
  ReplyMember(ctx.reply, Set((*found)->collection()).Pick(ctx.unit.random));
}

constexpr CommandSpec kSetSampleCommands[] = {
    {.name = "spop",
     .arity = -2,
     .flags = kWrite | kFast,
     .group = Group::kSet,
     .keys = kAccessDeleteKey,
     .write = Pop,
     .since = "1.0.0",
     .complexity = "O(1) for each member taken",
     .summary = "Takes members at random out of a set and returns them.",
     .syntax = "key [count]",
     .tips = "nondeterministic_output"},
    {.name = "srandmember",
     .arity = -2,
     .flags = kReadonly,
     .group = Group::kSet,
     .keys = kReadKey,
     .read = Show,
     .since = "1.0.0",
     .complexity = "O(1) for each member shown",
     .summary = "Returns members at random, which stay in the set.",
     .syntax = "key [count]",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> SetSampleCommands() { return kSetSampleCommands; }

}  // namespace terrace::commands
