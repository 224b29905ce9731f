// DEBUG LOADAOF: what tables and log would bring back at a restart takes the place of the data in use.
#pragma once

#include "exec/executor.h"

namespace terrace::server {

/// Nobody runs meanwhile. Whatever is wrong with the files, the data stay as they were.
void DebugLoadLog(exec::SessionContext& ctx);

}  // namespace terrace::server
