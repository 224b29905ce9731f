// The only file that asks the kernel for time or entropy.
#include <sys/random.h>
#include <time.h>

#include "base/check.h"
#include "env/clock.h"
#include "env/entropy.h"

namespace terrace {
namespace {

uint64_t Nanoseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

class PosixClock : public Clock {
 public:
  uint64_t WallMs() override { return Nanoseconds(CLOCK_REALTIME) / 1'000'000; }
  uint64_t WallUs() override { return Nanoseconds(CLOCK_REALTIME) / 1'000; }
  uint64_t MonotonicNs() override { return Nanoseconds(CLOCK_MONOTONIC); }
};

}  // namespace

Clock& SystemClock() {
  static PosixClock clock;
  return clock;
}

void FillWithEntropy(void* out, size_t size) {
  auto* bytes = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t got = getrandom(bytes, size, 0);
    TERRACE_CHECK(got > 0);
    bytes += got;
    size -= static_cast<size_t>(got);
  }
}

std::string RandomHexId() {
  unsigned char raw[20];
  FillWithEntropy(raw, sizeof raw);
  std::string id;
  for (const unsigned char byte : raw) {
    id.push_back("0123456789abcdef"[byte >> 4]);
    id.push_back("0123456789abcdef"[byte & 15]);
  }
  return id;
}

}  // namespace terrace
