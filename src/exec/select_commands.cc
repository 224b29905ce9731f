// SELECT: which database a session works on.
#include "base/numbers.h"
#include "commands/error_text.h"
#include "exec/executor.h"
#include "exec/families.h"

namespace terrace::exec {
namespace {

// SELECT index
void Select(SessionContext& ctx, Args args) {
  const auto index = ParseInt64(args[1]);
  if (!index) return ctx.reply.Error(commands::kNotAnIntegerError);
  if (*index < INT32_MIN || *index > INT32_MAX) {
    return ctx.reply.Error(
        "ERR value is out of range, value must between -2147483648 and 2147483647");
  }
  if (*index < 0 || *index >= ctx.env().databases.count())
    return ctx.reply.Error("ERR DB index is out of range");
  ctx.session.db = static_cast<unsigned>(*index);
  ctx.reply.Ok();
}

constexpr commands::CommandSpec kSelectCommands[] = {
    {.name = "select",
     .arity = 2,
     .flags = commands::kLoading | commands::kStale | commands::kFast | commands::kLockFree,
     .group = commands::Group::kConnection,
     .session = Select,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Chooses the database of this connection.",
     .syntax = "index"},
};

}  // namespace

std::span<const commands::CommandSpec> SelectCommands() { return kSelectCommands; }

}  // namespace terrace::exec
