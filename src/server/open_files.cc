#include "server/open_files.h"

#include "net/process.h"
#include "server/log.h"

namespace terrace::server {
namespace {

// Standard streams, listeners, the log, files being written; and for each worker its poll, its doorbell, its timers.
constexpr uint64_t kOwnFiles = 32;
constexpr uint64_t kFilesPerWorker = 8;

uint64_t LimitNow() {
  const auto limit = net::RaiseOpenFilesLimit(0);
  return limit.ok() ? *limit : 0;
}

}  // namespace

uint64_t MakeRoomForClients(uint64_t clients, unsigned workers) {
  const uint64_t own = kOwnFiles + kFilesPerWorker * workers;
  const auto limit = net::RaiseOpenFilesLimit(clients + own);
  if (!limit.ok()) return clients;  // nobody knows the limit: accept tells when it is met
  return *limit > own ? std::min(clients, *limit - own) : 0;
}

bool FitMaxclients(config::Options& options) {
  using config::LogLevel;
  const uint64_t before = LimitNow();
  const auto wanted = static_cast<uint64_t>(options.maxclients);
  const auto workers =
      static_cast<unsigned>(options.threads > 0 ? options.threads : net::AllowedCpus());
  const uint64_t fit = MakeRoomForClients(wanted, workers);
  const uint64_t after = LimitNow();
  if (after != before) {
    Log(LogLevel::kNotice, "Raised the limit on open files from %llu to %llu.",
        static_cast<unsigned long long>(before), static_cast<unsigned long long>(after));
  }
  if (fit == wanted) return true;
  if (fit == 0) {
    Log(LogLevel::kWarning,
        "The limit on open files is %llu, which leaves none for clients. Raise it (ulimit -n).",
        static_cast<unsigned long long>(after));
    return false;
  }
  Log(LogLevel::kWarning,
      "maxclients is %llu, but the limit on open files is %llu: serving at most %llu clients. For "
      "more, raise the limit "
      "(ulimit -n).",
      static_cast<unsigned long long>(wanted), static_cast<unsigned long long>(after),
      static_cast<unsigned long long>(fit));
  options.maxclients = static_cast<int64_t>(fit);
  return true;
}

}  // namespace terrace::server
