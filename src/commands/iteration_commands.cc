// Walks over all keys: KEYS in one go, SCAN a stretch at a time.
//
// Both leave out keys that are due and not removed yet. KEYS leaves them to the timers; SCAN deletes those that its
// pattern matches, as Redis does: whoever switched the timers off (DEBUG SET-ACTIVE-EXPIRE) cleans up by scanning.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/glob.h"
#include "base/numbers.h"
#include "commands/context.h"
#include "commands/families.h"

namespace terrace::commands {
namespace {

using engine::Entry;

constexpr Bytes kAnyKey = "*";

// KEYS pattern
void Keys(ReadContext& ctx, Args args) {
  const Bytes pattern = args[1];
  const bool all = pattern == kAnyKey;
  const resp::Reply::Slot slot = ctx.reply.DeferredArray();
  size_t found = 0;
  ctx.keyspace().ForEach([&](const Entry& entry) {
    if (entry.IsDue(ctx.now_ms()) || (!all && !GlobMatch(pattern, entry.key()))) return;
    ctx.reply.Bulk(entry.key());
    ++found;
  });
  ctx.reply.SetDeferred(slot, found);
}

// What strtoul takes for a whole number, which is what clients are used to: a sign may stand before the
// digits, and nothing at all is 0. A negative number or one past 2^48 is past the end of every keyspace.
std::optional<uint64_t> ParseCursor(Bytes text) {
  if (text.empty()) return 0;
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  uint64_t cursor = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (cursor > (std::numeric_limits<uint64_t>::max() - digit) / 10) return std::nullopt;
    cursor = cursor * 10 + digit;
  }
  return negative ? 0 - cursor : cursor;
}

struct ScanOptions {
  Bytes pattern = kAnyKey;
  std::optional<Bytes> type;
  uint64_t count = 10;
};

ErrcOr<ScanOptions> ParseScanOptions(Args args) {
  ScanOptions options;
  for (size_t i = 2; i < args.size(); i += 2) {
    if (i + 1 == args.size()) return Unexpected{Errc::kSyntax};
    if (EqualsIgnoreCase(args[i], "COUNT")) {
      const auto count = ParseInt64(args[i + 1]);
      if (!count) return Unexpected{Errc::kNotAnInteger};
      if (*count < 1) return Unexpected{Errc::kSyntax};
      // More than there can be keys is as good as all of them, and cannot overflow where it is multiplied.
      options.count = std::min(static_cast<uint64_t>(*count), uint64_t{1} << 48);
    } else if (EqualsIgnoreCase(args[i], "MATCH")) {
      options.pattern = args[i + 1];
    } else if (EqualsIgnoreCase(args[i], "TYPE")) {
      options.type = args[i + 1];
    } else {
      return Unexpected{Errc::kSyntax};
    }
  }
  return options;
}

// Names of keys, end to end: the cursor is known after them and stands before them in the reply.
class NameList {
 public:
  void Add(Bytes name) {
    bytes_.append(name);
    ends_.push_back(bytes_.size());
  }
  void Reply(resp::Reply& reply) const {
    reply.Array(ends_.size());
    size_t begin = 0;
    for (const size_t end : ends_) {
      reply.Bulk(Bytes(bytes_).substr(begin, end - begin));
      begin = end;
    }
  }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
void Scan(ReadContext& ctx, Args args) {
  const auto cursor = ParseCursor(args[1]);
  if (!cursor) return ctx.reply.Error("ERR invalid cursor");
  const auto options = ParseScanOptions(args);
  if (!options.ok()) return ReplyError(ctx, options.error());
  const bool all = options->pattern == kAnyKey;
  NameList names;
  const uint64_t next = ctx.keyspace().Scan(*cursor, options->count, [&](const Entry& entry) {
    if ((!all && !GlobMatch(options->pattern, entry.key())) || ctx.LeaveOut(entry)) return;
    // A name that is no type's is the type of no key.
    if (options->type && !EqualsIgnoreCase(*options->type, TypeName(entry.type()))) return;
    names.Add(entry.key());
  });
  ctx.reply.Array(2);
  ctx.reply.Bulk(FormatInt64(static_cast<int64_t>(next)));
  names.Reply(ctx.reply);
}

constexpr CommandSpec kIterationCommands[] = {
    {.name = "keys", .arity = 2, .flags = kReadonly | kWholeKeyspace, .categories = kCatDangerous,
     .read = Keys, .since = "1.0.0", .complexity = "O(N) in the keys of the database",
     .summary = "Lists the keys whose names match a pattern.", .syntax = "pattern",
     .tips = "request_policy:all_shards,nondeterministic_output_order"},
    {.name = "scan", .arity = -2, .flags = kReadonly | kWholeKeyspace, .read = Scan, .since = "2.8.0",
     .complexity = "O(COUNT) a call, O(N) for a whole iteration over N keys",
     .summary = "Lists the keys of the database a stretch at a time.",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]",
     .tips = "nondeterministic_output,request_policy:special"},
};

}  // namespace

std::span<const CommandSpec> IterationCommands() { return kIterationCommands; }

}  // namespace terrace::commands
