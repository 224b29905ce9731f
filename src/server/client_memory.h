// Client memory: what the buffers of all clients take together, and who has to go when it passes maxmemory-clients.
//
// While there is a limit, a worker counts a connection again at the end of each turn that touched it and adds what
// changed over all of them to the sum that the workers share: one addition a turn. Without a limit nothing is counted.
//
// Threads: ClientMemory any; EvictClients a worker's, between two turns.
#pragma once

#include <atomic>
#include <cstdint>

namespace terrace::server {

class Worker;

class ClientMemory {
 public:
  /// Bytes; 0: no limit.
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  void set_limit(uint64_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  void Add(int64_t bytes) { total_.fetch_add(bytes, std::memory_order_relaxed); }
  bool OverLimit() const {
    const uint64_t limit_bytes = limit();
    return limit_bytes != 0 &&
           total_.load(std::memory_order_relaxed) >= static_cast<int64_t>(limit_bytes);
  }

 private:
  std::atomic<uint64_t> limit_{0};
  std::atomic<int64_t> total_{0};
};

/// Marks the clients that hold most for closing, until the rest fits; those that asked for CLIENT NO-EVICT stay. Holds
/// everybody out meanwhile.
void EvictClients(Worker& worker);

}  // namespace terrace::server
