#include "net/loop.h"

#include <atomic>

#include "net/uv_handle.h"

namespace terrace::net {

Loop::Loop() : uv_(new uv_loop_t) { TERRACE_CHECK(uv_loop_init(uv_.get()) == 0); }

Loop::~Loop() = default;

void Loop::Deleter::operator()(uv_loop_s* loop) const {
  // Each turn runs the close callbacks that are due; a loop that is still busy after a few has a handle whose owner lives.
  constexpr int kTurnsMax = 8;
  int turns = 0;
  while (uv_loop_close(loop) == UV_EBUSY) {
    TERRACE_CHECK(++turns <= kTurnsMax);  // H3
    uv_run(loop, UV_RUN_NOWAIT);
  }
  delete loop;
}

void Loop::Run() { uv_run(uv_.get(), UV_RUN_DEFAULT); }
void Loop::RunOnce() { uv_run(uv_.get(), UV_RUN_ONCE); }
void Loop::RunNoWait() { uv_run(uv_.get(), UV_RUN_NOWAIT); }
void Loop::Stop() { uv_stop(uv_.get()); }
uint64_t Loop::now_ms() const { return uv_now(uv_.get()); }

Timer::Timer(Loop& loop, Callback callback)
    : handle_(MakeHandle<uv_timer_t>(loop.uv(), callback, uv_timer_init)) {}

Timer::~Timer() = default;

void Timer::Start(uint64_t timeout_ms, uint64_t repeat_ms) {
  TERRACE_CHECK(uv_timer_start(&handle_->uv, CallBack<uv_timer_t>, timeout_ms, repeat_ms) == 0);
}

void Timer::Stop() { uv_timer_stop(&handle_->uv); }

bool Timer::started() const {
  return uv_is_active(reinterpret_cast<uv_handle_t*>(&handle_->uv)) != 0;
}

// libuv coalesces by a flag of its own, but reads it without ordering. `rung` does the same with a promise:
// both sides exchange it, so a ring that finds it set is ordered before the exchange that clears it, and
// thereby before the callback.
struct DoorbellHandle {
  uv_async_t uv;
  Callback callback;
  std::atomic<bool> rung{false};
};

namespace {

void OnDoorbell(uv_async_t* uv) noexcept {
  auto* handle = static_cast<DoorbellHandle*>(uv->data);
  // Cleared before the callback, so that a ring during it brings another.
  handle->rung.exchange(false, std::memory_order_acq_rel);
  const Callback callback = handle->callback;
  callback();
}

}  // namespace

Doorbell::Doorbell(Loop& loop, Callback callback) {
  auto handle = std::make_unique<DoorbellHandle>();
  TERRACE_CHECK(uv_async_init(loop.uv(), &handle->uv, OnDoorbell) == 0);
  handle->uv.data = handle.get();
  handle->callback = callback;
  handle_.reset(handle.release());
}

Doorbell::~Doorbell() = default;

void Doorbell::Ring() {
  if (!handle_->rung.exchange(true, std::memory_order_acq_rel)) uv_async_send(&handle_->uv);
}

namespace {

// The three phase hooks differ in libuv's function names only.
template <typename Uv>
struct Phase;
template <>
struct Phase<uv_prepare_t> {
  static constexpr auto kInit = uv_prepare_init;
  static constexpr auto kStart = uv_prepare_start;
  static constexpr auto kStop = uv_prepare_stop;
};
template <>
struct Phase<uv_check_t> {
  static constexpr auto kInit = uv_check_init;
  static constexpr auto kStart = uv_check_start;
  static constexpr auto kStop = uv_check_stop;
};
template <>
struct Phase<uv_idle_t> {
  static constexpr auto kInit = uv_idle_init;
  static constexpr auto kStart = uv_idle_start;
  static constexpr auto kStop = uv_idle_stop;
};

}  // namespace

template <typename Uv>
PhaseHook<Uv>::PhaseHook(Loop& loop, Callback callback)
    : handle_(MakeHandle<Uv>(loop.uv(), callback, Phase<Uv>::kInit)) {}

template <typename Uv>
PhaseHook<Uv>::~PhaseHook() = default;

template <typename Uv>
void PhaseHook<Uv>::Start() {
  TERRACE_CHECK(Phase<Uv>::kStart(&handle_->uv, CallBack<Uv>) == 0);
}

template <typename Uv>
void PhaseHook<Uv>::Stop() {
  Phase<Uv>::kStop(&handle_->uv);
}

template <typename Uv>
bool PhaseHook<Uv>::started() const {
  return uv_is_active(reinterpret_cast<uv_handle_t*>(&handle_->uv)) != 0;
}

template class PhaseHook<uv_prepare_s>;
template class PhaseHook<uv_check_s>;
template class PhaseHook<uv_idle_s>;

DescriptorHook::DescriptorHook(Loop& loop, int descriptor, Callback callback)
    : handle_(
          MakeHandle<uv_poll_t>(loop.uv(), callback, [descriptor](uv_loop_t* uv, uv_poll_t* poll) {
            return uv_poll_init(uv, poll, descriptor);
          })) {}

DescriptorHook::~DescriptorHook() = default;

void DescriptorHook::Start() {
  const auto on_readable = [](uv_poll_t* uv, int, int) noexcept { CallBack(uv); };
  TERRACE_CHECK(uv_poll_start(&handle_->uv, UV_READABLE, on_readable) == 0);
}

SignalHook::SignalHook(Loop& loop, int signal_number, Callback callback)
    : handle_(MakeHandle<uv_signal_t>(loop.uv(), callback, uv_signal_init)),
      signal_number_(signal_number) {}

SignalHook::~SignalHook() = default;

void SignalHook::Start() {
  const auto on_signal = [](uv_signal_t* uv, int) noexcept { CallBack(uv); };
  TERRACE_CHECK(uv_signal_start(&handle_->uv, on_signal, signal_number_) == 0);
}

void SignalHook::Stop() { uv_signal_stop(&handle_->uv); }

}  // namespace terrace::net
