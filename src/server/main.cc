// terrace-server: reads the configuration, builds the machine, runs it.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "base/short_slices.h"
#include "engine/participants.h"
#include "net/process.h"
#include "server/config/sample_file.h"
#include "server/config/startup.h"
#include "server/data_directory.h"
#include "server/health_check.h"
#include "server/log.h"
#include "server/machine.h"
#include "server/open_files.h"
#include "server/version.h"

extern char** environ;

namespace terrace::server {
namespace {

using config::LogLevel;

int Complain(const Status& status) {
  std::fprintf(stderr, "terrace-server: %s\n", status.message().c_str());
  return 1;
}

int Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

// `terrace-server --check-config FILE`: parsing it was the check.
int ReportCheck(const config::Startup& startup) {
  for (const std::string& warning : startup.warnings) std::printf("warning: %s\n", warning.c_str());
  std::printf("%s: OK\n",
              startup.config_file.empty() ? "configuration" : startup.config_file.c_str());
  return 0;
}

int ReportHealth(const config::HealthTarget& target) {
  const Status health = CheckHealth(target);
  return health.ok() ? 0 : Complain(health);
}

int GiveUp(const Status& why) {
  Log(LogLevel::kWarning, "%s", why.message().c_str());
  Log(LogLevel::kWarning,
      "The data could not be read, and what is there was not changed. Aborting.");
  return 1;
}

/// The file that names our process, for as long as this lives.
class PidFile {
 public:
  explicit PidFile(const std::string& path) : path_(path) {
    if (path_.empty()) return;
    std::ofstream file(path_, std::ios::trunc);
    file << getpid() << '\n';
    file.flush();
    if (file) return;
    Log(LogLevel::kWarning, "cannot write the pidfile %s", path_.c_str());
    path_.clear();
  }
  ~PidFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  std::string path_;
};

// The lines carry the words that Redis' tools wait for: "PID: ", "Ready to accept connections", "Failed listening on
// port".
int Serve(config::Startup startup) {
  config::Options& options = startup.options;
  // First of all, because other paths may be relative to it.
  if (::chdir(options.dir.c_str()) != 0)
    return Complain(Status::FromErrno("dir " + options.dir, errno));
  if (const Status opened = OpenLog(options.logfile, options.loglevel); !opened.ok())
    return Complain(opened);
  Log(LogLevel::kNotice, "Terrace %s starts, PID: %d", kTerraceVersion, static_cast<int>(getpid()));
  for (const std::string& warning : startup.warnings)
    Log(LogLevel::kWarning, "%s", warning.c_str());
  if (!FitMaxclients(options)) return 1;
  const PidFile pidfile(options.pidfile);
  const int64_t port = options.port;
  if (options.storage_mode == config::StorageMode::kDatabase && !options.appendonly) {
    Log(LogLevel::kWarning, "storage-mode database needs appendonly yes, aborting.");
    return 1;
  }
  std::unique_ptr<DataDirectory> data;
  if (options.appendonly) {
    auto opened = DataDirectory::Open(SystemFiles(), options.dir);
    if (!opened.ok()) return GiveUp(opened.error());
    data = *std::move(opened);
  }
  Machine machine(std::move(startup), std::move(data));
  if (const Status opened = machine.Open(); !opened.ok()) {
    Log(LogLevel::kWarning, "%s", opened.message().c_str());
    Log(LogLevel::kWarning, "Failed listening on port %d (tcp), aborting.", static_cast<int>(port));
    return 1;
  }
  if (machine.parts().participants.fencing() == engine::Fencing::kByEveryone) {
    Log(LogLevel::kNotice,
        "membarrier(2) is refused here: workers execute a memory fence each turn instead");
  }
  const Status ran = machine.Run();
  return ran.ok() ? 0 : GiveUp(ran);
}

int Main(int argc, char** argv) {
  auto startup = config::ParseStartup(argc, argv, environ);
  if (!startup.ok()) return Complain(startup.error());
  net::IgnoreWriteSignals();
  TakeShortSlices();
  switch (startup->mode) {
    case config::Mode::kHelp:
      return Print(config::HelpText());
    case config::Mode::kVersion:
      return Print(std::string("Terrace ") + kTerraceVersion + "\n");
    case config::Mode::kSampleConfig:
      return Print(config::SampleToml());
    case config::Mode::kCheckConfig:
      return ReportCheck(*startup);
    case config::Mode::kHealthcheck:
      return ReportHealth(startup->health);
    case config::Mode::kRun:
      break;
  }
  return Serve(std::move(*startup));
}

}  // namespace
}  // namespace terrace::server

int main(int argc, char** argv) { return terrace::server::Main(argc, argv); }
