#include "engine/interest.h"

namespace terrace::engine {

void InterestTable::KeyChanges(uint64_t hash, Bytes key) {
  const auto [begin, end] = items_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (it->second.key == key) it->second.watch->Break();
  }
}

void InterestTable::KeyExpires(uint64_t hash, Bytes key) {
  const auto [begin, end] = items_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (it->second.key != key) continue;
    if (it->second.stale) {
      it->second.stale = false;  // from now on it is a key that does not exist
    } else {
      it->second.watch->Break();
    }
  }
}

void InterestTable::Remove(uint64_t hash, Bytes key, const Watch* watch) {
  const auto [begin, end] = items_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (it->second.watch.get() != watch || it->second.key != key) continue;
    items_.erase(it);
    return;
  }
}

const InterestTable::Item* InterestTable::Find(uint64_t hash, Bytes key, const Watch* watch) const {
  const auto [begin, end] = items_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (it->second.watch.get() == watch && it->second.key == key) return &it->second;
  }
  return nullptr;
}

}  // namespace terrace::engine
