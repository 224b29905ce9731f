// What the commands on deadlines of hash fields have in common: how they name a time and their fields.
//
//   FIELDS numfields field [field ...]
#pragma once

#include <cstdint>
#include <optional>

#include "base/args.h"
#include "commands/context.h"

namespace terrace::commands {

/// Seconds or milliseconds, since epoch or from now.
struct FieldTime {
  bool seconds;
  bool absolute;
};

/// The deadline in ms since epoch, which may be past. Answers the error itself, in the name of `command`.
std::optional<uint64_t> ParseFieldDeadline(ReadContext& ctx, Bytes time, FieldTime form,
                                           Bytes command);

/// Reads FIELDS and the number at args[at] and returns where the first field stands; the fields are the rest of the
/// request. Answers the error itself: `number_error` for a number that is none or not positive.
std::optional<size_t> ParseFields(resp::Reply& reply, Args args, size_t at, Bytes number_error);

constexpr Bytes kFieldCountError = "ERR Number of fields must be a positive integer";

}  // namespace terrace::commands
