// Streams: reading what is new, alone (XREAD) or as one of a group's consumers (XREADGROUP).
#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/block_timeout.h"
#include "commands/families.h"
#include "commands/stream_operations.h"

namespace terrace::commands {
namespace {

using types::PendingEntry;
using types::Stream;
using types::StreamConsumer;
using types::StreamGroup;
using types::StreamId;

// An empty error: it has been answered already.
Effect FailUnlessAnswered(WriteContext& ctx, Bytes error) {
  return error.empty() ? Effect::None() : Fail(ctx, error);
}

// What XREAD and XREADGROUP are asked for.
struct ReadRequest {
  uint64_t count = 0;     // entries of each stream; 0: no limit
  size_t streams_at = 0;  // the first key
  size_t streams = 0;
  std::optional<uint64_t> block_ms;  // BLOCK; 0: for ever
  bool no_ack = false;
  size_t group_at = 0;  // the group's name; the consumer's is behind it

  std::span<const Bytes> Keys(Args args) const { return args.span().subspan(streams_at, streams); }
  Bytes KeyOf(Args args, size_t i) const { return args[streams_at + i]; }
  Bytes IdOf(Args args, size_t i) const { return args[streams_at + streams + i]; }
};

constexpr Bytes kUnbalancedError =
    "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.";
constexpr Bytes kUnbalancedGroupError =
    "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be "
    "specified.";

// The last option and all behind it. The error is its text.
Result<ReadRequest, Bytes> TakeStreams(ReadRequest request, size_t at, Args args, bool as_group) {
  const size_t names = args.size() - at;
  if (names % 2 != 0) return Unexpected{as_group ? kUnbalancedGroupError : kUnbalancedError};
  request.streams_at = at;
  request.streams = names / 2;
  if (as_group && request.group_at == 0)
    return Unexpected{Bytes("ERR Missing GROUP option for XREADGROUP")};
  return request;
}

// The error is its text, or nothing if it has been answered.
Result<ReadRequest, Bytes> ParseRead(ReadContext& ctx, Args args, bool as_group) {
  ReadRequest request;
  for (size_t i = 1; i < args.size(); ++i) {
    const size_t more = args.size() - i - 1;
    if (more != 0 && EqualsIgnoreCase(args[i], "BLOCK")) {
      request.block_ms = ParseBlockTimeoutMs(ctx, args[++i]);
      if (!request.block_ms) return Unexpected{Bytes()};
    } else if (more != 0 && EqualsIgnoreCase(args[i], "COUNT")) {
      const auto count = ParseStreamNumber(args[++i]);
      if (!count.ok()) return Unexpected{count.error()};
      request.count = static_cast<uint64_t>(std::max<int64_t>(*count, 0));
    } else if (more != 0 && EqualsIgnoreCase(args[i], "STREAMS")) {
      return TakeStreams(request, i + 1, args, as_group);
    } else if (more > 1 && EqualsIgnoreCase(args[i], "GROUP")) {
      if (!as_group) {
        return Unexpected{Bytes(
            "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")};
      }
      request.group_at = i + 1;
      i += 2;
    } else if (EqualsIgnoreCase(args[i], "NOACK")) {
      if (!as_group) {
        return Unexpected{Bytes(
            "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")};
      }
      request.no_ack = true;
    } else {
      return Unexpected{kSyntaxError};
    }
  }
  return Unexpected{kSyntaxError};
}

void ReplyParseError(ReadContext& ctx, Bytes error) {
  if (!error.empty()) ctx.reply.Error(error);
}

// Who waits looks again and again: that is no hit or miss each time.
ErrcOr<std::optional<Stream>> StreamFor(ReadContext& ctx, const ReadRequest& request, Bytes key) {
  return request.block_ms ? PeekStream(ctx, key) : FindStream(ctx, key);
}

// Keys and their entries: in RESP3 a map, in RESP2 an array of pairs.
class StreamsReply {
 public:
  explicit StreamsReply(resp::Reply& reply) : reply_(reply) {}

  void Begin(Bytes key) {
    const bool pairs = reply_.protocol() == 2;
    if (streams_++ == 0) slot_ = pairs ? reply_.DeferredArray() : reply_.DeferredMap();
    if (pairs) reply_.Array(2);
    reply_.Bulk(key);
  }
  bool empty() const { return streams_ == 0; }
  void Finish() { streams_ == 0 ? reply_.NullArray() : reply_.SetDeferred(slot_, streams_); }

