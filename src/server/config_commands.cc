// CONFIG: the settings of the running server, and its statistics set to zero.
#include "commands/error_text.h"
#include "server/command_docs.h"
#include "server/families.h"
#include "server/log.h"
#include "server/persistence.h"
#include "server/value_keeper.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::Group;
using exec::SessionContext;

Parts& PartsOf(SessionContext& ctx) { return static_cast<Worker&>(*ctx.executor.host()).parts(); }

// CONFIG GET parameter [parameter ...]
void Get(SessionContext& ctx, Args args) {
  const auto found = PartsOf(ctx).config.Get(args.span().subspan(2));
  ctx.reply.Map(found.size());
  for (const auto& [name, value] : found) {
    ctx.reply.Bulk(name);
    ctx.reply.Bulk(value);
  }
}

// A password that came or went: who never gave one is asked for it from now on, or no longer.
void UpdateAuthGates(Parts& parts) {
  const bool wanted = parts.limits.password_set.load(std::memory_order_relaxed);
  for (auto& worker : parts.workers) {
    for (auto& connection : worker->connections()) {
      if (wanted && !connection->authenticated) {
        connection->gates |= exec::kGateNeedsAuth;
      } else {
        connection->gates &= ~uint32_t{exec::kGateNeedsAuth};
      }
    }
  }
}

// CONFIG SET parameter value [parameter value ...]
void Set(SessionContext& ctx, Args args) {
  if (args.size() % 2 != 0) return ctx.reply.Error(commands::kSyntaxError);
  Parts& parts = PartsOf(ctx);
  std::vector<std::pair<Bytes, Bytes>> pairs;
  for (size_t i = 2; i < args.size(); i += 2) pairs.emplace_back(args[i], args[i + 1]);
  net::Stream& stream = static_cast<Connection&>(ctx.session).stream();
  const bool password_was_set = parts.limits.password_set.load(std::memory_order_relaxed);
  const Status status =
      parts.config.Set(pairs, {.from_this_machine = stream.is_unix() || stream.peer_is_loopback()});
  if (!status.ok()) return ctx.reply.Error(status.message());
  if (parts.limits.password_set.load(std::memory_order_relaxed) != password_was_set) {
    ctx.executor.Exclusive([&] { UpdateAuthGates(parts); });
  }
  if (parts.persistence->wants_switch()) {
    Status switched;
    ctx.executor.Exclusive([&] { switched = parts.persistence->Switch(); });
    if (!switched.ok()) {
      Log(config::LogLevel::kWarning, "appendonly yes: %s", switched.message().c_str());
      static_cast<void>(parts.config.Set({{{"appendonly", "no"}}}));
      return ctx.reply.Error(
          "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on "
          "AOF. Check server logs.");
    }
  }
  ctx.reply.Ok();
}

void ResetWorker(Worker& worker) {
  WorkerStats& stats = worker.mutable_stats();
  stats.commands = stats.net_input_bytes = stats.net_output_bytes = stats.reads = stats.writes = 0;
  stats.turns = stats.turn_ns = stats.expiry_ns = 0;
  engine::EngineCounters& counters = worker.executor().counters();
  counters.expired = counters.expired_actively = counters.expired_fields = counters.evicted = 0;
  counters.keyspace_hits = counters.keyspace_misses = 0;
  worker.executor().stats().Clear();
}

// CONFIG RESETSTAT
void ResetStat(SessionContext& ctx, Args) {
  Parts& parts = PartsOf(ctx);
  // Counters have one writer each, without locks: they are cleared while nobody counts.
  ctx.executor.Exclusive([&] {
    for (auto& worker : parts.workers) ResetWorker(*worker);
    parts.stats.Reset();
    if (parts.values != nullptr) parts.stats.values_read_before = parts.values->values_read();
    ctx.env().databases.reaper().ResetFreed();
  });
  ctx.reply.Ok();
}

// CONFIG REWRITE
void Rewrite(SessionContext& ctx, Args) {
  const Status status = PartsOf(ctx).config.Rewrite();
  status.ok() ? ctx.reply.Ok() : ctx.reply.Error(status.message());
}

// CONFIG HELP
void Help(SessionContext& ctx, Args) { ReplyWithHelp(ctx.reply, *ctx.command.parent); }

constexpr uint32_t kFlags =
    commands::kAdmin | commands::kNoScript | commands::kLoading | commands::kStale;

constexpr CommandSpec kSubcommands[] = {
    {.name = "get",
     .arity = -3,
     .flags = kFlags | commands::kLockFree,
     .group = Group::kServer,
     .session = Get,
     .since = "2.0.0",
     .complexity = "O(N) in the number of patterns",
     .summary = "Returns the settings whose names match.",
     .syntax = "parameter [parameter ...]"},
    {.name = "resetstat",
     .arity = 2,
     .flags = kFlags,
     .group = Group::kServer,
     .session = ResetStat,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets the statistics of INFO to zero."},
    {.name = "rewrite",
     .arity = 2,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Rewrite,
     .since = "2.8.0",
     .complexity = "O(1)",
     .summary = "Brings the configuration file up to date with the settings in force."},
    {.name = "set",
     .arity = -4,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Set,
     .since = "2.0.0",
     .complexity = "O(N) in the number of settings",
     .summary = "Changes settings: all of them or none.",
     .syntax = "parameter value [parameter value ...]",
     .tips = "request_policy:all_nodes,response_policy:all_succeeded"},
    {.name = "help",
     .arity = 2,
     .flags = commands::kLoading | commands::kStale | commands::kLockFree,
     .group = Group::kServer,
     .session = Help,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
};

constexpr CommandSpec kConfigCommands[] = {
    {.name = "config",
     .arity = -2,
     .group = Group::kServer,
     .subcommands = kSubcommands,
     .since = "2.0.0",
     .complexity = "Depends on the subcommand.",
     .summary = "Settings of the running server."},
};

}  // namespace

std::span<const CommandSpec> ConfigCommands() { return kConfigCommands; }

}  // namespace terrace::server
