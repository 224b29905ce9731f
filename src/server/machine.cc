#include "server/machine.h"

#include <signal.h>

#include "base/memory.h"
#include "commands/families.h"
#include "env/entropy.h"
#include "exec/families.h"
#include "net/process.h"
#include "server/families.h"
#include "server/log.h"
#include "server/log_keeper.h"
#include "server/settings_in_force.h"

namespace terrace::server {
namespace {

// What is loaded within this time no client has to know of.
constexpr uint64_t kUnnoticedMs = 100;

HashKey RandomHashKey() {
  HashKey key;
  FillWithEntropy(&key, sizeof key);
  return key;
}

commands::CommandTable MakeTable() {
  std::vector<std::span<const commands::CommandSpec>> families = commands::DataFamilies();
  for (const auto& family :
       {exec::TransactionCommands(), exec::KeyspaceCommands(), exec::SelectCommands(),
        ConnectionCommands(), ClientCommands(), PubSubCommands(), CommandCommands(),
        ConfigCommands(), DebugCommands(), FunctionCommands(), LatencyCommands(), MemoryCommands(),
        ServerCommands(), SlowLogCommands()}) {
    families.push_back(family);
  }
  return commands::CommandTable(families);
}

unsigned WorkerCount(const config::Options& options) {
  const int64_t wanted = options.threads > 0 ? options.threads : net::AllowedCpus();
  const int64_t most =
      engine::Participants::kParticipantsMax - 12;  // background threads take part, too
  return static_cast<unsigned>(std::min(wanted, most));
}

}  // namespace

Machine::Machine(config::Startup startup, std::unique_ptr<DataDirectory> data)
    : options_(startup.options),
      import_file_(startup.import_file),
      run_id_(RandomHexId()),
      config_(std::move(startup)),
      table_(MakeTable()),
      databases_(static_cast<unsigned>(options_.databases),
                 data != nullptr ? data->hash_key() : RandomHashKey(), participants_),
      log_(LogBytesKept(options_)),
      channels_(RandomHashKey()),
      parts_(new Parts{SystemClock(), config_, table_, participants_, databases_, log_,
                       engine_settings_, eviction_, gates_, channels_, limits_, stats_, slow_log_,
                       expiry_, heap_, workers_, run_id_}),
      persistence_(*parts_, std::move(data)),
      restorer_(*parts_, persistence_),
      acceptor_(workers_) {
  ApplySettings(options_, *parts_);
  FollowSettings(*parts_);
  const unsigned count = WorkerCount(options_);
  for (unsigned i = 0; i < count; ++i) workers_.push_back(std::make_unique<Worker>(*parts_, i));
  parts_->run.started_ms = parts_->clock.WallMs();
  parts_->run.startup_bytes = UsedMemory();
  FollowAddresses();
  parts_->persistence = &persistence_;
  parts_->run.request_stop = [this] { RequestStop(); };
}

Machine::~Machine() {
  on_sigterm_.reset();
  on_sigint_.reset();
  acceptor_.Close();
  workers_.clear();
}

Status Machine::Open() {
  on_sigterm_ = std::make_unique<net::SignalHook>(workers_[0]->loop(), SIGTERM,
                                                  net::Bind<&Machine::StopInOrder>(this));
  on_sigint_ = std::make_unique<net::SignalHook>(workers_[0]->loop(), SIGINT,
                                                 net::Bind<&Machine::StopInOrder>(this));
  on_sigterm_->Start();
  on_sigint_->Start();
  return acceptor_.Listen(options_);
}

// Two settings, one answer each when the sockets cannot be had; if both change at once the second call finds everything
// done.
void Machine::FollowAddresses() {
  const auto follow = [this](const char* name, const char* refusal) {
    config_.OnChange(name, [this, refusal](const config::Options&, const config::Options& after) {
      return acceptor_.Follow(after).ok() ? Status::Ok() : Status::Error(refusal);
    });
  };
  follow("bind", "Failed to bind to specified addresses.");
  follow("port", "Unable to listen on this port. Check server logs.");
}

Status Machine::Run() {
  restorer_.Start(options_, import_file_);
  if (!parts_->run.load.WaitForEnd(kUnnoticedMs)) {
    Log(config::LogLevel::kNotice,
        "The data are being loaded; until they are there clients get LOADING");
  }
  if (options_.huge_pages) heap_.Start();
  for (size_t i = 1; i < workers_.size(); ++i) workers_[i]->Start();
  workers_[0]->Run();
  restorer_.Stop();
  heap_.Stop();
  for (auto& worker : workers_) worker->Join();
  persistence_.Stop();
  return restorer_.status();
}

// With a log, what could not be saved is in it; without one, and with save points, the server goes on if it cannot save.
void Machine::StopInOrder() {
  Log(config::LogLevel::kWarning, "A signal asks the server to stop");
  const bool loading = (parts_->gates.closed.load() & exec::kGateLoading) != 0;
  if (loading) return RequestStop();
  if (parts_->dumps->EndAfterDump()) return;
  if (stopping_.exchange(true)) return RequestStop();
  persistence_.SaveBeforeStop(false, [this](const Status&) { RequestStop(); });
}

void Machine::RequestStop() {
  parts_->run.load.GiveUp();
  for (auto& worker : workers_) worker->Raise(Signal::kStop);
}

}  // namespace terrace::server
