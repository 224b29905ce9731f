#include "exec/parking.h"

#include "exec/session.h"

namespace terrace::exec {

Wait::Wait(uint64_t place_in_line, uint64_t deadline, OwnedRequest owned_request, Session& parked,
           Type wanted)
    : engine::Waiter(place_in_line),
      request(std::move(owned_request)),
      db(parked.db),
      type(wanted),
      no_touch(parked.no_touch),
      deadline_ns(deadline),
      waker(*parked.waker),
      session(&parked) {
  reply.set_protocol(parked.reply.protocol());
}

uint64_t Wait::memory_bytes() const {
  uint64_t bytes = sizeof *this + request.memory_bytes();
  for (const auto* list : {&keys, &needs}) {
    for (const NamedKey& each : *list)
      bytes += 2 * (sizeof each + each.key.size());  // here and in the shard's table
  }
  return bytes;
}

}  // namespace terrace::exec
