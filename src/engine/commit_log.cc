#include "engine/commit_log.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/numbers.h"

namespace terrace::engine {
namespace {

constexpr Bytes kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr Bytes kExec = "*1\r\n$4\r\nEXEC\r\n";

std::string SelectCommand(unsigned db) {
  const std::string number = FormatInt64(db);
  return "*2\r\n$6\r\nSELECT\r\n$" + FormatInt64(static_cast<int64_t>(number.size())) + "\r\n" +
         number + "\r\n";
}

}  // namespace

CommitLog::CommitLog(size_t ring_bytes) : ring_bytes_(ring_bytes) {
  TERRACE_CHECK((ring_bytes & (ring_bytes - 1)) == 0);
}

void CommitLog::SetEnabled(bool enabled) {
  if (enabled == this->enabled()) return;
  append_lock_.Lock();
  if (enabled && ring_ == nullptr) ring_.reset(new char[ring_bytes_]);
  if (!enabled) ring_.reset();
  window_start_ = end_.load(std::memory_order_relaxed);
  stream_db_ = -1;
  append_lock_.Unlock();
  if (!enabled) EndPromise();
  mode_.store(enabled ? uint32_t{kAppends} : 0, std::memory_order_release);
}

void CommitLog::Promise() {
  TERRACE_CHECK(enabled());
  if ((mode() & kPromises) != 0) return;
  write_offsets_.Make();
  progress_.Promise(end_offset());
  mode_.fetch_or(kPromises, std::memory_order_release);
}

void CommitLog::EndPromise() {
  mode_.fetch_and(~uint32_t{kPromises}, std::memory_order_release);
  progress_.EndPromise();
}

void CommitLog::Copy(Bytes bytes) {
  uint64_t end = end_.load(std::memory_order_relaxed);
  // Of a unit larger than the ring only the last part can stay; the offsets count all of it.
  if (bytes.size() > ring_bytes_) {
    end += bytes.size() - ring_bytes_;
    bytes.remove_prefix(bytes.size() - ring_bytes_);
  }
  const size_t at = static_cast<size_t>(end & (ring_bytes_ - 1));
  const size_t first = std::min(bytes.size(), ring_bytes_ - at);
  std::memcpy(ring_.get() + at, bytes.data(), first);
  std::memcpy(ring_.get(), bytes.data() + first, bytes.size() - first);
  end_.store(end + bytes.size(), std::memory_order_release);
}

uint64_t CommitLog::Append(Bytes unit, uint32_t commands, unsigned first_db, unsigned last_db) {
  append_lock_.Lock();
  if (stream_db_ != static_cast<int>(first_db))
    Copy(SelectCommand(first_db));  // R2; before MULTI, as in Redis 7.0
  stream_db_ = static_cast<int>(last_db);
  if (commands > 1) Copy(kMulti);
  Copy(unit);
  if (commands > 1) Copy(kExec);
  const uint64_t end = end_.load(std::memory_order_relaxed);
  append_lock_.Unlock();
  return end;
}

uint64_t CommitLog::AppendReceived(Bytes bytes) {
  append_lock_.Lock();
  Copy(bytes);
  stream_db_ = -1;
  const uint64_t end = end_.load(std::memory_order_relaxed);
  append_lock_.Unlock();
  return end;
}

uint64_t CommitLog::first_offset() const {
  append_lock_.Lock();
  const uint64_t end = end_.load(std::memory_order_relaxed);
  const uint64_t oldest = end > ring_bytes_ ? end - ring_bytes_ : 0;
  const uint64_t first = std::max(oldest, window_start_) + 1;
  append_lock_.Unlock();
  return first;
}

bool CommitLog::Read(uint64_t offset, size_t bytes_max, std::string* out) {
  out->clear();
  const uint64_t first = first_offset();
  append_lock_.Lock();
  const uint64_t end = end_.load(std::memory_order_relaxed);
  const bool held =
      ring_ != nullptr && offset >= first && offset <= end + 1 && end - (offset - 1) <= ring_bytes_;
  if (held) {
    size_t left = static_cast<size_t>(std::min<uint64_t>(bytes_max, end + 1 - offset));
    size_t at = static_cast<size_t>((offset - 1) & (ring_bytes_ - 1));
    while (left > 0) {
      const size_t piece = std::min(left, ring_bytes_ - at);
      out->append(ring_.get() + at, piece);
      left -= piece;
      at = 0;
    }
  }
  append_lock_.Unlock();
  return held;
}

}  // namespace terrace::engine
