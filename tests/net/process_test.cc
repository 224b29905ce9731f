#include "net/process.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <fstream>
#include <string>

#include "net/support.h"

namespace terrace::net {
namespace {

void WriteFile(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

TEST_SUITE("net/process") {
  TEST_CASE("the least quota of a cgroup and those above it counts (v2)") {
    TempFolder mount;
    const std::string cgroup = "0::/pod/box\n";
    CHECK(CgroupCpuQuota(cgroup, mount.path) == std::nullopt);
    WriteFile(mount.path + "/pod/box/cpu.max", "max 100000\n");
    CHECK(CgroupCpuQuota(cgroup, mount.path) == std::nullopt);
    WriteFile(mount.path + "/pod/cpu.max", "150000 100000\n");
    CHECK(CgroupCpuQuota(cgroup, mount.path) == 1.5);
    WriteFile(mount.path + "/pod/box/cpu.max", "50000 100000\n");
    CHECK(CgroupCpuQuota(cgroup, mount.path) == 0.5);
    WriteFile(mount.path + "/pod/box/cpu.max", "400000 100000\n");
    CHECK(CgroupCpuQuota(cgroup, mount.path) == 1.5);
  }

  TEST_CASE("a container that sees its group as the mount itself finds the quota there") {
    TempFolder mount;
    WriteFile(mount.path + "/cpu.max", "200000 100000\n");
    CHECK(CgroupCpuQuota("0::/\n", mount.path) == 2.0);
    CHECK(CgroupCpuQuota("0::/docker/not/visible/here\n", mount.path) == 2.0);
  }

  TEST_CASE("the quota of the cpu controller counts (v1)") {
    TempFolder mount;
    const std::string cgroup = "5:cpuset:/box\n4:cpu,cpuacct:/box\n1:name=systemd:/box\n";
    WriteFile(mount.path + "/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
    WriteFile(mount.path + "/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
    CHECK(CgroupCpuQuota(cgroup, mount.path) == std::nullopt);
    WriteFile(mount.path + "/cpu,cpuacct/box/cpu.cfs_quota_us", "300000\n");
    CHECK(CgroupCpuQuota(cgroup, mount.path) == 3.0);
  }

  TEST_CASE("text that is no cgroup file is no limit") {
    TempFolder mount;
    WriteFile(mount.path + "/cpu.max", "garbage\n");
    CHECK(CgroupCpuQuota("", mount.path) == std::nullopt);
    CHECK(CgroupCpuQuota("nonsense\n::\n0::/\n", mount.path) == std::nullopt);
  }

  TEST_CASE("there is at least one CPU") { CHECK(AllowedCpus() >= 1); }

  TEST_CASE("the descriptor limit is raised and never lowered") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit low{.rlim_cur = 256, .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(*RaiseOpenFilesLimit(300) == 300);
    CHECK(*RaiseOpenFilesLimit(200) == 300);
    rlimit now{};
    CHECK(::getrlimit(RLIMIT_NOFILE, &now) == 0);
    CHECK(now.rlim_cur == 300);
    CHECK(now.rlim_max == before.rlim_max);
    CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  }
}

}  // namespace
}  // namespace terrace::net
