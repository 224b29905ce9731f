// EventCount: a thread sleeps until something has happened, without a mutex between it and those who say so. Who waits takes a
// ticket, then looks whether there is something to do, and only then sleeps; who has done something notifies. An event between
// ticket and sleep ends the sleep at once, so none is lost.
//
//   waits      ticket = NextTicket();  if (nothing to do) Wait(ticket, ns);
//   notifies   (make something to do);  Notify();
//
// A condition variable does the same with a lock: whoever is woken needs it first, which on one CPU is two more switches.
//
// Threads: any.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace terrace {

class EventCount {
 public:
  using Ticket = uint32_t;

  Ticket NextTicket() const { return count_.load(std::memory_order_seq_cst); }
  /// Until somebody has notified since `ticket`, for `ns` at the most, or for no reason.
  void Wait(Ticket ticket, uint64_t ns) {
    const timespec timeout{static_cast<time_t>(ns / kSecondNs), static_cast<long>(ns % kSecondNs)};
    static_cast<void>(::syscall(SYS_futex, &count_, FUTEX_WAIT_PRIVATE, ticket, &timeout));
  }
  /// One who waits.
  void Notify() {
    count_.fetch_add(1, std::memory_order_seq_cst);
    static_cast<void>(::syscall(SYS_futex, &count_, FUTEX_WAKE_PRIVATE, 1));
  }

 private:
  static constexpr uint64_t kSecondNs = 1'000'000'000;
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));  // what the kernel looks at

  std::atomic<uint32_t> count_{0};
};

}  // namespace terrace
