// The seed of a random test.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace terrace::storage {

/// TERRACE_SEED, else always the same, so that a run nobody watches says the same about the same sources; "random" looks
/// further. Printed either way.
inline uint64_t PrintedSeed(const char* test) {
  uint64_t seed = 20'240'601;
  if (const char* text = std::getenv("TERRACE_SEED")) {
    seed =
        std::string(text) == "random" ? std::random_device()() : std::strtoull(text, nullptr, 10);
  }
  std::printf("%s: TERRACE_SEED=%llu\n", test, static_cast<unsigned long long>(seed));
  std::fflush(stdout);  // a run that hangs or aborts says it, too
  return seed;
}

}  // namespace terrace::storage
