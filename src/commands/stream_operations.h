// What the families of stream commands have in common: ids as clients write them, the stream a key holds, entries as
// clients see them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/context.h"
#include "types/stream.h"

namespace terrace::commands {

constexpr Bytes kInvalidStreamIdError =
    "ERR Invalid stream ID specified as stream command argument";

/// "ms-seq", or "ms" with `missing_seq` put behind it.
std::optional<types::StreamId> ParseStreamId(Bytes text, uint64_t missing_seq = 0);

/// XADD's id: "ms-seq", "ms" (seq 0), "ms-*" (no seq), "*" (neither).
struct NewStreamId {
  std::optional<uint64_t> ms;
  std::optional<uint64_t> seq;
  /// All of it is the client's.
  bool given() const { return seq.has_value(); }
};
std::optional<NewStreamId> ParseNewStreamId(Bytes text);

/// One end of a range: an id, "-" or "+", or "(" and an id that is not in it.
enum class RangeEnd : uint8_t { kStart, kEnd };
Result<types::StreamId, Bytes> ParseRangeEnd(Bytes text, RangeEnd end);

/// The number an option asks for.
Result<int64_t, Bytes> ParseStreamNumber(Bytes text, Bytes error = kNotAnIntegerError);

/// The stream a key holds, if it exists: as a read finds it, and as a write looks first.
ErrcOr<std::optional<types::Stream>> FindStream(ReadContext& ctx, Bytes key);
ErrcOr<std::optional<types::Stream>> PeekStream(ReadContext& ctx, Bytes key);

/// An edit of a key that is absent or holds a stream. Unlike other collections a stream stays when it is empty.
class StreamEdit {
 public:
  StreamEdit(WriteContext& ctx, Bytes key)
      : edit_(ctx.Edit(key)),
        stream_(edit_.entry() == nullptr ? types::Stream::New()
                                         : types::Stream(edit_.entry()->collection())) {}
  ~StreamEdit() { TERRACE_DCHECK(finished_); }
  StreamEdit(const StreamEdit&) = delete;
  StreamEdit& operator=(const StreamEdit&) = delete;

  types::Stream* operator->() { return &stream_; }
  types::Stream& operator*() { return stream_; }
  /// Once, after the change and before its notification.
  void Finish() {
    finished_ = true;
    edit_.SetCollection(stream_.value());
  }

 private:
  engine::Edit edit_;
  types::Stream stream_;
  bool finished_ = false;
};

// --- groups ---

/// A group as a command finds it.
struct FoundGroup {
  std::optional<types::Stream> stream;
  types::StreamGroup* group = nullptr;
};
FoundGroup GroupOf(const std::optional<types::Stream>& stream, Bytes name);
/// "NOGROUP No such key 'k' or consumer group 'g'", and `where` behind it.
std::string NoGroupError(Bytes key, Bytes group, Bytes where = {});
/// "NOGROUP No such consumer group 'g' for key name 'k'".
std::string NoGroupInStreamError(Bytes key, Bytes group);

/// One command of an effect, word by word.
class EffectCommand {
 public:
  EffectCommand& operator<<(Bytes word) {
    words_.emplace_back(word);
    return *this;
  }
  EffectCommand& operator<<(types::StreamId id) {
    return *this << Bytes(types::FormatStreamId(id));
  }
  EffectCommand& operator<<(uint64_t number) { return *this << Bytes(std::to_string(number)); }
  EffectCommand& operator<<(int64_t number) { return *this << Bytes(std::to_string(number)); }
  void LogTo(WriteContext& ctx) const {
    const std::vector<Bytes> views(words_.begin(), words_.end());
    ctx.unit.LogArgs(ctx.db, views.data(), views.size());
  }

 private:
  std::vector<std::string> words_;
};

/// What followers are told of groups. Where nothing is logged these cost nothing.
///
/// An entry is pending as `entry` says, or if its entry has gone from the stream, it is no more.
void LogClaim(WriteContext& ctx, Bytes key, Bytes group_name, const types::StreamGroup& group,
              types::StreamId id, const types::PendingEntry& entry);
void LogGroupPosition(WriteContext& ctx, Bytes key, Bytes group_name,
                      const types::StreamGroup& group);
void LogConsumerCreated(WriteContext& ctx, Bytes key, Bytes group_name, Bytes consumer);

/// The consumer of a group, which comes into being, is announced and logged if it is not there; `made` if so. It has been
/// seen now.
types::StreamConsumer* MeetConsumer(WriteContext& ctx, Bytes key, Bytes group_name,
                                    types::StreamGroup* group, Bytes consumer, bool* made);

// --- replies ---

inline void ReplyElement(resp::Reply& reply, const types::Element& element) {
  element.is_integer() ? reply.BulkInt(element.integer()) : reply.Bulk(element.string());
}

inline void ReplyStreamId(resp::Reply& reply, types::StreamId id) {
  char text[types::kStreamIdCharsMax];
  reply.Bulk(Bytes(text, types::FormatStreamId(id, text)));
}

/// The answer to a subcommand with words it does not take.
void ReplyBadSubcommand(resp::Reply& reply, Bytes command, Bytes subcommand);

/// [id, [field, value ...]]
inline void ReplyEntry(resp::Reply& reply, const types::Stream::Cursor& entry) {
  reply.Array(2);
  ReplyStreamId(reply, entry.id());
  reply.Array(2 * entry.fields());
  entry.ForEachField([&](const types::Element& field, const types::Element& value) {
    ReplyElement(reply, field);
    ReplyElement(reply, value);
  });
}

}  // namespace terrace::commands
