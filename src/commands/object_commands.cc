// OBJECT: what can be seen of a value from outside.
#include <limits>

#include "base/numbers.h"
#include "commands/context.h"
#include "commands/encoding_name.h"
#include "commands/families.h"
#include "commands/key_lookup.h"

namespace terrace::commands {
namespace {

using engine::Entry;

// Counts as a look-up, but neither touches the key (it may be its idle time that is asked for) nor says that
// it is missing.
const Entry* Inspect(ReadContext& ctx, Bytes key) {
  const Entry* entry = ctx.Peek(key);
  engine::EngineCounters& counters = ctx.unit.counters;
  engine::EngineCounters::Add(entry == nullptr ? counters.keyspace_misses : counters.keyspace_hits);
  if (entry == nullptr) ctx.reply.Null();
  return entry;
}

// OBJECT ENCODING key
void ObjectEncoding(ReadContext& ctx, Args args) {
  if (const Entry* entry = Inspect(ctx, args[2])) ctx.reply.Bulk(EncodingName(*entry));
}

// OBJECT FREQ key
void ObjectFreq(ReadContext& ctx, Args args) {
  const Entry* entry = Inspect(ctx, args[2]);
  if (entry == nullptr) return;
  if (!ctx.unit.settings.lfu.load(std::memory_order_relaxed)) {
    return ctx.reply.Error(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
        "that when "
        "switching "
        "between policies at runtime LRU and LFU data will take some time to adjust.");
  }
  ctx.reply.Integer(engine::LfuCounter(entry->access(), ctx.now_ms(), ctx.unit.lfu_settings()));
}

// OBJECT IDLETIME key
void ObjectIdleTime(ReadContext& ctx, Args args) {
  const Entry* entry = Inspect(ctx, args[2]);
  if (entry == nullptr) return;
  if (ctx.unit.settings.lfu.load(std::memory_order_relaxed)) {
    return ctx.reply.Error(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
        "switching "
        "between "
        "policies at runtime LRU and LFU data will take some time to adjust.");
  }
  ctx.reply.Integer(static_cast<int64_t>(engine::LruIdleSeconds(entry->access(), ctx.now_ms())));
}

// OBJECT REFCOUNT key
//
// Values are not shared between keys here. Redis shares the small integers and counts them as referred to
// without end, unless a memory limit under an LRU or LFU policy wants an access clock for each of them. That is all a
// client can learn from the number, so it is told the same, by the policy in force now.
void ObjectRefCount(ReadContext& ctx, Args args) {
  constexpr int64_t kSharedIntegers = 10000;
  const Entry* entry = Inspect(ctx, args[2]);
  if (entry == nullptr) return;
  const bool shared = ctx.unit.settings.shares_integers.load(std::memory_order_relaxed) &&
                      entry->encoding() == Encoding::kInteger && entry->integer() >= 0 &&
                      entry->integer() < kSharedIntegers;
  ctx.reply.Integer(shared ? std::numeric_limits<int32_t>::max() : 1);
}

// OBJECT HELP
void ObjectHelp(ReadContext& ctx, Args) {
  constexpr Bytes kLines[] = {
      "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "ENCODING <key>",
      "    How the value of <key> is stored: embstr, listpack, hashtable and so on.",
      "FREQ <key>",
      "    The logarithmic count of recent accesses that the LFU policies go by.",
      "IDLETIME <key>",
      "    Seconds since the last access, as the LRU policies count them.",
      "REFCOUNT <key>",
      "    How many keys share the value.",
      "HELP",
      "    This text.",
  };
  ctx.reply.Array(std::size(kLines));
  for (const Bytes line : kLines) ctx.reply.Simple(line);
}

constexpr KeySpec kInspectedKey[] = {OneKey(kKeyRO, 2)};

constexpr CommandSpec kObjectSubcommands[] = {
    {.name = "encoding",
     .arity = 3,
     .flags = kReadonly,
     .keys = kInspectedKey,
     .read = ObjectEncoding,
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Names the form a value is stored in.",
     .syntax = "key",
     .tips = "nondeterministic_output"},
    {.name = "freq",
     .arity = 3,
     .flags = kReadonly,
     .keys = kInspectedKey,
     .needs_values = NeedsNoValues,
     .read = ObjectFreq,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Returns the access counter of a key, on a logarithmic scale.",
     .syntax = "key",
     .tips = "nondeterministic_output"},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .read = ObjectHelp,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "idletime",
     .arity = 3,
     .flags = kReadonly,
     .keys = kInspectedKey,
     .needs_values = NeedsNoValues,
     .read = ObjectIdleTime,
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Returns the seconds since a key was last used.",
     .syntax = "key",
     .tips = "nondeterministic_output"},
    {.name = "refcount",
     .arity = 3,
     .flags = kReadonly,
     .keys = kInspectedKey,
     .read = ObjectRefCount,
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Counts the references to a value.",
     .syntax = "key",
     .tips = "nondeterministic_output"},
};

constexpr CommandSpec kObjectCommands[] = {
    {.name = "object",
     .arity = -2,
     .subcommands = kObjectSubcommands,
     .since = "2.2.3",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands that inspect values."},
};

}  // namespace

std::span<const CommandSpec> ObjectCommands() { return kObjectCommands; }

}  // namespace terrace::commands
