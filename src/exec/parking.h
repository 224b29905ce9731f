// Parking: a session stops before its command runs, because something is not ready, and goes on when it is.
//
//   the command      is kept with its arguments, and everything the client sends behind it, in order
//   the reason       kPaused: a gate waits for the server; kKeys: the command found nothing and waits for its keys; kOutside: it
//                    needs something first that somebody else, of whatever kind, will tell (commands::Readiness)
//   going on         a pause's end is raised at all workers, and each runs what it has parked from the start. A wait, for keys or
//                    for something outside, ends by itself: whoever ends it, on any thread, claims it and hands it to the
//                    session's Waker, which takes it to the session's own thread
//
//                        +----------------------- a timeout -----------------------> kTimedOut
//                        |        CLIENT UNBLOCK ----------------------------------> kUnblocked, kRefused
//                        |        the client has gone -----------------------------> kGone
//     kWaiting ----------+------- Restart(): its own thread runs the command anew -> kRestarted
//        ^               |        (so does the timeout of a wait that is for time alone)
//        |               +--> kClaimed --- the command has run, its reply is made -> kServed
//        +------------------------+ it found nothing for it yet
//
// Every arrow from kWaiting is one compare-and-swap, so a wait ends once, whoever comes at the same time. A command that starts
// anew and waits again keeps its place in line and its deadline (Resumed).
//
// Threads: a Parking is its session's. Of a Wait everything but its state is written before anybody else can find it, or
// by whoever has claimed it, and read by its session once it has ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands/context.h"
#include "engine/interest.h"
#include "engine/residency.h"
#include "exec/owned_request.h"
#include "resp/reply.h"

namespace terrace::exec {

class Session;
class Wait;

enum class ParkReason : uint8_t { kNone, kPaused, kKeys, kOutside };

/// Takes waits that have ended to their sessions' thread. CONTRACT: whoever may restart waits ends before it does.
class Waker {
 public:
  virtual ~Waker() = default;
  /// From any thread, shard locks held or not.
  virtual void Wake(std::shared_ptr<Wait> wait) noexcept = 0;
  /// Who reads values for commands of these sessions, in their thread; nullptr: whoever reads for all.
  virtual engine::ValueReader* value_reader() { return nullptr; }
};

/// A key by name and database: whoever reads it looks the keyspace up.
struct NamedKey {
  uint64_t hash;
  std::string key;
};

/// What a command that starts anew keeps of the wait it was in.
struct Resumed {
  uint64_t place_in_line;
  uint64_t deadline_ns;
};

/// A command that waits.
class Wait final : public engine::Waiter, public std::enable_shared_from_this<Wait> {
 public:
  enum class State : uint8_t {
    kWaiting,
    kClaimed,
    kServed,
    kTimedOut,
    kUnblocked,
    kRefused,
    kGone,
    kRestarted
  };

  /// `deadline_ns`: of the monotonic clock; 0: for ever.
  Wait(uint64_t place_in_line, uint64_t deadline_ns, OwnedRequest owned_request, Session& parked,
       Type wanted);

  void Restart() override {
    if (TryEnd(State::kRestarted)) waker.Wake(shared_from_this());
  }

  /// Ends it, or claims it to run its command; false if somebody else has been faster.
  bool TryEnd(State state) {
    State expected = State::kWaiting;
    return state_.compare_exchange_strong(expected, state, std::memory_order_acq_rel);
  }
  /// By whoever has claimed it.
  void Settle(State state) { state_.store(state, std::memory_order_release); }
  State state() const { return state_.load(std::memory_order_acquire); }

  uint64_t memory_bytes() const;

  const OwnedRequest request;
  const unsigned db;
  const Type type;
  const bool no_touch;
  const uint64_t deadline_ns;   // 0: for ever
  std::vector<NamedKey> keys;   // that it waits for; none: for something outside
  std::vector<NamedKey> needs;  // that its command may change besides
  bool anew_in_time = false;    // when its time is over the command starts anew
  Waker& waker;
  std::shared_ptr<engine::ReadValues> values;  // its thread's own; that its command waits for
  Session* session;                            // its thread's own; nullptr when the client has gone

  // --- the command has run ---
  resp::ReplyBuffer out;
  resp::Reply reply{out};
  uint64_t offset = 0;  // that the reply waits for

 private:
  std::atomic<State> state_{State::kWaiting};
};

struct Parking {
  ParkReason reason = ParkReason::kNone;
  std::shared_ptr<Wait> wait;         // kKeys, kOutside; it has the request
  std::deque<OwnedRequest> requests;  // kPaused: the one that was held up; then what came behind it
  size_t bytes = 0;                   // of these
  std::optional<Resumed> resumed;     // the first of these has waited for keys before
  unsigned read_ins = 0;              // how often it has waited for values
  size_t asked_ahead = 0;             // for the values of so many of `requests` somebody has asked
  bool has_place = false;             // it has waited for its place among the writers

  /// Nothing of the session may run before what it has parked.
  bool parked() const { return reason != ParkReason::kNone || !requests.empty(); }
  void PutFirst(OwnedRequest request) {
    bytes += request.memory_bytes();
    requests.push_front(std::move(request));
    ++asked_ahead;
  }
  void PutLast(OwnedRequest request) {
    bytes += request.memory_bytes();
    requests.push_back(std::move(request));
  }
  OwnedRequest TakeFirst() {
    OwnedRequest request = std::move(requests.front());
    requests.pop_front();
    bytes -= request.memory_bytes();
    if (asked_ahead != 0) --asked_ahead;
    return request;
  }
};

}  // namespace terrace::exec
