#include "engine/commit_log.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/numbers.h"

namespace terrace::engine {
namespace {

constexpr Bytes kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr Bytes kExec = "*1\r\n$4\r\nEXEC\r\n";

char* Put(char* at, Bytes bytes) {
  std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

// "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n": how many bytes were written to `out`, which has room for kSelectBytesMax.
constexpr Bytes kSelect = "*2\r\n$6\r\nSELECT\r\n$";
constexpr Bytes kLineEnd = "\r\n";
constexpr size_t kSelectBytesMax = kSelect.size() + 2 * (kInt64CharsMax + kLineEnd.size());
size_t WriteSelect(unsigned db, char* out) {
  char number[kInt64CharsMax];
  const size_t digits = FormatInt64(db, number);
  char* at = Put(out, kSelect);
  at += FormatInt64(static_cast<int64_t>(digits), at);
  at = Put(at, kLineEnd);
  at = Put(at, Bytes(number, digits));
  at = Put(at, kLineEnd);
  return static_cast<size_t>(at - out);
}

// Small enough that what is kept follows the limit, large enough that a chunk is some thousand units.
size_t ChunkBytes(size_t kept_bytes) { return std::clamp<size_t>(kept_bytes / 16, 4 * kKiB, kMiB); }

}  // namespace

CommitLog::CommitLog(size_t kept_bytes)
    : kept_bytes_(kept_bytes), chunks_(ChunkBytes(kept_bytes)) {}

void CommitLog::SetEnabled(bool enabled) {
  if (enabled == this->enabled()) return;
  append_lock_.Lock();
  chunks_.Clear();
  memory_bytes_.store(0, std::memory_order_relaxed);
  stream_db_ = -1;
  append_lock_.Unlock();
  if (!enabled) EndPromise();
  mode_.store(enabled ? uint32_t{kAppends} : 0, std::memory_order_release);
}

void CommitLog::ContinueFrom(uint64_t offset) {
  append_lock_.Lock();
  chunks_.Clear();
  memory_bytes_.store(0, std::memory_order_relaxed);
  end_.store(offset, std::memory_order_release);
  append_lock_.Unlock();
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

uint64_t CommitLog::Append(Bytes unit, uint32_t commands, unsigned first_db, unsigned last_db) {
  append_lock_.Lock();
  char select[kSelectBytesMax];
  const size_t select_bytes =
      stream_db_ == static_cast<int>(first_db) ? 0 : WriteSelect(first_db, select);  // R2
  stream_db_ = static_cast<int>(last_db);
  const bool wrapped = commands > 1;
  const size_t bytes =
      select_bytes + unit.size() + (wrapped ? kMulti.size() + kExec.size() : size_t{0});
  const uint64_t before = end_.load(std::memory_order_relaxed);
  char* at = chunks_.Extend(before + 1, bytes);
  at = Put(at, Bytes(select, select_bytes));  // before MULTI, as in Redis 7.0
  if (wrapped) at = Put(at, kMulti);
  at = Put(at, unit);
  if (wrapped) Put(at, kExec);
  end_.store(before + bytes, std::memory_order_release);  // R1
  units_.store(units() + 1, std::memory_order_relaxed);
  chunks_.Shrink(kept_bytes_, carried());
  memory_bytes_.store(chunks_.memory_bytes(), std::memory_order_relaxed);
  append_lock_.Unlock();
  return before + bytes;
}

uint64_t CommitLog::AppendReceived(Bytes bytes) {
  append_lock_.Lock();
  const uint64_t before = end_.load(std::memory_order_relaxed);
  Put(chunks_.Extend(before + 1, bytes.size()), bytes);
  stream_db_ = -1;
  end_.store(before + bytes.size(), std::memory_order_release);
  units_.store(units() + 1, std::memory_order_relaxed);
  chunks_.Shrink(kept_bytes_, carried());
  memory_bytes_.store(chunks_.memory_bytes(), std::memory_order_relaxed);
  append_lock_.Unlock();
  return before + bytes.size();
}

void CommitLog::NameDatabaseAnew() {
  append_lock_.Lock();
  stream_db_ = -1;
  append_lock_.Unlock();
}

uint64_t CommitLog::first_offset() const {
  append_lock_.Lock();
  const uint64_t first = chunks_.first_offset();
  const uint64_t next = end_.load(std::memory_order_relaxed) + 1;
  append_lock_.Unlock();
  return first == 0 ? next : first;
}

LogChunks::Span CommitLog::From(uint64_t offset) const {
  append_lock_.Lock();
  LogChunks::Span span = chunks_.From(offset);
  append_lock_.Unlock();
  return span;
}

bool CommitLog::Read(uint64_t offset, size_t bytes_max, std::string* out) {
  out->clear();
  if (!enabled() || offset < first_offset() || offset > end_offset() + 1) return false;
  while (out->size() < bytes_max) {
    const LogChunks::Span span = From(offset + out->size());
    if (span.bytes.empty()) break;
    out->append(span.bytes.substr(0, bytes_max - out->size()));
  }
  return true;
}

void CommitLog::WaitForBytes(uint64_t offset, uint64_t ns) {
  const EventCount::Ticket ticket = bell_.NextTicket();
  awaited_.exchange(offset + 1, std::memory_order_acq_rel);
  // Whoever appended before this exchange is seen here, whoever rings after it sees what we wait for.
  if (end_offset() <= offset) bell_.Wait(ticket, ns);
  awaited_.store(kAwake, std::memory_order_relaxed);
}

void CommitLog::Wake() {
  // Those who ring meanwhile need not: it is one wake-up.
  awaited_.store(kAwake, std::memory_order_relaxed);
  bell_.Notify();
}

}  // namespace terrace::engine
