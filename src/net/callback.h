// A callback in two words: a function and the object it is for. Allocates nothing and calls through one
// pointer, which is all a hook of the loop needs.
#pragma once

namespace terrace::net {

struct Callback {
  void (*function)(void* context) noexcept = nullptr;
  void* context = nullptr;

  void operator()() const noexcept { function(context); }
};

/// Calls `(object->*kMethod)()`, e.g. `Bind<&Worker::OnDoorbell>(this)`. Libuv calls us from C, through which
/// no exception may pass: one that tries ends the process here.
template <auto kMethod, typename T>
Callback Bind(T* object) {
  return {[](void* context) noexcept { (static_cast<T*>(context)->*kMethod)(); }, object};
}

}  // namespace terrace::net
