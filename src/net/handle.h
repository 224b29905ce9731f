// The law of libuv handles, stated here and known nowhere else.
//
// libuv goes on using a handle's memory after uv_close() returns, until it calls the close callback at the
// end of a later turn of the loop. So a handle never lives inside its owner: it lives on the heap, the owner
// (Timer, Stream, Listener ...) holds it by a HandlePtr, and
//
//   the owner's destructor only *starts* uv_close(); the memory goes in the close callback.
//
// What follows from it:
//   H1  An owner may be destroyed at any time on its loop's thread, also inside its own callback. What libuv
//   calls
//       therefore touches nothing of owner or handle after it has called out.
//   H2  No callback reaches the owner's user after the owner has gone.
//   H3  Owners go before their Loop, whose destructor runs the close callbacks that are left.
//
// This header and those of the owners do not include uv.h; uv_handle.h, for the .cc files of net/, does.
#pragma once

#include <memory>

struct uv_loop_s;
struct uv_async_s;
struct uv_check_s;
struct uv_idle_s;
struct uv_poll_s;
struct uv_prepare_s;
struct uv_signal_s;
struct uv_timer_s;

namespace terrace::net {

/// A libuv handle of type `Uv` on the heap, with what its callback needs (uv_handle.h).
template <typename Uv>
struct Handle;

/// Starts the close; defined in uv_handle.h.
struct HandleCloser {
  template <typename H>
  void operator()(H* handle) const noexcept;
};

template <typename H>
using HandlePtr = std::unique_ptr<H, HandleCloser>;

}  // namespace terrace::net
