// Several sessions on one executor, as a worker has them, that may wait: the test is their worker, which takes what has
// ended to them.
#pragma once

#include <doctest/doctest.h>

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "commands/support/engine_fixture.h"

namespace terrace::testing {

struct WaitingSession final : exec::Session {
  WaitingSession(uint64_t session_id, exec::Waker& session_waker)
      : exec::Session(session_id, &session_waker) {}
};

struct WaitingClients : EngineFixture, exec::Waker {
  using Outcome = exec::Executor::Outcome;
  using Wait = exec::Wait;

  explicit WaitingClients(std::initializer_list<std::span<const commands::CommandSpec>> families)
      : EngineFixture(families) {}
  ~WaitingClients() override {
    for (auto& each : sessions) End(*each, Wait::State::kGone);
  }

  void Wake(std::shared_ptr<Wait> wait) noexcept override { woken.push_back(std::move(wait)); }

  WaitingSession& Client() {
    sessions.push_back(std::make_unique<WaitingSession>(sessions.size() + 10, *this));
    return *sessions.back();
  }
  Outcome Try(exec::Session& client, const std::vector<Bytes>& args) {
    const exec::OwnedRequest request(table.Find(args[0]), Args(args.data(), args.size()), Bytes());
    return Try(client, request);
  }
  Outcome Try(exec::Session& client, const exec::OwnedRequest& request) {
    executor.BeginBatch();
    return executor.Execute(client, {.command = request.command(), .args = request.args()});
  }
  /// A client that waits with this command.
  WaitingSession& Waiting(const std::vector<Bytes>& args) {
    WaitingSession& client = Client();
    REQUIRE(Try(client, args) == Outcome::kParked);
    REQUIRE(client.parking.reason == exec::ParkReason::kKeys);
    REQUIRE(client.out.empty());
    return client;
  }
  /// What the client got; "" if it still waits. One that is to start anew does so first.
  std::string Got(exec::Session& client) {
    while (client.parking.wait != nullptr &&
           client.parking.wait->state() != Wait::State::kWaiting) {
      if (executor.EndWait(client)) continue;
      if (Try(client, client.parking.TakeFirst()) == Outcome::kDone) client.parking.resumed.reset();
    }
    resp::ReplyParser parser;
    while (!client.out.empty()) {
      resp::IoSlice slice;
      client.out.Gather(&slice, 1);
      parser.Feed(Bytes(slice.base, slice.len));
      client.out.Consume(slice.len);
    }
    resp::ReplyValue value;
    return parser.Next(&value) == resp::ReplyParser::Outcome::kValue ? value.ToString() : "";
  }
  bool End(exec::Session& client, Wait::State state) {
    if (client.parking.wait == nullptr) return false;
    const bool ended = client.parking.wait->TryEnd(state);
    if (state == Wait::State::kGone) executor.AbandonWait(client);
    return ended;
  }
  bool AnybodyListed(Bytes key, unsigned db = 0) {
    engine::KeyRef ref = executor.RefFor(db, key);
    bool any = false;
    executor.WithLocked(&ref, 1, [&] {
      any = ref.shard->interest() != nullptr && ref.shard->interest()->has_waits();
    });
    return any;
  }

  std::vector<std::shared_ptr<Wait>> woken;
  std::vector<std::unique_ptr<WaitingSession>> sessions;
};

}  // namespace terrace::testing
