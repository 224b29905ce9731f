#include "engine/large_captures.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/check.h"

namespace terrace::engine {

LargeCaptures::~LargeCaptures() {
  TERRACE_CHECK(open_ == nullptr && given_up_.empty());
  MutexLock lock(mutex_);
  TERRACE_CHECK(captures_.empty() && moved_.empty());
}

void LargeCaptures::Reset() {
  TERRACE_CHECK(open_ == nullptr && given_up_.empty());
  {
    MutexLock lock(mutex_);
    TERRACE_CHECK(captures_.empty() && moved_.empty());
  }
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

// Of the value that has this name now. One that had it at the cut, and has it no longer, may be under it still in captures_;
// but then what is there now is not captured, or came from elsewhere.
LargeCapture& LargeCaptures::FindLocked(const Keyspace& keyspace, HashedKey name) const {
  const auto moved = moved_.find({&keyspace, name});
  if (moved != moved_.end()) return *moved->second;
  const auto at = captures_.find({&keyspace, name});
  TERRACE_CHECK(at != captures_.end());
  return *at->second;
}

LargeCapture& LargeCaptures::Find(const Keyspace& keyspace, HashedKey name) const {
  MutexLock lock(mutex_);
  return FindLocked(keyspace, name);
}

void LargeCaptures::ForgetPlace(const LargeCapture& capture) {
  const LargeCapture::Place& place = capture.place();
  const auto at = moved_.find({place.keyspace, place.name()});
  if (at != moved_.end() && at->second == &capture) moved_.erase(at);
}

bool LargeCaptures::Keeps(const Keyspace& keyspace, uint64_t hash, Entry* entry) {
  if (!IsCaptured(*entry)) return false;
  Find(keyspace, {hash, entry->key()}).TakeOver(entry);
  return true;
}

void LargeCaptures::Moves(const Keyspace& keyspace, uint64_t hash, Bytes key, Keyspace& to,
                          uint64_t to_hash, Entry& entry) {
  if (!IsCaptured(entry)) return;
  // A keyspace that has no part in the cut may be gone before the cut is over.
  if (to.observer() != keyspace.observer()) return Find(keyspace, {hash, key}).Part();
  MutexLock lock(mutex_);
  LargeCapture& capture = FindLocked(keyspace, {hash, key});
  ForgetPlace(capture);
  capture.set_place({&to, to_hash, std::string(entry.key())});
  // Its key would be in another capture: of a value that was moved there before, and is not there any more.
  const Name name{&to, capture.place().name()};
  moved_.erase(name);
  moved_.emplace(name, &capture);
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
  for (bool is_there = false; !is_there;) {
    const LargeCapture::Place place = PlaceOfOpen();
    place.keyspace->staircase().ForEachShard(place.hash >> 16, [&](Shard&, uint64_t, uint64_t) {
      is_there = PlaceOfOpen() == place;  // and stays there, as who moves it needs this lock
      if (!is_there) return false;
      const size_t items = open_->EncodeLocked(options_.piece_items, options_.piece_bytes);
      piece_items_peak_ = std::max(piece_items_peak_, items);
      // From now on nobody finds it: what becomes of the key is not its concern any more.
      if (open_->complete()) complete_ = Remove(*open_);
      return false;
    });
  }
  self.Out();
  if (complete_ == nullptr && options_.piece_pause_us != 0)
    std::this_thread::sleep_for(std::chrono::microseconds(options_.piece_pause_us));
}

LargeCapture::Place LargeCaptures::PlaceOfOpen() const {
  MutexLock lock(mutex_);
  return open_->place();
}

bool LargeCaptures::HasAnyIn(const Keyspace& keyspace) const {
  MutexLock lock(mutex_);
  return std::any_of(captures_.begin(), captures_.end(),
                     [&](const auto& each) { return each.second->place().keyspace == &keyspace; });
}

std::unique_ptr<LargeCapture> LargeCaptures::Remove(const LargeCapture& capture) {
  MutexLock lock(mutex_);
  ForgetPlace(capture);
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
  moved_.clear();
}

void LargeCaptures::FreeGivenUp() {
  for (std::unique_ptr<LargeCapture>& capture : given_up_) Free(std::move(capture));
  given_up_.clear();
}

}  // namespace terrace::engine
