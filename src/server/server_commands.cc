// Commands about the server as a whole: INFO, TIME, ROLE, LASTSAVE, SAVE and its like, SHUTDOWN, LOLWUT.
#include <algorithm>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/error_text.h"
#include "server/checkpoint_keeper.h"
#include "server/dump_keeper.h"
#include "server/families.h"
#include "server/info.h"
#include "server/log.h"
#include "server/persistence.h"
#include "server/text.h"
#include "server/version.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::Group;
using exec::SessionContext;

constexpr char kKeepsNothing[] =
    "ERR nothing is kept on the disk: the server was started without appendonly";

constexpr char kCannotStop[] = "ERR Errors trying to SHUTDOWN. Check logs.";
using Wish = CheckpointKeeper::Wish;

constexpr char kSaveRuns[] = "ERR Background save already in progress";
constexpr char kRewriteRuns[] =
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in "
    "order to schedule a BGSAVE whenever possible.";

Parts& PartsOf(SessionContext& ctx) { return static_cast<Worker&>(*ctx.executor.host()).parts(); }

// Of a server that has saved nothing, when it was started, as Redis has it.
uint64_t LastSaveMs(const Parts& parts) {
  uint64_t last_ms = parts.dumps->counts().last_ms;
  if (parts.checkpoints != nullptr)
    last_ms = std::max(last_ms, parts.checkpoints.load()->counts().last_ms);
  return last_ms != 0 ? last_ms : parts.run.started_ms;
}

// Whether BGSAVE makes a dump: always of a server without a log.
bool SavesDumps(const Parts& parts) {
  return parts.checkpoints == nullptr ||
         parts.config.Snapshot().save_format == config::SaveFormat::kRdb;
}

// INFO [section [section ...]]
void Info(SessionContext& ctx, Args args) {
  InfoSource source(ctx);
  ctx.reply.Verbatim("txt", InfoText(source, args));
}

// TIME
void Time(SessionContext& ctx, Args) {
  const uint64_t us = ctx.env().clock.WallUs();
  ctx.reply.Array(2);
  ctx.reply.BulkInt(static_cast<int64_t>(us / 1'000'000));
  ctx.reply.BulkInt(static_cast<int64_t>(us % 1'000'000));
}

// ROLE
void Role(SessionContext& ctx, Args) {
  ctx.reply.Array(3);
  ctx.reply.Bulk("master");
  ctx.reply.Integer(static_cast<int64_t>(ctx.env().log.end_offset()));
  ctx.reply.Array(0);
}

// LASTSAVE
void LastSave(SessionContext& ctx, Args) {
  ctx.reply.Integer(static_cast<int64_t>(LastSaveMs(PartsOf(ctx)) / 1000));
}

// The reply of a session that has waited for a checkpoint. On any thread.
void Answer(exec::Wait& wait, const char* error) {
  if (!wait.TryEnd(exec::Wait::State::kClaimed)) return;  // its client has gone
  error == nullptr ? wait.reply.Ok() : wait.reply.Error(error);
  wait.Settle(exec::Wait::State::kServed);
  wait.waker.Wake(wait.shared_from_this());
}

// SAVE
//
// With a log others go on while the checkpoint is made. A dump has this thread's clients wait with whoever asks.
void Save(SessionContext& ctx, Args args) {
  Parts& parts = PartsOf(ctx);
  if (SavesDumps(parts)) {
    if (parts.dumps->running()) return ctx.reply.Error(kSaveRuns);
    auto& worker = static_cast<Worker&>(*ctx.executor.host());
    // The log says why.
    return parts.dumps->MakeNow(&worker.participant()).ok() ? ctx.reply.Ok()
                                                            : ctx.reply.Error("ERR");
  }
  if (parts.checkpoints.load()->wish() == Wish::kSave) return ctx.reply.Error(kSaveRuns);
  const auto wait = ctx.executor.WaitOutside(ctx.session, ctx.command, args);
  parts.checkpoints.load()->RequestNext(
      [wait](const Status& status) { Answer(*wait, status.ok() ? nullptr : "ERR"); }, 0);
}

// BGREWRITEAOF
void BgRewriteAof(SessionContext& ctx, Args) {
  CheckpointKeeper* keeper = PartsOf(ctx).checkpoints;
  if (keeper == nullptr) return ctx.reply.Error(kKeepsNothing);
  const Wish wish = keeper->wish();
  if (wish == Wish::kRewrite)
    return ctx.reply.Error("ERR Background append only file rewriting already in progress");
  keeper->Request(Wish::kRewrite);
  const bool later = wish != Wish::kNone || ctx.executor.in_unit();
  ctx.reply.Simple(later ? "Background append only file rewriting scheduled"
                         : "Background append only file rewriting started");
}

