// Session: what the server remembers of one client while it runs its commands: no socket in here. A connection, an
// embedder and a script's caller each have one.
//
// Threads: its worker's. Another thread may look while it holds everybody out (CLIENT LIST, CLIENT KILL).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/args.h"
#include "commands/command_table.h"
#include "engine/interest.h"
#include "engine/keyspace.h"
#include "exec/owned_request.h"
#include "exec/parking.h"
#include "exec/reply_gate.h"
#include "resp/reply.h"

namespace terrace::exec {

/// Conditions of the session itself that a gate looks at. All clear: no gate has anything to say.
enum SessionGate : uint32_t {
  kGateNeedsAuth = 1 << 0,
  kGateInMulti = 1 << 1,
  kGateSubscribed = 1 << 2,  // RESP2 and subscribed to something
  kGateReplyOnce = 1 << 3,   // CLIENT REPLY SKIP: the next reply is dropped
  kGateWaitedEnough =
      1 << 4,  // for the values of its command, which are read under the keys' locks now
};

struct WatchedKey {
  unsigned db;
  std::string key;
};

enum class ReplyMode : uint8_t { kOn, kOff, kSkipNext };

class Session {
 public:
  /// `session_waker` takes the session's waits to its thread; a session without one never waits.
  explicit Session(uint64_t session_id, Waker* session_waker = nullptr)
      : id(session_id), waker(session_waker) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const uint64_t id;
  Waker* const waker;
  unsigned db = 0;
  uint32_t gates = 0;
  bool authenticated = true;
  bool close_after_reply = false;
  bool no_touch = false;
  bool no_evict = false;
  ReplyMode reply_mode = ReplyMode::kOn;
  std::string name;
  std::string lib_name;
  std::string lib_version;
  std::string user = "default";
  const commands::Command* last_command = nullptr;

  resp::ReplyBuffer out;
  resp::Reply reply{out};
  ReplyGate reply_gate;

  // --- MULTI ---
  std::vector<OwnedRequest> queue;
  bool queue_broken = false;  // a command was refused: EXEC will be, too
  size_t queue_bytes = 0;

  // --- WATCH ---
  std::vector<WatchedKey> watched;
  std::shared_ptr<engine::Watch> watch;

  Parking parking;

  bool in_multi() const { return (gates & kGateInMulti) != 0; }
  /// The first of the requests that it has parked has run.
  void EndParkedRequest() {
    parking.resumed.reset();
    parking.read_ins = 0;
    parking.has_place = false;
    gates &= ~kGateWaitedEnough;
  }
  /// Whether the configuration lets this session run DEBUG.
  virtual bool MayRunProtected() const { return true; }
  /// Subscriptions of this session, of all kinds; sessions without pub/sub have none.
  virtual size_t subscriptions() const { return 0; }
};

}  // namespace terrace::exec
