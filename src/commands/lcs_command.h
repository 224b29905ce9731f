// LCS, which has options and a reply of its own; its row is in the table of the strings.
#pragma once

#include "commands/context.h"

namespace terrace::commands {

// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]
void Lcs(ReadContext& ctx, Args args);

}  // namespace terrace::commands