// BGSAVE [SCHEDULE]
void BgSave(SessionContext& ctx, Args args) {
  if (args.size() > 1 && !(args.size() == 2 && EqualsIgnoreCase(args[1], "schedule"))) {
    return ctx.reply.Error(commands::kSyntaxError);
  }
  Parts& parts = PartsOf(ctx);
  CheckpointKeeper* keeper = parts.checkpoints;
  const bool schedules = args.size() > 1;
  const Wish wish = keeper != nullptr ? keeper->wish() : Wish::kNone;
  if (SavesDumps(parts)) {
    if (!parts.dumps->Request()) return ctx.reply.Error(kSaveRuns);
    if (keeper != nullptr && wish == Wish::kNone) keeper->Request(Wish::kSave);
    return ctx.reply.Simple("Background saving started");
  }
  if (wish == Wish::kSave) return ctx.reply.Error(kSaveRuns);
  const bool later = wish != Wish::kNone || ctx.executor.in_unit();
  if (wish != Wish::kNone && !schedules && !ctx.executor.in_unit())
    return ctx.reply.Error(wish == Wish::kOwn ? kSaveRuns : kRewriteRuns);
  keeper->Request(Wish::kSave);
  ctx.reply.Simple(later ? "Background saving scheduled" : "Background saving started");
}

struct ShutdownOptions {
  bool save = false;
  bool no_save = false;
  bool force = false;
  bool abort = false;
};

bool ParseShutdown(Args args, ShutdownOptions* options) {
  bool now = false;
  for (size_t i = 1; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "nosave")) {
      options->no_save = true;
    } else if (EqualsIgnoreCase(args[i], "save")) {
      options->save = true;
    } else if (EqualsIgnoreCase(args[i], "now")) {
      now = true;
    } else if (EqualsIgnoreCase(args[i], "force")) {
      options->force = true;
    } else if (EqualsIgnoreCase(args[i], "abort")) {
      options->abort = true;
    } else {
      return false;
    }
  }
  const bool others = options->save || options->no_save || options->force || now;
  return !(options->save && options->no_save) && !(options->abort && others);
}

// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
//
// There are no replicas to wait for, so NOW changes nothing. With a log nothing is lost in any case; a checkpoint before the
// end makes the next start short. Without one a dump is made if SAVE is given or there are save points; what others write
// while it is made goes into a last one (DumpKeeper::MakeLast). If what SAVE asks for fails the server stays, unless FORCE is
// given.
void Shutdown(SessionContext& ctx, Args args) {
  ShutdownOptions options;
  if (!ParseShutdown(args, &options)) return ctx.reply.Error(commands::kSyntaxError);
  if (options.abort) return ctx.reply.Error("ERR No shutdown in progress.");
  Parts& parts = PartsOf(ctx);
  const bool must = options.save && !options.force;
  if (parts.checkpoints != nullptr && !options.no_save) {
    Log(config::LogLevel::kWarning, "User requested shutdown...");
    const auto wait = ctx.executor.WaitOutside(ctx.session, ctx.command, args);
    return parts.persistence->SaveBeforeStop(
        options.save, [wait, must, &parts](const Status& status) {
          must && !status.ok() ? Answer(*wait, kCannotStop) : parts.run.request_stop();
        });
  }
  using Last = DumpKeeper::Last;
  // What is there so far is not to take the place of what is being read.
  const bool loading = (parts.gates.closed.load() & exec::kGateLoading) != 0;
  const bool saves = parts.log_writer == nullptr && !options.no_save && !loading &&
                     (options.save || parts.dumps->has_save_points());
  if (saves) {
    auto& worker = static_cast<Worker&>(*ctx.executor.host());
    const Status saved = parts.dumps->MakeNow(&worker.participant());
    if (!saved.ok() && !options.force) return ctx.reply.Error(kCannotStop);
  }
  parts.dumps->set_last(saves ? Last::kAlways : Last::kNever);
  Log(config::LogLevel::kWarning, "User requested shutdown...");
  static_cast<Connection&>(ctx.session).CloseSoon(false);
  parts.run.request_stop();
}

