#include "engine/dump_cut.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/checkpoint_cut.h"
#include "engine/residency.h"

namespace terrace::engine {

void DumpCut::Begin(uint16_t rdb_version, rdb::Compression compression) {
  TERRACE_CHECK(parts_.empty());
  rdb_version_ = rdb_version;
  compression_ = compression;
  part_ = 0;
  position_ = 0;
  given_up_.store(false, std::memory_order_relaxed);
  version_too_low_.store(false, std::memory_order_relaxed);
  images_.Clear();
  large_.Reset();
  large_by_edits_.store(0, std::memory_order_relaxed);
  captured_to_.reset();
  {
    MutexLock lock(mutex_);
    unreadable_ = Status::Ok();
  }
  for (unsigned db = 0; db < databases_.count(); ++db) {
    Keyspace& keyspace = databases_.Get(db);
    if (keyspace.size() == 0) continue;
    TERRACE_CHECK(keyspace.observer() == nullptr);
    keyspace.BeginCut(this, NextEpoch(keyspace.epoch()));
    part_of_.emplace(&keyspace, static_cast<uint32_t>(parts_.size()));
    parts_.push_back({.db = db,
                      .keys = keyspace.size(),
                      .deadlines = 0,
                      .keyspace = &keyspace,
                      .taken_over = nullptr});
  }
}

// The access clock is what the entry has now, a little later than the cut if the walk captures it.
std::optional<CapturedKey> DumpCut::Capture(const Keyspace& keyspace, uint64_t hash,
                                            const Entry& entry) {
  const WholeEntry whole(databases_, keyspace, entry);
  if (whole.get() == nullptr) {
    MutexLock lock(mutex_);
    unreadable_ = Status(whole.status()).WithContext("key '" + std::string(entry.key()) + "'");
    return std::nullopt;
  }
  LookAtVersion(*whole.get());
  // What is worth compressing is compressed when nothing is locked any more.
  return CapturedKey(hash, *whole.get(),
                     {.rdb_version = rdb_version_, .compression = rdb::Compression::kNone});
}

bool DumpCut::BeginsLarge(const Keyspace& keyspace, uint64_t hash, const Entry& entry) {
  if (!large_.Takes(entry)) return false;
  LookAtVersion(entry);
  large_.Begin(keyspace, hash, entry, {.rdb_version = rdb_version_, .compression = compression_});
  return true;
}

void DumpCut::LookAtVersion(const Entry& entry) {
  if (entry.has_timed_items() && rdb_version_ < rdb::kRdbVersionTimedFields)
    version_too_low_.store(true, std::memory_order_relaxed);
}

bool DumpCut::Next(Participant& self, Stretch* stretch) {
  stretch->keys.clear();
  stretch->large = nullptr;
  large_.FreeGivenUp();
  if (part_ == parts_.size()) {
    DropKept(self);
    return false;
  }
  const auto index = static_cast<uint32_t>(part_);
  Part& part = parts_[index];
  if (!captured_to_) {
    self.In();
    captured_to_ = CaptureSome(part, stretch);
    self.Out();
    // No more images can come from below there: what is there carries the cut's number.
    images_.TakeBelow(index, *captured_to_, &stretch->keys);
  }
  stretch->db = part.db;
  stretch->db_keys = part.keys;
  stretch->db_deadlines = part.deadlines;
  if (given_up()) {
    stretch->keys.clear();
  } else {
    stretch->large = large_.Open(*part.keyspace, *captured_to_);
    if (stretch->large != nullptr) return true;
  }
  self.In();
  Advance(*captured_to_);
  self.Out();
  captured_to_.reset();
  return true;
}

// At most one shard of `part`; where it ends. The walk is in.
uint64_t DumpCut::CaptureSome(Part& part, Stretch* stretch) {
  const bool is_gone = part.keyspace == nullptr || (given_up() && part.taken_over != nullptr);
  if (is_gone) return Staircase::kEnd;
  if (position_ == 0) part.deadlines = part.keyspace->deadlines();
  uint64_t bytes = 0;
  return part.keyspace->CaptureShard(position_, [&](Entry& entry) {
    if (given_up()) return true;
    const uint64_t hash = part.keyspace->HashOf(entry.key());
    if (BeginsLarge(*part.keyspace, hash, entry)) return true;
    auto captured = Capture(*part.keyspace, hash, entry);
    if (!captured) return true;
    stretch->keys.push_back(*std::move(captured));
    bytes += stretch->keys.back().bytes();
    return bytes < kStretchBytes;
  });
}

// To `position` of the part the walk is in, or to the next part. The walk is in.
void DumpCut::Advance(uint64_t position) {
  position_ = position;
  if (position != Staircase::kEnd) return;
  Part& part = parts_[part_];
  // A value of another part may have been moved there before it was flushed: then it stays until the walk
  // is over.
  if (part.taken_over != nullptr && !large_.HasAnyIn(*part.taken_over)) {
    part.keyspace = nullptr;
    Drop(std::move(part.taken_over));
  }
  ++part_;
  position_ = 0;
}

// The walk is over: no value is captured any more, wherever it was moved to.
void DumpCut::DropKept(Participant& self) {
  self.In();
  for (Part& part : parts_) {
    if (part.taken_over == nullptr) continue;
    part.keyspace = nullptr;
    Drop(std::move(part.taken_over));
  }
  self.Out();
}

// Nobody but us can reach it.
void DumpCut::Drop(std::unique_ptr<Keyspace> keyspace) {
  keyspace->EndCut();
  databases_.Discard(std::move(keyspace));
}

void DumpCut::GiveUp() {
  given_up_.store(true, std::memory_order_relaxed);
  images_.Clear();  // writers may be waiting for that
  large_.GiveUp();  // and for those: Next frees them
}

void DumpCut::OldImage(const Keyspace& keyspace, uint64_t hash, Entry& entry) {
  if (given_up()) return;
  if (BeginsLarge(keyspace, hash, entry)) {
    large_by_edits_.fetch_add(1, std::memory_order_relaxed);
  } else if (auto captured = Capture(keyspace, hash, entry)) {
    const auto part = part_of_.find(&keyspace);
    TERRACE_CHECK(part != part_of_.end());
    images_.Add(part->second, *std::move(captured));
  }
  if (budget_ != nullptr) budget_->Look(image_bytes());
}

Status DumpCut::unreadable() const {
  MutexLock lock(mutex_);
  return unreadable_;
}

void DumpCut::TakeOver(std::unique_ptr<Keyspace> keyspace) {
  const auto found = part_of_.find(keyspace.get());
  TERRACE_CHECK(found != part_of_.end());
  Part& part = parts_[found->second];
  const bool is_needed = found->second >= part_ || large_.HasAnyIn(*keyspace);
  // Its place may be another keyspace's before this cut is over.
  part_of_.erase(found);
  if (is_needed && !given_up()) {
    part.taken_over = std::move(keyspace);
    return;
  }
  part.keyspace = nullptr;
  Drop(std::move(keyspace));
}

void DumpCut::End() {
  TERRACE_CHECK(part_ == parts_.size());
  for (Part& part : parts_) {
    if (part.keyspace != nullptr) part.keyspace->EndCut();
  }
  large_.FreeGivenUp();
  parts_.clear();
  part_of_.clear();
  images_.Clear();
}

}  // namespace terrace::engine
