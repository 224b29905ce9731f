#include "net/process.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <fstream>
#include <sstream>

namespace terrace::net {

namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

// "150000 100000" -> 1.5. "max 100000", "-1 100000" and anything unreadable: no limit.
std::optional<double> ParseQuota(const std::string& quota_and_period) {
  std::istringstream in(quota_and_period);
  double quota_us = 0;
  double period_us = 0;
  if (!(in >> quota_us >> period_us) || quota_us <= 0 || period_us <= 0) return std::nullopt;
  return quota_us / period_us;
}

std::optional<double> Smaller(std::optional<double> a, std::optional<double> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

// The least of the limits of `group` and the groups above it: each of them binds. A container often does not
// see its own path below the mount but its group *as* the mount, which is where the walk ends.
template <typename ReadLimit>
std::optional<double> LeastUpwards(const std::string& root, std::string group,
                                   ReadLimit read_limit) {
  std::optional<double> least;
  while (true) {
    if (group == "/") group.clear();
    least = Smaller(least, read_limit(root + group));
    if (group.empty()) return least;
    group.erase(group.find_last_of('/') == std::string::npos ? 0 : group.find_last_of('/'));
  }
}

std::optional<double> ReadLimitV2(const std::string& folder) {
  return ParseQuota(ReadText(folder + "/cpu.max"));
}

std::optional<double> ReadLimitV1(const std::string& folder) {
  return ParseQuota(ReadText(folder + "/cpu.cfs_quota_us") + " " +
                    ReadText(folder + "/cpu.cfs_period_us"));
}

bool ListHas(const std::string& comma_list, const std::string& word) {
  return ("," + comma_list + ",").find("," + word + ",") != std::string::npos;
}

}  // namespace

void IgnoreWriteSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

StatusOr<uint64_t> RaiseOpenFilesLimit(uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return Unexpected{Status::FromErrno("getrlimit", errno)};
  if (limit.rlim_cur >= wanted) return static_cast<uint64_t>(limit.rlim_cur);
  // A privileged process may raise the hard limit too; for the others the hard limit is what can be had.
  const rlimit all{.rlim_cur = wanted, .rlim_max = std::max<rlim_t>(wanted, limit.rlim_max)};
  if (::setrlimit(RLIMIT_NOFILE, &all) == 0) return wanted;
  const rlimit some{.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max),
                    .rlim_max = limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &some) == 0) return static_cast<uint64_t>(some.rlim_cur);
  return static_cast<uint64_t>(limit.rlim_cur);
}

std::optional<double> CgroupCpuQuota(const std::string& proc_self_cgroup,
                                     const std::string& mount) {
  std::optional<double> quota;
  std::istringstream lines(proc_self_cgroup);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      quota = Smaller(quota, LeastUpwards(mount, group, ReadLimitV2));
    } else if (ListHas(controllers, "cpu")) {
      quota = Smaller(quota, LeastUpwards(mount + "/" + controllers, group, ReadLimitV1));
    }
  }
  return quota;
}

int AllowedCpus() {
  // The mask of a machine with more than 1024 CPUs does not fit a cpu_set_t; then the count of those online
  // serves.
  cpu_set_t mask;
  int cpus = ::sched_getaffinity(0, sizeof(mask), &mask) == 0
                 ? CPU_COUNT(&mask)
                 : static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  const auto quota = CgroupCpuQuota(ReadText("/proc/self/cgroup"), "/sys/fs/cgroup");
  // Rounded up: part of a CPU that no thread claims is lost, one thread more costs little.
  if (quota && *quota < cpus) cpus = static_cast<int>(std::ceil(*quota));
  return std::max(cpus, 1);
}

}  // namespace terrace::net
