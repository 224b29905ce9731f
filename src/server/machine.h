// Machine: the running server, built from its parts in the order they stand here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/acceptor.h"
#include "server/config/startup.h"
#include "server/data_directory.h"
#include "server/parts.h"
#include "server/persistence.h"
#include "server/worker.h"

namespace terrace::server {

class Machine {
 public:
  /// `data`: where the data are kept; none: nowhere.
  Machine(config::Startup startup, std::unique_ptr<DataDirectory> data);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Brings back what the disk holds, or imports what a Redis has left there; the error says why that cannot be.
  Status Restore();
  /// Opens the listeners; the error says what could not be opened.
  Status Open();
  /// Serves until RequestStop; worker 0 runs on this thread.
  void Run();
  /// From any thread: all workers stop.
  void RequestStop();
  /// The same in good order: what is to be saved is saved first. A second time it does not wait for that.
  void StopInOrder();

  Parts& parts() { return *parts_; }

 private:
  void FollowAddresses();

  const config::Options options_;
  const std::string import_file_;
  const std::string run_id_;
  config::ConfigStore config_;
  commands::CommandTable table_;
  engine::Participants participants_;
  engine::Databases databases_;
  engine::CommitLog log_;
  engine::EngineSettings engine_settings_;
  engine::EvictionSettings eviction_;
  exec::ServerGates gates_;
  pubsub::ChannelRegistry channels_;
  Limits limits_;
  ServerStats stats_;
  SlowLog slow_log_;
  ExpiryTimers expiry_;
  HeapKeeper heap_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Parts> parts_;
  Persistence persistence_;
  std::atomic<bool> stopping_{false};
  Acceptor acceptor_;
  std::unique_ptr<net::SignalHook> on_sigterm_;
  std::unique_ptr<net::SignalHook> on_sigint_;
};

}  // namespace terrace::server
