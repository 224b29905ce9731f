// Machine: the running server, built from its parts in the order they stand here.
//
// Its life, in order; what fails ends it there:
//
//   main.cc      configuration, data directory locked, its manifest read
//   built        settings in force, workers made
//   Open         signals are heeded, sockets open: the kernel keeps who connects
//   Run          kGateLoading closes, and the restorer begins to bring back what the disk holds (server/persistence.h)
//                for a moment nobody is accepted: where there is nothing to load, or little, no client ever sees LOADING
//                workers run: who connects gets INFO, CONFIG and the like, and LOADING for what would touch data
//                the data are there: keepers start, the gate opens, "Ready to accept connections"
//   stop asked   workers end; loading is given up, and then nothing is written; else what is to be saved is saved
//
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/acceptor.h"
#include "server/config/startup.h"
#include "server/data_directory.h"
#include "server/parts.h"
#include "server/persistence.h"
#include "server/restorer.h"
#include "server/worker.h"

namespace terrace::server {

class Machine {
 public:
  /// `data`: where the data are kept; none: nowhere.
  Machine(config::Startup startup, std::unique_ptr<DataDirectory> data);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Opens the listeners; the error says what could not be opened.
  Status Open();
  /// Brings the data back and serves until RequestStop; worker 0 runs on this thread. The error says why there are no data; then
  /// the disk is as it was.
  Status Run();
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
  Restorer restorer_;
  std::atomic<bool> stopping_{false};
  Acceptor acceptor_;
  std::unique_ptr<net::SignalHook> on_sigterm_;
  std::unique_ptr<net::SignalHook> on_sigint_;
};

}  // namespace terrace::server
