// CLIENT: what a connection says and asks about itself and the others.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/error_text.h"
#include "server/client_list.h"
#include "server/client_name.h"
#include "server/command_docs.h"
#include "server/families.h"
#include "server/pause.h"
#include "server/text.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::Group;
using exec::ReplyMode;
using exec::SessionContext;

Worker& WorkerOf(SessionContext& ctx) { return static_cast<Worker&>(*ctx.executor.host()); }
Connection& ConnectionOf(SessionContext& ctx) { return static_cast<Connection&>(ctx.session); }

// CLIENT ID
void Id(SessionContext& ctx, Args) { ctx.reply.Integer(static_cast<int64_t>(ctx.session.id)); }

// CLIENT INFO
void Info(SessionContext& ctx, Args args) {
  ctx.reply.Verbatim("txt", ClientLine(ConnectionOf(ctx), WorkerOf(ctx).now_ms(), args) + "\n");
}

// CLIENT LIST [TYPE type] [ID id ...]
struct ListFilter {
  std::optional<ClientType> type;
  std::optional<std::vector<uint64_t>> ids;
};

bool ParseListFilter(SessionContext& ctx, Args args, ListFilter* filter) {
  if (args.size() == 4 && EqualsIgnoreCase(args[2], "type")) {
    filter->type = ParseClientType(args[3]);
    if (!filter->type) ctx.reply.Error("ERR Unknown client type '" + std::string(args[3]) + "'");
    return filter->type.has_value();
  }
  if (args.size() > 3 && EqualsIgnoreCase(args[2], "id")) {
    filter->ids.emplace();
    for (size_t i = 3; i < args.size(); ++i) {
      const auto id = ParseInt64(args[i]);
      if (!id) {
        ctx.reply.Error("ERR Invalid client ID");
        return false;
      }
      if (*id > 0) filter->ids->push_back(static_cast<uint64_t>(*id));
    }
    return true;
  }
  if (args.size() != 2) ctx.reply.Error(commands::kSyntaxError);
  return args.size() == 2;
}

struct ListedClient {
  uint64_t id;
  std::string line;
};

