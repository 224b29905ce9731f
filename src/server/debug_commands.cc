// DEBUG: what tests and developers ask for. Redis looks its subcommands up by name and number of arguments at once, so
// it is one command with a table of its own. Only what has a meaning here is there; the rest is unknown.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/ascii.h"
#include "base/glob.h"
#include "base/numbers.h"
#include "commands/encoding_name.h"
#include "commands/error_text.h"
#include "engine/access_clock.h"
#include "engine/entry_codec.h"
#include "engine/residency.h"
#include "server/config/special_values.h"
#include "server/debug_load_log.h"
#include "server/debug_reload.h"
#include "server/digest.h"
#include "server/families.h"
#include "server/keyspace_summary.h"
#include "server/log.h"
#include "server/text.h"
#include "server/worker.h"
#include "types/list.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::Group;
using exec::SessionContext;

Parts& PartsOf(SessionContext& ctx) { return static_cast<Worker&>(*ctx.executor.host()).parts(); }

// Runs body(const Entry&) with the key's shard locked; an absent key is answered with an error, and so is one whose value
// cannot be read.
template <typename Body>
void WithEntry(SessionContext& ctx, Bytes key, Body body) {
  engine::KeyRef ref = ctx.executor.RefFor(ctx.session.db, key);
  ctx.executor.WithLocked(&ref, 1, [&] {
    const engine::Entry* entry = ref.entry();
    if (entry == nullptr) return ctx.reply.Error(commands::kNoSuchKeyError);
    const engine::WholeEntry whole(ctx.env().databases, *ref.keyspace, *entry);
    if (whole.get() == nullptr) return ctx.reply.Error(exec::UnreadableText(whole.status()));
    body(*whole.get());
  });
}

