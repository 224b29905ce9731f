// Connection: one client: a session of the executor, a socket, a parser, and a subscriber.
//
// Threads: its worker's. Others look at it while they hold everybody out (server/client_list.h).
#pragma once

#include <algorithm>
#include <list>
#include <memory>
#include <string>

#include "exec/session.h"
#include "net/stream.h"
#include "pubsub/local_subscriptions.h"
#include "resp/request_parser.h"

namespace terrace::server {

class Worker;

class Connection final : public exec::Session,
                         public net::StreamHandler,
                         public pubsub::Subscriber {
 public:
  Connection(Worker& worker, uint64_t session_id, uint64_t now_ms);
  ~Connection() override;

  /// Takes over the descriptor and starts reading. The connection must be destroyed if it fails.
  Status Open(net::Loop& loop, int fd, uint32_t keepalive_s);

  // net::StreamHandler
  std::span<char> OnReadSpace() noexcept override;
  void OnRead(size_t size) noexcept override;
  void OnEnd(int error_number) noexcept override;
  void OnDrained() noexcept override;

  // exec::Session
  bool MayRunProtected() const override;

  // pubsub::Subscriber
  void OnMessage(const pubsub::Message& message) noexcept override;
  size_t subscriptions() const override {
    return pubsub::Subscriber::subscriptions().ordinary_count() +
           pubsub::Subscriber::subscriptions().shard_count();
  }
  const pubsub::SubscriptionSet& subscription_set() const {
    return pubsub::Subscriber::subscriptions();
  }

  /// Gathers every complete request that has arrived, unless something holds the session up.
  void GatherRequests();
  /// Sends what may leave. Called at the end of a turn and when the socket has drained.
  void Flush();

  /// Whether the socket should be read follows from how much waits, here and in the worker.
  void UpdateReading();

  /// Nothing of a password is asked of it any more.
  void Authenticate();
  /// Its subscriptions or its protocol changed: whether it is a RESP2 subscriber, which may do little else.
  void UpdateSubscribedGate();
  void StartMonitoring();
  void StopMonitoring();
  /// After a command while the mode is kSkipNext: the skipping begins or is over.
  void EndSkip();
  /// How MONITOR calls it: its address, or "unix:" and the path.
  std::string MonitorName() const;

  /// Ends the connection once what was gathered has run; `after_reply` lets queued replies leave first.
  void CloseSoon(bool after_reply);
  bool closing() const { return closing_; }
  /// From then on it is served nothing that it waits for, which would be lost.
  void MarkForClosing() {
    closing_ = true;
    if (parking.wait != nullptr) static_cast<void>(parking.wait->TryEnd(exec::Wait::State::kGone));
  }

  bool is_parked() const { return parking.parked(); }

  Worker& worker() { return worker_; }
  net::Stream& stream() { return *stream_; }
  const net::Stream& stream() const { return *stream_; }
  const resp::RequestParser& parser() const { return parser_; }
  resp::RequestParser& parser() { return parser_; }
  uint64_t created_ms() const { return created_ms_; }
  uint64_t last_activity_ms() const { return last_activity_ms_; }
  size_t output_bytes() const { return out.size(); }
  /// The socket has not taken all that it was given.
  bool is_writing() const { return writing_ != 0; }
  const std::string& peer() const { return peer_; }
  const std::string& local() const { return local_; }
  /// What it holds, buffers and all that piles up behind it.
  uint64_t memory_bytes() const;
  /// Of it, the replies that wait: large ones count whole, although the value may share their bytes.
  size_t output_memory_bytes() const { return std::max(out.memory_bytes(), out.size()); }

  bool monitor = false;
  bool skip_begins = false;  // CLIENT REPLY SKIP has just run: what it skips is the reply after it
  bool gathering_stopped =
      false;             // AUTH, HELLO and their like run before what stands behind them is parsed
  bool touched = false;  // it is on the worker's list of this turn
  bool held = false;     // and on that of connections with replies that wait for the log
  uint64_t soft_limit_since_ms = 0;
  uint64_t counted_bytes = 0;  // memory_bytes() as the sum of all clients contains it
  std::list<std::unique_ptr<Connection>>::iterator place;  // in the worker's list

 private:
  Worker& worker_;
  std::unique_ptr<net::Stream> stream_;
  resp::RequestParser parser_;
  bool closing_ = false;
  bool ended_ = false;  // the peer is gone
  bool protocol_failed_ = false;
  size_t writing_ = 0;  // bytes of `out` handed to the stream and not yet taken by the socket
  const uint64_t created_ms_;
  uint64_t last_activity_ms_;
  std::string peer_;
  std::string local_;
};

}  // namespace terrace::server
