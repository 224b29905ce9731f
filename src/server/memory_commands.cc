// MEMORY: where memory goes.
#include "base/ascii.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "commands/context.h"
#include "server/command_docs.h"
#include "server/families.h"
#include "server/memory_report.h"
#include "server/text.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::Group;
using exec::SessionContext;

Parts& PartsOf(SessionContext& ctx) { return static_cast<Worker&>(*ctx.executor.host()).parts(); }

// MEMORY USAGE key [SAMPLES count]
//
// The entry as the allocator holds it, its share of a bucket that is filled as buckets are on average, and its pair in
// the expiry index. Nothing is sampled: an entry knows its size.
void Usage(commands::ReadContext& ctx, Args args) {
  constexpr size_t kBucketShare = (64 + engine::kBucketLoad - 1) / engine::kBucketLoad;
  for (size_t i = 3; i < args.size(); i += 2) {
    if (!EqualsIgnoreCase(args[i], "samples") || i + 1 == args.size())
      return ctx.reply.Error(commands::kSyntaxError);
    const auto samples = ParseInt64(args[i + 1]);
    if (!samples) return ctx.reply.Error(commands::kNotAnIntegerError);
    if (*samples < 0) return ctx.reply.Error(commands::kSyntaxError);
  }
  const engine::Entry* entry = ctx.Peek(args[2]);
  if (entry == nullptr) return ctx.reply.Null();
  const size_t pair = entry->due_ms() != 0 ? sizeof(engine::ExpiryIndex::Item) : 0;
  ctx.reply.Integer(static_cast<int64_t>(entry->MemoryBytes() + kBucketShare + pair));
}

struct Fields {
  resp::Reply& reply;
  size_t count = 0;

  void Integer(Bytes name, uint64_t value) {
    reply.Bulk(name);
    reply.Integer(static_cast<int64_t>(value));
    ++count;
  }
  void Double(Bytes name, double value) {
    reply.Bulk(name);
    reply.Double(value);
    ++count;
  }
};

void ReplyDatabase(const KeyspaceSummary& keyspace, Fields* fields) {
  fields->reply.Bulk("db." + std::to_string(keyspace.db));
  fields->reply.Map(3);
  ++fields->count;
  Fields inner{fields->reply};
  inner.Integer("overhead.hashtable.main", keyspace.bucket_bytes);
  inner.Integer("overhead.hashtable.expires", keyspace.expiry_bytes);
  inner.Integer("overhead.hashtable.slot-to-keys", 0);
}

void ReplyAllocator(const MemoryReport& memory, Fields* fields) {
  fields->Integer("allocator.allocated", memory.used);
  fields->Integer("allocator.active", memory.resident);
  fields->Integer("allocator.resident", memory.resident);
  fields->Integer("allocator.muzzy", 0);
  fields->Double("allocator-fragmentation.ratio", memory.fragmentation());
  fields->Integer("allocator-fragmentation.bytes",
                  static_cast<uint64_t>(memory.fragmentation_bytes()));
  fields->Double("allocator-rss.ratio", 1);
  fields->Integer("allocator-rss.bytes", 0);
  fields->Double("rss-overhead.ratio", 1);
  fields->Integer("rss-overhead.bytes", 0);
  fields->Double("fragmentation", memory.fragmentation());
  fields->Integer("fragmentation.bytes", static_cast<uint64_t>(memory.fragmentation_bytes()));
}

MemoryReport ReportOf(SessionContext& ctx, const std::vector<KeyspaceSummary>& keyspaces) {
  const Parts& parts = PartsOf(ctx);
  return MakeMemoryReport(parts, keyspaces, SummarizeClients(ctx.executor, parts));
}

// MEMORY STATS
void Stats(SessionContext& ctx, Args) {
  const std::vector<KeyspaceSummary> keyspaces = SummarizeInUse(ctx.env().databases, ctx.now_ms());
  const MemoryReport memory = ReportOf(ctx, keyspaces);
  const resp::Reply::Slot slot = ctx.reply.DeferredMap();
  Fields fields{ctx.reply};
  fields.Integer("peak.allocated", memory.peak);
  fields.Integer("total.allocated", memory.used);
  fields.Integer("startup.allocated", memory.startup);
  fields.Integer("replication.backlog", memory.log);
  fields.Integer("clients.slaves", 0);
  fields.Integer("clients.normal", memory.clients);
  fields.Integer("cluster.links", 0);
  fields.Integer("aof.buffer", 0);
  fields.Integer("lua.caches", 0);
  fields.Integer("functions.caches", 0);
  for (const KeyspaceSummary& keyspace : keyspaces) ReplyDatabase(keyspace, &fields);
  fields.Integer("overhead.total", memory.overhead());
  fields.Integer("keys.count", memory.keys);
  const uint64_t grown = memory.used > memory.startup ? memory.used - memory.startup : 0;
  fields.Integer("keys.bytes-per-key", memory.keys == 0 ? 0 : grown / memory.keys);
  fields.Integer("dataset.bytes", memory.dataset());
  fields.Double("dataset.percentage", memory.dataset_percent());
  fields.Double("peak.percentage",
                100 * Ratio(static_cast<double>(memory.used), static_cast<double>(memory.peak)));
  ReplyAllocator(memory, &fields);
  ctx.reply.SetDeferred(slot, fields.count);
}

