// The options of SET and GETEX, and the deadlines they name.
//
//   condition   NX | XX | IFEQ value          SET only; one of them
//   GET                                       SET only
//   deadline    EX s | PX ms | EXAT s | PXAT ms | KEEPTTL (SET only) | PERSIST (GETEX only)      one of them
//
// The same deadline option may come twice, the last one counts: Redis has always taken "EX 10 EX 20".
#pragma once

#include <cstdint>

#include "base/args.h"
#include "commands/context.h"
#include "types/errc.h"

namespace terrace::commands {

enum class Condition : uint8_t { kNone, kAbsent, kPresent, kEqual };

enum class DeadlineOption : uint8_t { kNone, kEx, kPx, kExAt, kPxAt, kKeep, kPersist };

struct SetOptions {
  Condition condition = Condition::kNone;
  Bytes expected;  // of kEqual
  bool get = false;
  DeadlineOption deadline = DeadlineOption::kNone;
  Bytes time;  // of kEx .. kPxAt, not parsed yet

  bool names_time() const {
    return deadline >= DeadlineOption::kEx && deadline <= DeadlineOption::kPxAt;
  }
};

/// args[3] and on.
ErrcOr<SetOptions> ParseSetOptions(Args args);
/// args[2] and on.
ErrcOr<SetOptions> ParseGetExOptions(Args args);

/// The time a deadline option names, in ms since the epoch; `option` is one of kEx .. kPxAt. Errc::kNotAnInteger, or
/// kInvalidExpire for what is not positive or too far away.
ErrcOr<uint64_t> ResolveDeadline(DeadlineOption option, Bytes time, uint64_t now_ms);

/// The reply to ResolveDeadline's error; the text names the command.
void ReplyDeadlineError(ReadContext& ctx, Errc error, Bytes command);

}  // namespace terrace::commands
