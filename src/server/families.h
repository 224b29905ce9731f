// The families of commands that administer the server and its connections; the data families are listed in
// commands/families.h, MULTI and its like in exec/families.h.
#pragma once

#include <span>

#include "commands/command_spec.h"

namespace terrace::server {

std::span<const commands::CommandSpec> ClientCommands();
std::span<const commands::CommandSpec> ConnectionCommands();
std::span<const commands::CommandSpec> PubSubCommands();
std::span<const commands::CommandSpec> DebugCommands();
std::span<const commands::CommandSpec> FunctionCommands();
std::span<const commands::CommandSpec> LatencyCommands();
std::span<const commands::CommandSpec> MemoryCommands();
std::span<const commands::CommandSpec> ServerCommands();
std::span<const commands::CommandSpec> SlowLogCommands();
std::span<const commands::CommandSpec> CommandCommands();
std::span<const commands::CommandSpec> ConfigCommands();

}  // namespace terrace::server