 private:
  resp::Reply& reply_;
  resp::Reply::Slot slot_{};
  size_t streams_ = 0;
};

// --- XREAD ---

// The id behind which a read begins.
Result<StreamId, Bytes> ResolveId(Bytes text, const std::optional<Stream>& stream) {
  if (text == "$") return stream ? stream->last_id() : StreamId{};
  if (text == "+") {
    // The last entry is what comes next.
    const Stream::Cursor last = stream ? stream->Last() : Stream::Cursor();
    if (last) return last.id().Previous();
    return stream ? stream->last_id() : StreamId{};
  }
  if (text == ">") {
    return Unexpected{
        Bytes("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
              "<consumer> option.")};
  }
  const auto id = ParseStreamId(text);
  if (!id) return Unexpected{kInvalidStreamIdError};
  return *id;
}

// The command with the ids that it began with: "$" would be another one when it is run again.
std::vector<std::string> WithIds(Args args, const ReadRequest& request,
                                 const std::vector<StreamId>& ids) {
  std::vector<std::string> words(args.begin(), args.end());
  for (size_t i = 0; i < request.streams; ++i) {
    words[request.streams_at + request.streams + i] = types::FormatStreamId(ids[i]);
  }
  return words;
}

// XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]
void XRead(ReadContext& ctx, Args args) {
  const auto request = ParseRead(ctx, args, false);
  if (!request.ok()) return ReplyParseError(ctx, request.error());
  std::vector<std::optional<Stream>> streams;
  std::vector<StreamId> after;
  for (size_t i = 0; i < request->streams; ++i) {
    const auto found = StreamFor(ctx, *request, request->KeyOf(args, i));
    if (!found.ok()) return ReplyError(ctx, found.error());
    const auto id = ResolveId(request->IdOf(args, i), *found);
    if (!id.ok()) return ctx.reply.Error(id.error());
    streams.push_back(*found);
    after.push_back(*id);
  }
  StreamsReply reply(ctx.reply);
  for (size_t i = 0; i < request->streams; ++i) {
    if (!streams[i] || after[i] == StreamId::Max()) continue;
    Stream::Cursor at = streams[i]->AtOrAfter(after[i].Next());
    if (!at) continue;
    reply.Begin(request->KeyOf(args, i));
    const resp::Reply::Slot entries = ctx.reply.DeferredArray();
    size_t sent = 0;
    for (; at && (request->count == 0 || sent < request->count); at.Next(), ++sent)
      ReplyEntry(ctx.reply, at);
    ctx.reply.SetDeferred(entries, sent);
  }
  if (!reply.empty() || !request->block_ms) return reply.Finish();
  ctx.WaitFor(Type::kStream, request->Keys(args), *request->block_ms, EmptyReply::kNullArray,
              {.request = WithIds(args, *request, after)});
}

// --- XREADGROUP ---

// One stream of the request, and the group in it.
struct GroupRead {
  Bytes key;
  Stream stream;
  StreamGroup* group;
  std::optional<StreamId> after;  // history: what is pending behind this id; none: new entries
};

Result<std::vector<GroupRead>, std::string> FindGroupReads(WriteContext& ctx, Args args,
                                                           const ReadRequest& request) {
  std::vector<GroupRead> reads;
  for (size_t i = 0; i < request.streams; ++i) {
    const Bytes key = request.KeyOf(args, i);
    const Bytes id = request.IdOf(args, i);
    const auto found = StreamFor(ctx, request, key);
    if (!found.ok()) return Unexpected{std::string(ErrorText(found.error()))};
    StreamGroup* group = GroupOf(*found, args[request.group_at]).group;
    if (group == nullptr) {
      return Unexpected{
          NoGroupError(key, args[request.group_at], " in XREADGROUP with GROUP option")};
    }
    if (id == "$" || id == "+") {
      return Unexpected{
          "ERR The " + std::string(id) +
          " ID is meaningless in the context of XREADGROUP: you want to read the history of this "
          "consumer by specifying a proper ID, or use the > ID to get new messages. The " +
          std::string(id) + " ID would just return an empty result set."};
    }
    std::optional<StreamId> after;
    if (id != ">") {
      after = ParseStreamId(id);
      if (!after) return Unexpected{std::string(kInvalidStreamIdError)};
      // The greatest id is what > stands for in stock servers.
      if (*after == StreamId::Max()) after.reset();
    }
    reads.push_back({key, **found, group, after});
  }
  return reads;
}

// Reads for one consumer, stream by stream.
class GroupReader {
 public:
  GroupReader(WriteContext& ctx, Bytes group_name, Bytes consumer, const ReadRequest& request)
      : ctx_(ctx),
        group_name_(group_name),
        consumer_name_(consumer),
        request_(request),
        reply_(ctx.reply) {}

  void Read(const GroupRead& read) {
    bool made = false;
    StreamConsumer* consumer =
        MeetConsumer(ctx_, read.key, group_name_, read.group, consumer_name_, &made);
    changes_ += made ? 1 : 0;
    if (read.after) return ReadHistory(read, consumer);
    Stream::Cursor at;
    if (read.group->last_id != StreamId::Max())
      at = read.stream.AtOrAfter(read.group->last_id.Next());
    if (at) Deliver(read, consumer, at);
  }
  bool empty() const { return reply_.empty(); }
  Effect Finish() const {
    return changes_ == 0 ? Effect::None() : Effect::Logged().Counting(changes_);
  }
  void FinishReply() { reply_.Finish(); }

 private:
  bool Enough(size_t sent) const { return request_.count != 0 && sent >= request_.count; }