std::string Diagnose(const MemoryReport& memory, uint64_t clients) {
  constexpr uint64_t kWorthALook = 5 * kMiB;
  constexpr double kFragmentedAbove = 1.4;
  constexpr uint64_t kClientBytesMax = 200 * kKiB;
  if (memory.used < kWorthALook)
    return "There is too little data here to say anything about memory.\n";
  std::string found;
  if (memory.peak > memory.used * 3 / 2) {
    found +=
        "- Peak: much more memory was in use once than is now; what the process keeps of it shows "
        "as "
        "fragmentation.\n";
  }
  if (memory.fragmentation() > kFragmentedAbove &&
      memory.fragmentation_bytes() > static_cast<int64_t>(10 * kMiB)) {
    AppendFormat(&found,
                 "- Fragmentation: the process holds %.2f times what is in use; MEMORY PURGE gives "
                 "back what "
                 "lies idle.\n",
                 memory.fragmentation());
  }
  if (clients > 0 && memory.clients / clients > kClientBytesMax) {
    AppendFormat(&found,
                 "- Clients: %s on average; CLIENT LIST shows who does not read its replies.\n",
                 HumanBytes(memory.clients / clients).c_str());
  }
  return found.empty() ? "No memory problems were found.\n"
                       : "What stands out about memory:\n\n" + found;
}

// MEMORY DOCTOR
void Doctor(SessionContext& ctx, Args) {
  const std::vector<KeyspaceSummary> keyspaces = SummarizeInUse(ctx.env().databases, ctx.now_ms());
  const ClientSummary clients = SummarizeClients(ctx.executor, PartsOf(ctx));
  ctx.reply.Verbatim(
      "txt", Diagnose(MakeMemoryReport(PartsOf(ctx), keyspaces, clients), clients.connected));
}

// MEMORY MALLOC-STATS
void MallocStats(SessionContext& ctx, Args) {
  ctx.reply.Verbatim(
      "txt", Format("allocator %s\nheld      %s\npeak      %s\nresident  %s\n", AllocatorName(),
                    HumanBytes(static_cast<uint64_t>(UsedMemory())).c_str(),
                    HumanBytes(static_cast<uint64_t>(PeakMemory())).c_str(),
                    HumanBytes(static_cast<uint64_t>(ResidentMemory())).c_str()));
}

// MEMORY PURGE
void Purge(SessionContext& ctx, Args) {
  PurgeMemory();
  ctx.reply.Ok();
}

// MEMORY HELP
void Help(SessionContext& ctx, Args) { ReplyWithHelp(ctx.reply, *ctx.command.parent); }

constexpr commands::KeySpec kMeasuredKey[] = {commands::OneKey(commands::kKeyRO, 2)};
constexpr char kTips[] =
    "nondeterministic_output,request_policy:all_shards,response_policy:special";

constexpr CommandSpec kMemorySubcommands[] = {
    {.name = "doctor",
     .arity = 2,
     .group = Group::kServer,
     .session = Doctor,
     .since = "4.0.0",
     .complexity = "O(shards + clients)",
     .summary = "Says in words what stands out.",
     .tips = kTips},
    {.name = "help",
     .arity = 2,
     .flags = commands::kLoading | commands::kStale | commands::kLockFree,
     .group = Group::kServer,
     .session = Help,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "malloc-stats",
     .arity = 2,
     .flags = commands::kLockFree,
     .group = Group::kServer,
     .session = MallocStats,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "What the allocator holds.",
     .tips = kTips},
    {.name = "purge",
     .arity = 2,
     .flags = commands::kLockFree,
     .group = Group::kServer,
     .session = Purge,
     .since = "4.0.0",
     .complexity = "Depends on how much memory lies idle.",
     .summary = "Gives idle memory back to the system.",
     .tips = "request_policy:all_shards,response_policy:all_succeeded"},
    {.name = "stats",
     .arity = 2,
     .group = Group::kServer,
     .session = Stats,
     .since = "4.0.0",
     .complexity = "O(shards + clients)",
     .summary = "What memory is used for.",
     .tips = kTips},
    {.name = "usage",
     .arity = -3,
     .flags = commands::kReadonly,
     .group = Group::kServer,
     .keys = kMeasuredKey,
     .read = Usage,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "The bytes that a key and its value take.",
     .syntax = "key [SAMPLES count]"},
};

constexpr CommandSpec kMemoryCommands[] = {
    {.name = "memory",
     .arity = -2,
     .group = Group::kServer,
     .subcommands = kMemorySubcommands,
     .since = "4.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands about memory."},
};

}  // namespace

std::span<const CommandSpec> MemoryCommands() { return kMemoryCommands; }

}  // namespace terrace::server
