// The libuv side of handle.h, for the .cc files of net/ only.
#pragma once

#include <uv.h>

#include "base/check.h"
#include "net/callback.h"
#include "net/handle.h"

namespace terrace::net {

template <typename Uv>
struct Handle {
  Uv uv;
  Callback callback;
};

/// `H` is any struct with a member `uv` that is a libuv handle, made with new.
template <typename H>
void HandleCloser::operator()(H* handle) const noexcept {
  auto* uv = reinterpret_cast<uv_handle_t*>(&handle->uv);
  uv_handle_set_data(uv, handle);
  uv_close(uv, [](uv_handle_t* closed) { delete static_cast<H*>(uv_handle_get_data(closed)); });
}

/// A handle ready to be started: `init(loop, &handle->uv)` has run and its data points to itself.
template <typename Uv, typename Init>
HandlePtr<Handle<Uv>> MakeHandle(uv_loop_t* loop, Callback callback, Init init) {
  auto handle = std::make_unique<Handle<Uv>>();
  TERRACE_CHECK(init(loop, &handle->uv) == 0);
  handle->uv.data = handle.get();
  handle->callback = callback;
  return HandlePtr<Handle<Uv>>(handle.release());
}

/// What libuv calls for a hook: the callback of its handle and nothing after it (H1).
template <typename Uv>
void CallBack(Uv* uv) noexcept {
  const Callback callback = static_cast<Handle<Uv>*>(uv->data)->callback;
  callback();
}

}  // namespace terrace::net
