// The only file that asks the kernel for time or entropy.
#include <sys/random.h>
#include <time.h>

#include <fstream>
#include <string>

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

// The processor's cycle counter as a clock: a third of the cost of asking the kernel's page, and it is read after every
// command. Trusted only where the kernel itself keeps time by it (the same on all CPUs, at a constant rate); anywhere else
// the kernel is asked. The rate is found once, before the first reading: five milliseconds give it to some ten parts in a
// million, which is plenty for measuring commands.
class CycleClock {
 public:
  CycleClock() {
    if (!KernelTrustsCycles()) return;
    const Reading first = Read();
    const timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
    const Reading second = Read();
    if (second.cycles <= first.cycles || second.ns <= first.ns) return;
    start_ = first;
    rate_ = static_cast<uint64_t>((static_cast<Wide>(second.ns - first.ns) << kRateBits) /
                                  (second.cycles - first.cycles));
  }

  uint64_t Ns() const {
    if (TERRACE_UNLIKELY(rate_ == 0)) return Nanoseconds(CLOCK_MONOTONIC);
    return start_.ns +
           static_cast<uint64_t>(static_cast<Wide>(Cycles() - start_.cycles) * rate_ >> kRateBits);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  struct Reading {
    uint64_t cycles;
    uint64_t ns;
  };
  static constexpr unsigned kRateBits = 32;

#if defined(__x86_64__)
  static uint64_t Cycles() { return __builtin_ia32_rdtsc(); }
  static bool KernelTrustsCycles() {
    std::ifstream source("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    std::string name;
    return std::getline(source, name) && name == "tsc";
  }
#else
  static uint64_t Cycles() { return 0; }
  static bool KernelTrustsCycles() { return false; }
#endif

  // Both at once, as nearly as can be: of some tries the one that was interrupted least.
  static Reading Read() {
    Reading best{};
    uint64_t least = UINT64_MAX;
    for (int tries = 0; tries < 8; ++tries) {
      const uint64_t before = Cycles();
      const uint64_t ns = Nanoseconds(CLOCK_MONOTONIC);
      const uint64_t took = Cycles() - before;
      if (took >= least) continue;
      least = took;
      best = {before + took / 2, ns};
    }
    return best;
  }

  Reading start_{};
  uint64_t rate_ = 0;  // nanoseconds a cycle, in 2^-32; 0: the kernel is asked
};

class PosixClock : public Clock {
 public:
  uint64_t WallMs() override { return Nanoseconds(CLOCK_REALTIME) / 1'000'000; }
  uint64_t WallUs() override { return Nanoseconds(CLOCK_REALTIME) / 1'000; }
  uint64_t MonotonicNs() override { return cycles_.Ns(); }

 private:
  CycleClock cycles_;
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
