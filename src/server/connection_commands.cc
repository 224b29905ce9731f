// The connection's own commands: AUTH, ECHO, HELLO, MONITOR, PING, QUIT, RESET. SELECT is in exec/select_commands.cc.
#include <optional>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/error_text.h"
#include "exec/transaction.h"
#include "server/client_name.h"
#include "server/families.h"
#include "server/version.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::Group;
using exec::ReplyMode;
using exec::SessionContext;

constexpr Bytes kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";

Connection& ConnectionOf(SessionContext& ctx) { return static_cast<Connection&>(ctx.session); }
Parts& PartsOf(SessionContext& ctx) { return static_cast<Worker&>(*ctx.executor.host()).parts(); }

// Takes as long for a wrong guess as for the right one: how long a comparison takes must not tell how much of the guess
// was right.
bool EqualsInConstantTime(Bytes guess, Bytes secret) {
  size_t difference = guess.size() ^ secret.size();
  for (size_t i = 0; i < guess.size(); ++i) {
    const char other = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned char>(guess[i] ^ other);
  }
  return difference == 0;
}

// There is one user. Without a password any will do for it.
bool IsRightPassword(SessionContext& ctx, Bytes user, Bytes password) {
  if (user != "default") return false;
  const std::string required = PartsOf(ctx).config.Snapshot().requirepass;
  return required.empty() || EqualsInConstantTime(password, required);
}

// AUTH [user] password
void Auth(SessionContext& ctx, Args args) {
  if (args.size() > 3) return ctx.reply.Error(commands::kSyntaxError);
  if (args.size() == 2 && !PartsOf(ctx).limits.password_set.load()) {
    return ctx.reply.Error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your "
        "configuration is correct?");
  }
  const Bytes user = args.size() == 2 ? Bytes("default") : args[1];
  if (!IsRightPassword(ctx, user, args[args.size() - 1])) return ctx.reply.Error(kWrongPassword);
  ConnectionOf(ctx).Authenticate();
  ctx.reply.Ok();
}

// What HELLO asks for, behind the version.
struct Greeting {
  std::optional<Bytes> user;
  Bytes password;
  std::optional<Bytes> name;
};

bool ParseGreeting(SessionContext& ctx, Args args, Greeting* greeting) {
  for (size_t i = 2; i < args.size(); ++i) {
    const size_t more = args.size() - 1 - i;
    if (EqualsIgnoreCase(args[i], "auth") && more >= 2) {
      greeting->user = args[i + 1];
      greeting->password = args[i + 2];
      i += 2;
    } else if (EqualsIgnoreCase(args[i], "setname") && more >= 1) {
      greeting->name = args[++i];
      if (IsClientName(*greeting->name)) continue;
      ctx.reply.Error(kClientNameError);
      return false;
    } else {
      ctx.reply.Error("ERR Syntax error in HELLO option '" + std::string(args[i]) + "'");
      return false;
    }
  }
  return true;
}

void Introduce(SessionContext& ctx) {
  resp::Reply& reply = ctx.reply;
  reply.Map(7);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(kRedisVersion);
  reply.Bulk("proto");
  reply.Integer(reply.protocol());
  reply.Bulk("id");
  reply.Integer(static_cast<int64_t>(ctx.session.id));
  reply.Bulk("mode");
  reply.Bulk("standalone");
  reply.Bulk("role");
  reply.Bulk("master");
  reply.Bulk("modules");
  reply.Array(0);
}

// HELLO [protover [AUTH user password] [SETNAME name]]
void Hello(SessionContext& ctx, Args args) {
  int protocol = ctx.reply.protocol();
  if (args.size() > 1) {
    const auto version = ParseInt64(args[1]);
    if (!version) return ctx.reply.Error("ERR Protocol version is not an integer or out of range");
    if (*version != 2 && *version != 3)
      return ctx.reply.Error("NOPROTO unsupported protocol version");
    protocol = static_cast<int>(*version);
  }
  Greeting greeting;
  if (!ParseGreeting(ctx, args, &greeting)) return;
  Connection& connection = ConnectionOf(ctx);
  if (greeting.user) {
    if (!IsRightPassword(ctx, *greeting.user, greeting.password))
      return ctx.reply.Error(kWrongPassword);
    connection.Authenticate();
  }
  if (!connection.authenticated) {
    return ctx.reply.Error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> "
        "<pass> option can be used to authenticate the client and select the RESP protocol version "
        "at the same time");
  }
  if (greeting.name) connection.name = *greeting.name;
  ctx.reply.set_protocol(protocol);
  connection.UpdateSubscribedGate();
  Introduce(ctx);
}

