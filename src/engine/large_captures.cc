#include "engine/large_captures.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/check.h"

namespace terrace::engine {

LargeCaptures::~LargeCaptures() {
  TERRACE_CHECK(open_ == nullptr && given_up_.empty());
  MutexLock lock(mutex_);
  TERRACE_CHECK(captures_.empty());
}

void LargeCaptures::Reset() {
  TERRACE_CHECK(open_ == nullptr && given_up_.empty());
  bytes_.ResetPeak();
  begun_.store(0, std::memory_order_relaxed);
  piece_items_peak_ = 0;
}

// --- under the lock of the key's shard ---

void LargeCaptures::Begin(const Keyspace& keyspace, uint64_t hash, const Entry& entry,
                          const rdb::EncodeOptions& options) {
  // The walk locks its shards.
  auto capture =
      LargeCapture::Begin(const_cast<Keyspace&>(keyspace), hash, entry, options, &bytes_);
  begun_.fetch_add(1, std::memory_order_relaxed);
  const Name name{&keyspace, capture->name()};
  MutexLock lock(mutex_);
  const bool is_new = captures_.emplace(name, std::move(capture)).second;
  TERRACE_CHECK(is_new);
}

bool LargeCaptures::IsCaptured(const Entry& entry) {
  return IsCollection(entry.encoding()) && types::UnderCapture(entry.collection());
}

LargeCapture* LargeCaptures::Find(const Keyspace& keyspace, HashedKey name) {
  MutexLock lock(mutex_);
  const auto at = captures_.find({&keyspace, name});
  TERRACE_CHECK(at != captures_.end());
  return at->second.get();
}

bool LargeCaptures::Keeps(const Keyspace& keyspace, uint64_t hash, Entry* entry) {
  if (!IsCaptured(*entry)) return false;
  Find(keyspace, {hash, entry->key()})->TakeOver(entry);
  return true;
}

void LargeCaptures::Leaves(const Keyspace& keyspace, uint64_t hash, Entry& entry) {
  if (IsCaptured(entry)) Find(keyspace, {hash, entry.key()})->Part();
}

// --- the walk ---

const LargeCapture* LargeCaptures::Open(const Keyspace& keyspace, uint64_t end) {
  TERRACE_CHECK(open_ == nullptr);
  MutexLock lock(mutex_);
  const auto first = captures_.lower_bound({&keyspace, {0, Bytes()}});
  if (first == captures_.end() || first->first.first != &keyspace ||
      (first->first.second.hash >> 16) >= end)
    return nullptr;
  return open_ = first->second.get();
}

bool LargeCaptures::NextPiece(Participant& self, std::string* piece) {
  TERRACE_CHECK(open_ != nullptr);
  if (complete_ != nullptr) {
    const bool more = open_->EncodeRest(options_.piece_bytes);
    open_->TakePiece(piece);
    if (more) return true;
    open_ = nullptr;
    Free(std::move(complete_));
    return false;
  }
  if (!open_->EncodeAhead(options_.piece_bytes)) EncodeLocked(self);
  open_->TakePiece(piece);
  return true;
}

void LargeCaptures::EncodeLocked(Participant& self) {
  self.In();
  open_->keyspace().staircase().ForEachShard(
      open_->name().hash >> 16, [&](Shard&, uint64_t, uint64_t) {
        const size_t items = open_->EncodeLocked(options_.piece_items, options_.piece_bytes);
        piece_items_peak_ = std::max(piece_items_peak_, items);
        // From now on nobody finds it: what becomes of the key is not its concern any more.
        if (open_->complete()) complete_ = Remove(*open_);
        return false;
      });
  self.Out();
  if (complete_ == nullptr && options_.piece_pause_us != 0)
    std::this_thread::sleep_for(std::chrono::microseconds(options_.piece_pause_us));
}

std::unique_ptr<LargeCapture> LargeCaptures::Remove(const LargeCapture& capture) {
  MutexLock lock(mutex_);
  const auto at = captures_.find({&capture.keyspace(), capture.name()});
  TERRACE_CHECK(at != captures_.end() && at->second.get() == &capture);
  std::unique_ptr<LargeCapture> removed = std::move(at->second);
  captures_.erase(at);
  return removed;
}

void LargeCaptures::Free(std::unique_ptr<LargeCapture> capture) {
  if (Entry* entry = capture->ReleaseEntry()) databases_.Discard(entry);
}

// --- in an exclusive section ---

void LargeCaptures::GiveUp() {
  open_ = nullptr;
  if (complete_ != nullptr) given_up_.push_back(std::move(complete_));
  MutexLock lock(mutex_);
  for (auto& [name, capture] : captures_) {
    capture->GiveUp();
    given_up_.push_back(std::move(capture));
  }
  captures_.clear();
}

void LargeCaptures::FreeGivenUp() {
  for (std::unique_ptr<LargeCapture>& capture : given_up_) Free(std::move(capture));
  given_up_.clear();
}

}  // namespace terrace::engine
