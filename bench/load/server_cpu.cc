#include "load/server_cpu.h"

#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "load/link.h"

namespace terrace::load {

CpuTimes ReadServerCpu(int pid) {
  CpuTimes times;
  if (pid == 0) return times;
  std::error_code failure;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", failure)) {
    std::FILE* file = std::fopen((task.path() / "schedstat").c_str(), "re");
    if (file == nullptr) continue;  // it has just ended
    uint64_t ran = 0, waited = 0;
    if (std::fscanf(file, "%" SCNu64 " %" SCNu64, &ran, &waited) == 2) {
      times.ran_ns += ran;
      times.waited_ns += waited;
    }
    std::fclose(file);
  }
  if (failure) Die("no process " + std::to_string(pid));
  return times;
}

}  // namespace terrace::load