// RESET
void Reset(SessionContext& ctx, Args) {
  Connection& connection = ConnectionOf(ctx);
  connection.StopMonitoring();
  exec::DiscardTransaction(connection, ctx.executor);
  connection.worker().subscriptions().UnsubscribeAll(connection);
  connection.db = 0;
  connection.name.clear();
  connection.no_touch = false;
  connection.no_evict = false;
  // CLIENT REPLY SKIP has its way with this reply, too, as in Redis.
  if (connection.reply_mode == ReplyMode::kOff) {
    connection.reply_mode = ReplyMode::kOn;
    connection.reply.set_muted(false);
  }
  connection.reply.set_protocol(2);
  connection.UpdateSubscribedGate();
  if (PartsOf(ctx).limits.password_set.load()) {
    connection.authenticated = false;
    connection.gates |= exec::kGateNeedsAuth;
  }
  ctx.reply.Simple("RESET");
}

// MONITOR
void Monitor(SessionContext& ctx, Args) {
  if (ctx.executor.in_scope())
    return ctx.reply.Error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  Connection& connection = ConnectionOf(ctx);
  if (connection.monitor) return;
  connection.StartMonitoring();
  ctx.reply.Ok();
}

// PING [message]
void Ping(SessionContext& ctx, Args args) {
  if (args.size() > 2) return ctx.reply.Error("ERR wrong number of arguments for 'ping' command");
  if (ctx.session.subscriptions() > 0 && ctx.reply.protocol() == 2) {
    ctx.reply.Array(2);
    ctx.reply.Bulk("pong");
    return ctx.reply.Bulk(args.size() == 2 ? args[1] : Bytes());
  }
  if (args.size() == 1) return ctx.reply.Simple("PONG");
  ctx.reply.Bulk(args[1]);
}

// ECHO message
void Echo(SessionContext& ctx, Args args) { ctx.reply.Bulk(args[1]); }

// QUIT
void Quit(SessionContext& ctx, Args) {
  ctx.reply.Ok();
  ConnectionOf(ctx).CloseSoon(true);
}

constexpr uint32_t kAlways = commands::kLoading | commands::kStale | commands::kFast;
// Allowed to whoever has not shown a password yet; what stands behind it is read in the light of what it did.
constexpr uint32_t kBeforeAuth = kAlways | commands::kNoScript | commands::kNoAuth |
                                 commands::kAllowBusy | commands::kEndsGathering;

constexpr CommandSpec kConnectionCommands[] = {
    {.name = "auth",
     .arity = -2,
     .flags = kBeforeAuth | commands::kLockFree,
     .group = Group::kConnection,
     .session = Auth,
     .since = "1.0.0",
     .complexity = "O(N) in the length of the password",
     .summary = "Shows the password.",
     .syntax = "[username] password"},
    {.name = "echo",
     .arity = 2,
     .flags = kAlways | commands::kLockFree,
     .group = Group::kConnection,
     .session = Echo,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Returns its argument.",
     .syntax = "message"},
    {.name = "hello",
     .arity = -1,
     .flags = kBeforeAuth | commands::kLockFree,
     .group = Group::kConnection,
     .session = Hello,
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Chooses the protocol and tells about the server.",
     .syntax = "[protover [AUTH username password] [SETNAME clientname]]"},
    {.name = "monitor",
     .arity = 1,
     .flags = commands::kAdmin | commands::kNoScript | commands::kLoading | commands::kStale |
              commands::kLockFree,
     .group = Group::kServer,
     .session = Monitor,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Shows every command the server runs, as it runs it."},
    {.name = "ping",
     .arity = -1,
     .flags = commands::kFast | commands::kLockFree | commands::kSubscribeMode,
     .group = Group::kConnection,
     .session = Ping,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells that the server lives.",
     .syntax = "[message]",
     .tips = "request_policy:all_shards,response_policy:all_succeeded"},
    {.name = "quit",
     .arity = -1,
     .flags =
         kBeforeAuth | commands::kImmediateInMulti | commands::kLockFree | commands::kSubscribeMode,
     .group = Group::kConnection,
     .session = Quit,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Ends the connection once its replies are sent.",
     .deprecated_since = "7.2.0",
     .replaced_by = "just closing the connection"},
    {.name = "reset",
     .arity = 1,
     .flags = kBeforeAuth | commands::kImmediateInMulti | commands::kSubscribeMode,
     .group = Group::kConnection,
     .session = Reset,
     .since = "6.2.0",
     .complexity = "O(subscriptions + watched keys)",
     .summary = "Makes the connection as it was when it was new."},
};

}  // namespace

std::span<const CommandSpec> ConnectionCommands() { return kConnectionCommands; }

}  // namespace terrace::server
