#include "base/short_slices.h"

#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace terrace {
namespace {

// The least that the kernel takes.
constexpr uint64_t kSliceNs = 100'000;

}  // namespace

// Policy and priority stay: who has started the server may have set them. Refused, all is as it was.
void TakeShortSlices() {
  sched_attr attributes{};
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  attributes.sched_runtime = kSliceNs;
  static_cast<void>(::syscall(SYS_sched_setattr, 0, &attributes, 0));
}

// Each step is a quarter more.
void GiveWayToWorkers() {
  constexpr int kSteps = 5;
  errno = 0;
  const int nice = ::getpriority(PRIO_PROCESS, 0);  // Linux: of this thread
  if (errno == 0) static_cast<void>(::setpriority(PRIO_PROCESS, 0, nice + kSteps));
}

}  // namespace terrace
