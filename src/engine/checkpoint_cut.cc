#include "engine/checkpoint_cut.h"

#include <algorithm>
#include <chrono>
#include <thread>
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
  large_.bytes().ResetPeak();
  large_by_edits_.store(0, std::memory_order_relaxed);
  piece_items_peak_ = 0;
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
    const uint64_t hash = part.keyspace->HashOf(entry.key());
    if (LargeCapture::Takes(entry, options_.large)) {
      BeginLarge(*part.keyspace, hash, entry);
    } else {
      stretch->keys.emplace_back(hash, entry, options_.compression);
      bytes += stretch->keys.back().bytes();
    }
    entry.EnterTable();
    return bytes < options_.stretch_bytes;
  });
}

// --- large collections ---

void CheckpointCut::BeginLarge(Keyspace& keyspace, uint64_t hash, const Entry& entry) {
  large_.Add(keyspace.space(),
             LargeCapture::Begin(keyspace, hash, entry, options_.compression, &large_.bytes()));
}

// Some pieces of it; true when that was all, and it is the walk's alone.
bool CheckpointCut::WalkLarge(Participant& self, uint32_t space, LargeCapture& capture) {
  const uint64_t from = capture.name().hash >> 16;
  capture.Prepare();
  for (size_t piece = 0; piece < options_.pieces_max; ++piece) {
    bool done = false;
    self.In();
    capture.keyspace().staircase().ForEachShard(from, [&](Shard&, uint64_t, uint64_t) {
      const size_t items = capture.Next(options_.piece_items, options_.stretch_bytes);
      piece_items_peak_ = std::max(piece_items_peak_, items);
      done = capture.complete();
      if (done) FinishLarge(space, capture);
      return false;
    });
    self.Out();
    if (done) return true;
    if (options_.piece_pause_us != 0)
      std::this_thread::sleep_for(std::chrono::microseconds(options_.piece_pause_us));
  }
  return false;
}

// From now on nobody finds it: what becomes of the key is not its concern any more.
void CheckpointCut::FinishLarge(uint32_t space, const LargeCapture& capture) {
  let_go_.push_back(large_.Remove(space, capture));
}

void CheckpointCut::FreeLetGo() {
  for (const auto& capture : let_go_)
    if (Entry* entry = capture->ReleaseEntry()) databases_.Discard(entry);
  let_go_.clear();
}

bool CheckpointCut::Keeps(const Keyspace& keyspace, uint64_t hash, Entry* entry) {
  if (!IsCollection(entry->encoding()) || !types::UnderCapture(entry->collection())) return false;
  LargeCapture* capture = large_.Find(keyspace.space(), {hash, entry->key()});
  TERRACE_CHECK(capture != nullptr);
  capture->TakeOver(entry);
  return true;
}

void CheckpointCut::Leaves(const Keyspace& keyspace, uint64_t hash, Entry& entry) {
  if (!IsCollection(entry.encoding()) || !types::UnderCapture(entry.collection())) return;
  LargeCapture* capture = large_.Find(keyspace.space(), {hash, entry.key()});
  TERRACE_CHECK(capture != nullptr);
  capture->Part();
}

// --- the walk ---

bool CheckpointCut::Next(Participant& self, Stretch* stretch) {
  stretch->keys.clear();
  stretch->removed.clear();
  stretch->overwritten = 0;
  if (part_ == parts_.size()) return false;
  Part& part = parts_[part_];
  stretch->space = part.space;
  if (!open_end_) {
    // May take long, and needs nothing that others see.
    if (position_ == 0) part.sorted = part.removed.Sorted();
    open_.keys.clear();
    open_.overwritten = 0;
    self.In();
    open_end_ = CaptureSome(part, &open_);
    self.Out();
  }
  const uint64_t end = *open_end_;
  while (LargeCapture* capture = large_.FirstBelow(part.space, end)) {
    if (!WalkLarge(self, part.space, *capture)) return true;
    open_.keys.push_back(capture->Finish());
    FreeLetGo();
  }
  open_end_.reset();
  self.In();
  Advance(end);
  self.Out();
  stretch->keys.swap(open_.keys);
  stretch->overwritten = open_.overwritten;
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
  if (LargeCapture::Takes(entry, options_.large)) {
    BeginLarge(const_cast<Keyspace&>(keyspace), hash, entry);
    large_by_edits_.fetch_add(1, std::memory_order_relaxed);
  } else {
    images_.Add(keyspace.space(), CapturedKey(hash, entry, options_.compression));
  }
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
  images_.Clear();               // writers may be waiting for that
  let_go_ = large_.RemoveAll();  // and for those: UndoNext frees them
  for (const auto& capture : let_go_) capture->GiveUp();
  open_end_.reset();
  open_.keys.clear();
  part_ = 0;
  position_ = 0;
  for (Part& part : parts_) {
    if (part.taken_over == nullptr) continue;
    part.keyspace = nullptr;
    Drop(std::move(part.taken_over));
  }
}

bool CheckpointCut::UndoNext(Participant& self) {
  FreeLetGo();
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
