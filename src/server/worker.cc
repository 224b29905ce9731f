#include "server/worker.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/ascii.h"
#include "env/entropy.h"
#include "exec/transaction.h"
#include "server/log.h"
#include "server/monitor.h"
#include "server/pause.h"
#include "server/redaction.h"

namespace terrace::server {
namespace {

constexpr uint64_t kTickMs = 100;
constexpr uint64_t kExpiryBudgetNs = 2'000'000;
constexpr uint64_t kIdleBudgetNs = 200'000;

uint64_t Seed() {
  uint64_t seed;
  FillWithEntropy(&seed, sizeof seed);
  return seed;
}

// The first words of HTTP's requests. A web page can make its reader's browser send such a request here, with commands
// of the page's choice behind it.
bool IsHttp(Bytes word) {
  return EqualsIgnoreCase(word, "post") || EqualsIgnoreCase(word, "host:");
}

// Out of the way of what every request runs through.
[[gnu::noinline]] void RefuseHttp(Connection& connection, Bytes word) {
  Log(config::LogLevel::kWarning,
      "%s sent '%s': somebody's browser is being used to attack this server; the connection is "
      "closed",
      connection.peer().c_str(), std::string(word).c_str());
  connection.CloseSoon(false);
}

}  // namespace

Worker::Worker(Parts& parts, unsigned index)
    : parts_(parts),
      index_(index),
      participant_(parts.participants.Join()),
      doorbell_(loop_, net::Bind<&Worker::OnDoorbell>(this)),
      check_(loop_, net::Bind<&Worker::OnCheck>(this)),
      prepare_(loop_, net::Bind<&Worker::OnPrepare>(this)),
      idle_(loop_, net::Bind<&Worker::OnIdle>(this)),
      tick_(loop_, net::Bind<&Worker::OnTick>(this)),
      expiry_timer_(loop_, net::Bind<&Worker::OnExpiry>(this)),
      pause_timer_(loop_, net::Bind<&Worker::OnPauseEnd>(this)),
      wait_timer_(loop_, net::Bind<&Worker::OnWaitEnd>(this)),
      mailbox_(doorbell_, kMailboxItems),
      subscriptions_(parts.channels, index),
      environment_{parts.table,    parts.databases, parts.log,   parts.engine_settings,
                   parts.eviction, parts.gates,     parts.clock, parts.limits.slow_command_ns},
      executor_(environment_, *participant_, *this, this, this, Seed()) {
  executor_.stats().set_keeps_histograms(
      parts.limits.latency_tracking.load(std::memory_order_relaxed));
  parts_.log.progress().Join(*this);
}

Worker::~Worker() {
  parts_.log.progress().Leave(*this);
  for (auto& connection : connections_) subscriptions_.UnsubscribeAll(*connection);
  connections_.clear();
  if (participant_->is_in()) participant_->Out();
  parts_.participants.Leave(participant_);
}

void Worker::Run() {
  now_ms_ = parts_.clock.WallMs();
  check_.Start();
  prepare_.Start();
  tick_.Start(kTickMs, kTickMs);
  engine::MemoryOwners& owners = parts_.databases.reaper().owners();
  owners.Join(*this);
  loop_.Run();
  owners.Leave(*this);
  heap_mender_.End();
  // Its queue of reads is this thread's alone, and has to be empty before it goes.
  value_hook_.reset();
  value_reader_.reset();
  if (participant_->is_in()) participant_->Out();
}

void Worker::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Worker::Join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::BeginTurn() {
  participant_->In();
  executor_.BeginBatch();
  now_ms_ = parts_.clock.WallMs();
  turn_start_ns_ = executor_.NowNs();
  exec::CommandCounter::Bump(stats_.turns, 1);
}

void Worker::OnPrepare() {
  // Timers and closing callbacks may have touched things after the check hook.
  if (participant_->is_in()) {
    // Waits that have ended meanwhile are left to the turn that their ring begins: a command that starts anew again and
    // again (its hash has very many due fields) lets everybody else's requests in between.
    while (HasUnannouncedWork()) RunTurn();
    exec::CommandCounter::Bump(stats_.turn_ns, executor_.NowNs() - turn_start_ns_);
    participant_->Out();
    if (TERRACE_UNLIKELY(parts_.log.mode() != 0)) parts_.log.Ring();
    // At once, while a keyspace grows: the bucket arrays it leaves behind are what its next shards are made of.
    if (reclaim_wanted_ || parts_.participants.WantsReclaim()) {
      parts_.participants.Reclaim();
      reclaim_wanted_ = false;
    }
  }
}

void Worker::OnCheck() {
  if (!HasWork()) return;
  EnsureIn();
  RunTurn();
}

// Runs once a turn of the loop while a staircase has steps left that no write pays for.
void Worker::OnIdle() {
  EnsureIn();
  if (!executor_.RunIdle(kIdleBudgetNs)) idle_.Stop();
}

void Worker::OnDoorbell() {
  EnsureIn();
  DrainMailbox();
  if (backlogged_) FlushOutboxes();
  ArmExpiry();
}

void Worker::Gather(Connection& connection, const resp::ParsedRequest& request) {
  const commands::Command* command = gathered_.Add(connection, request);
  if (TERRACE_LIKELY(command != nullptr) && (command->flags & commands::kEndsGathering) != 0) {
    connection.gathering_stopped = true;
  }
}

inline void Worker::RunOne(size_t i) {
  const GatheredRequest& request = gathered_[i];  // gone once it runs: that may gather more
  Connection& connection = *request.connection;
  const Args args(request.argv, request.argc, {request.blobs, request.blob_count});
  if (TERRACE_UNLIKELY(request.protocol_error)) {
    if (connection.parser().query_buffer_exceeded()) {
      parts_.stats.query_buffer_closed.fetch_add(1, std::memory_order_relaxed);
      connection.CloseSoon(false);
    } else {
      connection.reply.Error("ERR " + connection.parser().error());
      OnErrorReply("ERR");
      connection.CloseSoon(true);
    }
    return;
  }
  if (TERRACE_LIKELY(!connection.closing() && !connection.close_after_reply)) {
    if (TERRACE_UNLIKELY(connection.is_parked())) {
      connection.parking.PutLast(exec::OwnedRequest(request.command, args, request.raw));
      executor_.ReadAhead(connection);
    } else {
      exec::Invocation invocation{request.command, args, request.raw, request.hash, request.hashed};
      if (TERRACE_LIKELY(request.hashed)) gathered_.NameElements(i, &invocation);
      if (TERRACE_UNLIKELY(RunRequest(connection, invocation) ==
                           exec::Executor::Outcome::kParked)) {
        Park(connection, invocation.command, args, invocation.raw);
      }
    }
  }
  for (const BlobArg& blob : args.blobs()) blob.blob->Unref();
  if (TERRACE_UNLIKELY(connection.gathering_stopped)) {
    connection.gathering_stopped = false;
    connection.GatherRequests();
  }
}

exec::Executor::Outcome Worker::RunRequest(Connection& connection,
                                           const exec::Invocation& invocation) {
  if (TERRACE_UNLIKELY(invocation.command == nullptr && IsHttp(invocation.args[0]))) {
    RefuseHttp(connection, invocation.args[0]);
    return exec::Executor::Outcome::kDone;
  }
  const exec::Executor::Outcome outcome = executor_.Execute(connection, invocation);
  if (TERRACE_UNLIKELY(outcome == exec::Executor::Outcome::kParked)) return outcome;
  exec::CommandCounter::Bump(stats_.commands, 1);
  if (TERRACE_UNLIKELY(connection.reply_mode == exec::ReplyMode::kSkipNext)) connection.EndSkip();
  // A message to listeners of our own stands behind its publisher's reply and before the next one.
  if (TERRACE_UNLIKELY(own_mail_)) DrainMailbox();
  return outcome;
}

void Worker::RunGathered() {
  gathered_.FetchFirst();
  // Running a request may gather more of its connection, so the list can grow.
  for (size_t i = 0; i < gathered_.size(); ++i) {
    gathered_.FetchAhead(i);
    const uint64_t stay = participant_->stay();
    RunOne(i);
    if (TERRACE_UNLIKELY(participant_->WantedOut())) participant_->Yield();
    if (TERRACE_UNLIKELY(participant_->stay() != stay)) gathered_.ForgetFetched(i + 1);
  }
  gathered_.Clear();
}

void Worker::RunTurn() {
  RunGathered();
  if (TERRACE_UNLIKELY(HasValueWork())) TakeValues();
  DrainMailbox();
  RunUnparked();
  if (TERRACE_UNLIKELY(HasValueWork())) BeginReadingValues();
  if (TERRACE_UNLIKELY(backlogged_)) FlushOutboxes();
  // Before the replies are looked at: some of them may then leave at once.
  if (TERRACE_UNLIKELY(parts_.log.mode() != 0)) parts_.log.Ring();
  FinishTouched();
  arena_.Reset();
  CloseMarked();
  TellNewDeadline();
  if (TERRACE_UNLIKELY(counts_clients_ || parts_.client_memory.limit() != 0)) SettleClientMemory();
}

void Worker::FinishTouched() {
  // Flushing may touch nothing new, but closing handlers may: walk by index.
  for (size_t i = 0; i < touched_.size(); ++i) {
    Connection& connection = *touched_[i];
    connection.touched = false;
    connection.parser().EndTurn();
    connection.Flush();
    if (connection.closing()) {
      closing_.push_back(&connection);
      continue;
    }
    if (TERRACE_UNLIKELY(!connection.reply_gate.empty())) NoteHeld(connection);
    const config::OutputBufferLimits& limits = output_limits();
    const config::OutputBufferLimit& limit =
        connection.subscriptions() > 0 ? limits.pubsub : limits.normal;
    const size_t queued = connection.output_bytes();
    const bool hard = limit.hard_bytes != 0 && queued > limit.hard_bytes;
    const bool soft = limit.soft_bytes != 0 && queued > limit.soft_bytes;
    if (!soft) connection.soft_limit_since_ms = 0;
    if (soft && connection.soft_limit_since_ms == 0) connection.soft_limit_since_ms = now_ms_;
    const bool soft_too_long = soft && now_ms_ - connection.soft_limit_since_ms >=
                                           static_cast<uint64_t>(limit.soft_s) * 1000;
    if (hard || (soft_too_long && limit.soft_s > 0) || (soft && limit.soft_s == 0)) {
      parts_.stats.output_buffer_closed.fetch_add(1, std::memory_order_relaxed);
      connection.MarkForClosing();
      closing_.push_back(&connection);
      continue;
    }
    if (TERRACE_UNLIKELY(counts_clients_)) CountMemory(connection);
  }
  touched_.clear();
  if (TERRACE_UNLIKELY(held_offset_ < armed_offset_)) {
    armed_offset_ = held_offset_;
    parts_.log.progress().WaitFor(*this, armed_offset_);
  }
}

void Worker::NoteHeld(Connection& connection) {
  held_offset_ = std::min(held_offset_, connection.reply_gate.waiting_for());
  if (connection.held) return;
  connection.held = true;
  held_.push_back(&connection);
}

// Those that still wait are noted again when they are flushed.
void Worker::TouchHeld() {
  held_offset_ = armed_offset_ = engine::LogProgress::kEverything;
  for (Connection* connection : held_) {
    connection->held = false;
    Touch(*connection);
  }
  held_.clear();
}

void Worker::CloseMarked() {
  for (Connection* connection : closing_) {
    if (connection->touched) {
      touched_.erase(std::remove(touched_.begin(), touched_.end(), connection), touched_.end());
    }
    if (connection->held)
      held_.erase(std::remove(held_.begin(), held_.end(), connection), held_.end());
    if (!connection->watched.empty()) exec::ForgetWatches(*connection, executor_);
    if (connection->parking.wait != nullptr) AbandonWait(*connection);
    client_bytes_change_ -= static_cast<int64_t>(connection->counted_bytes);
    // No longer counted before the peer can see the end: who was told goodbye has left.
    connections_alive_.fetch_sub(1, std::memory_order_relaxed);
    parts_.stats.connections_alive.fetch_sub(1, std::memory_order_relaxed);
    connections_.erase(connection->place);
  }
  closing_.clear();
}

void Worker::CountMemory(Connection& connection) {
  const uint64_t bytes = counts_clients_ ? connection.memory_bytes() : 0;
  client_bytes_change_ +=
      static_cast<int64_t>(bytes) - static_cast<int64_t>(connection.counted_bytes);
  connection.counted_bytes = bytes;
}

void Worker::SettleClientMemory() {
  const bool wanted = parts_.client_memory.limit() != 0;
  if (wanted != counts_clients_) {
    counts_clients_ = wanted;
    for (auto& connection : connections_) {
      if (!connection->closing()) CountMemory(*connection);
    }
  }
  if (client_bytes_change_ != 0) parts_.client_memory.Add(std::exchange(client_bytes_change_, 0));
  if (!parts_.client_memory.OverLimit() || now_ms_ < evict_again_ms_) return;
  EvictClients(*this);
  // Those that are left may not be evicted: to ask them again in every turn would only hold everybody up.
  if (parts_.client_memory.OverLimit()) evict_again_ms_ = now_ms_ + kTickMs;
}

const config::OutputBufferLimits& Worker::output_limits() {
  const uint32_t version = parts_.limits.output_version();
  if (version != output_limits_version_) {
    output_limits_ = parts_.limits.output();
    output_limits_version_ = version;
  }
  return output_limits_;
}

void Worker::Adopt(int fd) {
  const auto refuse = [&](Bytes text) {
    // Counted before the peer can know.
    parts_.stats.connections_rejected.fetch_add(1, std::memory_order_relaxed);
    connections_alive_.fetch_sub(1, std::memory_order_relaxed);
    const ssize_t ignored = ::write(fd, text.data(), text.size());
    static_cast<void>(ignored);
    ::close(fd);
  };
  const uint64_t alive = parts_.stats.connections_alive.fetch_add(1, std::memory_order_relaxed) + 1;
  if (alive > parts_.limits.clients_max.load(std::memory_order_relaxed)) {
    parts_.stats.connections_alive.fetch_sub(1, std::memory_order_relaxed);
    return refuse("-ERR max number of clients reached\r\n");
  }
  auto connection =
      std::make_unique<Connection>(*this, parts_.next_session_id.fetch_add(1), now_ms_);
  const Status opened =
      connection->Open(loop_, fd, parts_.limits.keepalive_s.load(std::memory_order_relaxed));
  if (!opened.ok()) {
    parts_.stats.connections_alive.fetch_sub(1, std::memory_order_relaxed);
    connections_alive_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  parts_.stats.connections_received.fetch_add(1, std::memory_order_relaxed);
  const bool password = parts_.limits.password_set.load(std::memory_order_relaxed);
  if (password) {
    connection->authenticated = false;
    connection->gates |= exec::kGateNeedsAuth;
  } else if (parts_.limits.protected_mode.load(std::memory_order_relaxed) &&
             !connection->stream().is_unix() && !connection->stream().peer_is_loopback()) {
    connection->out.Append(
        "-DENIED Terrace is running in protected mode because no password is set and only "
        "connections from this "
        "machine are accepted. Set a password with requirepass, or turn the mode off with 'CONFIG "
        "SET protected-mode "
        "no' from this machine, and make sure that the server is not reachable from the "
        "internet.\r\n");
    connection->CloseSoon(true);
  }
  connections_.push_back(std::move(connection));
  connections_.back()->place = std::prev(connections_.end());
  connections_.back()->UpdateReading();
}

void Worker::OnTick() {
  EnsureIn();
  ++ticks_;
  if (index_ == 0) SampleRates();
  UnpauseIfOver(*this);
  SettleClientMemory();
  if (parts_.run.cron_paused.load(std::memory_order_relaxed) || IsLoading()) return;
  // A limit that was lowered shows its effect without waiting for the next command.
  if (index_ == 0 &&
      (parts_.gates.closed.load(std::memory_order_relaxed) & exec::kGateMaxMemory) != 0) {
    executor_.MakeRoom();
  }
  if (ticks_ % 10 == 0) CheckTimeouts();
  if (ticks_ % 10 == 0 && index_ == 0 && parts_.workers.size() > 1) {
    constexpr uint64_t kShardsPerWorker = 16;
    for (unsigned db = 0; db < parts_.databases.count(); ++db) {
      parts_.databases.Get(db).WatchContention(kShardsPerWorker * parts_.workers.size());
    }
  }
  reclaim_wanted_ = true;
  OpenValueReader();
  heap_mender_.Look();
  if (!idle_.started() && executor_.RunIdle(kIdleBudgetNs)) idle_.Start();
}

void Worker::SampleRates() {
  const uint64_t now_ns = executor_.NowNs();
  const auto sample = [&](RateMeter& meter, std::atomic<uint64_t> WorkerStats::*field) {
    uint64_t sum = 0;
    for (const auto& worker : parts_.workers)
      sum += (worker->stats().*field).load(std::memory_order_relaxed);
    meter.Sample(sum, now_ns);
  };
  sample(parts_.run.commands, &WorkerStats::commands);
  sample(parts_.run.input_bytes, &WorkerStats::net_input_bytes);
  sample(parts_.run.output_bytes, &WorkerStats::net_output_bytes);
  sample(parts_.run.turns, &WorkerStats::turns);
  sample(parts_.run.turn_ns, &WorkerStats::turn_ns);
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec * 1'000'000 + time.tv_usec);
  };
  parts_.run.main_user_us.store(us(usage.ru_utime), std::memory_order_relaxed);
  parts_.run.main_system_us.store(us(usage.ru_stime), std::memory_order_relaxed);
}

