// DUMP and RESTORE: one value as a payload that another server understands (rdb/dump_payload.h).
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/context.h"
#include "commands/families.h"
#include "engine/entry_codec.h"
#include "rdb/dump_payload.h"

namespace terrace::commands {
namespace {

using engine::Entry;

// DUMP key
void Dump(ReadContext& ctx, Args args) {
  const Entry* entry = ctx.Find(args[1]);
  if (entry == nullptr) return ctx.reply.Null();
  ctx.reply.Bulk(rdb::SealDumpPayload(engine::EncodeValue(*entry), engine::RdbVersionFor(*entry)));
}

template <typename T>
using OrErrorText = Result<T, Bytes>;

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
  // At most one of the two.
  std::optional<uint64_t> idle_seconds;
  std::optional<uint8_t> frequency;
};

OrErrorText<RestoreOptions> ParseRestoreOptions(Args args) {
  RestoreOptions options;
  for (size_t i = 4; i < args.size(); ++i) {
    const bool more = i + 1 < args.size();
    if (EqualsIgnoreCase(args[i], "REPLACE")) {
      options.replace = true;
    } else if (EqualsIgnoreCase(args[i], "ABSTTL")) {
      options.absolute = true;
    } else if (EqualsIgnoreCase(args[i], "IDLETIME") && more && !options.frequency) {
      const auto seconds = ParseInt64(args[++i]);
      if (!seconds) return Unexpected{kNotAnIntegerError};
      if (*seconds < 0) return Unexpected{Bytes("ERR Invalid IDLETIME value, must be >= 0")};
      options.idle_seconds = static_cast<uint64_t>(*seconds);
    } else if (EqualsIgnoreCase(args[i], "FREQ") && more && !options.idle_seconds) {
      const auto frequency = ParseInt64(args[++i]);
      if (!frequency) return Unexpected{kNotAnIntegerError};
      if (*frequency < 0 || *frequency > 255) {
        return Unexpected{Bytes("ERR Invalid FREQ value, must be >= 0 and <= 255")};
      }
      options.frequency = static_cast<uint8_t>(*frequency);
    } else {
      return Unexpected{kSyntaxError};
    }
  }
  return options;
}

// The deadline in ms since epoch, 0 for none.
OrErrorText<uint64_t> ParseDeadline(Bytes text, bool absolute, uint64_t now_ms) {
  constexpr uint64_t kDeadlineMax = std::numeric_limits<int64_t>::max();
  const auto ttl_ms = ParseInt64(text);
  if (!ttl_ms) return Unexpected{kNotAnIntegerError};
  if (*ttl_ms < 0) return Unexpected{Bytes("ERR Invalid TTL value, must be >= 0")};
  const auto time = static_cast<uint64_t>(*ttl_ms);
  return time == 0 || absolute ? time : std::min(time + now_ms, kDeadlineMax);
}

// The entry is the caller's.
OrErrorText<Entry*> EntryOf(Bytes payload, Bytes key, uint64_t deadline_ms,
                            const types::EncodingLimits& limits) {
  const auto body = rdb::OpenDumpPayload(payload);
  if (!body.ok() && body.error() == rdb::PayloadError::kVersionOrChecksum) {
    return Unexpected{Bytes("ERR DUMP payload version or checksum are wrong")};
  }
  constexpr Bytes kBadFormatError = "ERR Bad data format";
  if (!body.ok()) return Unexpected{kBadFormatError};
  const auto entry = engine::DecodeEntry(*body, key, deadline_ms, limits);
  if (!entry.ok()) return Unexpected{kBadFormatError};
  return *entry;
}

// A deadline that has passed already leaves no key behind, and takes the one that was to be replaced along.
Effect RestoreExpired(WriteContext& ctx, Bytes key) {
  ctx.reply.Ok();
  if (ctx.Peek(key) == nullptr) return Effect::None();
  ctx.Edit(key).Delete();
  ctx.Notify(engine::kNotifyGeneric, "del", key);
  return ctx.Rewritten({"DEL", key});
}

// RESTORE key deadline payload [option ...] ABSTTL
Effect LogAbsolute(WriteContext& ctx, Args args, uint64_t deadline_ms) {
  const std::string digits = FormatInt64(static_cast<int64_t>(deadline_ms));
  std::vector<Bytes> words(args.begin(), args.end());
  words[2] = digits;
  words.push_back("ABSTTL");
  ctx.unit.LogArgs(ctx.db, words.data(), words.size());
  return Effect::Logged();
}

// RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
Effect Restore(WriteContext& ctx, Args args) {
  const auto options = ParseRestoreOptions(args);
  if (!options.ok()) return Fail(ctx, options.error());
  // Whether the name is free is answered before anything is said about time and payload.
  if (!options->replace && ctx.Peek(args[1]) != nullptr) {
    return Fail(ctx, "BUSYKEY Target key name already exists.");
  }
  const auto deadline = ParseDeadline(args[2], options->absolute, ctx.now_ms());
  if (!deadline.ok()) return Fail(ctx, deadline.error());
  const auto decoded = EntryOf(args[3], args[1], *deadline, ctx.unit.settings.encoding);
  if (!decoded.ok()) return Fail(ctx, decoded.error());
  Entry* entry = *decoded;
  // A follower takes the key as the leader had it; the DEL will come.
  const bool expired = *deadline != 0 && *deadline <= ctx.now_ms();
  if (expired && ctx.unit.origin == engine::Origin::kClient) {
    ctx.unit.databases.Discard(entry);
    return RestoreExpired(ctx, args[1]);
  }
  entry->set_access(ctx.unit.AccessFrom(options->idle_seconds, options->frequency));
  engine::Edit edit = ctx.Edit(args[1]);
  if (edit.entry() != nullptr) edit.Delete();
  edit.Put(entry);
  ctx.Notify(engine::kNotifyGeneric, "restore", args[1]);
  ctx.reply.Ok();
  return *deadline == 0 || options->absolute ? Effect::AsReceived()
                                             : LogAbsolute(ctx, args, *deadline);
}

constexpr CommandSpec kDumpCommands[] = {
    {.name = "dump",
     .arity = 2,
     .flags = kReadonly,
     .keys = kReadKey,
     .read = Dump,
     .since = "2.6.0",
     .complexity = "O(1) to find the key, O(N) in the size of its value",
     .summary = "Returns a value as a payload for RESTORE.",
     .syntax = "key",
     .tips = "nondeterministic_output"},
    {.name = "restore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .categories = kCatDangerous,
     .keys = kOverwriteKey,
     .write = Restore,
     .since = "2.6.0",
     .complexity = "O(1) to make the key, O(N) in the size of its value",
     .summary = "Makes a key from a payload of DUMP.",
     .syntax = "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]"},
};

}  // namespace

std::span<const CommandSpec> DumpCommands() { return kDumpCommands; }

}  // namespace terrace::commands
