#include "server/slow_log.h"

#include <algorithm>

namespace terrace::server {

void SlowLog::Add(Args args, uint64_t unix_seconds, uint64_t microseconds, Bytes peer,
                  Bytes client_name) {
  SlowLogItem item;
  item.unix_seconds = unix_seconds;
  item.microseconds = microseconds;
  item.peer = peer;
  item.client_name = client_name;
  const size_t shown = std::min(args.size(), kArgsMax);
  for (size_t i = 0; i < shown; ++i) {
    if (shown != args.size() && i == shown - 1) {
      item.args.push_back("... (" + std::to_string(args.size() - shown + 1) + " more arguments)");
    } else if (args[i].size() > kArgBytesMax) {
      item.args.push_back(std::string(args[i].substr(0, kArgBytesMax)) + "... (" +
                          std::to_string(args[i].size() - kArgBytesMax) + " more bytes)");
    } else {
      item.args.emplace_back(args[i]);
    }
  }
  MutexLock lock(mutex_);
  item.id = next_id_++;
  items_.push_front(std::move(item));
  if (items_.size() > items_max_) items_.resize(items_max_);
}

std::vector<SlowLogItem> SlowLog::Newest(int64_t count) const {
  MutexLock lock(mutex_);
  const size_t wanted =
      count < 0 ? items_.size() : std::min(items_.size(), static_cast<size_t>(count));
  return std::vector<SlowLogItem>(items_.begin(),
                                  items_.begin() + static_cast<std::ptrdiff_t>(wanted));
}

size_t SlowLog::size() const {
  MutexLock lock(mutex_);
  return items_.size();
}

void SlowLog::Reset() {
  MutexLock lock(mutex_);
  items_.clear();
}

void SlowLog::set_items_max(size_t items_max) {
  MutexLock lock(mutex_);
  items_max_ = items_max;
  if (items_.size() > items_max_) items_.resize(items_max_);
}

}  // namespace terrace::server