// DEBUG SLEEP seconds
void Sleep(SessionContext& ctx, Args args) {
  // As strtod reads it: what is not a number is 0.
  constexpr double kSecondsMax = 1e9;
  const double wanted = std::strtod(std::string(args[2]).c_str(), nullptr);
  const double seconds = wanted > 0 ? std::min(wanted, kSecondsMax) : 0;
  // Nobody may run meanwhile, so the wait is inside the exclusive section.
  ctx.executor.Exclusive([&] {
    timespec left{static_cast<time_t>(seconds),
                  static_cast<long>((seconds - static_cast<time_t>(seconds)) * 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
  });
  ctx.reply.Ok();
}

// DEBUG SET-ACTIVE-EXPIRE 0 | 1
void SetActiveExpire(SessionContext& ctx, Args args) {
  ctx.env().engine_settings.active_expire = std::atoi(std::string(args[2]).c_str()) != 0;
  for (auto& worker : PartsOf(ctx).workers) worker->RingForExpiry();
  ctx.reply.Ok();
}

// DEBUG QUICKLIST-PACKED-THRESHOLD size
void SetPlainBytes(SessionContext& ctx, Args args) {
  constexpr uint64_t kMost = (uint64_t{1} << 32) - (uint64_t{1} << 20);
  const auto bytes = config::ParseMemory(args[2]);
  if (!bytes || *bytes > kMost) {
    return ctx.reply.Error(
        "ERR argument must be a memory value bigger than 1 and smaller than 4gb");
  }
  ctx.env().engine_settings.encoding.list_plain_bytes = *bytes;
  ctx.reply.Ok();
}

// DEBUG PAUSE-CRON 0 | 1
void PauseCron(SessionContext& ctx, Args args) {
  PartsOf(ctx).run.cron_paused = std::atoi(std::string(args[2]).c_str()) != 0;
  ctx.reply.Ok();
}

// DEBUG LOG message
void LogMessage(SessionContext& ctx, Args args) {
  terrace::server::Log(config::LogLevel::kWarning, "DEBUG LOG: %.*s",
                       static_cast<int>(args[2].size()), args[2].data());
  ctx.reply.Ok();
}

// DEBUG ERROR message
void Error(SessionContext& ctx, Args args) { ctx.reply.Error(args[2]); }

// DEBUG CHANGE-REPL-ID
void ChangeReplicationId(SessionContext& ctx, Args) {
  PartsOf(ctx).run.ChangeReplicationId();
  ctx.reply.Ok();
}

// DEBUG STRINGMATCH-LEN pattern string
void StringMatch(SessionContext& ctx, Args args) {
  ctx.reply.Integer(GlobMatch(args[2], args[3]) ? 1 : 0);
}

// DEBUG LOADAOF
void LoadLog(SessionContext& ctx, Args) { DebugLoadLog(ctx); }

// DEBUG SEGFAULT
void Segfault(SessionContext&, Args) { raise(SIGSEGV); }

// DEBUG PANIC | ASSERT
void Panic(SessionContext&, Args) { std::abort(); }

// What stock servers say of a list in nodes.
void AppendNodes(SessionContext& ctx, const types::Quicklist& list, std::string* text) {
  const types::ListLimits limits = types::ListLimits::From(ctx.env().engine_settings.encoding);
  size_t bytes = 0;
  for (size_t node = 0; node < list.Nodes(); ++node) bytes += list.NodeSize(node);
  AppendFormat(text,
               " ql_nodes:%zu ql_avg_node:%.2f ql_listpack_max:%lld ql_compressed:%d "
               "ql_uncompressed_size:%zu",
               list.Nodes(),
               Ratio(static_cast<double>(list.Size()), static_cast<double>(list.Nodes())),
               static_cast<long long>(limits.node_size), limits.compress_depth != 0 ? 1 : 0, bytes);
}

// DEBUG OBJECT key
void Object(SessionContext& ctx, Args args) {
  WithEntry(ctx, args[2], [&](const engine::Entry& entry) {
    const Bytes encoding = commands::EncodingName(entry);
    std::string text = Format(
        "Value at:%p refcount:1 encoding:%.*s serializedlength:%zu lru:%u lru_seconds_idle:%llu",
        static_cast<const void*>(&entry), static_cast<int>(encoding.size()), encoding.data(),
        engine::EncodeValue(entry).size() - 1, entry.access(),
        static_cast<unsigned long long>(engine::LruIdleSeconds(entry.access(), ctx.now_ms())));
    if (entry.encoding() == Encoding::kQuicklist)
      AppendNodes(ctx, types::Quicklist(entry.collection().data), &text);
    ctx.reply.Simple(text);
  });
}

// DEBUG LISTPACK key
void ShowListpack(SessionContext& ctx, Args args) {
  WithEntry(ctx, args[2], [&](const engine::Entry& entry) {
    const Encoding encoding = entry.encoding();
    if (encoding != Encoding::kListpack && encoding != Encoding::kListpackEx) {
      return ctx.reply.Error("ERR Not a listpack encoded object.");
    }
    const types::Listpack list(entry.collection().data);
    std::printf("{total bytes %zu} {elements %zu}\n", list.TotalBytes(), list.Count());
    size_t index = 0;
    for (auto at = list.First(); at != nullptr; at = list.Next(at), ++index) {
      char digits[kInt64CharsMax];
      const types::Element element = list.Get(at);
      const Bytes shown = element.Text(digits);
      std::printf("{%zu: offset %td, %s [%.*s]}\n", index,
                  at - static_cast<const uint8_t*>(list.data()),
                  element.is_integer() ? "integer" : "string",
                  static_cast<int>(std::min<size_t>(shown.size(), 40)), shown.data());
    }
    std::fflush(stdout);
    ctx.reply.Simple("Listpack structure printed on stdout");
  });
}

// DEBUG DIGEST
void DigestAll(SessionContext& ctx, Args) {
  Digest digest;
  ctx.executor.Exclusive([&] { digest = Digest::OfAll(ctx.env().databases); });
  ctx.reply.Simple(digest.Hex());
}

// DEBUG DIGEST-VALUE key [key ...]
void DigestValue(SessionContext& ctx, Args args) {
  ctx.reply.Array(args.size() - 2);
  for (size_t i = 2; i < args.size(); ++i) {
    engine::KeyRef ref = ctx.executor.RefFor(ctx.session.db, args[i]);
    Digest digest;
    ctx.executor.WithLocked(&ref, 1, [&] {
      const engine::Entry* entry = ref.entry();
      if (entry == nullptr) return;
      const engine::WholeEntry whole(ctx.env().databases, *ref.keyspace, *entry);
      if (whole.get() != nullptr) digest = Digest::OfValue(*whole.get());
    });
    ctx.reply.Simple(digest.Hex());
  }
}

// DEBUG POPULATE count [prefix] [size]
//
// Keys that exist stay as they are; nothing of it reaches the log or subscribers.
void Populate(SessionContext& ctx, Args args) {
  constexpr char kNotPositive[] = "ERR value is out of range, must be positive";
  const auto count = ParseInt64(args[2]);
  if (!count || *count < 0) return ctx.reply.Error(kNotPositive);
  const auto size = args.size() == 5 ? ParseInt64(args[4]) : 0;
  if (!size || *size < 0 ||
      static_cast<uint64_t>(*size) > ctx.env().engine_settings.string_bytes_max.load()) {
    return ctx.reply.Error(kNotPositive);
  }
  const std::string prefix(args.size() > 3 ? args[3] : Bytes("key"));
  engine::Unit& unit = ctx.executor.unit();
  const size_t events = unit.events.size();
  for (int64_t i = 0; i < *count; ++i) {
    const std::string key = prefix + ":" + std::to_string(i);
    std::string value = "value:" + std::to_string(i);
    if (*size > 0) value.resize(static_cast<size_t>(*size), '\0');
    engine::KeyRef ref = ctx.executor.RefFor(ctx.session.db, key);
    ctx.executor.WithLocked(&ref, 1, [&] {
      if (ref.entry() != nullptr) return;
      engine::Edit(unit, ref).SetString(engine::StringSource::Compact(value), 0);
    });
    unit.events.erase(unit.events.begin() + static_cast<std::ptrdiff_t>(events), unit.events.end());
    while (ref.keyspace->NeedsStep() &&
           ref.keyspace->Step([] { return SystemClock().MonotonicNs(); })) {
    }
  }
  ctx.reply.Ok();
}

// DEBUG HTSTATS db
void EngineSummary(SessionContext& ctx, Args args) {
  const auto db = ParseInt64(args[2]);
  if (!db) return ctx.reply.Error(commands::kNotAnIntegerError);
  const engine::Databases& databases = ctx.env().databases;
  if (*db < 0 || *db >= databases.count()) return ctx.reply.Error("ERR Out of range database");
  const KeyspaceSummary summary = Summarize(databases, static_cast<unsigned>(*db), ctx.now_ms());
  std::string text =
      Format("[Keyspace]\n shards: %llu\n buckets: %llu\n",
             static_cast<unsigned long long>(summary.shards),
             static_cast<unsigned long long>(summary.shards * engine::kShardBuckets));
  AppendFormat(&text, " number of elements: %llu\n entries per bucket: %.2f\n",
               static_cast<unsigned long long>(summary.keys), summary.entries_per_bucket());
  AppendFormat(&text, "[Expiry indexes]\n number of elements: %llu\n",
               static_cast<unsigned long long>(summary.deadlines));
  ctx.reply.Verbatim("txt", text);
}

// DEBUG HTSTATS-KEY key: no type here is kept in a hash table.
void KeyTableSummary(SessionContext& ctx, Args args) {
  WithEntry(ctx, args[2], [&](const engine::Entry&) {
    ctx.reply.Error(
        "ERR The value stored at the specified key is not represented using an hash table");
  });
}

struct ProtocolCase {
  const char* name;
  void (*reply)(resp::Reply&);
};

constexpr char kBehindAttribute[] = "Some real reply following the attribute";

void ReplyNumbers(resp::Reply& reply) {
  for (int64_t i = 0; i < 3; ++i) reply.Integer(i);
}

void ReplyAttribute(resp::Reply& reply) {
  if (reply.protocol() > 2) {
    reply.Attribute(1);
    reply.Bulk("key-popularity");
    reply.Array(2);
    reply.Bulk("key:123");
    reply.Integer(90);
  }
  reply.Bulk(kBehindAttribute);
}

void ReplyPush(resp::Reply& reply) {
  if (reply.protocol() == 2) return reply.Error("ERR RESP2 is not supported by this command");
  reply.Push(2);
  reply.Bulk("server-cpu-usage");
  reply.Integer(42);
  reply.Bulk("Some real reply following the push reply");
}

void ReplyMap(resp::Reply& reply) {
  reply.Map(3);
  for (int64_t i = 0; i < 3; ++i) {
    reply.Integer(i);
    reply.Bool(i == 1);
  }
}

// What clients' own test suites expect, to the byte.
constexpr ProtocolCase kProtocolCases[] = {
    {"string", [](resp::Reply& reply) { reply.Bulk("Hello World"); }},
    {"integer", [](resp::Reply& reply) { reply.Integer(12345); }},
    {"double", [](resp::Reply& reply) { reply.Double(3.141); }},
    {"bignum",
     [](resp::Reply& reply) { reply.BigNumber("1234567999999999999999999999999999999"); }},
    {"null", [](resp::Reply& reply) { reply.Null(); }},
    {"array", [](resp::Reply& reply) { reply.Array(3), ReplyNumbers(reply); }},
    {"set", [](resp::Reply& reply) { reply.Set(3), ReplyNumbers(reply); }},
    {"map", ReplyMap},
    {"attrib", ReplyAttribute},
    {"push", ReplyPush},
    {"verbatim", [](resp::Reply& reply) { reply.Verbatim("txt", "This is a verbatim\nstring"); }},
    {"true", [](resp::Reply& reply) { reply.Bool(true); }},
    {"false", [](resp::Reply& reply) { reply.Bool(false); }},
};

// DEBUG PROTOCOL type
void Protocol(SessionContext& ctx, Args args) {
  for (const ProtocolCase& known : kProtocolCases) {
    if (EqualsIgnoreCase(args[2], known.name)) return known.reply(ctx.reply);
  }
  ctx.reply.Error(
      "ERR Wrong protocol type name. Please use one of the following: "
      "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}

// ON or OFF; nullopt for anything else, which is answered with an error.
std::optional<bool> ParseSwitch(SessionContext& ctx, Bytes word) {
  if (EqualsIgnoreCase(word, "on")) return true;
  if (EqualsIgnoreCase(word, "off")) return false;
  ctx.reply.Error("ERR argument must be ON or OFF");
  return std::nullopt;
}

// Whether the log goes to the disk: then it is not for trying things out.
bool RefusesToPlay(SessionContext& ctx) {
  if (ctx.env().log.carried() == engine::CommitLog::kNobody) return false;
  ctx.reply.Error("ERR the log is written to the disk (appendonly) and cannot be switched");
  return true;
}

// DEBUG COMMIT-LOG ON | OFF
void SwitchCommitLog(SessionContext& ctx, Args args) {
  const std::optional<bool> on = ParseSwitch(ctx, args[2]);
  if (!on || RefusesToPlay(ctx)) return;
  // A unit is logged whole or not at all, and this one has begun.
  if (ctx.executor.in_unit())
    return ctx.reply.Error("ERR the log cannot be switched inside a transaction");
  ctx.executor.Exclusive([&] { ctx.env().log.SetEnabled(*on); });
  ctx.reply.Ok();
}

// DEBUG LOG-HOLD ON | OFF
void HoldLog(SessionContext& ctx, Args args) {
  const std::optional<bool> on = ParseSwitch(ctx, args[2]);
  if (!on || RefusesToPlay(ctx)) return;
  if (ctx.executor.in_unit()) return ctx.reply.Error("ERR the log cannot be held in a transaction");
  engine::CommitLog& log = ctx.env().log;
  bool done = true;
  ctx.executor.Exclusive([&] {
    done = !*on || log.enabled();
    if (done) *on ? log.Promise() : log.EndPromise();
  });
  if (!done) return ctx.reply.Error("ERR the log is off; DEBUG COMMIT-LOG ON switches it on");
  ctx.reply.Ok();
}

// DEBUG HELP
void Help(SessionContext& ctx, Args) {
  ReplyHelp(ctx.reply, "DEBUG",
            {"ASSERT | PANIC | SEGFAULT",
             "    Ends the server as a bug would.",
             "CHANGE-REPL-ID",
             "    Gives the data set a new replication id.",
             "COMMIT-LOG <ON|OFF>",
             "    Whether writes are appended to the log's ring in memory.",
             "DIGEST",
             "    A digest of all data, 0 for none.",
             "DIGEST-VALUE <key> [<key> ...]",
             "    Digests of the values of keys.",
             "ERROR <string>",
             "    Replies with this error.",
             "HTSTATS <dbid>",
             "    How a database lies in memory.",
             "LISTPACK <key>",
             "    Writes what a listpack holds to standard output.",
             "LOADAOF",
             "    Replaces the data by what a restart would bring back.",
             "LOG <message>",
             "    Writes a line to the server's log.",
             "LOG-HOLD <ON|OFF>",
             "    ON: replies wait as if what is written from now on never became durable.",
             "OBJECT <key>",
             "    How a value lies in memory.",
             "PAUSE-CRON <0|1>",
             "    1: periodic work rests.",
             "POPULATE <count> [<prefix>] [<size>]",
             "    Makes keys <prefix>:0 and so on, where there are none; they are not replicated.",
             "PROTOCOL <type>",
             "    Replies with a value of the type: string, integer, double, bignum, null, array, "
             "set, map,",
             "    attrib, push, verbatim, true, false.",
             "QUICKLIST-PACKED-THRESHOLD <size>",
             "    List elements of so many bytes stand alone, outside of listpacks; 0: only those "
             "no node may hold.",
             "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
             "    Writes all data to the file `dbfilename` and reads it back. NOSAVE reads a file "
             "that is there, NOFLUSH",
             "    adds what is read to the data, MERGE lets it replace keys.",
             "SET-ACTIVE-EXPIRE <0|1>",
             "    0: keys that are due go only when they are asked for.",
             "SLEEP <seconds>",
             "    Stops the whole server; decimals allowed.",
             "STRINGMATCH-LEN <pattern> <string>",
             "    1 if the pattern matches, else 0."});
}

struct Subcommand {
  const char* name;
  size_t argc_min;  // with DEBUG and the name
  size_t argc_max;
  void (*run)(SessionContext&, Args);
  bool while_loading = false;  // it touches neither data nor log
};

constexpr size_t kAny = SIZE_MAX;

constexpr Subcommand kSubcommands[] = {
    {"assert", 2, 2, Panic, true},
    {"change-repl-id", 2, 2, ChangeReplicationId},
    {"commit-log", 3, 3, SwitchCommitLog},
    {"digest", 2, 2, DigestAll},
    {"digest-value", 2, kAny, DigestValue},
    {"error", 3, 3, Error, true},
    {"help", 2, 2, Help, true},
    {"htstats", 3, 3, EngineSummary},
    {"htstats-key", 3, 3, KeyTableSummary},
    {"listpack", 3, 3, ShowListpack},
    {"loadaof", 2, 2, LoadLog},
    {"log", 3, 3, LogMessage, true},
    {"log-hold", 3, 3, HoldLog},
    {"object", 3, 3, Object},
    {"panic", 2, 2, Panic, true},
    {"pause-cron", 3, 3, PauseCron, true},
    {"populate", 3, 5, Populate},
    {"protocol", 3, 3, Protocol, true},
    {"quicklist-packed-threshold", 3, 3, SetPlainBytes},
    {"reload", 2, kAny, DebugReload},
    {"segfault", 2, 2, Segfault, true},
    {"set-active-expire", 3, 3, SetActiveExpire},
    {"sleep", 3, 3, Sleep, true},
    {"stringmatch-len", 4, 4, StringMatch, true},
};

// DEBUG subcommand [argument ...]
void Debug(SessionContext& ctx, Args args) {
  for (const Subcommand& known : kSubcommands) {
    if (!EqualsIgnoreCase(args[1], known.name)) continue;
    if (args.size() < known.argc_min || args.size() > known.argc_max) break;
    const bool loading = (ctx.env().gates.closed.load() & exec::kGateLoading) != 0;
    if (loading && !known.while_loading)
      return ctx.reply.Error("LOADING Redis is loading the dataset in memory");
    return known.run(ctx, args);
  }
  ctx.reply.Error("ERR unknown subcommand or wrong number of arguments for '" +
                  std::string(args[1].substr(0, 128)) + "'. Try DEBUG HELP.");
}

constexpr CommandSpec kDebugCommands[] = {
    {.name = "debug",
     .arity = -2,
     .flags = commands::kAdmin | commands::kNoScript | commands::kLoading | commands::kStale |
              commands::kProtected,
     .group = Group::kServer,
     .session = Debug,
     .since = "1.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands that help developers.",
     .syntax = "subcommand [argument [argument ...]]",
     .internal = true},
};

}  // namespace

std::span<const CommandSpec> DebugCommands() { return kDebugCommands; }

}  // namespace terrace::server
