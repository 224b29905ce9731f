#include "server/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "env/clock.h"

namespace terrace::server {
namespace {

// The log must work from any thread and at any time, before anything else exists: hence two plain atomics here.
std::atomic<int> log_fd{STDOUT_FILENO};
std::atomic<config::LogLevel> log_level{config::LogLevel::kNotice};

}  // namespace

Status OpenLog(const std::string& path, config::LogLevel level) {
  SetLogLevel(level);
  if (path.empty()) return Status::Ok();
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return Status::FromErrno("cannot open the log file " + path, errno);
  log_fd.store(fd);
  return Status::Ok();
}

void SetLogLevel(config::LogLevel level) { log_level.store(level); }

void Log(config::LogLevel level, const char* format, ...) {
  if (level < log_level.load(std::memory_order_relaxed)) return;
  char line[2048];
  const uint64_t us = SystemClock().WallUs();
  const auto seconds = static_cast<time_t>(us / 1'000'000);
  tm local;
  localtime_r(&seconds, &local);
  char stamp[40];
  std::strftime(stamp, sizeof stamp, "%d %b %Y %H:%M:%S", &local);
  int used = std::snprintf(line, sizeof line, "%d:M %s.%03d %c ", static_cast<int>(getpid()), stamp,
                           static_cast<int>(us / 1000 % 1000), ".-*#"[static_cast<int>(level) & 3]);
  va_list arguments;
  va_start(arguments, format);
  used +=
      std::vsnprintf(line + used, sizeof line - static_cast<size_t>(used) - 1, format, arguments);
  va_end(arguments);
  if (used > static_cast<int>(sizeof line) - 2) used = static_cast<int>(sizeof line) - 2;
  line[used++] = '\n';
  const ssize_t ignored =
      ::write(log_fd.load(std::memory_order_relaxed), line, static_cast<size_t>(used));
  static_cast<void>(ignored);  // there is nowhere left to complain to
}

}  // namespace terrace::server
