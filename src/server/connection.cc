#include "server/connection.h"

#include <algorithm>

#include "server/worker.h"

namespace terrace::server {
namespace {

// How much is handed to the kernel at a time when a socket does not take everything at once.
constexpr size_t kWriteBytesMax = 256 * kKiB;
constexpr size_t kSpansMax = 64;
// A client that does not read its replies is not read from either until it has.
constexpr size_t kUnreadBytesMax = 1 * kMiB;
// What a held-up session may pile up before we stop reading from it: requests, and their bytes.
constexpr size_t kParkedRequestsMax = 1024;
constexpr size_t kParkedBytesMax = 1 * kMiB;

}  // namespace

Connection::Connection(Worker& worker, uint64_t session_id, uint64_t now_ms)
    : exec::Session(session_id, &worker),
      worker_(worker),
      created_ms_(now_ms),
      last_activity_ms_(now_ms) {}

Connection::~Connection() {
  worker_.subscriptions().UnsubscribeAll(*this);
  StopMonitoring();
}

Status Connection::Open(net::Loop& loop, int fd, uint32_t keepalive_s) {
  auto stream = net::Stream::Adopt(loop, fd, *this);
  if (!stream.ok()) return stream.error();
  stream_ = std::move(*stream);
  peer_ = stream_->peer_address();
  local_ = stream_->local_address();
  if (!stream_->is_unix()) {
    stream_->SetNoDelay(true);
    if (keepalive_s > 0) stream_->SetKeepAlive(static_cast<int>(keepalive_s));
  }
  stream_->StartReading();
  return Status::Ok();
}

std::span<char> Connection::OnReadSpace() noexcept {
  worker_.EnsureIn();
  return parser_.ReadSpace(worker_.arena());
}

void Connection::OnRead(size_t size) noexcept {
  parser_.Received(size);
  last_activity_ms_ = worker_.now_ms();
  exec::CommandCounter::Bump(worker_.mutable_stats().net_input_bytes, size);
  exec::CommandCounter::Bump(worker_.mutable_stats().reads, 1);
  worker_.Touch(*this);
  GatherRequests();
  worker_.RunIfArenaIsFull();  // may end this connection
}

void Connection::GatherRequests() {
  if (closing_ || protocol_failed_ || gathering_stopped) return;
  Parts& parts = worker_.parts();
  resp::ParserLimits limits;
  limits.bulk_bytes_max = parts.limits.bulk_bytes_max.load(std::memory_order_relaxed);
  limits.query_buffer_max = parts.limits.query_buffer_max.load(std::memory_order_relaxed);
  limits.authenticated = authenticated;
  parser_.set_limits(limits);
  resp::ParsedRequest request;
  while (!gathering_stopped) {
    switch (parser_.Next(worker_.arena(), &request)) {
      case resp::RequestParser::Outcome::kRequest:
        worker_.Gather(*this, request);
        continue;
      case resp::RequestParser::Outcome::kNeedMore:
        return;
      case resp::RequestParser::Outcome::kError:
        protocol_failed_ = true;
        stream_->StopReading();
        worker_.GatherProtocolError(*this);
        return;
    }
  }
}

void Connection::OnEnd(int) noexcept {
  worker_.EnsureIn();
  // What it sent before it left is still run, as Redis does; Flush() closes the connection then.
  ended_ = true;
  worker_.Touch(*this);
}

void Connection::OnDrained() noexcept {
  worker_.EnsureIn();
  out.Consume(writing_);
  exec::CommandCounter::Bump(worker_.mutable_stats().net_output_bytes, writing_);
  writing_ = 0;
  worker_.Touch(*this);
}

void Connection::OnMessage(const pubsub::Message& message) noexcept {
  const auto protocol = reply.protocol() == 3 ? pubsub::Protocol::kResp3 : pubsub::Protocol::kResp2;
  worker_.HoldDelivery(*this);
  const Bytes wire = message.Wire(protocol);
  if (Blob* blob = message.WireBlob(protocol)) {
    out.AppendBlob(BlobRef::Share(blob), 0, wire.size());
  } else {
    out.Append(wire);
  }
  worker_.Touch(*this);
}

void Connection::CloseSoon(bool after_reply) {
  if (after_reply) {
    close_after_reply = true;
    if (stream_ != nullptr) stream_->StopReading();
  } else {
    closing_ = true;
  }
  worker_.Touch(*this);
}

void Connection::UpdateReading() {
  if (protocol_failed_ || close_after_reply || closing_ || ended_) return;
  const bool want = out.size() < kUnreadBytesMax && parking.requests.size() < kParkedRequestsMax &&
                    parking.bytes < kParkedBytesMax && !worker_.holds_reading();
  if (want && !stream_->reading()) stream_->StartReading();
  if (!want && stream_->reading()) stream_->StopReading();
}

void Connection::Flush() {
  if (closing_ || stream_ == nullptr) return;
  const uint64_t end = out.mark();
  size_t may_leave = out.size();
  if (TERRACE_UNLIKELY(!reply_gate.empty())) {
    const uint64_t free_to = reply_gate.Release(end, worker_.parts().log.progress().reached());
    may_leave -= std::min<size_t>(may_leave, end - free_to);
  }
  net::WriteSpan spans[kSpansMax];
  static_assert(sizeof(net::WriteSpan) == sizeof(resp::IoSlice));
  while (writing_ == 0 && may_leave > 0) {
    size_t count = out.Gather(reinterpret_cast<resp::IoSlice*>(spans), kSpansMax);
    size_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      spans[i].size = std::min(spans[i].size, may_leave - bytes);
      bytes += spans[i].size;
      if (bytes == may_leave) count = i + 1;
    }
    const ssize_t taken = stream_->TryWrite(spans, count);
    if (taken < 0) {
      closing_ = true;
      return;
    }
    const auto sent = static_cast<size_t>(taken);
    last_activity_ms_ =
        worker_.now_ms();  // what it waited for counts: it is not idle since it asked
    out.Consume(sent);
    may_leave -= sent;
    exec::CommandCounter::Bump(worker_.mutable_stats().net_output_bytes, sent);
    exec::CommandCounter::Bump(worker_.mutable_stats().writes, 1);
    if (sent == bytes) continue;
    // The socket is full: leave the next piece with the loop and come back when it is gone.
    count = out.Gather(reinterpret_cast<resp::IoSlice*>(spans), kSpansMax);
    for (size_t i = 0; i < count; ++i) {
      spans[i].size = std::min({spans[i].size, kWriteBytesMax - writing_, may_leave - writing_});
      writing_ += spans[i].size;
      if (writing_ == kWriteBytesMax || writing_ == may_leave) count = i + 1;
    }
    if (writing_ > 0) stream_->Write(spans, count);
    break;
  }
  if (ended_ || (close_after_reply && out.empty())) closing_ = true;
  UpdateReading();
}

