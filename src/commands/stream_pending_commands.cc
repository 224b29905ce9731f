// Streams: what consumers of a group were given and have not acknowledged: seen, and given to others.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/families.h"
#include "commands/stream_operations.h"

namespace terrace::commands {
namespace {

using types::PendingEntry;
using types::Stream;
using types::StreamConsumer;
using types::StreamGroup;
using types::StreamId;

int64_t IdleMs(const ReadContext& ctx, const PendingEntry& entry) {
  return static_cast<int64_t>(ctx.now_ms() - entry.delivered_ms);
}

// --- XPENDING ---

struct PendingRange {
  int64_t min_idle_ms = 0;
  StreamId start;
  StreamId end;
  int64_t count = 0;
  size_t consumer_at = 0;  // 0: all consumers
};

// "[IDLE min-idle-time] start end count [consumer]", from the fourth argument on.
Result<PendingRange, Bytes> ParsePendingRange(Args args) {
  PendingRange range;
  size_t at = 3;
  if (EqualsIgnoreCase(args[at], "IDLE")) {
    const auto idle = ParseStreamNumber(args[at + 1]);
    if (!idle.ok()) return Unexpected{idle.error()};
    range.min_idle_ms = *idle;
    if (args.size() < 8) return Unexpected{kSyntaxError};
    at += 2;
  }
  const auto count = ParseStreamNumber(args[at + 2]);
  if (!count.ok()) return Unexpected{count.error()};
  range.count = std::max<int64_t>(*count, 0);
  const auto start = ParseRangeEnd(args[at], RangeEnd::kStart);
  if (!start.ok()) return Unexpected{start.error()};
  const auto end = ParseRangeEnd(args[at + 1], RangeEnd::kEnd);
  if (!end.ok()) return Unexpected{end.error()};
  range.start = *start;
  range.end = *end;
  if (at + 3 < args.size()) range.consumer_at = at + 3;
  return range;
}

void ReplySummary(resp::Reply& reply, const StreamGroup& group) {
  reply.Array(4);
  reply.Integer(static_cast<int64_t>(group.pending().size()));
  if (group.pending().size() == 0) {
    reply.Null();
    reply.Null();
    return reply.NullArray();
  }
  ReplyStreamId(reply, group.pending().First().id());
  ReplyStreamId(reply, group.pending().Last().id());
  const resp::Reply::Slot slot = reply.DeferredArray();
  size_t busy = 0;
  for (const auto& [name, consumer] : group.consumers()) {
    if (consumer.pending().size() == 0) continue;
    ++busy;
    reply.Array(2);
    reply.Bulk(name);
    reply.BulkInt(static_cast<int64_t>(consumer.pending().size()));
  }
  reply.SetDeferred(slot, busy);
}

// Walks what is pending, in a group or at a consumer, and answers what is of the range.
template <typename Tree>
void ReplyPending(ReadContext& ctx, StreamGroup& group, const Tree& pending,
                  const PendingRange& range) {
  const resp::Reply::Slot slot = ctx.reply.DeferredArray();
  int64_t sent = 0;
  for (auto at = pending.AtOrAfter(range.start); at && at.id() <= range.end && sent < range.count;
       at.Next()) {
    const PendingEntry& entry = *group.FindPending(at.id());
    const int64_t idle_ms = IdleMs(ctx, entry);
    if (range.min_idle_ms != 0 && idle_ms < range.min_idle_ms) continue;
    ++sent;
    ctx.reply.Array(4);
    ReplyStreamId(ctx.reply, at.id());
    ctx.reply.Bulk(entry.consumer->name());
    ctx.reply.Integer(std::max<int64_t>(idle_ms, 0));
    ctx.reply.Integer(static_cast<int64_t>(entry.deliveries));
  }
  ctx.reply.SetDeferred(slot, static_cast<size_t>(sent));
}

// XPENDING key group [[IDLE min-idle-time] start end count [consumer]]
void XPending(ReadContext& ctx, Args args) {
  const bool summary = args.size() == 3;
  if (!summary && (args.size() < 6 || args.size() > 9)) return ctx.reply.Error(kSyntaxError);
  PendingRange range;
  if (!summary) {
    const auto parsed = ParsePendingRange(args);
    if (!parsed.ok()) return ctx.reply.Error(parsed.error());
    range = *parsed;
  }
  const auto found = FindStream(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  StreamGroup* group = GroupOf(*found, args[2]).group;
  if (group == nullptr) return ctx.reply.Error(NoGroupError(args[1], args[2]));
  if (summary) return ReplySummary(ctx.reply, *group);
  if (range.consumer_at == 0) return ReplyPending(ctx, *group, group->pending(), range);
  const StreamConsumer* consumer = group->FindConsumer(args[range.consumer_at]);
  if (consumer == nullptr) return ctx.reply.Array(0);
  ReplyPending(ctx, *group, consumer->pending(), range);
}

// --- claiming ---

// What a claim makes of an entry.
struct ClaimForm {
  int64_t min_idle_ms = 0;
  uint64_t delivered_ms = 0;
  std::optional<uint64_t> deliveries;  // instead of one more
  bool force = false;                  // also what is not pending
  bool just_id = false;
  StreamId last_id;  // the group's, if that is before it
};

// Claims entries for one consumer, one by one, and remembers which for the reply.
class Claimer {
 public:
  Claimer(WriteContext& ctx, Args args, const FoundGroup& found, const ClaimForm& form)
      : ctx_(ctx),
        key_(args[1]),
        group_name_(args[2]),
        group_(*found.group),
        stream_(*found.stream),
        form_(form) {
    consumer_ = MeetConsumer(ctx, key_, group_name_, &group_, args[3], &made_consumer_);
  }

  enum class Outcome : uint8_t { kClaimed, kGone, kLeft };
  /// kGone: the stream has it no more, so it is pending no more. kLeft: it is not pending, or not for long enough.
  Outcome Claim(StreamId id) {
    PendingEntry* entry = group_.FindPending(id);
    if (!stream_.Contains(id)) {
      if (entry == nullptr) return Outcome::kLeft;
      LogClaim(ctx_, key_, group_name_, group_, id, *entry);
      Change([&] { group_.Acknowledge(id); });
      return Outcome::kGone;
    }
    if (entry == nullptr && !form_.force) return Outcome::kLeft;
    if (entry != nullptr && form_.min_idle_ms > 0 && IdleMs(ctx_, *entry) < form_.min_idle_ms)
      return Outcome::kLeft;
    Change([&] {
      const uint64_t before = entry == nullptr ? 1 : entry->deliveries;
      entry = group_.Assign(id, consumer_);
      entry->delivered_ms = form_.delivered_ms;
      entry->deliveries = form_.deliveries ? *form_.deliveries : before + (form_.just_id ? 0 : 1);
      consumer_->active_ms = static_cast<int64_t>(ctx_.now_ms());
    });
    LogClaim(ctx_, key_, group_name_, group_, id, *entry);
    claimed_.push_back(id);
    return Outcome::kClaimed;
  }
  /// The group has been told of a later id: nothing but that may have changed.
  void LogPosition() {
    if (changes_ == 0) LogGroupPosition(ctx_, key_, group_name_, group_);
  }

  void ReplyClaimed() const {
    ctx_.reply.Array(claimed_.size());
    for (const StreamId id : claimed_) {
      form_.just_id ? ReplyStreamId(ctx_.reply, id) : ReplyEntry(ctx_.reply, stream_.AtOrAfter(id));
    }
  }
  Effect Finish(bool moved) const {
    if (changes_ == 0 && !made_consumer_ && !moved) return Effect::None();
    return Effect::Logged().Counting(std::max<uint64_t>(changes_, 1));
  }

 private:
  template <typename Do>
  void Change(Do change) {
    StreamEdit edit(ctx_, key_);
    change();
    edit.Finish();
    ++changes_;
  }

  WriteContext& ctx_;
  const Bytes key_;
  const Bytes group_name_;
  StreamGroup& group_;
  Stream stream_;
  const ClaimForm& form_;
  StreamConsumer* consumer_ = nullptr;
  bool made_consumer_ = false;
  uint64_t changes_ = 0;
  std::vector<StreamId> claimed_;
};

// XCLAIM's ids and options.
struct ClaimRequest {
  ClaimForm form;
  std::vector<StreamId> ids;
};

// Its name if the option takes a number.
const char* NumberOption(Bytes option) {
  for (const char* name : {"IDLE", "TIME", "RETRYCOUNT"}) {
    if (EqualsIgnoreCase(option, name)) return name;
  }
  return nullptr;
}

// From the fifth argument on; the error is its text.
Result<ClaimRequest, std::string> ParseClaim(const ReadContext& ctx, Args args) {
  constexpr int64_t kNoNumber =
      std::numeric_limits<int64_t>::min();  // as a time or a count it makes no sense either
  const auto now_ms = static_cast<int64_t>(ctx.now_ms());
  ClaimRequest request;
  const auto min_idle = ParseInt64(args[4]);
  if (!min_idle) return Unexpected{std::string("ERR Invalid min-idle-time argument for XCLAIM")};
  request.form.min_idle_ms = *min_idle;
  size_t i = 5;
  for (; i < args.size(); ++i) {
    const auto id = ParseStreamId(args[i]);
    if (!id) break;  // an option, perhaps
    request.ids.push_back(*id);
  }
  int64_t delivered_ms = now_ms;
  for (; i < args.size(); ++i) {
    const Bytes option = args[i];
    const bool more = i + 1 < args.size();
    if (EqualsIgnoreCase(option, "FORCE")) {
      request.form.force = true;
    } else if (EqualsIgnoreCase(option, "JUSTID")) {
      request.form.just_id = true;
    } else if (more && EqualsIgnoreCase(option, "LASTID")) {
      const auto id = ParseStreamId(args[++i]);
      if (!id) return Unexpected{std::string(kInvalidStreamIdError)};
      request.form.last_id = *id;
    } else if (const char* name = more ? NumberOption(option) : nullptr; name != nullptr) {
      const int64_t number = ParseInt64(args[++i]).value_or(kNoNumber);
      if (number == kNoNumber)
        return Unexpected{"ERR Invalid " + std::string(name) + " option argument for XCLAIM"};
      if (*name == 'T') delivered_ms = number;
      if (*name == 'I')
        delivered_ms = static_cast<int64_t>(ctx.now_ms() - static_cast<uint64_t>(number));
      if (*name == 'R' && number >= 0) request.form.deliveries = static_cast<uint64_t>(number);
    } else {
      return Unexpected{"ERR Unrecognized XCLAIM option '" + std::string(option) + "'"};
    }
  }
  // Clients reckon with clocks of their own, so a time that cannot be is no error. A leader's clock is the one that counts.
  const bool from_leader = ctx.unit.origin == engine::Origin::kStream;
  if (delivered_ms < 0 || (delivered_ms > now_ms && !from_leader)) delivered_ms = now_ms;
  request.form.delivered_ms = static_cast<uint64_t>(delivered_ms);
  return request;
}

// XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE]
//   [JUSTID] [LASTID lastid]
Effect XClaim(WriteContext& ctx, Args args) {
  const auto found = PeekStream(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  const FoundGroup group = GroupOf(*found, args[2]);
  if (group.group == nullptr) return Fail(ctx, NoGroupError(args[1], args[2]));
  const auto request = ParseClaim(ctx, args);
  if (!request.ok()) return Fail(ctx, request.error());
  const bool moves = request->form.last_id > group.group->last_id;
  if (moves) {
    StreamEdit edit(ctx, args[1]);
    group.group->last_id = request->form.last_id;
    edit.Finish();
  }
  Claimer claimer(ctx, args, group, request->form);
  for (const StreamId id : request->ids) claimer.Claim(id);
  if (moves) claimer.LogPosition();
  claimer.ReplyClaimed();
  return claimer.Finish(moves);
}

// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]
Effect XAutoClaim(WriteContext& ctx, Args args) {
  constexpr uint64_t kLooksPerEntry = 10;
  constexpr int64_t kCountMax = std::numeric_limits<int64_t>::max() / 16;
  const auto min_idle = ParseInt64(args[4]);
  if (!min_idle) return Fail(ctx, "ERR Invalid min-idle-time argument for XAUTOCLAIM");
  const auto start = ParseRangeEnd(args[5], RangeEnd::kStart);
  if (!start.ok()) return Fail(ctx, start.error());
  ClaimForm form{.min_idle_ms = *min_idle, .delivered_ms = ctx.now_ms()};
  uint64_t count = 100;
  for (size_t i = 6; i < args.size(); ++i) {
    if (i + 1 < args.size() && EqualsIgnoreCase(args[i], "COUNT")) {
      const auto given = ParseInt64(args[++i]);
      if (!given || *given < 1 || *given > kCountMax) return Fail(ctx, "ERR COUNT must be > 0");
      count = static_cast<uint64_t>(*given);
    } else if (EqualsIgnoreCase(args[i], "JUSTID")) {
      form.just_id = true;
    } else {
      return Fail(ctx, kSyntaxError);
    }
  }
  const auto found = PeekStream(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  const FoundGroup group = GroupOf(*found, args[2]);
  if (group.group == nullptr) return Fail(ctx, NoGroupError(args[1], args[2]));

  Claimer claimer(ctx, args, group, form);
  std::vector<StreamId> gone;
  // The number of entries that are looked at has a limit, too: most may not be idle for long enough.
  uint64_t looks = count * kLooksPerEntry;
  StreamId next = *start;
  bool more = true;
  for (; count > 0 && looks > 0; --looks) {
    const auto at = group.group->pending().AtOrAfter(next);
    more = static_cast<bool>(at);
    if (!more) break;
    const StreamId id = at.id();
    const Claimer::Outcome outcome = claimer.Claim(id);
    if (outcome == Claimer::Outcome::kGone) gone.push_back(id);
    if (outcome != Claimer::Outcome::kLeft) --count;
    more = id != StreamId::Max();
    if (!more) break;
    next = id.Next();
  }
  const auto at = more ? group.group->pending().AtOrAfter(next) : StreamGroup::Pending::Position();
  ctx.reply.Array(3);
  ReplyStreamId(ctx.reply, at ? at.id() : StreamId{});
  claimer.ReplyClaimed();
  ctx.reply.Array(gone.size());
  for (const StreamId id : gone) ReplyStreamId(ctx.reply, id);
  return claimer.Finish(false);
}

constexpr CommandSpec kStreamPendingCommands[] = {
    {.name = "xautoclaim",
     .arity = -6,
     .flags = kWrite | kFast,
     .group = Group::kStream,
     .keys = kAccessDeleteKey,
     .write = XAutoClaim,
     .since = "6.2.0",
     .complexity = "O(1) if COUNT is small",
     .summary = "Gives a consumer entries that have been pending for long, from an id on.",
     .syntax = "key group consumer min-idle-time:string start:string [COUNT count] [JUSTID]",
     .tips = "nondeterministic_output"},
    {.name = "xclaim",
     .arity = -6,
     .flags = kWrite | kFast,
     .group = Group::kStream,
     .keys = kUpdateKey,
     .write = XClaim,
     .since = "5.0.0",
     .complexity = "O(log N) an id, for N entries pending",
     .summary = "Gives a consumer entries that are pending at others.",
     .syntax = "key group consumer min-idle-time:string id [id ...] [IDLE ms] [TIME "
               "unix-time-milliseconds] "
               "[RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
     .tips = "nondeterministic_output"},
    {.name = "xpending",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kStream,
     .keys = kReadKey,
     .read = XPending,
     .since = "5.0.0",
     .complexity = "O(N) for N entries returned",
     .summary = "Tells what is pending in a group.",
     .syntax = "key group [[IDLE min-idle-time:integer] start:string end:string count [consumer]]",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> StreamPendingCommands() { return kStreamPendingCommands; }

}  // namespace terrace::commands
