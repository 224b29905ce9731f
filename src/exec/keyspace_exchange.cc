#include "exec/keyspace_exchange.h"

#include <iterator>
#include <utility>

namespace terrace::exec {

void BreakWatches(engine::Keyspace& gone, engine::Keyspace* comes, uint64_t now_ms) {
  gone.staircase().ForEachShard(0, [&](engine::Shard& shard, uint64_t, uint64_t) {
    if (shard.interest() == nullptr) return true;
    auto& items = shard.interest()->items();
    for (auto it = items.begin(); it != items.end();) {
      const uint64_t hash = it->first;
      engine::InterestTable::Item& item = it->second;
      bool stays = true;
      const bool was_here = shard.Lookup(hash, item.key) != nullptr;
      const engine::Slot next =
          comes == nullptr ? nullptr : comes->staircase().Guess(hash)->Lookup(hash, item.key);
      const bool next_is_due = next != nullptr && engine::Shard::At(next)->IsGone(now_ms);
      if (was_here || next != nullptr) {
        if (item.stale && next == nullptr) {
          item.stale = false;
        } else if (!(item.stale && next_is_due) && !(!was_here && next_is_due)) {
          stays = item.who->KeyChanges(hash, item.key);
        } else {
          item.stale = true;
        }
      }
      it = stays ? std::next(it) : items.erase(it);
    }
    return true;
  });
}

void MoveInterest(engine::Keyspace& from, engine::Keyspace& to) {
  from.staircase().ForEachShard(0, [&](engine::Shard& shard, uint64_t, uint64_t) {
    if (shard.interest() == nullptr) return true;
    shard.interest()->MoveTo([&](uint64_t hash) -> engine::InterestTable& {
      return to.staircase().Guess(hash)->MakeInterest();
    });
    shard.interest_slot().reset();
    return true;
  });
}

void ReplaceKeyspace(engine::Databases& databases, unsigned db,
                     std::unique_ptr<engine::Keyspace> comes, uint64_t now_ms) {
  BreakWatches(databases.Get(db), comes.get(), now_ms);
  std::unique_ptr<engine::Keyspace> old = databases.Exchange(db, std::move(comes));
  MoveInterest(*old, databases.Get(db));
  databases.Discard(std::move(old));
}

}  // namespace terrace::exec