bool Connection::MayRunProtected() const {
  switch (worker_.parts().config.Snapshot().enable_debug_command) {
    case config::CommandAccess::kYes:
      return true;
    case config::CommandAccess::kNo:
      return false;
    case config::CommandAccess::kLocal:
      break;
  }
  return stream_->is_unix() || stream_->peer_is_loopback();
}

void Connection::Authenticate() {
  authenticated = true;
  gates &= ~static_cast<uint32_t>(exec::kGateNeedsAuth);
}

void Connection::UpdateSubscribedGate() {
  gates &= ~static_cast<uint32_t>(exec::kGateSubscribed);
  if (subscriptions() > 0 && reply.protocol() == 2) gates |= exec::kGateSubscribed;
}

void Connection::StartMonitoring() {
  if (monitor) return;
  monitor = true;
  worker_.parts().monitors.Add(worker_.index());
}

void Connection::StopMonitoring() {
  if (!monitor) return;
  monitor = false;
  worker_.parts().monitors.Remove(worker_.index());
}

void Connection::EndSkip() {
  if (!skip_begins) reply_mode = exec::ReplyMode::kOn;
  reply.set_muted(skip_begins);
  skip_begins = false;
}

std::string Connection::MonitorName() const {
  if (!stream_->is_unix()) return peer_;
  return "unix:" + peer_.substr(0, peer_.rfind(':'));
}

uint64_t Connection::memory_bytes() const {
  uint64_t bytes = sizeof *this + output_memory_bytes() + parser_.memory_bytes() + queue_bytes +
                   subscription_set().memory_bytes() + parking.bytes + name.capacity() +
                   lib_name.capacity() + lib_version.capacity();
  if (parking.wait != nullptr) bytes += parking.wait->memory_bytes();
  for (const exec::WatchedKey& each : watched) bytes += sizeof each + each.key.size();
  return bytes;
}

}  // namespace terrace::server
