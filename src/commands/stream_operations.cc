#include "commands/stream_operations.h"

#include <charconv>

#include "base/numbers.h"

namespace terrace::commands {

using types::PendingEntry;
using types::Stream;
using types::StreamConsumer;
using types::StreamGroup;
using types::StreamId;

namespace {

// Half of an id. Stock servers take a plus sign and leading zeros.
std::optional<uint64_t> ParseHalf(Bytes text) {
  if (text.size() > 1 && text.front() == '+') text.remove_prefix(1);
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

ErrcOr<std::optional<Stream>> StreamOf(const ErrcOr<engine::Entry*>& found) {
  if (TERRACE_UNLIKELY(!found.ok())) return Unexpected{found.error()};
  if (*found == nullptr) return std::optional<Stream>();
  return std::optional<Stream>(Stream((*found)->collection()));
}

}  // namespace

std::optional<StreamId> ParseStreamId(Bytes text, uint64_t missing_seq) {
  const size_t dash = text.find('-');
  const auto ms = ParseHalf(text.substr(0, dash));
  const auto seq =
      dash == Bytes::npos ? std::optional(missing_seq) : ParseHalf(text.substr(dash + 1));
  if (!ms || !seq) return std::nullopt;
  return StreamId{*ms, *seq};
}

std::optional<NewStreamId> ParseNewStreamId(Bytes text) {
  if (text == "*") return NewStreamId{};
  if (text.size() > 2 && text.ends_with("-*")) {
    const auto ms = ParseHalf(text.substr(0, text.size() - 2));
    if (!ms) return std::nullopt;
    return NewStreamId{ms, std::nullopt};
  }
  const auto id = ParseStreamId(text);
  if (!id) return std::nullopt;
  return NewStreamId{id->ms, id->seq};
}

Result<StreamId, Bytes> ParseRangeEnd(Bytes text, RangeEnd end) {
  const bool is_start = end == RangeEnd::kStart;
  const bool excluded = text.size() > 1 && text.front() == '(';
  if (text == "-") return StreamId{};
  if (text == "+") return StreamId::Max();
  const auto id = ParseStreamId(excluded ? text.substr(1) : text, is_start ? 0 : UINT64_MAX);
  if (!id) return Unexpected{kInvalidStreamIdError};
  if (!excluded) return *id;
  if (is_start) {
    if (*id == StreamId::Max()) return Unexpected{Bytes("ERR invalid start ID for the interval")};
    return id->Next();
  }
  if (id->is_zero()) return Unexpected{Bytes("ERR invalid end ID for the interval")};
  return id->Previous();
}

Result<int64_t, Bytes> ParseStreamNumber(Bytes text, Bytes error) {
  const auto number = ParseInt64(text);
  if (!number) return Unexpected{error};
  return *number;
}

ErrcOr<std::optional<Stream>> FindStream(ReadContext& ctx, Bytes key) {
  return StreamOf(ctx.Find(key, Type::kStream));
}
ErrcOr<std::optional<Stream>> PeekStream(ReadContext& ctx, Bytes key) {
  return StreamOf(ctx.Peek(key, Type::kStream));
}

// --- groups ---

FoundGroup GroupOf(const std::optional<Stream>& stream, Bytes name) {
  return {stream, stream ? stream->FindGroup(name) : nullptr};
}

std::string NoGroupError(Bytes key, Bytes group, Bytes where) {
  return "NOGROUP No such key '" + std::string(key) + "' or consumer group '" + std::string(group) +
         "'" + std::string(where);
}

std::string NoGroupInStreamError(Bytes key, Bytes group) {
  return "NOGROUP No such consumer group '" + std::string(group) + "' for key name '" +
         std::string(key) + "'";
}

void LogClaim(WriteContext& ctx, Bytes key, Bytes group_name, const StreamGroup& group, StreamId id,
              const PendingEntry& entry) {
  if (!ctx.unit.logging) return;
  EffectCommand command;
  command << "XCLAIM" << key << group_name << entry.consumer->name() << "0" << id << "TIME"
          << entry.delivered_ms << "RETRYCOUNT" << entry.deliveries << "FORCE"
          << "JUSTID"
          << "LASTID" << group.last_id;
  command.LogTo(ctx);
}

void LogGroupPosition(WriteContext& ctx, Bytes key, Bytes group_name, const StreamGroup& group) {
  if (!ctx.unit.logging) return;
  EffectCommand command;
  command << "XGROUP"
          << "SETID" << key << group_name << group.last_id << "ENTRIESREAD" << group.entries_read;
  command.LogTo(ctx);
}

void LogConsumerCreated(WriteContext& ctx, Bytes key, Bytes group_name, Bytes consumer) {
  ctx.unit.LogWords(ctx.db, {"XGROUP", "CREATECONSUMER", key, group_name, consumer});
}

StreamConsumer* MeetConsumer(WriteContext& ctx, Bytes key, Bytes group_name, StreamGroup* group,
                             Bytes name, bool* made) {
  StreamConsumer* consumer = group->FindConsumer(name);
  *made = consumer == nullptr;
  if (*made) {
    StreamEdit edit(ctx, key);
    consumer = group->EnsureConsumer(name, ctx.now_ms(), made);
    edit.Finish();
    ctx.Notify(engine::kNotifyStream, "xgroup-createconsumer", key);
    LogConsumerCreated(ctx, key, group_name, name);
  }
  // No change of the key: nobody's WATCH breaks for it, and no log has it.
  consumer->seen_ms = static_cast<int64_t>(ctx.now_ms());
  return consumer;
}

void ReplyBadSubcommand(resp::Reply& reply, Bytes command, Bytes subcommand) {
  constexpr size_t kShownMax = 128;
  reply.Error("ERR unknown subcommand or wrong number of arguments for '" +
              std::string(subcommand.substr(0, kShownMax)) + "'. Try " + std::string(command) +
              " HELP.");
}

}  // namespace terrace::commands
