#include "engine/checkpoint_cut.h"

#include <algorithm>
#include <iterator>
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
  large_.Reset();
  large_by_edits_.store(0, std::memory_order_relaxed);
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
void CheckpointCut::Capture(Participant& self, const Part& part) {
  captured_.emplace();
  uint64_t bytes = 0;
  self.In();
  captured_->end = part.keyspace->CaptureShard(position_, [&](Entry& entry) {
    if (!entry.changed()) {
      entry.EndAwaitingInstall();
      return true;
    }
    if (entry.in_table()) ++captured_->overwritten;
    const uint64_t hash = part.keyspace->HashOf(entry.key());
    if (large_.Takes(entry)) {
      large_.Begin(*part.keyspace, hash, entry, encode_options());
    } else {
      captured_->keys.emplace_back(hash, entry, encode_options());
      bytes += captured_->keys.back().bytes();
    }
    entry.EnterTable();
    return bytes < options_.stretch_bytes;
  });
  self.Out();
  // No more images can come from below the end: what is there carries the cut's number.
  images_.TakeBelow(part.space, captured_->end, &captured_->keys);
  std::sort(captured_->keys.begin(), captured_->keys.end(),
            [](const CapturedKey& a, const CapturedKey& b) { return a.name() < b.name(); });
}

bool CheckpointCut::Next(Participant& self, Stretch* stretch) {
  stretch->keys.clear();
  stretch->removed.clear();
  stretch->large = nullptr;
  if (part_ == parts_.size()) {
    DropKept(self);
    return false;
  }
  Part& part = parts_[part_];
  // May take long, and needs nothing that others see.
  if (position_ == 0 && !captured_) part.sorted = part.removed.Sorted();
  if (!captured_) Capture(self, part);
  HandOut(part, stretch);
  if (stretch->large != nullptr) return true;
  self.In();
  Advance(captured_->end);
  self.Out();
  captured_.reset();
  return true;
}

// To the next large key, or to the end.
void CheckpointCut::HandOut(Part& part, Stretch* stretch) {
  stretch->space = part.space;
  stretch->overwritten = std::exchange(captured_->overwritten, 0);
  stretch->large = large_.Open(*part.keyspace, captured_->end);
  const auto from = captured_->keys.begin() + static_cast<ptrdiff_t>(captured_->keys_done);
  auto to = captured_->keys.end();
  if (stretch->large != nullptr) {
    const HashedKey name = stretch->large->name();
    to = std::find_if(from, to, [&name](const CapturedKey& key) { return name < key.name(); });
  }
  captured_->keys_done = static_cast<size_t>(to - captured_->keys.begin());
  stretch->keys.assign(std::move_iterator(from), std::move_iterator(to));
  AddRemoved(part, stretch);
}

void CheckpointCut::AddRemoved(Part& part, Stretch* stretch) {
  const LargeCapture* large = stretch->large;
  auto key = stretch->keys.begin();
  for (; part.removed_done < part.sorted.size(); ++part.removed_done) {
    const HashedKey& removed = part.sorted[part.removed_done];
    if (large != nullptr ? large->name() < removed : (removed.hash >> 16) >= captured_->end) return;
    ++stretch->overwritten;
    while (key != stretch->keys.end() && key->name() < removed) ++key;
    const bool came_back = (key != stretch->keys.end() && key->name() == removed) ||
                           (large != nullptr && large->name() == removed);
    if (!came_back) stretch->removed.push_back(removed);
  }
}

// To `position` of the part the walk is in, or to the next part. The walk is in.
void CheckpointCut::Advance(uint64_t position) {
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
void CheckpointCut::DropKept(Participant& self) {
  self.In();
  for (Part& part : parts_) {
    if (part.taken_over == nullptr) continue;
    part.keyspace = nullptr;
    Drop(std::move(part.taken_over));
  }
  self.Out();
}

// Nobody but us can reach it.
void CheckpointCut::Drop(std::unique_ptr<Keyspace> keyspace) {
  keyspace->EndCut();
  databases_.Discard(std::move(keyspace));
}

void CheckpointCut::OldImage(const Keyspace& keyspace, uint64_t hash, Entry& entry) {
  if (!entry.changed() || given_up_.load(std::memory_order_relaxed))
    return entry.EndAwaitingInstall();
  if (large_.Takes(entry)) {
    large_.Begin(keyspace, hash, entry, encode_options());
    large_by_edits_.fetch_add(1, std::memory_order_relaxed);
  } else {
    images_.Add(keyspace.space(), CapturedKey(hash, entry, encode_options()));
  }
  entry.EnterTable();  // the edit that follows marks it again
  if (options_.budget != nullptr) options_.budget->Look(image_bytes());
}

void CheckpointCut::TakeOver(std::unique_ptr<Keyspace> keyspace) {
  const auto part = std::find_if(parts_.begin(), parts_.end(), [&](const Part& candidate) {
    return candidate.keyspace == keyspace.get();
  });
  TERRACE_CHECK(part != parts_.end());
  const bool is_needed =
      static_cast<size_t>(part - parts_.begin()) >= part_ || large_.HasAnyIn(*keyspace);
  if (is_needed && !given_up_.load(std::memory_order_relaxed)) {
    part->taken_over = std::move(keyspace);
    return;
  }
  part->keyspace = nullptr;
  Drop(std::move(keyspace));
}

void CheckpointCut::GiveUp() {
  given_up_.store(true, std::memory_order_relaxed);
  images_.Clear();  // writers may be waiting for that
  large_.GiveUp();  // and for those: UndoNext frees them
  captured_.reset();
  part_ = 0;
  position_ = 0;
  for (Part& part : parts_) {
    if (part.taken_over == nullptr) continue;
    part.keyspace = nullptr;
    Drop(std::move(part.taken_over));
  }
}

bool CheckpointCut::UndoNext(Participant& self) {
  large_.FreeGivenUp();
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
