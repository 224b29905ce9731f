// Worker: a thread with a loop of its own, its connections, and an executor.
//
//   poll     read callbacks parse: complete requests become GatheredRequests, views into the turn's arena
//   check    run: everything gathered, over all connections, in the order it came, entries prefetched a few ahead
//            deliver: messages from the mailbox
//            write: each touched connection's replies in one system call
//   prepare  out: the worker holds no pointer into the engine while it polls
//
// So memory latency hides behind other requests, even if no client pipelines. libuv runs read callbacks inside the
// poll, before the check hook, so the first of a turn takes the worker in.
//
// Threads: its own, but for the mailbox and what stands under "any thread".
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "engine/loop_value_reader.h"
#include "engine/participants.h"
#include "exec/executor.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "pubsub/local_subscriptions.h"
#include "resp/turn_arena.h"
#include "server/connection.h"
#include "server/gathered_requests.h"
#include "server/heap_mender.h"
#include "server/parking_lot.h"
#include "server/parts.h"

namespace terrace::server {

/// What others put into a worker's mailbox.
struct Mail {
  enum class Kind : uint8_t { kAdopt, kMessage, kMonitorLine };
  Kind kind;
  int fd = -1;                    // kAdopt
  pubsub::SharedMessage message;  // kMessage; kMonitorLine: the payload is the line
  uint64_t offset =
      0;  // what it tells of is in the log up to here: it leaves when a reply to that could
};

/// What others ask of a worker and what needs no words: asked twice it is done once, and there is always room for it.
enum class Signal : uint32_t {
  kCloseMarked = 1 << 0,   // connections were marked for closing
  kUnpark = 1 << 1,        // the pause is over
  kMessagesLost = 1 << 2,  // there was no room left for messages to this worker's subscribers
  kLogReached = 1 << 3,    // the log has got to where a reply may leave that waited for it
  kMemoryFreed = 1 << 4,   // another thread has freed memory that is this one's
  kStop = 1 << 5,
};

class Worker final : public exec::Host,
                     public exec::Observer,
                     public commands::Publisher,
                     public engine::LogProgress::Waiter,
                     public engine::MemoryOwner,
                     public exec::Waker {
 public:
  Worker(Parts& parts, unsigned index);
  ~Worker() override;

  /// Runs the loop until kStop is raised. On this thread; Start runs it on one of its own.
  void Run();
  void Start();
  void Join();

  // --- any thread ---
  void Raise(Signal signal) {
    signals_.fetch_or(static_cast<uint32_t>(signal), std::memory_order_release);
    doorbell_.Ring();
  }
  uint64_t connections_alive() const { return connections_alive_.load(std::memory_order_relaxed); }
  const WorkerStats& stats() const { return stats_; }
  /// A connection is on its way here: it counts already when the next one is handed out.
  void ExpectConnection() { connections_alive_.fetch_add(1, std::memory_order_relaxed); }
  // exec::Waker
  void Wake(std::shared_ptr<exec::Wait> wait) noexcept override {
    parking_lot_.Post(std::move(wait));
    doorbell_.Ring();
  }
  engine::ValueReader* value_reader() override { return value_reader_.get(); }
  /// Looks for due keys anew.
  void RingForExpiry() { doorbell_.Ring(); }

  // --- this worker's thread ---
  /// To another worker's mailbox, or the own one. What does not fit waits in this worker's outbox, and while something
  /// waits there no connection of ours is read from.
  void Send(Worker& to, Mail mail);
  bool holds_reading() const { return holds_reading_; }
  /// Looks after `ms` milliseconds whether the pause is over.
  void ArmPauseEnd(uint64_t ms) { pause_timer_.Start(ms); }

  // --- this worker's thread, or an exclusive section ---
  std::list<std::unique_ptr<Connection>>& connections() { return connections_; }
  exec::Executor& executor() { return executor_; }
  engine::Participant& participant() { return *participant_; }
  pubsub::LocalSubscriptions& subscriptions() { return subscriptions_; }
  unsigned index() const { return index_; }
  Parts& parts() { return parts_; }
  WorkerStats& mutable_stats() { return stats_; }
  net::Loop& loop() { return loop_; }

  const ParkingLot& parking_lot() const { return parking_lot_; }

  // --- for connections ---
  void EnsureIn() {
    if (!participant_->is_in()) BeginTurn();
  }
  resp::TurnArena& arena() { return arena_; }
  void Gather(Connection& connection, const resp::ParsedRequest& request);
  /// The connection's protocol error, to be answered when its turn comes.
  void GatherProtocolError(Connection& connection) { gathered_.AddProtocolError(connection); }
  /// Puts the connection on the list of those that want flushing (and the end of their turn) after this turn.
  void Touch(Connection& connection) {
    if (connection.touched) return;
    connection.touched = true;
    touched_.push_back(&connection);
  }
  /// Called before a message that is being delivered is put into the connection's buffer.
  void HoldDelivery(Connection& connection) {
    if (TERRACE_LIKELY(delivered_offset_ <= parts_.log.progress().reached())) return;
    connection.reply_gate.Hold(connection.out.mark(), delivered_offset_);
  }
  /// Runs the turn early when it has gathered as much as should stay in the cache.
  void RunIfArenaIsFull() {
    if (TERRACE_UNLIKELY(arena_.used() > kArenaBytesPerTurn)) RunTurn();
  }
  uint64_t now_ms() const { return now_ms_; }
  const config::OutputBufferLimits& output_limits();
  /// Makes a connection of an accepted socket, or refuses it. It was counted by ExpectConnection.
  void Adopt(int fd);

  // exec::Observer
  void OnSlowCommand(exec::Session& session, const commands::Command& command, Args args,
                     uint64_t ns) override;
  void OnMonitored(exec::Session& session, const commands::Command& command, Args args) override;
  void OnErrorReply(Bytes code) override;
  void OnHousekeeping(Bytes event, uint64_t ns) override;
  // engine::LogProgress::Waiter
  void OnLogReached() noexcept override { Raise(Signal::kLogReached); }
  // engine::MemoryOwner
  void TakeBackSoon() override { Raise(Signal::kMemoryFreed); }
  // commands::Publisher
  uint64_t Publish(pubsub::Kind kind, Bytes channel, Bytes payload) override;

 private:
  void BeginTurn();
  void OnCheck();
  void OnIdle();
  void OnPrepare();
  void OnDoorbell();
  void OnTick();
  void OnExpiry();
  void OnPauseEnd();
  void OnValuesRead();
  void RunTurn();
  void RunGathered();
  /// Request `i` of what was gathered; `request` is a copy, for running it may gather more.
  void RunOne(size_t i);
  exec::Executor::Outcome RunRequest(Connection& connection, const exec::Invocation& invocation);
  void Park(Connection& connection, const commands::Command* command, Args args, Bytes raw);
  void OnWaitEnd();
  void EndWait(exec::Wait& wait);
  void TakeEndedWaits();
  void AbandonWait(Connection& connection);
  void OpenValueReader();
  void TakeValues();
  void BeginReadingValues();
  void RunUnparked();
  void RunParked(Connection& connection);
  void UnparkAll();
  void DrainMailbox();
  void HandleSignals();
  void DisconnectListeners();
  void RefuseMail(Worker& to, const Mail& mail);
  void FlushOutboxes();
  bool HasWork() const {
    return HasUnannouncedWork() || parking_lot_.has_posted() || HasValueWork();
  }
  bool HasValueWork() const { return value_reader_ != nullptr && value_reader_->has_work(); }
  /// For which nothing rings.
  bool HasUnannouncedWork() const { return !gathered_.empty() || !touched_.empty() || own_mail_; }
  void FinishTouched();
  void NoteHeld(Connection& connection);
  void TouchHeld();
  /// What was made by the unit under way leaves when the log has got here.
  uint64_t OffsetOfUnit() { return executor_.unit().gated ? executor_.unit().offset : 0; }
  void CloseMarked();
  void CountMemory(Connection& connection);
  void SettleClientMemory();
  bool IsLoading() const {
    return (parts_.gates.closed.load(std::memory_order_acquire) & exec::kGateLoading) != 0;
  }
  void ArmExpiry();
  void TellNewDeadline();
  void CheckTimeouts();
  void SampleRates();

  /// Bytes of requests after which a turn runs without waiting for the poll to end: what stays in the cache, and little memory besides.
  static constexpr size_t kArenaBytesPerTurn = 192 * kKiB;
  static constexpr size_t kMailboxItems = size_t{64} * 1024;
  // More than a turn publishes unless somebody queued a whole history in one EXEC.
  static constexpr size_t kSpillItems = size_t{256} * 1024;

  Parts& parts_;
  const unsigned index_;
  engine::Participant* participant_;
  net::Loop loop_;
  net::Doorbell doorbell_;
  net::CheckHook check_;
  net::PrepareHook prepare_;
  net::IdleHook idle_;
  net::Timer tick_;
  net::Timer expiry_timer_;
  net::Timer pause_timer_;
  net::Timer wait_timer_;
  net::Mailbox<Mail> mailbox_;
  std::vector<Mail> mail_;
  bool own_mail_ = false;  // the mailbox holds a letter to ourselves, for which nothing rings
  std::atomic<uint32_t> signals_{0};
  std::vector<std::unique_ptr<net::Outbox<Mail>>>
      outboxes_;  // by the receiver's index; made when first needed
  bool backlogged_ = false;
  bool holds_reading_ = false;
  resp::TurnArena arena_;
  GatheredRequests gathered_{parts_.databases, parts_.log, parts_.table};
  std::vector<Connection*> touched_;
  std::list<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> closing_;
  ParkingLot parking_lot_;
  std::unique_ptr<engine::LoopValueReader> value_reader_;  // nullptr: others read
  std::unique_ptr<net::DescriptorHook> value_hook_;
  std::vector<std::shared_ptr<engine::Waiter>> ready_;        // what they wait for has been read
  std::vector<Connection*> unparked_;                         // what they have parked may run
  std::vector<Connection*> held_;                             // replies of theirs wait for the log
  uint64_t held_offset_ = engine::LogProgress::kEverything;   // the lowest they wait for
  uint64_t armed_offset_ = engine::LogProgress::kEverything;  // the one we have asked to be told of
  uint64_t delivered_offset_ = 0;  // of the letter that is being delivered
  pubsub::LocalSubscriptions subscriptions_;
  exec::Environment environment_;
  exec::Executor executor_;
  WorkerStats stats_;
  config::OutputBufferLimits output_limits_;
  uint32_t output_limits_version_ = 0;
  bool counts_clients_ = false;      // there is a limit for all clients' memory
  int64_t client_bytes_change_ = 0;  // counted and not yet added to the sum of all
  uint64_t evict_again_ms_ = 0;
  uint64_t now_ms_ = 0;
  uint64_t turn_start_ns_ = 0;
  uint64_t ticks_ = 0;
  HeapMender heap_mender_{*this, loop_, parts_};
  bool reclaim_wanted_ = false;  // once a tick, what little was retired is freed, too
  std::atomic<uint64_t> connections_alive_{0};
  std::thread thread_;
};

}  // namespace terrace::server
