// The part of Worker that parks sessions and lets them go on (exec/parking.h).
//
// A session goes on in two steps. The reply of what it waited for is written as soon as the wait's end is known, so that
// it keeps its place before pushes; what the client has sent behind it runs at the end of the turn, because running
// commands may bring mail.
#include "server/value_keeper.h"
#include "server/worker.h"

namespace terrace::server {

using exec::ParkReason;
using exec::Wait;

// The executor has said why. A paused request is kept here; one that waits is kept by its wait.
void Worker::Park(Connection& connection, const commands::Command* command, Args args, Bytes raw) {
  if (connection.parking.reason == ParkReason::kPaused) {
    connection.parking.PutFirst(exec::OwnedRequest(command, args, raw));
  } else if (parking_lot_.Add(connection.parking.wait)) {
    wait_timer_.Start(parking_lot_.NextMs(executor_.NowNs()));
  }
}

void Worker::OnWaitEnd() {
  EnsureIn();
  while (const ParkingLot::SharedWait wait = parking_lot_.TakeTimedOut(executor_.NowNs()))
    EndWait(*wait);
  const uint64_t ms = parking_lot_.NextMs(executor_.NowNs());
  if (ms != 0) wait_timer_.Start(ms);
}

void Worker::TakeEndedWaits() {
  while (TERRACE_UNLIKELY(parking_lot_.has_posted())) {
    for (const ParkingLot::SharedWait& wait : parking_lot_.TakePosted()) EndWait(*wait);
  }
}

void Worker::EndWait(Wait& wait) {
  if (wait.session == nullptr) return;  // the client has gone meanwhile
  auto& connection = static_cast<Connection&>(*wait.session);
  parking_lot_.Remove(wait);
  if (executor_.EndWait(connection)) {
    exec::CommandCounter::Bump(stats_.commands, 1);
    if (connection.reply_mode == exec::ReplyMode::kSkipNext) connection.EndSkip();
  }
  Touch(connection);
  if (!connection.parking.requests.empty()) unparked_.push_back(&connection);
}

// Tried until the data have been loaded and it is known whether values will be read.
void Worker::OpenValueReader() {
  if (value_reader_ != nullptr || parts_.values == nullptr) return;
  value_reader_ = parts_.values->NewLoopReader();
  if (value_reader_ == nullptr) return;
  value_hook_ = std::make_unique<net::DescriptorHook>(loop_, value_reader_->descriptor(),
                                                      net::Bind<&Worker::OnValuesRead>(this));
  value_hook_->Start();
}

void Worker::OnValuesRead() {
  EnsureIn();
  TakeValues();
}

void Worker::TakeValues() {
  value_reader_->Advance(&ready_);
  for (const std::shared_ptr<engine::Waiter>& waiter : ready_) {
    const auto wait = std::static_pointer_cast<Wait>(waiter);
    if (wait->TryEnd(Wait::State::kRestarted)) EndWait(*wait);
  }
  ready_.clear();
}

// What was read from the page cache is there at once, and left to the next turn all the same: a client that asks for many
// values in one go lets everybody else's requests in between.
void Worker::BeginReadingValues() {
  value_reader_->Begin();
  if (value_reader_->has_work()) doorbell_.Ring();
}

// The connection is about to go.
void Worker::AbandonWait(Connection& connection) {
  parking_lot_.Remove(*connection.parking.wait);
  executor_.AbandonWait(connection);
}

void Worker::RunUnparked() {
  // Running may free more of them.
  for (size_t i = 0; i < unparked_.size(); ++i) RunParked(*unparked_[i]);
  unparked_.clear();
}

void Worker::RunParked(Connection& connection) {
  exec::Parking& parking = connection.parking;
  while (parking.reason == ParkReason::kNone && !parking.requests.empty() &&
         !connection.closing() && !connection.close_after_reply) {
    const exec::OwnedRequest request = parking.TakeFirst();
    const exec::Invocation invocation{request.command(), request.args(), request.raw(), 0, false};
    if (RunRequest(connection, invocation) == exec::Executor::Outcome::kParked) {
      Park(connection, request.command(), request.args(), request.raw());
      executor_.ReadAhead(connection);
      break;
    }
    connection.EndParkedRequest();
    if (participant_->WantedOut()) participant_->Yield();
  }
  Touch(connection);
}

void Worker::UnparkAll() {
  for (auto& connection : connections_) {
    if (connection->parking.reason != ParkReason::kPaused) continue;
    connection->parking.reason = ParkReason::kNone;
    RunParked(*connection);
  }
}

}  // namespace terrace::server
