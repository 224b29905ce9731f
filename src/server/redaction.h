// Arguments as others may see them, in MONITOR and the slow log: passwords are replaced by "(redacted)".
#pragma once

#include <vector>

#include "base/args.h"
#include "commands/command_table.h"

namespace terrace::server {

/// CONTRACT: the views live as long as those of `args`.
std::vector<Bytes> Redacted(const commands::Command& command, Args args);

}  // namespace terrace::server
