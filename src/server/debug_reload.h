// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]: all data goes to the file `dbfilename` in `dir` and comes back from it.
#pragma once

#include "exec/executor.h"

namespace terrace::server {

/// NOSAVE reads a file that is there already. NOFLUSH adds what is read to the data; MERGE lets it replace keys. Whatever
/// is wrong with the file, the data stay as they were.
void DebugReload(exec::SessionContext& ctx, Args args);

}  // namespace terrace::server
