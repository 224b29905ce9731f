#include "types/stream_group.h"

#include "base/check.h"

namespace terrace::types {

StreamConsumer* StreamGroup::FindConsumer(Bytes name) {
  const auto found = consumers_.find(name);
  return found == consumers_.end() ? nullptr : &found->second;
}

StreamConsumer* StreamGroup::AddConsumer(Consumers* consumers, Bytes name) {
  const auto made = consumers->try_emplace(std::string(name)).first;
  made->second.name_ = made->first;
  return &made->second;
}

StreamConsumer* StreamGroup::EnsureConsumer(Bytes name, uint64_t now_ms, bool* made) {
  *made = false;
  if (StreamConsumer* found = FindConsumer(name)) return found;
  *made = true;
  StreamConsumer* consumer = AddConsumer(&consumers_, name);
  consumer->seen_ms = static_cast<int64_t>(now_ms);
  return consumer;
}

size_t StreamGroup::DeleteConsumer(Bytes name) {
  const auto found = consumers_.find(name);
  if (found == consumers_.end()) return 0;
  const StreamConsumer::Pending& ids = found->second.pending_;
  for (auto at = ids.First(); at; at.Next()) pending_.Erase(at.id());
  const size_t count = ids.size();
  consumers_.erase(found);
  return count;
}

PendingEntry* StreamGroup::Assign(StreamId id, StreamConsumer* consumer) {
  PendingEntry* entry = pending_.Find(id);
  if (entry == nullptr) {
    pending_.Insert(id, {consumer, 0, 0});
    entry = pending_.Find(id);
  } else if (entry->consumer == consumer) {
    return entry;
  } else {
    entry->consumer->pending_.Erase(id);
    entry->consumer = consumer;
  }
  consumer->pending_.Insert(id, {});
  return entry;
}

bool StreamGroup::Acknowledge(StreamId id) {
  const PendingEntry* entry = pending_.Find(id);
  if (entry == nullptr) return false;
  entry->consumer->pending_.Erase(id);
  pending_.Erase(id);
  return true;
}

void StreamGroup::CopyTo(StreamGroup* copy) const {
  for (const auto& [name, consumer] : consumers_) {
    StreamConsumer* made = AddConsumer(&copy->consumers_, name);
    made->seen_ms = consumer.seen_ms;
    made->active_ms = consumer.active_ms;
  }
  for (auto at = pending_.First(); at; at.Next()) {
    StreamConsumer* consumer = copy->FindConsumer(at.value().consumer->name());
    copy->pending_.Insert(at.id(), {consumer, at.value().delivered_ms, at.value().deliveries});
    consumer->pending_.Insert(at.id(), {});
  }
}

size_t StreamGroup::MemoryBytes() const {
  size_t bytes = pending_.MemoryBytes();
  for (const auto& [name, consumer] : consumers_) {
    bytes += kMapNodeBytes<Consumers> + OutsideBytes(name) + consumer.pending_.MemoryBytes();
  }
  return bytes;
}

size_t StreamGroup::FreeEffort() const {
  size_t effort = pending_.nodes();
  for (const auto& [name, consumer] : consumers_) effort += 1 + consumer.pending_.nodes();
  return effort;
}

void StreamGroup::Check() const {
  pending_.Check();
  size_t count = 0;
  for (const auto& [name, consumer] : consumers_) {
    consumer.pending_.Check();
    count += consumer.pending_.size();
    for (auto at = consumer.pending_.First(); at; at.Next()) {
      const PendingEntry* entry = pending_.Find(at.id());
      TERRACE_CHECK(entry != nullptr && entry->consumer == &consumer);
    }
  }
  TERRACE_CHECK(count == pending_.size());
}

}  // namespace terrace::types
