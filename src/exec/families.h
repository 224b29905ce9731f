// The families of commands that concern whole units and whole keyspaces rather than keys.
#pragma once

#include <span>

#include "commands/command_spec.h"

namespace terrace::exec {

std::span<const commands::CommandSpec> TransactionCommands();
std::span<const commands::CommandSpec> KeyspaceCommands();
std::span<const commands::CommandSpec> SelectCommands();

}  // namespace terrace::exec
