// The timeout of a blocking command: seconds with a fraction, or milliseconds (XREAD's BLOCK).
#pragma once

#include <cstdint>
#include <optional>

#include "commands/context.h"

namespace terrace::commands {

/// Milliseconds, 0 for ever; nullopt after an error reply.
std::optional<uint64_t> ParseBlockTimeout(ReadContext& ctx, Bytes seconds);
std::optional<uint64_t> ParseBlockTimeoutMs(ReadContext& ctx, Bytes milliseconds);

}  // namespace terrace::commands
