// Streams: entries, added, read by ranges, deleted and trimmed. Groups, readers and the look inside have files of their
// own.
#include <algorithm>
#include <string>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/families.h"
#include "commands/stream_operations.h"

namespace terrace::commands {
namespace {

using types::Stream;
using types::StreamId;
using types::StreamTrim;

// --- options of XADD and XTRIM ---

struct Options {
  StreamTrim trim;
  size_t threshold_at = 0;  // the argument that says how much stays
  size_t limit_at = 0;      // LIMIT's number
  bool make_stream = true;
  size_t end = 0;  // the first argument behind them
};

class OptionParser {
 public:
  explicit OptionParser(Args args) : args_(args) {}

  /// From the third argument on, up to one that is no option.
  Result<Options, Bytes> Parse(bool is_add) {
    size_t i = 2;
    for (; i < args_.size(); ++i) {
      const bool more = i + 1 < args_.size();
      Bytes error;
      if (more && EqualsIgnoreCase(args_[i], "MAXLEN")) {
        error = TakeThreshold(StreamTrim::By::kLength, &i);
      } else if (more && EqualsIgnoreCase(args_[i], "MINID")) {
        error = TakeThreshold(StreamTrim::By::kId, &i);
      } else if (more && EqualsIgnoreCase(args_[i], "LIMIT")) {
        options_.limit_at = ++i;
        const auto limit = ParseStreamNumber(args_[i]);
        if (!limit.ok()) return Unexpected{limit.error()};
        if (*limit < 0) return Unexpected{Bytes("ERR The LIMIT argument must be >= 0.")};
        options_.trim.max = static_cast<uint64_t>(*limit);
      } else if (is_add && EqualsIgnoreCase(args_[i], "NOMKSTREAM")) {
        options_.make_stream = false;
      } else {
        break;
      }
      if (!error.empty()) return Unexpected{error};
    }
    options_.end = i;
    return options_;
  }

  /// The rest is sound; what is left to say about trimming.
  static Bytes Settle(const ReadContext& ctx, Options* options) {
    StreamTrim& trim = options->trim;
    if (trim.by == StreamTrim::By::kNone && trim.max != 0) {
      return "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
    }
    if (ctx.unit.origin == engine::Origin::kStream) {
      trim.max = 0;  // the leader has said how much stays
    } else if (options->limit_at == 0) {
      trim.max = trim.whole_nodes ? LimitFor(ctx.unit.settings.encoding) : 0;
    } else if (!trim.whole_nodes) {
      return "ERR syntax error, LIMIT cannot be used without the special ~ option";
    }
    return {};
  }

