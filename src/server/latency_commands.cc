// LATENCY: what took long (the monitor's events), and how long each command takes (its histogram).
#include "base/ascii.h"
#include "server/command_docs.h"
#include "server/families.h"
#include "server/latency_distribution.h"
#include "server/latency_report.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using commands::Command;
using commands::CommandSpec;
using commands::Group;
using exec::SessionContext;

Parts& PartsOf(SessionContext& ctx) { return static_cast<Worker&>(*ctx.executor.host()).parts(); }
LatencyMonitor& MonitorOf(SessionContext& ctx) { return PartsOf(ctx).run.latency; }

// LATENCY LATEST
void Latest(SessionContext& ctx, Args) {
  const auto all = MonitorOf(ctx).All();
  ctx.reply.Array(all.size());
  for (const auto& [event, series] : all) {
    ctx.reply.Array(4);
    ctx.reply.Bulk(event);
    ctx.reply.Integer(static_cast<int64_t>(series.samples.back().unix_seconds));
    ctx.reply.Integer(static_cast<int64_t>(series.samples.back().ms));
    ctx.reply.Integer(static_cast<int64_t>(series.ms_max));
  }
}

// LATENCY HISTORY event
void History(SessionContext& ctx, Args args) {
  const auto series = MonitorOf(ctx).Find(args[2]);
  if (!series) return ctx.reply.Array(0);
  ctx.reply.Array(series->samples.size());
  for (const LatencySample& sample : series->samples) {
    ctx.reply.Array(2);
    ctx.reply.Integer(static_cast<int64_t>(sample.unix_seconds));
    ctx.reply.Integer(static_cast<int64_t>(sample.ms));
  }
}

// LATENCY RESET [event [event ...]]
void Reset(SessionContext& ctx, Args args) {
  size_t forgotten = 0;
  if (args.size() == 2) forgotten = MonitorOf(ctx).Reset();
  for (size_t i = 2; i < args.size(); ++i) forgotten += MonitorOf(ctx).Reset(args[i]);
  ctx.reply.Integer(static_cast<int64_t>(forgotten));
}

// LATENCY GRAPH event
void Graph(SessionContext& ctx, Args args) {
  const auto series = MonitorOf(ctx).Find(args[2]);
  if (!series)
    return ctx.reply.Error("ERR No samples available for event '" + std::string(args[2]) + "'");
  ctx.reply.Verbatim("txt", DrawLatencies(args[2], *series, ctx.env().clock.WallMs() / 1000));
}

// LATENCY DOCTOR
void Doctor(SessionContext& ctx, Args) {
  const LatencyMonitor& monitor = MonitorOf(ctx);
  const int64_t slow_log_us = PartsOf(ctx).config.Snapshot().slowlog_log_slower_than_us;
  ctx.reply.Verbatim("txt", ExplainLatencies(monitor.All(), monitor.threshold_ms(), slow_log_us,
                                             ctx.env().clock.WallMs() / 1000));
}

// One pair of LATENCY HISTOGRAM's map, if the command was called at all.
size_t ReplyHistogram(SessionContext& ctx, const Command& command) {
  const LatencyDistribution latency = LatencyOf(PartsOf(ctx), command.id);
  if (latency.calls() == 0) return 0;
  ctx.reply.Bulk(command.full_name());
  ctx.reply.Map(2);
  ctx.reply.Bulk("calls");
  ctx.reply.Integer(static_cast<int64_t>(latency.calls()));
  ctx.reply.Bulk("histogram_usec");
  const auto steps = latency.Steps();
  ctx.reply.Map(steps.size());
  for (const LatencyDistribution::Step& step : steps) {
    ctx.reply.Integer(static_cast<int64_t>(step.up_to_us));
    ctx.reply.Integer(static_cast<int64_t>(step.calls));
  }
  return 1;
}

// The same for a container: its subcommands.
size_t ReplyHistograms(SessionContext& ctx, const Command& command) {
  size_t shown = ReplyHistogram(ctx, command);
  for (const Command& sub : command.subcommands) shown += ReplyHistogram(ctx, sub);
  return shown;
}

// "client" or "client|list"; nullptr for what there is not.
const Command* FindByFullName(const commands::CommandTable& table, Bytes name) {
  const size_t bar = name.find('|');
  const Command* command = table.Find(name.substr(0, bar));
  if (command == nullptr || bar == Bytes::npos) return command;
  for (const Command& sub : command->subcommands) {
    if (EqualsIgnoreCase(sub.spec->name, name.substr(bar + 1))) return &sub;
  }
  return nullptr;
}

// LATENCY HISTOGRAM [command [command ...]]
void Histogram(SessionContext& ctx, Args args) {
  const commands::CommandTable& table = ctx.env().table;
  size_t shown = 0;
  const resp::Reply::Slot slot = ctx.reply.DeferredMap();
  if (args.size() == 2) {
    for (const Command& command : table.commands()) shown += ReplyHistograms(ctx, command);
  }
  for (size_t i = 2; i < args.size(); ++i) {
    const Command* command = FindByFullName(table, args[i]);
    if (command != nullptr) shown += ReplyHistograms(ctx, *command);
  }
  ctx.reply.SetDeferred(slot, shown);
}

// LATENCY HELP
void Help(SessionContext& ctx, Args) { ReplyWithHelp(ctx.reply, *ctx.command.parent); }

constexpr uint32_t kHelpFlags = commands::kLoading | commands::kStale | commands::kLockFree;
constexpr uint32_t kFlags = kHelpFlags | commands::kAdmin | commands::kNoScript;
constexpr char kTips[] = "nondeterministic_output,request_policy:all_nodes,response_policy:special";

constexpr CommandSpec kLatencySubcommands[] = {
    {.name = "doctor",
     .arity = 2,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Doctor,
     .since = "2.8.13",
     .complexity = "O(samples)",
     .summary = "Says in words what took long and what may help.",
     .tips = kTips},
    {.name = "graph",
     .arity = 3,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Graph,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Draws the samples of an event.",
     .syntax = "event",
     .tips = kTips},
    {.name = "help",
     .arity = 2,
     .flags = kHelpFlags,
     .group = Group::kServer,
     .session = Help,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "histogram",
     .arity = -2,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Histogram,
     .since = "7.0.0",
     .complexity = "O(commands)",
     .summary =
         "How many calls of some commands, or all, took no longer than so many microseconds.",
     .syntax = "[command [command ...]]",
     .tips = kTips},
    {.name = "history",
     .arity = 3,
     .flags = kFlags,
     .group = Group::kServer,
     .session = History,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "The samples of an event: second and milliseconds.",
     .syntax = "event",
     .tips = kTips},
    {.name = "latest",
     .arity = 2,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Latest,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "The latest sample of each event, and its worst.",
     .tips = kTips},
    {.name = "reset",
     .arity = -2,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Reset,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Forgets the samples of some events, or all.",
     .syntax = "[event [event ...]]",
     .tips = "request_policy:all_nodes,response_policy:all_succeeded"},
};

constexpr CommandSpec kLatencyCommands[] = {
    {.name = "latency",
     .arity = -2,
     .group = Group::kServer,
     .subcommands = kLatencySubcommands,
     .since = "2.8.13",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands about latency."},
};

}  // namespace

std::span<const CommandSpec> LatencyCommands() { return kLatencyCommands; }

}  // namespace terrace::server
