// One event loop (a worker has one) and the hooks that run on it.
//
// A turn of the loop has these phases, in this order; the next turn starts again with the timers:
//
//   timers    Timer callbacks that are due
//   pending   what libuv put off in the turn before
//   idle      IdleHook; while one is started the poll below does not block
//   prepare   PrepareHook: the last thing before the poll
//   poll      waits for I/O and calls its callbacks *here*: Stream, Listener, Doorbell, DescriptorHook, SignalHook
//   check     CheckHook: the first thing after all the poll's callbacks
//   closing   close callbacks (handle.h)
//
// Relied on: a worker goes "out" in its PrepareHook, and whatever looks at shared memory between that and the
// CheckHook, which means every I/O callback, has to go "in" for itself. What the poll's callbacks gather is
// complete when the CheckHook runs. Hooks of one kind run in the reverse of the order in which they were
// started, so a loop that needs an order uses one hook of each kind.
//
// Threads: everything belongs to the thread that runs the loop, except Doorbell::Ring(). A loop may be made
// on one thread and run on another if the hand-over synchronizes (starting a thread does).
#pragma once

#include <cstdint>
#include <memory>

#include "net/callback.h"
#include "net/handle.h"

namespace terrace::net {

class Loop {
 public:
  /// Takes a handful of file descriptors. Where even those are missing nothing can be served: the process
  /// stops.
  Loop();
  /// CONTRACT: every owner of a handle on this loop has gone before (H3).
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs turns until Stop(), or until nothing is started on the loop any more.
  void Run();
  /// Runs one turn, which waits for something to happen.
  void RunOnce();
  /// Runs one turn that does not wait.
  void RunNoWait();
  /// Called on the loop's thread: Run() returns when the turn is over.
  void Stop();

  /// Monotonic milliseconds, read once a turn (after the poll and before the timers).
  uint64_t now_ms() const;

  /// For the files of net/.
  uv_loop_s* uv() const { return uv_.get(); }

 private:
  struct Deleter {
    void operator()(uv_loop_s* loop) const;
  };
  std::unique_ptr<uv_loop_s, Deleter> uv_;
};

/// Calls back once after `timeout_ms`, then every `repeat_ms` if that is not 0.
class Timer {
 public:
  Timer(Loop& loop, Callback callback);
  ~Timer();

  /// Starts, or starts anew if it runs already. Counted from the turn's now_ms().
  void Start(uint64_t timeout_ms, uint64_t repeat_ms = 0);
  void Stop();
  bool started() const;

 private:
  HandlePtr<Handle<uv_timer_s>> handle_;
};

struct DoorbellHandle;

/// Wakes a loop from any thread. Rings before the callback has begun count as one.
class Doorbell {
 public:
  Doorbell(Loop& loop, Callback callback);
  /// CONTRACT: nobody rings any more.
  ~Doorbell();

  /// From any thread; neither blocks nor fails. What was written before the ring is visible to the callback
  /// that follows it, also when this ring was swallowed by an earlier one.
  void Ring();

 private:
  HandlePtr<DoorbellHandle> handle_;
};

/// A callback in one phase of every turn while started (see the phases above).
template <typename Uv>
class PhaseHook {
 public:
  PhaseHook(Loop& loop, Callback callback);
  ~PhaseHook();

  void Start();
  void Stop();
  bool started() const;

 private:
  HandlePtr<Handle<Uv>> handle_;
};

using PrepareHook = PhaseHook<uv_prepare_s>;
using CheckHook = PhaseHook<uv_check_s>;
/// For work in the background: started while there is some, since the loop does not wait meanwhile.
using IdleHook = PhaseHook<uv_idle_s>;

extern template class PhaseHook<uv_prepare_s>;
extern template class PhaseHook<uv_check_s>;
extern template class PhaseHook<uv_idle_s>;

/// Calls back, in the poll of every turn, while `descriptor` is readable.
class DescriptorHook {
 public:
  /// `descriptor` stays open longer than this.
  DescriptorHook(Loop& loop, int descriptor, Callback callback);
  ~DescriptorHook();

  void Start();

 private:
  HandlePtr<Handle<uv_poll_s>> handle_;
};

/// Calls back on the loop when the process gets `signal_number`.
class SignalHook {
 public:
  SignalHook(Loop& loop, int signal_number, Callback callback);
  ~SignalHook();

  void Start();
  void Stop();

 private:
  HandlePtr<Handle<uv_signal_s>> handle_;
  int signal_number_;
};

}  // namespace terrace::net
