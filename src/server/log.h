// The server's own log: one line an event, "pid:role date time level message", as Redis writes it, to standard output
// or a file. Whole lines are written with one system call, so several threads may log.
#pragma once

#include <string>

#include "base/status.h"
#include "server/config/options.h"

namespace terrace::server {

/// Where lines go and from which level on; an empty path is standard output.
Status OpenLog(const std::string& path, config::LogLevel level);
void SetLogLevel(config::LogLevel level);

void Log(config::LogLevel level, const char* format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace terrace::server
