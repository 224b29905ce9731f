#include "engine/interest.h"

namespace terrace::engine {

void InterestTable::KeyChanges(uint64_t hash, Bytes key) {
  for (auto [it, end] = items_.equal_range(hash); it != end;) {
    const bool stays = it->second.key != key || it->second.who->KeyChanges(hash, key);
    it = stays ? std::next(it) : items_.erase(it);
  }
}

void InterestTable::KeyExpires(uint64_t hash, Bytes key) {
  for (auto [it, end] = items_.equal_range(hash); it != end;) {
    bool stays = true;
    if (it->second.key == key) {
      if (it->second.stale) {
        it->second.stale = false;  // from now on it is a key that does not exist
      } else {
        stays = it->second.who->KeyChanges(hash, key);
      }
    }
    it = stays ? std::next(it) : items_.erase(it);
  }
}

void InterestTable::Remove(uint64_t hash, Bytes key, const Interest* who) {
  const auto [begin, end] = items_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (it->second.who.get() != who || it->second.key != key) continue;
    items_.erase(it);
    return;
  }
}

const InterestTable::Item* InterestTable::Find(uint64_t hash, Bytes key,
                                               const Interest* who) const {
  const auto [begin, end] = items_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (it->second.who.get() == who && it->second.key == key) return &it->second;
  }
  return nullptr;
}

}  // namespace terrace::engine
