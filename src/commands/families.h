// The families of commands, each in its own file that ends in its table. No static registration: this list is how a
// table is known, so the linker cannot lose one.
#pragma once

#include <span>
#include <vector>

#include "commands/command_spec.h"

namespace terrace::commands {

std::span<const CommandSpec> StringCommands();
std::span<const CommandSpec> CounterCommands();
std::span<const CommandSpec> BitCommands();
std::span<const CommandSpec> HashCommands();
std::span<const CommandSpec> FieldDeadlineCommands();
std::span<const CommandSpec> FieldValueCommands();
std::span<const CommandSpec> HyperLogLogCommands();
std::span<const CommandSpec> KeyCommands();
std::span<const CommandSpec> ExpireCommands();
std::span<const CommandSpec> IterationCommands();
std::span<const CommandSpec> ObjectCommands();
std::span<const CommandSpec> DumpCommands();
std::span<const CommandSpec> PublishCommands();
std::span<const CommandSpec> SetCommands();
std::span<const CommandSpec> SetAlgebraCommands();
std::span<const CommandSpec> SetSampleCommands();
std::span<const CommandSpec> ZsetCommands();
std::span<const CommandSpec> ZsetRangeCommands();
std::span<const CommandSpec> ZsetPopCommands();
std::span<const CommandSpec> ZsetWalkCommands();
std::span<const CommandSpec> ZsetAlgebraCommands();
std::span<const CommandSpec> BlockingZsetCommands();
std::span<const CommandSpec> ListCommands();
std::span<const CommandSpec> BlockingListCommands();
std::span<const CommandSpec> GeoCommands();
std::span<const CommandSpec> StreamCommands();
std::span<const CommandSpec> StreamReadCommands();
std::span<const CommandSpec> StreamGroupCommands();
std::span<const CommandSpec> StreamPendingCommands();
std::span<const CommandSpec> StreamInfoCommands();
std::span<const CommandSpec> SortCommands();

/// All of the above: what any database answers, whether it has a server around it or not.
std::vector<std::span<const CommandSpec>> DataFamilies();

}  // namespace terrace::commands