 private:
  // How much one approximate trimming drops when nobody has said: some hundred nodes.
  static uint64_t LimitFor(const types::EncodingLimits& limits) {
    const int64_t node_entries = limits.stream_node_entries.load(std::memory_order_relaxed);
    if (node_entries <= 0) return 10'000;
    return static_cast<uint64_t>(std::min<int64_t>(node_entries, 10'000) * 100);
  }

  Bytes TakeThreshold(StreamTrim::By by, size_t* i) {
    StreamTrim& trim = options_.trim;
    if (trim.by != StreamTrim::By::kNone) {
      return "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
    }
    trim.by = by;
    trim.whole_nodes = false;
    const Bytes next = args_[*i + 1];
    if (*i + 2 < args_.size() && (next == "~" || next == "=")) {
      trim.whole_nodes = next == "~";
      ++*i;
    }
    options_.threshold_at = ++*i;
    const Bytes threshold = args_[*i];
    if (by == StreamTrim::By::kId) {
      const auto id = ParseStreamId(threshold);
      if (!id) return kInvalidStreamIdError;
      trim.id = *id;
      return {};
    }
    const auto length = ParseStreamNumber(threshold);
    if (!length.ok()) return length.error();
    if (*length < 0) return "ERR The MAXLEN argument must be >= 0.";
    trim.length = static_cast<uint64_t>(*length);
    return {};
  }

  const Args args_;
  Options options_;
};

// The command with what it came to: how much stayed instead of about how much should, and the id.
Effect LogExactly(WriteContext& ctx, Args args, const Options& options, const Stream& stream,
                  size_t id_at, StreamId id) {
  EffectCommand command;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool approximate = options.trim.whole_nodes;
    if (approximate && options.limit_at != 0 &&
        (i == options.limit_at || i + 1 == options.limit_at))
      continue;
    if (approximate && i + 1 == options.threshold_at) {
      command << "=";
    } else if (approximate && i == options.threshold_at) {
      options.trim.by == StreamTrim::By::kLength ? command << uint64_t{stream.Size()}
                                                 : command << stream.first_id();
    } else if (id_at != 0 && i == id_at) {
      command << id;
    } else {
      command << args[i];
    }
  }
  command.LogTo(ctx);
  return Effect::Logged();
}

// --- XADD ---

// The id of a new entry, or none if there is none to be had.
std::optional<StreamId> IdAfter(StreamId last, const NewStreamId& wanted, uint64_t now_ms) {
  StreamId id;
  if (wanted.ms && wanted.seq) {
    id = {*wanted.ms, *wanted.seq};
  } else if (wanted.ms) {
    if (last.ms == *wanted.ms && last.seq == UINT64_MAX) return std::nullopt;
    id = last.ms == *wanted.ms ? last.Next() : StreamId{*wanted.ms, 0};
  } else {
    id = now_ms > last.ms ? StreamId{now_ms, 0} : last.Next();
  }
  if (id <= last) return std::nullopt;
  return id;
}

// XADD key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]
Effect XAdd(WriteContext& ctx, Args args) {
  auto options = OptionParser(args).Parse(true);
  if (!options.ok()) return Fail(ctx, options.error());
  const size_t id_at = options->end;
  std::optional<NewStreamId> wanted;
  if (id_at < args.size()) {
    wanted = ParseNewStreamId(args[id_at]);
    if (!wanted) return Fail(ctx, kInvalidStreamIdError);
  }
  if (const Bytes error = OptionParser::Settle(ctx, &*options); !error.empty())
    return Fail(ctx, error);
  if (!wanted || args.size() - id_at < 3 || (args.size() - id_at) % 2 == 0) {
    return Fail(ctx, "ERR wrong number of arguments for 'xadd' command");
  }
  if (wanted->given() && *wanted->ms == 0 && *wanted->seq == 0) {
    return Fail(ctx, "ERR The ID specified in XADD must be greater than 0-0");
  }
  const auto found = PeekStream(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  if (!*found && !options->make_stream) {
    ctx.reply.Null();
    return Effect::None();
  }
  const StreamId last = *found ? (*found)->last_id() : StreamId{};
  if (last == StreamId::Max()) {
    return Fail(ctx, "ERR The stream has exhausted the last possible ID, unable to add more items");
  }
  const auto id = IdAfter(last, *wanted, ctx.now_ms());
  if (!id)
    return Fail(ctx,
                "ERR The ID specified in XADD is equal or smaller than the target stream top item");
  const auto pairs = args.span().subspan(id_at + 1);
  if (!Stream::Fits(pairs)) return Fail(ctx, "ERR Elements are too large to be stored");

  StreamEdit stream(ctx, args[1]);
  stream->Append(*id, pairs, types::StreamLimits(ctx.unit.settings.encoding));
  const size_t trimmed = stream->Trim(options->trim);
  stream.Finish();
  ctx.Notify(engine::kNotifyStream, "xadd", args[1]);
  if (trimmed != 0) ctx.Notify(engine::kNotifyStream, "xtrim", args[1]);
  ReplyStreamId(ctx.reply, *id);
  if (wanted->given() && !options->trim.whole_nodes) return Effect::AsReceived();
  if (!ctx.unit.logging) return Effect::Logged();
  return LogExactly(ctx, args, *options, *stream, id_at, *id);
}

// --- the others that write ---

// XTRIM key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]
Effect XTrim(WriteContext& ctx, Args args) {
  auto options = OptionParser(args).Parse(false);
  if (!options.ok()) return Fail(ctx, options.error());
  if (options->end != args.size()) return Fail(ctx, kSyntaxError);
  if (options->trim.by == StreamTrim::By::kNone && options->trim.max == 0) {
    return Fail(ctx, "ERR syntax error, XTRIM must be called with a trimming strategy");
  }
  if (const Bytes error = OptionParser::Settle(ctx, &*options); !error.empty())
    return Fail(ctx, error);
  const auto found = PeekStream(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  if (!*found || !(*found)->WouldTrim(options->trim)) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  StreamEdit stream(ctx, args[1]);
  const size_t trimmed = stream->Trim(options->trim);
  stream.Finish();
  ctx.Notify(engine::kNotifyStream, "xtrim", args[1]);
  ctx.reply.Integer(static_cast<int64_t>(trimmed));
  if (!options->trim.whole_nodes) return Effect::AsReceived().Counting(trimmed);
  return LogExactly(ctx, args, *options, *stream, 0, {}).Counting(trimmed);
}

// XDEL key id [id ...]
Effect XDel(WriteContext& ctx, Args args) {
  const auto found = PeekStream(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  if (!*found) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  bool any = false;
  for (size_t i = 2; i < args.size(); ++i) {
    const auto id = ParseStreamId(args[i]);
    if (!id) return Fail(ctx, kInvalidStreamIdError);
    any = any || (*found)->Contains(*id);
  }
  if (!any) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  StreamEdit stream(ctx, args[1]);
  size_t deleted = 0;
  for (size_t i = 2; i < args.size(); ++i)
    deleted += stream->Erase(*ParseStreamId(args[i])) ? 1 : 0;
  stream.Finish();
  ctx.Notify(engine::kNotifyStream, "xdel", args[1]);
  ctx.reply.Integer(static_cast<int64_t>(deleted));
  return Effect::AsReceived().Counting(deleted);
}

// XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]
Effect XSetId(WriteContext& ctx, Args args) {
  const auto id = ParseStreamId(args[2]);
  if (!id) return Fail(ctx, kInvalidStreamIdError);
  std::optional<uint64_t> entries_added;
  StreamId max_deleted_id;
  for (size_t i = 3; i < args.size(); i += 2) {
    const bool more = i + 1 < args.size();
    if (more && EqualsIgnoreCase(args[i], "ENTRIESADDED")) {
      const auto count = ParseStreamNumber(args[i + 1]);
      if (!count.ok()) return Fail(ctx, count.error());
      if (*count < 0) return Fail(ctx, "ERR entries_added must be positive");
      entries_added = static_cast<uint64_t>(*count);
    } else if (more && EqualsIgnoreCase(args[i], "MAXDELETEDID")) {
      const auto deleted = ParseStreamId(args[i + 1]);
      if (!deleted) return Fail(ctx, kInvalidStreamIdError);
      if (*id < *deleted) {
        return Fail(
            ctx,
            "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      }
      max_deleted_id = *deleted;
    } else {
      return Fail(ctx, kSyntaxError);
    }
  }
  const auto found = PeekStream(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  if (!*found) return Fail(ctx, kNoSuchKeyError);
  if (*id < (*found)->top_id()) {
    return Fail(ctx, "ERR The ID specified in XSETID is smaller than the target stream top item");
  }
  if (entries_added && *entries_added < (*found)->Size()) {
    return Fail(
        ctx, "ERR The entries_added specified in XSETID is smaller than the target stream length");
  }
  if (*id < (*found)->max_deleted_id()) {
    return Fail(ctx, "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
  }
  StreamEdit stream(ctx, args[1]);
  stream->set_last_id(*id);
  if (entries_added) stream->set_entries_added(*entries_added);
  if (!max_deleted_id.is_zero()) stream->set_max_deleted_id(max_deleted_id);
  stream.Finish();
  ctx.Notify(engine::kNotifyStream, "xsetid", args[1]);
  ctx.reply.Ok();
  return Effect::AsReceived();
}

// --- reads ---

// XLEN key
void XLen(ReadContext& ctx, Args args) {
  const auto found = FindStream(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Integer(*found ? static_cast<int64_t>((*found)->Size()) : 0);
}

struct Range {
  StreamId start;
  StreamId end;
  int64_t count = -1;  // none given
};

// "first last [COUNT count]"; with `reversed` the last comes first.
Result<Range, Bytes> ParseRange(Args args, bool reversed) {
  const auto start = ParseRangeEnd(args[reversed ? 3 : 2], RangeEnd::kStart);
  if (!start.ok()) return Unexpected{start.error()};
  const auto end = ParseRangeEnd(args[reversed ? 2 : 3], RangeEnd::kEnd);
  if (!end.ok()) return Unexpected{end.error()};
  Range range{*start, *end};
  for (size_t i = 4; i < args.size(); i += 2) {
    if (i + 1 == args.size() || !EqualsIgnoreCase(args[i], "COUNT"))
      return Unexpected{kSyntaxError};
    const auto count = ParseStreamNumber(args[i + 1]);
    if (!count.ok()) return Unexpected{count.error()};
    range.count = std::max<int64_t>(*count, 0);
  }
  return range;
}

void ReplyRange(ReadContext& ctx, Args args, bool reversed) {
  const auto range = ParseRange(args, reversed);
  if (!range.ok()) return ctx.reply.Error(range.error());
  const auto found = FindStream(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (!*found) return ctx.reply.Array(0);
  if (range->count == 0) return ctx.reply.NullArray();
  const resp::Reply::Slot slot = ctx.reply.DeferredArray();
  int64_t sent = 0;
  Stream::Cursor at =
      reversed ? (*found)->AtOrBefore(range->end) : (*found)->AtOrAfter(range->start);
  while (at && sent != range->count &&
         (reversed ? at.id() >= range->start : at.id() <= range->end)) {
    ReplyEntry(ctx.reply, at);
    ++sent;
    reversed ? at.Previous() : at.Next();
  }
  ctx.reply.SetDeferred(slot, static_cast<size_t>(sent));
}

// XRANGE key start end [COUNT count], XREVRANGE key end start [COUNT count]
void XRange(ReadContext& ctx, Args args) { ReplyRange(ctx, args, false); }
void XRevRange(ReadContext& ctx, Args args) { ReplyRange(ctx, args, true); }

constexpr KeySpec kAddKey[] = {
    {.flags = kKeyRW | kKeyUpdate,
     .index = 1,
     .notes = "UPDATE instead of INSERT because of the optional trimming feature"}};
constexpr KeySpec kDeleteFromKey[] = {OneKey(kKeyRW | kKeyDelete)};

constexpr CommandSpec kStreamCommands[] = {
    {.name = "xadd",
     .arity = -5,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kStream,
     .keys = kAddKey,
     .write = XAdd,
     .since = "5.0.0",
     .complexity = "O(1), and O(N) for N entries that are trimmed",
     .summary = "Adds an entry to a stream, which comes into being if it is not there.",
     .syntax =
         "key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value "
         "[field value ...]",
     .tips = "nondeterministic_output"},
    {.name = "xdel",
     .arity = -3,
     .flags = kWrite | kFast,
     .group = Group::kStream,
     .keys = kDeleteFromKey,
     .write = XDel,
     .since = "5.0.0",
     .complexity = "O(1) an entry",
     .summary = "Deletes entries and returns how many there were.",
     .syntax = "key id [id ...]"},
    {.name = "xlen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .group = Group::kStream,
     .keys = kLookKey,
     .read = XLen,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Counts the entries of a stream.",
     .syntax = "key"},
    {.name = "xrange",
     .arity = -4,
     .flags = kReadonly,
     .group = Group::kStream,
     .keys = kReadKey,
     .read = XRange,
     .since = "5.0.0",
     .complexity = "O(log(N)+M) for M entries returned",
     .summary = "Returns the entries of a range of ids.",
     .syntax = "key start:string end:string [COUNT count]"},
    {.name = "xrevrange",
     .arity = -4,
     .flags = kReadonly,
     .group = Group::kStream,
     .keys = kReadKey,
     .read = XRevRange,
     .since = "5.0.0",
     .complexity = "O(log(N)+M) for M entries returned",
     .summary = "Returns the entries of a range of ids, the last one first.",
     .syntax = "key end:string start:string [COUNT count]"},
    {.name = "xsetid",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kStream,
     .keys = kUpdateKey,
     .write = XSetId,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Sets what a stream knows of its past.",
     .syntax = "key last-id [ENTRIESADDED entries-added:integer] [MAXDELETEDID max-deleted-id]"},
    {.name = "xtrim",
     .arity = -4,
     .flags = kWrite,
     .group = Group::kStream,
     .keys = kDeleteFromKey,
     .write = XTrim,
     .since = "5.0.0",
     .complexity = "O(N) for N entries that are trimmed",
     .summary = "Drops entries from the front of a stream.",
     .syntax = "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> StreamCommands() { return kStreamCommands; }

}  // namespace terrace::commands
