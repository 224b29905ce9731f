// For what a server does in its own time: asking again until it is so, but not for ever.
#pragma once

#include <chrono>
#include <thread>

namespace terrace::integration {

/// How long a test waits for anything before it says that it did not happen. Long, as the machine may be busy
/// with everything else; nothing that works waits for it.
constexpr int kPatienceMs = 60000;

/// True as soon as `condition` holds; false when it does not within `timeout_ms`.
template <typename Condition>
bool Eventually(Condition condition, int timeout_ms = kPatienceMs) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace terrace::integration
