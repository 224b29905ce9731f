// SlowLog: the most recent commands that took long, with their arguments cut short.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/args.h"
#include "base/mutex.h"

namespace terrace::server {

struct SlowLogItem {
  uint64_t id;
  uint64_t unix_seconds;
  uint64_t microseconds;
  std::vector<std::string> args;
  std::string peer;
  std::string client_name;
};

class SlowLog {
 public:
  /// Arguments beyond these are told as "... (N more arguments)" and "... (N more bytes)", as in Redis.
  static constexpr size_t kArgsMax = 32;
  static constexpr size_t kArgBytesMax = 128;

  void Add(Args args, uint64_t unix_seconds, uint64_t microseconds, Bytes peer, Bytes client_name)
      TERRACE_EXCLUDES(mutex_);
  /// The newest `count`, newest first; negative: all.
  std::vector<SlowLogItem> Newest(int64_t count) const TERRACE_EXCLUDES(mutex_);
  size_t size() const TERRACE_EXCLUDES(mutex_);
  void Reset() TERRACE_EXCLUDES(mutex_);
  void set_items_max(size_t items_max) TERRACE_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::deque<SlowLogItem> items_ TERRACE_GUARDED_BY(mutex_);  // newest first
  size_t items_max_ TERRACE_GUARDED_BY(mutex_) = 128;
  uint64_t next_id_ TERRACE_GUARDED_BY(mutex_) = 0;
};

}  // namespace terrace::server
