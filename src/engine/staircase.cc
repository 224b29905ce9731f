#include "engine/staircase.h"

#include <algorithm>

namespace terrace::engine {
namespace {

// Shrinking starts when the buckets are less than a quarter as full as they should be, so that a keyspace that hovers
// around a size does not walk up and down.
constexpr uint64_t kShrinkDivisor = 4;

bool IsSparse(uint64_t entries, uint64_t shards) {
  return entries < shards * kShardEntriesTarget / kShrinkDivisor;
}

}  // namespace

Staircase::Staircase(HashKey hash_key, Participants& participants)
    : hash_key_(hash_key), participants_(participants), current_(new ShardEngine(0)) {
  current_.load()->Make(0).set_state(Shard::State::kLive);
  UpdateLimits(1);
}

Staircase::~Staircase() {
  delete current_.load();
  delete next_.load();
}

void Staircase::NoteDeadline(uint64_t hash, uint64_t deadline_ms) {
  // Called with the hash's shard locked, so engine and frontier cannot change under it.
  ShardEngine* next = next_.load(std::memory_order_acquire);
  ShardEngine* engine = next != nullptr && (hash >> 16) < frontier_.load(std::memory_order_acquire)
                            ? next
                            : current_.load();
  engine->NoteDeadline(hash, deadline_ms);
}

uint64_t Staircase::shards() const {
  const ShardEngine* current = current_.load(std::memory_order_acquire);
  const ShardEngine* next = next_.load(std::memory_order_acquire);
  if (next == nullptr) return current->size();
  const uint64_t done = frontier_.load(std::memory_order_acquire);
  const uint64_t before = done >> (48 - next->bits());
  const uint64_t after = (kEnd - done) >> (48 - current->bits());
  return before + after;
}

unsigned Staircase::next_bits() const {
  const ShardEngine* next = next_.load(std::memory_order_acquire);
  return next == nullptr ? current_bits() : next->bits();
}

Staircase::Stats Staircase::stats() const {
  return {handovers_.load(), handover_ns_max_.load(), handover_ns_sum_.load(),
          engines_opened_.load()};
}

// The load is even (hashes are uniform), so what the whole keyspace needs can be read off one shard: right of the
// frontier a shard holds kShardEntriesTarget * (1 + x) when the fraction x has been taken over, left of it half that
// (growing). A sixteenth on top keeps ordinary scatter (3 %) from asking for steps that Step would refuse. Where shards
// are kept for the sake of contention, emptiness asks for nothing. A limit that lags behind shards_min does no harm: idle
// hands ask Wanted itself, and a Step that was asked for in vain sets the limits anew.
void Staircase::UpdateLimits(uint64_t shards_min) {
  const ShardEngine* next = next_.load(std::memory_order_relaxed);
  const double x =
      next == nullptr ? 0 : static_cast<double>(frontier_.load()) / static_cast<double>(kEnd);
  const unsigned bits = current_.load()->bits();
  const double target = kShardEntriesTarget;
  const double grow = bits == 0 && next == nullptr ? target : target * (1 + x) * 1.0625;
  grow_above_.store(static_cast<uint32_t>(grow), std::memory_order_relaxed);
  // An eighth less than the average that starts a walk: scatter is twice as wide (6 %) where so few are left.
  constexpr uint32_t kShrinkBelow = kShardEntriesTarget / kShrinkDivisor * 7 / 8;
  const bool can_shrink = bits > 0 && next == nullptr && (uint64_t{1} << bits) / 2 >= shards_min;
  shrink_below_.store(can_shrink ? kShrinkBelow : 0, std::memory_order_relaxed);
}

Staircase::Direction Staircase::Wanted(uint64_t entries, uint64_t shards_min) const {
  const ShardEngine* next = next_.load(std::memory_order_acquire);
  const ShardEngine* current = current_.load(std::memory_order_acquire);
  const uint64_t now = shards();
  if (next != nullptr) {
    const bool up = next->bits() > current->bits();
    const uint64_t loaded = entries / kShardEntriesTarget;
    const bool sparse = now > shards_min && IsSparse(entries, now);
    const bool crowded = now < std::max(loaded, shards_min);
    // A walk is never turned round: one that the load has overtaken is finished first. In between it rests,
    // but not before its first hand-over, for whose memory an engine was opened.
    if (up && frontier_.load(std::memory_order_acquire) == 0) return Direction::kUp;
    if (up) return crowded || sparse ? Direction::kUp : Direction::kNone;
    // The load gets twice the shards it needs, so that it may come back; what contention wants is a plain floor.
    return now > std::max(2 * loaded, shards_min) || crowded ? Direction::kDown : Direction::kNone;
  }
  if (current->bits() < kShardBitsMax &&
      (entries > now * kShardEntriesTarget || now < shards_min)) {
    return Direction::kUp;
  }
  // Not where half of the shards would be fewer than contention wants: that walk would stop on its way for ever.
  if (current->bits() > 0 && now / 2 >= shards_min && IsSparse(entries, now))
    return Direction::kDown;
  return Direction::kNone;
}

bool Staircase::NeedsStep(uint64_t entries, uint64_t shards_min) const {
  return Wanted(entries, shards_min) != Direction::kNone;
}

bool Staircase::Step(uint64_t entries, uint64_t shards_min, uint64_t (*now_ns)()) {
  if (!step_mutex_.TryLock()) return false;
  const Direction direction = Wanted(entries, shards_min);
  if (direction == Direction::kNone) {
    UpdateLimits(shards_min);
    step_mutex_.Unlock();
    return false;
  }
  const uint64_t begin = now_ns();
  if (next_.load(std::memory_order_relaxed) == nullptr) Open(direction);
  if (PrepareNext()) {
    step_mutex_.Unlock();
    return true;
  }
  HandOverNext();
  if (frontier_.load(std::memory_order_relaxed) == kEnd) Close();
  UpdateLimits(shards_min);
  const uint64_t took = now_ns() - begin;
  handovers_.fetch_add(1, std::memory_order_relaxed);
  handover_ns_sum_.fetch_add(took, std::memory_order_relaxed);
  if (took > handover_ns_max_.load(std::memory_order_relaxed))
    handover_ns_max_.store(took, std::memory_order_relaxed);
  step_mutex_.Unlock();
  return true;
}

void Staircase::Open(Direction direction) {
  const unsigned bits = current_.load()->bits();
  frontier_.store(0, std::memory_order_release);
  next_.store(new ShardEngine(direction == Direction::kUp ? bits + 1 : bits - 1),
              std::memory_order_release);
  engines_opened_.fetch_add(1, std::memory_order_relaxed);
}

void Staircase::Close() {
  ShardEngine* old = current_.load();
  // Readers test next_ first: while both point to the new engine every guess lands in it.
  current_.store(next_.load(), std::memory_order_release);
  next_.store(nullptr, std::memory_order_release);
  participants_.Retire(old, [](void* engine) { delete static_cast<ShardEngine*>(engine); });
}

void Staircase::MoveEntries(Shard& from, ShardEngine& to) {
  // The hash of a key has to be computed again, which means touching its entry. Chains and entries are fetched some
  // buckets ahead, nearer ones deeper, so that the misses overlap instead of adding up; `at` is how far the chains are, so
  // the first rounds only fetch.
  constexpr unsigned kEntriesBehind = 4, kMoveBehind = 7;
  for (unsigned at = 0; at < kShardBuckets + kMoveBehind; ++at) {
    if (at < kShardBuckets) from.PrefetchChain(at);
    if (at >= kEntriesBehind - 1) {
      const unsigned i = at - (kEntriesBehind - 1);
      if (i < kShardBuckets) from.PrefetchChainEnd(i);
    }
    if (at >= kEntriesBehind && at - kEntriesBehind < kShardBuckets) {
      from.ForEachInBucket(at - kEntriesBehind,
                           [](const Entry* entry) { __builtin_prefetch(entry); });
    }
    if (at < kMoveBehind) continue;
    from.ForEachInBucket(at - kMoveBehind, [&](Entry* entry) {
      const uint64_t hash = HashOf(entry->key());
      to.Find(to.IndexOf(hash))->Insert(hash, entry);
    });
  }
}

bool Staircase::PrepareNext() {
  ShardEngine& to = *next_.load();
  if (to.bits() < current_.load()->bits())
    return false;  // a walk down may find nothing to move: then it needs no arrays
  const uint64_t target = frontier_.load(std::memory_order_relaxed) >> (48 - to.bits());
  bool made = false;
  for (uint64_t i = 0; i < 2; ++i) made = to.Make(target + i).Prepare() || made;
  return made;
}

void Staircase::HandOverNext() {
  ShardEngine& from = *current_.load();
  ShardEngine& to = *next_.load();
  const bool up = to.bits() > from.bits();
  const uint64_t position = frontier_.load(std::memory_order_relaxed);
  const uint64_t target = position >> (48 - to.bits());    // first shard to fill
  const uint64_t source = position >> (48 - from.bits());  // first shard to empty
  const uint64_t targets = up ? 2 : 1, sources = up ? 1 : 2;

  for (uint64_t i = 0; i < targets; ++i) to.Make(target + i);
  for (uint64_t i = 0; i < sources; ++i) from.Find(source + i)->Lock();
  for (uint64_t i = 0; i < targets; ++i) to.Find(target + i)->Lock();
  for (uint64_t i = 0; i < sources; ++i) {
    Shard& shard = *from.Find(source + i);
    MoveEntries(shard, to);
    // Known to the new engine before the old one forgets them: ForEachDue looks at the old one first.
    for (uint64_t t = target; t < target + targets; ++t) {
      const uint64_t due = to.Find(t)->next_due_ms();
      if (due != ExpiryIndex::kNever) to.NoteDeadline(t << (48 - to.bits()) << 16, due);
    }
    if (shard.interest() != nullptr) {
      shard.interest()->MoveTo([&](uint64_t hash) -> InterestTable& {
        return to.Find(to.IndexOf(hash))->MakeInterest();
      });
      shard.interest_slot().reset();
    }
    shard.FreeChains();
    shard.ForgetEntries();
    shard.set_state(Shard::State::kMoved);
  }
  const uint64_t end = to.EndOf(target + targets - 1);
  frontier_.store(end, std::memory_order_release);
  for (uint64_t i = 0; i < targets; ++i) {
    Shard& shard = *to.Find(target + i);
    shard.set_state(Shard::State::kLive);
    shard.Unlock();
  }
  for (uint64_t i = 0; i < sources; ++i) {
    Shard& shard = *from.Find(source + i);
    std::atomic<uint64_t>* buckets = shard.TakeBuckets();
    shard.Unlock();
    if (buckets != nullptr) participants_.Retire(buckets, &Shard::FreeBuckets);
  }
}

void Staircase::ForEachShard(uint64_t from,
                             const std::function<bool(Shard&, uint64_t, uint64_t)>& visit) {
  while (from < kEnd) {
    Shard* shard = Lock(from << 16);
    // Locked and live: engine and range of the shard cannot change now.
    ShardEngine* next = next_.load(std::memory_order_acquire);
    ShardEngine* engine = next != nullptr && from < frontier_.load(std::memory_order_acquire)
                              ? next
                              : current_.load(std::memory_order_acquire);
    const uint64_t index = engine->IndexOf(from << 16);
    const uint64_t end = engine->EndOf(index);
    const uint64_t begin = end - (uint64_t{1} << (48 - engine->bits()));
    const bool go_on = visit(*shard, begin, end);
    shard->Unlock();
    if (!go_on) return;
    from = end;
  }
}

uint64_t Staircase::ForEachDue(uint64_t now_ms, unsigned part, unsigned parts,
                               const std::function<void(Shard&)>& due) {
  const uint64_t begin = kEnd / parts * part;
  const uint64_t end = part + 1 == parts ? kEnd : kEnd / parts * (part + 1);
  uint64_t earliest = ExpiryIndex::kNever;
  ShardEngine* current;
  ShardEngine* next;
  // Entries move from the current engine to the next, so in this order none is overlooked; unless an engine opens
  // meanwhile that we have not looked at.
  do {
    current = current_.load(std::memory_order_acquire);
    next = next_.load(std::memory_order_acquire);
    for (ShardEngine* engine : {current, next}) {
      if (engine != nullptr)
        earliest = std::min(earliest, ForEachDueIn(*engine, begin, end, now_ms, due));
    }
  } while (current != current_.load(std::memory_order_acquire) ||
           next != next_.load(std::memory_order_acquire));
  return earliest;
}

uint64_t Staircase::ForEachDueIn(ShardEngine& engine, uint64_t begin, uint64_t end, uint64_t now_ms,
                                 const std::function<void(Shard&)>& due) {
  constexpr uint64_t kSegment = ShardEngine::kSegmentShards;
  const uint64_t first = engine.IndexOf(begin << 16), last = engine.IndexOf((end - 1) << 16);
  uint64_t earliest = ExpiryIndex::kNever;
  for (uint64_t segment = first / kSegment; segment <= last / kSegment; ++segment) {
    const uint64_t from = std::max(first, segment * kSegment),
                   to = std::min(last + 1, (segment + 1) * kSegment);
    if (engine.SegmentDue(segment) < now_ms) {
      for (uint64_t i = from; i < to; ++i) {
        Shard* shard = engine.Find(i);
        if (shard == nullptr || shard->next_due_ms() >= now_ms) continue;
        shard->Lock();
        if (shard->state() == Shard::State::kLive) due(*shard);
        shard->Unlock();
      }
      engine.RefreshSegmentDue(segment);
    }
    if (to - from == kSegment) {
      earliest = std::min(earliest, engine.SegmentDue(segment));
      continue;
    }
    // Shared with other parts: their deadlines shall not wake us.
    for (uint64_t i = from; i < to; ++i) {
      if (const Shard* shard = engine.Find(i)) earliest = std::min(earliest, shard->next_due_ms());
    }
  }
  return earliest;
}

}  // namespace terrace::engine