void List(SessionContext& ctx, Args args) {
  ListFilter filter;
  if (!ParseListFilter(ctx, args, &filter)) return;
  std::vector<ListedClient> clients;
  const uint64_t now_ms = WorkerOf(ctx).now_ms();
  ctx.executor.Exclusive([&] {
    ForEachConnection(WorkerOf(ctx).parts(), [&](Connection& connection) {
      if (filter.type && *filter.type != TypeOf(connection)) return;
      if (filter.ids &&
          std::find(filter.ids->begin(), filter.ids->end(), connection.id) == filter.ids->end())
        return;
      const bool own = &connection == &ctx.session;
      clients.push_back({connection.id, ClientLine(connection, now_ms, own ? args : Args())});
    });
  });
  // By id, which is the order in which they came; those asked for by id in the order of the question.
  std::sort(clients.begin(), clients.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  std::string text;
  if (!filter.ids) {
    for (const ListedClient& client : clients) text.append(client.line) += '\n';
    return ctx.reply.Verbatim("txt", text);
  }
  for (const uint64_t id : *filter.ids) {
    const auto found = std::lower_bound(
        clients.begin(), clients.end(), id,
        [](const ListedClient& client, uint64_t wanted) { return client.id < wanted; });
    if (found != clients.end() && found->id == id) text.append(found->line) += '\n';
  }
  ctx.reply.Verbatim("txt", text);
}

// CLIENT KILL ip:port
// CLIENT KILL [ID id] [TYPE type] [USER name] [ADDR address] [LADDR address] [SKIPME yes|no] [MAXAGE seconds]
struct KillFilter {
  std::optional<uint64_t> id;
  std::optional<ClientType> type;
  std::optional<Bytes> address;
  std::optional<Bytes> local_address;
  uint64_t age_s_min = 0;
  bool skip_me = true;

  bool Matches(const Connection& connection, uint64_t now_ms) const {
    const uint64_t age_s =
        now_ms > connection.created_ms() ? (now_ms - connection.created_ms()) / 1000 : 0;
    return (!id || *id == connection.id) && (!type || *type == TypeOf(connection)) &&
           (!address || *address == connection.peer()) &&
           (!local_address || *local_address == connection.local()) && age_s >= age_s_min;
  }
};

// One option and its value; the text of the error, or "".
std::string ParseKillOption(Bytes option, Bytes value, KillFilter* filter) {
  if (EqualsIgnoreCase(option, "id")) {
    const auto id = ParseInt64(value);
    if (!id || *id < 1) return "ERR client-id should be greater than 0";
    filter->id = static_cast<uint64_t>(*id);
  } else if (EqualsIgnoreCase(option, "maxage")) {
    const auto age_s = ParseInt64(value);
    if (!age_s) return "ERR maxage is not an integer or out of range";
    if (*age_s < 1) return "ERR maxage should be greater than 0";
    filter->age_s_min = static_cast<uint64_t>(*age_s);
  } else if (EqualsIgnoreCase(option, "type")) {
    filter->type = ParseClientType(value);
    if (!filter->type) return "ERR Unknown client type '" + std::string(value) + "'";
  } else if (EqualsIgnoreCase(option, "addr")) {
    filter->address = value;
  } else if (EqualsIgnoreCase(option, "laddr")) {
    filter->local_address = value;
  } else if (EqualsIgnoreCase(option, "user")) {
    if (value != "default") return "ERR No such user '" + std::string(value) + "'";
  } else if (EqualsIgnoreCase(option, "skipme") && EqualsIgnoreCase(value, "yes")) {
    filter->skip_me = true;
  } else if (EqualsIgnoreCase(option, "skipme") && EqualsIgnoreCase(value, "no")) {
    filter->skip_me = false;
  } else {
    return std::string(commands::kSyntaxError);
  }
  return "";
}

// Marks whom the filter matches; their workers close them. Returns how many.
int64_t KillMatching(SessionContext& ctx, const KillFilter& filter) {
  Worker& worker = WorkerOf(ctx);
  int64_t killed = 0;
  ctx.executor.Exclusive([&] {
    ForEachConnection(worker.parts(), [&](Connection& connection) {
      if (connection.closing() || !filter.Matches(connection, worker.now_ms())) return;
      const bool own = &connection == &ctx.session;
      if (own && filter.skip_me) return;
      ++killed;
      if (own) return connection.CloseSoon(true);
      connection.MarkForClosing();
    });
    if (killed == 0) return;
    for (auto& other : worker.parts().workers) other->Raise(Signal::kCloseMarked);
  });
  return killed;
}

void Kill(SessionContext& ctx, Args args) {
  KillFilter filter;
  if (args.size() == 3) {
    filter.address = args[2];
    filter.skip_me = false;
    return KillMatching(ctx, filter) == 0 ? ctx.reply.Error("ERR No such client") : ctx.reply.Ok();
  }
  for (size_t i = 2; i < args.size(); i += 2) {
    const std::string error = i + 1 < args.size() ? ParseKillOption(args[i], args[i + 1], &filter)
                                                  : std::string(commands::kSyntaxError);
    if (!error.empty()) return ctx.reply.Error(error);
  }
  ctx.reply.Integer(KillMatching(ctx, filter));
}

// CLIENT GETNAME
void GetName(SessionContext& ctx, Args) {
  ctx.session.name.empty() ? ctx.reply.Null() : ctx.reply.Bulk(ctx.session.name);
}

// CLIENT SETNAME name
void SetName(SessionContext& ctx, Args args) {
  if (!IsClientName(args[2])) return ctx.reply.Error(kClientNameError);
  ctx.session.name = args[2];
  ctx.reply.Ok();
}

// CLIENT SETINFO LIB-NAME name | LIB-VER version
void SetInfo(SessionContext& ctx, Args args) {
  const bool is_name = EqualsIgnoreCase(args[2], "lib-name");
  if (!is_name && !EqualsIgnoreCase(args[2], "lib-ver")) {
    return ctx.reply.Error("ERR Unrecognized option '" + std::string(args[2]) + "'");
  }
  if (!IsClientName(args[3])) {
    return ctx.reply.Error("ERR " + std::string(args[2]) +
                           " cannot contain spaces, newlines or special characters.");
  }
  (is_name ? ctx.session.lib_name : ctx.session.lib_version) = args[3];
  ctx.reply.Ok();
}

// CLIENT REPLY ON | OFF | SKIP
void ReplyWhen(SessionContext& ctx, Args args) {
  Connection& connection = ConnectionOf(ctx);
  if (EqualsIgnoreCase(args[2], "on")) {
    connection.reply_mode = ReplyMode::kOn;
    connection.reply.set_muted(false);
    ctx.reply.Ok();
  } else if (EqualsIgnoreCase(args[2], "off")) {
    connection.reply_mode = ReplyMode::kOff;
    connection.reply.set_muted(true);
  } else if (EqualsIgnoreCase(args[2], "skip")) {
    if (connection.reply_mode == ReplyMode::kOff) return;
    connection.reply_mode = ReplyMode::kSkipNext;
    connection.skip_begins = true;
  } else {
    ctx.reply.Error(commands::kSyntaxError);
  }
}

void ReplyToSwitch(SessionContext& ctx, Bytes word, bool* setting) {
  const bool on = EqualsIgnoreCase(word, "on");
  if (!on && !EqualsIgnoreCase(word, "off")) return ctx.reply.Error(commands::kSyntaxError);
  *setting = on;
  ctx.reply.Ok();
}

// CLIENT NO-EVICT ON | OFF
void NoEvict(SessionContext& ctx, Args args) { ReplyToSwitch(ctx, args[2], &ctx.session.no_evict); }

// CLIENT NO-TOUCH ON | OFF
void NoTouch(SessionContext& ctx, Args args) { ReplyToSwitch(ctx, args[2], &ctx.session.no_touch); }

// CLIENT PAUSE milliseconds [WRITE | ALL]
void Pause(SessionContext& ctx, Args args) {
  if (args.size() > 4) return ReplyBadSubcommand(ctx.reply, "CLIENT", args[1]);
  PauseScope scope = PauseScope::kAll;
  if (args.size() == 4 && EqualsIgnoreCase(args[3], "write")) {
    scope = PauseScope::kWrites;
  } else if (args.size() == 4 && !EqualsIgnoreCase(args[3], "all")) {
    return ctx.reply.Error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const auto ms = ParseInt64(args[2]);
  const auto now_ms = static_cast<int64_t>(ctx.env().clock.WallMs());
  if (!ms) return ctx.reply.Error("ERR timeout is not an integer or out of range");
  if (*ms < 0) return ctx.reply.Error("ERR timeout is negative");
  if (*ms > std::numeric_limits<int64_t>::max() - now_ms)
    return ctx.reply.Error("ERR timeout is out of range");
  PauseClients(WorkerOf(ctx), static_cast<uint64_t>(now_ms + *ms), scope);
  ctx.reply.Ok();
}

// CLIENT UNPAUSE
void Unpause(SessionContext& ctx, Args) {
  UnpauseClients(WorkerOf(ctx));
  ctx.reply.Ok();
}

// CLIENT UNBLOCK id [TIMEOUT | ERROR]
void Unblock(SessionContext& ctx, Args args) {
  if (args.size() > 4) return ReplyBadSubcommand(ctx.reply, "CLIENT", args[1]);
  if (args.size() == 4 && !EqualsIgnoreCase(args[3], "timeout") &&
      !EqualsIgnoreCase(args[3], "error")) {
    return ctx.reply.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const auto id = ParseInt64(args[2]);
  if (!id) return ctx.reply.Error(commands::kNotAnIntegerError);
  const bool with_error = args.size() == 4 && EqualsIgnoreCase(args[3], "error");
  const auto end = with_error ? exec::Wait::State::kRefused : exec::Wait::State::kUnblocked;
  bool ended = false;
  ctx.executor.Exclusive([&] {
    ForEachConnection(WorkerOf(ctx).parts(), [&](Connection& connection) {
      if (*id < 0 || connection.id != static_cast<uint64_t>(*id) || connection.closing()) return;
      // What a pause or something outside holds up cannot be freed one by one.
      if (connection.parking.reason != exec::ParkReason::kKeys) return;
      const std::shared_ptr<exec::Wait>& wait = connection.parking.wait;
      if (!wait->TryEnd(end)) return;
      connection.worker().Wake(wait);
      ended = true;
    });
  });
  ctx.reply.Integer(ended);
}

// CLIENT TRACKINGINFO
void TrackingInfo(SessionContext& ctx, Args) {
  ctx.reply.Map(3);
  ctx.reply.Bulk("flags");
  ctx.reply.Set(1);
  ctx.reply.Bulk("off");
  ctx.reply.Bulk("redirect");
  ctx.reply.Integer(-1);
  ctx.reply.Bulk("prefixes");
  ctx.reply.Array(0);
}

// CLIENT GETREDIR
void GetRedirection(SessionContext& ctx, Args) { ctx.reply.Integer(-1); }

// CLIENT HELP
void Help(SessionContext& ctx, Args) { ReplyWithHelp(ctx.reply, *ctx.command.parent); }

constexpr uint32_t kAlways = commands::kNoScript | commands::kLoading | commands::kStale;
constexpr uint32_t kOwn = kAlways | commands::kLockFree;
constexpr uint32_t kOfOthers = kAlways | commands::kAdmin;

constexpr CommandSpec kClientSubcommands[] = {
    {.name = "getname",
     .arity = 2,
     .flags = kOwn,
     .group = Group::kConnection,
     .session = GetName,
     .since = "2.6.9",
     .complexity = "O(1)",
     .summary = "Returns the name of the connection."},
    {.name = "getredir",
     .arity = 2,
     .flags = kOwn,
     .group = Group::kConnection,
     .session = GetRedirection,
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Returns the client that invalidation messages of this connection go to; -1 "
                "without tracking."},
    {.name = "help",
     .arity = 2,
     .flags = commands::kLoading | commands::kStale | commands::kLockFree,
     .group = Group::kConnection,
     .session = Help,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "id",
     .arity = 2,
     .flags = kOwn,
     .group = Group::kConnection,
     .session = Id,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Returns the number of the connection."},
    {.name = "info",
     .arity = 2,
     .flags = kOwn,
     .group = Group::kConnection,
     .session = Info,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Returns this connection's line of CLIENT LIST.",
     .tips = "nondeterministic_output"},
    {.name = "kill",
     .arity = -3,
     .flags = kOfOthers,
     .group = Group::kConnection,
     .session = Kill,
     .since = "2.4.0",
     .complexity = "O(N) in the number of connections",
     .summary = "Closes connections.",
     .syntax = "<ip:port | [ID client-id] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] "
               "[USER username] "
               "[ADDR addr] [LADDR laddr] [SKIPME <YES | NO>] [MAXAGE maxage]>"},
    {.name = "list",
     .arity = -2,
     .flags = kOfOthers,
     .group = Group::kConnection,
     .session = List,
     .since = "2.4.0",
     .complexity = "O(N) in the number of connections",
     .summary = "Describes the connections, each in a line.",
     .syntax = "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
     .tips = "nondeterministic_output"},
    {.name = "no-evict",
     .arity = 3,
     .flags = kOfOthers | commands::kLockFree,
     .group = Group::kConnection,
     .session = NoEvict,
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells whether the connection may be closed to save memory.",
     .syntax = "<ON | OFF>"},
    {.name = "no-touch",
     .arity = 3,
     .flags = kOwn,
     .group = Group::kConnection,
     .session = NoTouch,
     .since = "7.2.0",
     .complexity = "O(1)",
     .summary = "Tells whether reads of the connection count as accesses of the keys.",
     .syntax = "<ON | OFF>"},
    {.name = "pause",
     .arity = -3,
     .flags = kOfOthers,
     .group = Group::kConnection,
     .session = Pause,
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Holds up commands, or writes only, for a while.",
     .syntax = "timeout [WRITE | ALL]"},
    {.name = "reply",
     .arity = 3,
     .flags = kOwn,
     .group = Group::kConnection,
     .session = ReplyWhen,
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Tells whether commands are answered.",
     .syntax = "<ON | OFF | SKIP>"},
    {.name = "setinfo",
     .arity = 4,
     .flags = kOwn,
     .group = Group::kConnection,
     .session = SetInfo,
     .since = "7.2.0",
     .complexity = "O(1)",
     .summary = "Tells which library the client uses.",
     .syntax = "<LIB-NAME libname | LIB-VER libver>"},
    {.name = "setname",
     .arity = 3,
     .flags = kOwn,
     .group = Group::kConnection,
     .session = SetName,
     .since = "2.6.9",
     .complexity = "O(1)",
     .summary = "Names the connection.",
     .syntax = "connection-name"},
    {.name = "trackinginfo",
     .arity = 2,
     .flags = kOwn,
     .group = Group::kConnection,
     .session = TrackingInfo,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Tells how keys are tracked for the connection."},
    {.name = "unblock",
     .arity = -3,
     .flags = kOfOthers,
     .group = Group::kConnection,
     .session = Unblock,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Ends the waiting of a client that a command blocks.",
     .syntax = "client-id [TIMEOUT | ERROR]"},
    {.name = "unpause",
     .arity = 2,
     .flags = kOfOthers,
     .group = Group::kConnection,
     .session = Unpause,
     .since = "6.2.0",
     .complexity = "O(N) in the number of held up clients",
     .summary = "Ends CLIENT PAUSE."},
};

constexpr CommandSpec kClientCommands[] = {
    {.name = "client",
     .arity = -2,
     .group = Group::kConnection,
     .subcommands = kClientSubcommands,
     .since = "2.4.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands about connections."},
};

}  // namespace

std::span<const CommandSpec> ClientCommands() { return kClientCommands; }

}  // namespace terrace::server
