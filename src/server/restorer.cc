#include "server/restorer.h"

#include "env/entropy.h"
#include "exec/executor.h"
#include "exec/no_subscribers.h"
#include "server/log.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using config::LogLevel;

}  // namespace

void Restorer::Start(const config::Options& options, const std::string& import_file) {
  parts_.gates.Close(exec::kGateLoading);
  thread_ = std::thread([this, options, import_file] { Run(options, import_file); });
}

void Restorer::Stop() {
  if (!thread_.joinable()) return;
  parts_.run.load.GiveUp();
  thread_.join();
}

void Restorer::Run(const config::Options& options, const std::string& import_file) {
  // What was published when the log was written is not published once more.
  exec::NoSubscribers publisher;
  exec::Environment environment{
      parts_.table,    parts_.databases, parts_.log,   parts_.engine_settings,
      parts_.eviction, parts_.gates,     parts_.clock, parts_.limits.slow_command_ns};
  engine::Participant* self = parts_.participants.Join();
  Status status;
  {
    uint64_t seed;
    FillWithEntropy(&seed, sizeof seed);
    exec::Executor executor(environment, *self, publisher, nullptr, nullptr, seed);
    status = persistence_.Restore(options, import_file, executor, *self);
  }
  parts_.participants.Leave(self);
  LoadProgress& load = parts_.run.load;
  if (status.ok()) {
    parts_.gates.Open(exec::kGateLoading);
    // What was restored may have deadlines.
    for (auto& worker : parts_.workers) worker->RingForExpiry();
    Log(LogLevel::kNotice, "Ready to accept connections");
  } else if (load.given_up()) {
    Log(LogLevel::kWarning, "The server stops before its data were loaded; nothing was changed");
  } else {
    status_ = status;
    parts_.run.request_stop();
  }
  load.End();
}

}  // namespace terrace::server