void Worker::CheckTimeouts() {
  const uint64_t timeout_ms =
      uint64_t{parts_.limits.idle_timeout_s.load(std::memory_order_relaxed)} * 1000;
  for (auto& connection : connections_) {
    if (connection->soft_limit_since_ms != 0) Touch(*connection);
    if (timeout_ms == 0 || connection->subscriptions() > 0 || connection->monitor ||
        connection->is_parked())
      continue;
    if (now_ms_ - connection->last_activity_ms() > timeout_ms) connection->CloseSoon(false);
  }
}

void Worker::OnPauseEnd() {
  EnsureIn();
  UnpauseIfOver(*this);
  // The loop's clock may have been a little ahead, or the pause was made longer.
  const uint64_t end = parts_.pause_end_ms.load();
  if (end != 0) ArmPauseEnd(end - std::min(end, parts_.clock.WallMs()));
}

void Worker::OnExpiry() {
  EnsureIn();
  ArmExpiry();
}

// While data are loaded nothing expires: whoever loads rings when that is through.
void Worker::ArmExpiry() {
  if (IsLoading()) return;
  std::atomic<uint64_t>& armed = parts_.expiry.armed_ms[index_];
  // Nothing earlier than what is looked at now can be missed: whoever adds an earlier deadline meanwhile rings. Stored
  // before looking, both sequentially consistent, as in TellNewDeadline (engine/shard_engine.h says why).
  armed.store(UINT64_MAX, std::memory_order_seq_cst);
  const auto workers = static_cast<unsigned>(parts_.workers.size());
  const uint64_t start = executor_.NowNs();
  const uint64_t earliest =
      executor_.ExpireDueKeys(index_, workers == 0 ? 1 : workers, kExpiryBudgetNs);
  const uint64_t ns = executor_.NowNs() - start;
  exec::CommandCounter::Bump(stats_.expiry_ns, ns);
  OnHousekeeping("expire-cycle", ns);
  if (earliest == engine::ExpiryIndex::kNever) {
    expiry_timer_.Stop();
    return;
  }
  uint64_t seen = armed.load();
  while (earliest < seen && !armed.compare_exchange_weak(seen, earliest)) {
  }
  // A key is due when the clock has passed its deadline, hence one more.
  const uint64_t now = parts_.clock.WallMs();
  expiry_timer_.Start(earliest >= now ? earliest - now + 1 : 1);
}