// LOLWUT [VERSION version] [steps]
//
// A hillside in terraces, seen from the side; the steps are as wide as the drawing has room for.
void Lolwut(SessionContext& ctx, Args args) {
  constexpr int64_t kStepsMax = 24;
  constexpr size_t kStepWidth = 4;
  size_t next = 1;
  const std::string versions =
      Format("Redis ver. %s (Terrace %s)\n", kRedisVersion, kTerraceVersion);
  if (args.size() > 2 && EqualsIgnoreCase(args[1], "version")) {
    const auto version = ParseInt64(args[2]);
    if (!version) return ctx.reply.Error(commands::kNotAnIntegerError);
    // Those that had a drawing in Redis; of the others there is only a name to tell.
    if (*version != 5 && *version != 6) return ctx.reply.Verbatim("txt", versions);
    next = 3;
  }
  int64_t steps = 8;
  const bool bare_version = args.size() == 2 && EqualsIgnoreCase(args[1], "version");
  if (next < args.size() && !bare_version) {
    const auto wanted = ParseInt64(args[next]);
    if (!wanted) return ctx.reply.Error(commands::kNotAnIntegerError);
    steps = std::min(std::max<int64_t>(*wanted, 1), kStepsMax);
  }
  const auto count = static_cast<size_t>(steps);
  std::string art;
  for (size_t i = 0; i < count; ++i) {
    art.append((count - 1 - i) * kStepWidth, ' ')
        .append("__|")
        .append(i * kStepWidth, i % 2 == 0 ? '.' : ':');
    art += '\n';
  }
  art += "\n" + versions;
  ctx.reply.Verbatim("txt", art);
}

constexpr uint32_t kAlways = commands::kLoading | commands::kStale;
constexpr uint32_t kAdministration = commands::kAdmin | commands::kNoScript;

constexpr CommandSpec kServerCommands[] = {
    {.name = "bgrewriteaof",
     .arity = 1,
     .flags = kAdministration | commands::kNoAsyncLoading | commands::kLockFree,
     .group = Group::kServer,
     .session = BgRewriteAof,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Makes a checkpoint in the background, so that the log before it can go."},
    {.name = "bgsave",
     .arity = -1,
     .flags = kAdministration | commands::kNoAsyncLoading | commands::kLockFree,
     .group = Group::kServer,
     .session = BgSave,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Makes a dump or a checkpoint in the background.",
     .syntax = "[SCHEDULE]"},
    {.name = "info",
     .arity = -1,
     .flags = kAlways,
     .categories = commands::kCatDangerous,
     .group = Group::kServer,
     .session = Info,
     .since = "1.0.0",
     .complexity = "O(shards + clients)",
     .summary = "Tells about the server, section by section.",
     .syntax = "[section [section ...]]",
     .tips = "nondeterministic_output,request_policy:all_shards,response_policy:special"},
    {.name = "lastsave",
     .arity = 1,
     .flags = kAlways | commands::kFast | commands::kLockFree,
     .categories = commands::kCatAdmin | commands::kCatDangerous,
     .group = Group::kServer,
     .session = LastSave,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Returns when data was last saved.",
     .tips = "nondeterministic_output"},
    {.name = "lolwut",
     .arity = -1,
     .flags = commands::kReadonly | commands::kFast | commands::kLockFree,
     .group = Group::kServer,
     .session = Lolwut,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Draws a picture and names the version.",
     .syntax = "[VERSION version] [steps]"},
    {.name = "role",
     .arity = 1,
     .flags = kAlways | commands::kNoScript | commands::kFast | commands::kLockFree,
     .categories = commands::kCatAdmin | commands::kCatDangerous,
     .group = Group::kServer,
     .session = Role,
     .since = "2.8.12",
     .complexity = "O(1)",
     .summary = "Returns the server's part in replication."},
    {.name = "save",
     .arity = 1,
     .flags =
         kAdministration | commands::kNoAsyncLoading | commands::kNoMulti | commands::kLockFree,
     .group = Group::kServer,
     .session = Save,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Makes a dump or a checkpoint and answers when it is there."},
    {.name = "shutdown",
     .arity = -1,
     .flags = kAdministration | kAlways | commands::kNoMulti | commands::kAllowBusy |
              commands::kLockFree,
     .group = Group::kServer,
     .session = Shutdown,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Stops the server.",
     .syntax = "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]"},
    {.name = "time",
     .arity = 1,
     .flags = kAlways | commands::kFast | commands::kLockFree,
     .group = Group::kServer,
     .session = Time,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Returns the server's time.",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> ServerCommands() { return kServerCommands; }

}  // namespace terrace::server
