#include "engine/checkpoint_cut.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace terrace::engine {
void CheckpointCut::Begin(uint32_t* next_space) {
  TERRACE_CHECK(parts_.empty());
  spaces_.clear();
  part_ = 0;
  position_ = 0;
  given_up_.store(false, std::memory_order_relaxed);
  images_.Clear();
  for (unsigned db = 0; db < databases_.count(); ++db) {
    Keyspace& keyspace = databases_.Get(db);
    if (keyspace.space() == Keyspace::kNoSpace) {
      if (keyspace.size() == 0) continue;
      keyspace.set_space((*next_space)++);
    }
    TERRACE_CHECK(keyspace.observer() == nullptr);
    keyspace.BeginCut(this, NextEpoch(keyspace.epoch()));
    spaces_.push_back({db, keyspace.space()});
    parts_.push_back({.space = keyspace.space(),
                      .keyspace = &keyspace,
                      .taken_over = nullptr,
                      .removed = keyspace.TakeRemovedKeys(),
                      .sorted = {}});
  }
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.space < b.space; });
}

// At most one shard of `part`.
uint64_t CheckpointCut::CaptureSome(const Part& part, Stretch* stretch) {
  uint64_t bytes = 0;
  return part.keyspace->CaptureShard(position_, [&](Entry& entry) {
    if (!entry.changed()) {
      entry.EndAwaitingInstall();
      return true;
    }
    if (entry.in_table()) ++stretch->overwritten;
    stretch->keys.emplace_back(part.keyspace->HashOf(entry.key()), entry, options_.compression);
    entry.EnterTable();
    bytes += stretch->keys.back().bytes();
    return bytes < options_.stretch_bytes;
  });
}

bool CheckpointCut::Next(Participant& self, Stretch* stretch) {
  stretch->keys.clear();
  stretch->removed.clear();
  stretch->overwritten = 0;
  if (part_ == parts_.size()) return false;
  Part& part = parts_[part_];
  stretch->space = part.space;
  // May take long, and needs nothing that others see.
  if (position_ == 0) part.sorted = part.removed.Sorted();
  self.In();
  const uint64_t end = CaptureSome(part, stretch);
  Advance(end);
  self.Out();
  // No more images can come from below `end`: what is there carries the cut's number.
  images_.TakeBelow(part.space, end, &stretch->keys);
  std::sort(stretch->keys.begin(), stretch->keys.end(),
            [](const CapturedKey& a, const CapturedKey& b) { return a.name() < b.name(); });
  AddRemoved(part, end, stretch);
  return true;
}

void CheckpointCut::AddRemoved(Part& part, uint64_t end, Stretch* stretch) {
  auto key = stretch->keys.begin();
  for (; part.removed_done < part.sorted.size(); ++part.removed_done) {
    const HashedKey& removed = part.sorted[part.removed_done];
    if ((removed.hash >> 16) >= end) return;
    ++stretch->overwritten;
    while (key != stretch->keys.end() && key->name() < removed) ++key;
    const bool came_back = key != stretch->keys.end() && key->name() == removed;
    if (!came_back) stretch->removed.push_back(removed);
  }
}

// To `position` of the part the walk is in, or to the next part. The walk is in.
void CheckpointCut::Advance(uint64_t position) {
  position_ = position;
  if (position != Staircase::kEnd) return;
  Part& part = parts_[part_];
  if (part.taken_over != nullptr) {
    part.keyspace = nullptr;
    Drop(std::move(part.taken_over));
  }
  ++part_;
  position_ = 0;
}

// Nobody but us can reach it.
void CheckpointCut::Drop(std::unique_ptr<Keyspace> keyspace) {
  keyspace->EndCut();
  databases_.Discard(std::move(keyspace));
}

void CheckpointCut::OldImage(const Keyspace& keyspace, uint64_t hash, Entry& entry) {
  if (!entry.changed() || given_up_.load(std::memory_order_relaxed))
    return entry.EndAwaitingInstall();
  images_.Add(keyspace.space(), CapturedKey(hash, entry, options_.compression));
  entry.EnterTable();  // the edit that follows marks it again
}

void CheckpointCut::TakeOver(std::unique_ptr<Keyspace> keyspace) {
  const auto part = std::find_if(parts_.begin(), parts_.end(), [&](const Part& candidate) {
    return candidate.keyspace == keyspace.get();
  });
  TERRACE_CHECK(part != parts_.end());
  const bool is_walked = static_cast<size_t>(part - parts_.begin()) < part_;
  if (!is_walked && !given_up_.load(std::memory_order_relaxed)) {
    part->taken_over = std::move(keyspace);
    return;
  }
  part->keyspace = nullptr;
  Drop(std::move(keyspace));
}

void CheckpointCut::GiveUp() {
  given_up_.store(true, std::memory_order_relaxed);
  images_.Clear();  // writers may be waiting for that
  part_ = 0;
  position_ = 0;
  for (Part& part : parts_) {
    if (part.taken_over == nullptr) continue;
    part.keyspace = nullptr;
    Drop(std::move(part.taken_over));
  }
}

bool CheckpointCut::UndoNext(Participant& self) {
  if (part_ == parts_.size()) return false;
  self.In();
  Keyspace* keyspace = parts_[part_].keyspace;
  const uint64_t end = keyspace == nullptr
                           ? Staircase::kEnd
                           : keyspace->VisitShard(position_, [keyspace](Entry& entry) {
                               // Without the cut's number it was not captured by this one.
                               if (entry.awaits_install() && entry.epoch() == keyspace->epoch())
                                 entry.MarkChanged();
                               entry.EndAwaitingInstall();
                             });
  Advance(end);
  self.Out();
  return true;
}

void CheckpointCut::End() {
  TERRACE_CHECK(part_ == parts_.size());
  for (Part& part : parts_) {
    if (part.keyspace == nullptr) continue;
    part.keyspace->EndCut();
    if (given_up_.load(std::memory_order_relaxed))
      part.keyspace->ReturnRemovedKeys(std::move(part.removed));
  }
  parts_.clear();
  images_.Clear();
}

}  // namespace terrace::engine
