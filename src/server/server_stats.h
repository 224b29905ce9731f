// Counters of the whole server that are touched rarely enough to be shared, and those of one worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "base/bytes.h"
#include "base/mutex.h"

namespace terrace::server {

/// Of one worker; one writer.
struct WorkerStats {
  std::atomic<uint64_t> commands{0};
  std::atomic<uint64_t> net_input_bytes{0};
  std::atomic<uint64_t> net_output_bytes{0};
  std::atomic<uint64_t> turns{0};
  std::atomic<uint64_t> turn_ns{0};    // time inside turns
  std::atomic<uint64_t> expiry_ns{0};  // of it: looking for due keys in the background
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> writes{0};
};

class ServerStats {
 public:
  std::atomic<uint64_t> connections_received{0};
  std::atomic<uint64_t> connections_rejected{0};
  std::atomic<uint64_t> connections_alive{0};
  std::atomic<uint64_t> query_buffer_closed{0};
  std::atomic<uint64_t> output_buffer_closed{0};
  std::atomic<uint64_t> clients_evicted{0};
  std::atomic<uint64_t> error_replies{0};
  // Values read in for commands before the counters were reset; those of keyspace hits begin anew then.
  std::atomic<uint64_t> values_read_before{0};
  // Refusals of ACLs, by reason.
  std::atomic<uint64_t> acl_denied_auth{0};
  std::atomic<uint64_t> acl_denied_command{0};
  std::atomic<uint64_t> acl_denied_key{0};
  std::atomic<uint64_t> acl_denied_channel{0};

  /// One error reply with this code ("WRONGTYPE"); codes beyond a limit are counted together, so that a client cannot
  /// grow the table with errors of its own making.
  void CountError(Bytes code) TERRACE_EXCLUDES(mutex_) {
    error_replies.fetch_add(1, std::memory_order_relaxed);
    MutexLock lock(mutex_);
    const auto known = errors_.find(std::string(code));
    if (known != errors_.end()) {
      ++known->second;
    } else if (errors_.size() < kErrorCodesMax) {
      errors_[std::string(code)] = 1;
    }
  }
  std::map<std::string, uint64_t> errors() const TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return errors_;
  }
  void Reset() TERRACE_EXCLUDES(mutex_) {
    connections_received = connections_rejected = 0;
    query_buffer_closed = output_buffer_closed = clients_evicted = error_replies = 0;
    acl_denied_auth = acl_denied_command = acl_denied_key = acl_denied_channel = 0;
    MutexLock lock(mutex_);
    errors_.clear();
  }

 private:
  static constexpr size_t kErrorCodesMax = 128;
  mutable Mutex mutex_;
  std::map<std::string, uint64_t> errors_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::server
