// What model tests share: where their randomness comes from and how long they run.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TERRACE_MODEL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TERRACE_MODEL_SANITIZED 1
#endif
#endif

namespace terrace {

/// The seed of this run: --seed=N of the command line, else TERRACE_SEED, else always the same one, so that a run
/// nobody watches says the same about the same sources; TERRACE_SEED=random looks further. Says how to run it again.
inline uint64_t ModelSeed(const char* test) {
  uint64_t seed = 20'240'601;
  if (const char* text = std::getenv("TERRACE_SEED")) {
    seed =
        std::string(text) == "random" ? std::random_device{}() : std::strtoull(text, nullptr, 10);
  }
  // doctest owns main and keeps what it does not know to itself, so the arguments are read where the kernel
  // has them.
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string arguments{std::istreambuf_iterator<char>(file),
                              std::istreambuf_iterator<char>()};
  const size_t at = arguments.find("--seed=");
  if (at != std::string::npos) seed = std::strtoull(arguments.c_str() + at + 7, nullptr, 10);
  std::printf("%s: run again with terrace_model_tests --seed=%llu\n", test,
              static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

/// `release` operations, or as many as a slower build does in about the same time.
constexpr uint64_t ModelOperations(uint64_t release) {
#if defined(TERRACE_MODEL_SANITIZED)
  return release / 30;
#elif defined(NDEBUG)
  return release;
#else
  return release / 8;
#endif
}

}  // namespace terrace
