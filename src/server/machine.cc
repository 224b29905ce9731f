#include "server/machine.h"

#include <signal.h>

#include "base/memory.h"
#include "commands/families.h"
#include "env/entropy.h"
#include "exec/families.h"
#include "net/process.h"
#include "server/families.h"
#include "server/import_source.h"
#include "server/importer.h"
#include "server/log.h"
#include "server/settings_in_force.h"

namespace terrace::server {
namespace {

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
      engine::Participants::kParticipantsMax - 4;  // background threads take part, too
  return static_cast<unsigned>(std::min(wanted, most));
}

}  // namespace

Machine::Machine(config::Startup startup, std::unique_ptr<DataDirectory> data)
    : options_(startup.options),
      import_file_(startup.import_file),
      run_id_(RandomHexId()),
      data_(std::move(data)),
      config_(std::move(startup)),
      table_(MakeTable()),
      databases_(static_cast<unsigned>(options_.databases),
                 data_ != nullptr ? data_->hash_key() : RandomHashKey(), participants_),
      channels_(RandomHashKey()),
      parts_(new Parts{SystemClock(), config_, table_, participants_, databases_, log_,
                       engine_settings_, eviction_, gates_, channels_, limits_, stats_, slow_log_,
                       expiry_, heap_, workers_, run_id_}),
      acceptor_(workers_) {
  ApplySettings(options_, *parts_);
  FollowSettings(*parts_);
  const unsigned count = WorkerCount(options_);
  for (unsigned i = 0; i < count; ++i) workers_.push_back(std::make_unique<Worker>(*parts_, i));
  parts_->run.started_ms = parts_->clock.WallMs();
  parts_->run.startup_bytes = UsedMemory();
  FollowAddresses();
  FollowAppendonly();
  parts_->run.request_stop = [this] { RequestStop(); };
}

Machine::~Machine() {
  on_sigterm_.reset();
  on_sigint_.reset();
  acceptor_.Close();
  workers_.clear();
}

Status Machine::Restore() {
  dump_keeper_ = std::make_unique<DumpKeeper>(*parts_, SystemFiles());
  parts_->dumps = dump_keeper_.get();
  const auto source = FindImport(options_, import_file_, data_.get());
  if (!source.ok()) return source.error();
  if (source->has_value()) {
    Importer importer(*parts_, workers_[0]->executor(), workers_[0]->participant(),
                      {.allow_cut_off = options_.aof_load_truncated});
    if (Status loaded = importer.Load(**source); !loaded.ok()) return loaded;
  }
  if (data_ == nullptr) return Status::Ok();
  log_keeper_ = std::make_unique<LogKeeper>(*parts_);
  Status opened =
      log_keeper_->Open(options_, *data_, workers_[0]->executor(), workers_[0]->participant());
  if (!opened.ok()) return opened;
  checkpoint_keeper_ = std::make_unique<CheckpointKeeper>(*parts_, *data_, log_keeper_->writer());
  parts_->checkpoints = checkpoint_keeper_.get();
  // The log has nothing of what was imported. Until this is done the directory is as good as empty, and another start
  // imports it again.
  if (source->has_value()) return checkpoint_keeper_->MakeFirst();
  return opened;
}

Status Machine::Open() {
  on_sigterm_ = std::make_unique<net::SignalHook>(workers_[0]->loop(), SIGTERM,
                                                  net::Bind<&Machine::OnSignal>(this));
  on_sigint_ = std::make_unique<net::SignalHook>(workers_[0]->loop(), SIGINT,
                                                 net::Bind<&Machine::OnSignal>(this));
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

// The log holds everything since the data were empty, so it cannot begin in the middle. Redis' tools expect the setting to be
// taken all the same; INFO tells what is.
void Machine::FollowAppendonly() {
  config_.OnChange("appendonly", [this](const config::Options&, const config::Options& after) {
    if (after.appendonly != options_.appendonly) {
      Log(config::LogLevel::kWarning,
          "appendonly %s is for the next start (CONFIG REWRITE); until then it stays %s",
          after.appendonly ? "yes" : "no", options_.appendonly ? "yes" : "no");
    }
    return Status::Ok();
  });
}

void Machine::Run() {
  if (log_keeper_ != nullptr) log_keeper_->Start();
  if (checkpoint_keeper_ != nullptr) checkpoint_keeper_->Start();
  dump_keeper_->Start();
  // What was restored may have deadlines.
  for (auto& worker : workers_) worker->RingForExpiry();
  if (options_.huge_pages) heap_.Start();
  for (size_t i = 1; i < workers_.size(); ++i) workers_[i]->Start();
  workers_[0]->Run();
  heap_.Stop();
  for (auto& worker : workers_) worker->Join();
  dump_keeper_->MakeLast();
  // One of the two may be waiting for the other's cut.
  dump_keeper_->Cancel();
  if (checkpoint_keeper_ != nullptr) checkpoint_keeper_->Stop();
  dump_keeper_->Stop();
  if (log_keeper_ != nullptr) log_keeper_->Stop();
}

void Machine::OnSignal() {
  if (!dump_keeper_->EndAfterDump()) RequestStop();
}

void Machine::RequestStop() {
  for (auto& worker : workers_) worker->Raise(Signal::kStop);
}

}  // namespace terrace::server