void Worker::TellNewDeadline() {
  const uint64_t deadline = executor_.TakeNewDeadline();
  if (TERRACE_LIKELY(deadline == UINT64_MAX)) return;
  // The bounds have been lowered, so a worker that armed its timer without seeing them has stored "nothing armed" before.
  for (auto& worker : parts_.workers) {
    std::atomic<uint64_t>& armed = parts_.expiry.armed_ms[worker->index_];
    if (deadline >= armed.load(std::memory_order_seq_cst)) continue;
    armed.store(deadline);
    worker.get() == this ? ArmExpiry() : worker->RingForExpiry();
  }
}

uint64_t Worker::Publish(pubsub::Kind kind, Bytes channel, Bytes payload) {
  if (kind != pubsub::Kind::kShardChannel && parts_.channels.empty()) return 0;
  const pubsub::Targets targets = kind == pubsub::Kind::kShardChannel
                                      ? parts_.channels.FindShard(channel)
                                      : parts_.channels.Find(channel);
  if (targets.receivers == 0) return 0;
  const pubsub::SharedMessage message = pubsub::SharedMessage::Copy(kind, channel, payload);
  for (auto& worker : parts_.workers) {
    if ((targets.workers >> worker->index_ & 1) == 0) continue;
    Send(*worker, {Mail::Kind::kMessage, -1, message, OffsetOfUnit()});
  }
  return targets.receivers;
}