  // What the consumer was given before and has not acknowledged.
  void ReadHistory(const GroupRead& read, StreamConsumer* consumer) {
    reply_.Begin(read.key);
    const resp::Reply::Slot slot = ctx_.reply.DeferredArray();
    size_t sent = 0;
    for (auto at = consumer->pending().AtOrAfter(read.after->Next()); at && !Enough(sent);
         at.Next(), ++sent) {
      const Stream::Cursor entry = read.stream.AtOrAfter(at.id());
      if (!entry || entry.id() != at.id()) {
        ctx_.reply.Array(2);
        ReplyStreamId(ctx_.reply, at.id());
        ctx_.reply.NullArray();
        continue;
      }
      ReplyEntry(ctx_.reply, entry);
      StreamEdit edit(ctx_, read.key);
      PendingEntry* pending = read.group->FindPending(at.id());
      pending->delivered_ms = ctx_.now_ms();
      ++pending->deliveries;
      edit.Finish();
      LogClaim(ctx_, read.key, group_name_, *read.group, at.id(), *pending);
      ++changes_;
    }
    ctx_.reply.SetDeferred(slot, sent);
  }

  // What nobody of the group has been given yet.
  void Deliver(const GroupRead& read, StreamConsumer* consumer, Stream::Cursor at) {
    StreamGroup& group = *read.group;
    reply_.Begin(read.key);
    StreamEdit edit(ctx_, read.key);
    const resp::Reply::Slot slot = ctx_.reply.DeferredArray();
    size_t sent = 0;
    for (; at && !Enough(sent); at.Next(), ++sent) {
      CountRead(read.stream, &group, at.id());
      group.last_id = at.id();
      ReplyEntry(ctx_.reply, at);
      if (request_.no_ack) continue;
      // It may be pending already: a group can be set back.
      PendingEntry* pending = group.Assign(at.id(), consumer);
      pending->delivered_ms = ctx_.now_ms();
      pending->deliveries = 1;
      consumer->active_ms = static_cast<int64_t>(ctx_.now_ms());
      LogClaim(ctx_, read.key, group_name_, group, at.id(), *pending);
    }
    ctx_.reply.SetDeferred(slot, sent);
    edit.Finish();
    LogGroupPosition(ctx_, read.key, group_name_, group);
    changes_ += sent;
  }

  // How many entries the group has read, with this one, as far as that is known.
  static void CountRead(const Stream& stream, StreamGroup* group, StreamId id) {
    if (group->entries_read != StreamGroup::kUnknown && !stream.HasGap(id, StreamId::Max())) {
      ++group->entries_read;
    } else if (stream.entries_added() != 0) {
      group->entries_read = stream.CountedUpTo(id).value_or(StreamGroup::kUnknown);
    }
  }

  WriteContext& ctx_;
  const Bytes group_name_;
  const Bytes consumer_name_;
  const ReadRequest& request_;
  StreamsReply reply_;
  uint64_t changes_ = 0;
};

// XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]
Effect XReadGroup(WriteContext& ctx, Args args) {
  const auto request = ParseRead(ctx, args, true);
  if (!request.ok()) return FailUnlessAnswered(ctx, request.error());
  const auto reads = FindGroupReads(ctx, args, *request);
  if (!reads.ok()) return FailUnlessAnswered(ctx, reads.error());
  GroupReader reader(ctx, args[request->group_at], args[request->group_at + 1], *request);
  for (const GroupRead& read : *reads) reader.Read(read);
  if (!reader.empty() || !request->block_ms) {
    reader.FinishReply();
  } else {
    ctx.WaitFor(Type::kStream, request->Keys(args), *request->block_ms, EmptyReply::kNullArray,
                {.also_when_gone = true});
  }
  return reader.Finish();
}

constexpr KeySpec kReadStreams[] = {{.flags = kKeyRO | kKeyAccess,
                                     .begin = KeySpec::Begin::kKeyword,
                                     .index = 1,
                                     .keyword = "STREAMS",
                                     .last = -1,
                                     .step = 1,
                                     .limit = 2}};
constexpr KeySpec kGroupStreams[] = {{.flags = kKeyRO | kKeyAccess,
                                      .begin = KeySpec::Begin::kKeyword,
                                      .index = 4,
                                      .keyword = "STREAMS",
                                      .last = -1,
                                      .step = 1,
                                      .limit = 2}};

constexpr CommandSpec kStreamReadCommands[] = {
    {.name = "xread",
     .arity = -4,
     .flags = kReadonly | kBlocking,
     .group = Group::kStream,
     .keys = kReadStreams,
     .read = XRead,
     .since = "5.0.0",
     .complexity = "O(log(N)+M) for each stream, for M entries returned",
     .summary = "Returns the entries of streams that lie behind given ids.",
     .syntax = "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]"},
    {.name = "xreadgroup",
     .arity = -7,
     .flags = kWrite | kBlocking,
     .group = Group::kStream,
     .keys = kGroupStreams,
     .write = XReadGroup,
     .since = "5.0.0",
     .complexity = "O(log(N)+M) for each stream, for M entries returned",
     .summary = "Returns entries of streams that no consumer of a group was given, or what one of "
                "them was.",
     .syntax = "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key "
               "...] id [id ...]"},
};

}  // namespace

std::span<const CommandSpec> StreamReadCommands() { return kStreamReadCommands; }

}  // namespace terrace::commands
