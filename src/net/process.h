// What the process may use of the machine: descriptors and CPUs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"

namespace terrace::net {

/// Writing to a connection that the peer has reset then fails with EPIPE, and a file beyond its limit with EFBIG, instead of
/// ending the process.
/// The log relies on it, and who writes to a connection without a Stream.
void IgnoreWriteSignals();

/// Raises the limit on open descriptors to `wanted`, or as near as the system lets us, and never lowers it.
/// Returns the limit now in force.
StatusOr<uint64_t> RaiseOpenFilesLimit(uint64_t wanted);

/// CPUs this process may keep busy: those of its affinity mask, or fewer if a cgroup's quota says so. At
/// least 1.
int AllowedCpus();

/// The CPU quota that the cgroups named in `proc_self_cgroup` (contents of /proc/self/cgroup) and those above
/// them allow, in CPUs, e.g. 1.5; none if there is no limit. `mount` is where cgroups are mounted,
/// /sys/fs/cgroup.
///
///   v2   line "0::/a/b"              b/cpu.max            "150000 100000" (quota and period in us) or "max
///   100000" v1   line "4:cpu,cpuacct:/a/b"   b/cpu.cfs_quota_us   "150000" or "-1", and cpu.cfs_period_us
std::optional<double> CgroupCpuQuota(const std::string& proc_self_cgroup, const std::string& mount);

}  // namespace terrace::net