void Worker::OnSlowCommand(exec::Session& session, const commands::Command& command, Args args,
                           uint64_t ns) {
  OnHousekeeping((command.flags & commands::kFast) != 0 ? "fast-command" : "command", ns);
  if ((command.flags & commands::kSkipSlowlog) != 0 || ns < parts_.limits.slow_log_ns.load())
    return;
  const auto& connection = static_cast<const Connection&>(session);
  const std::vector<Bytes> shown = Redacted(command, args);
  parts_.slow_log.Add(Args(shown.data(), shown.size()), parts_.clock.WallMs() / 1000, ns / 1000,
                      connection.peer(), session.name);
}

void Worker::OnMonitored(exec::Session& session, const commands::Command& command, Args args) {
  if ((command.flags & (commands::kSkipMonitor | commands::kAdmin)) != 0) return;
  const uint64_t workers = parts_.monitors.workers();
  if (workers == 0) return;
  const std::string line =
      MonitorLine(parts_.clock.WallUs(), session.db,
                  static_cast<Connection&>(session).MonitorName(), command, args);
  const auto message = pubsub::SharedMessage::Copy(pubsub::Kind::kChannel, "", line);
  for (auto& worker : parts_.workers) {
    if ((workers >> worker->index_ & 1) == 0) continue;
    Send(*worker, {Mail::Kind::kMonitorLine, -1, message, OffsetOfUnit()});
  }
}

void Worker::OnErrorReply(Bytes code) { parts_.stats.CountError(code); }

void Worker::OnHousekeeping(Bytes event, uint64_t ns) {
  const uint64_t threshold_ms = parts_.run.latency.threshold_ms();
  if (TERRACE_LIKELY(threshold_ms == 0 || ns < threshold_ms * 1'000'000)) return;
  parts_.run.latency.Note(event, ns, parts_.clock.WallMs() / 1000);
}

}  // namespace terrace::server
