#include "types/stream.h"

#include <algorithm>
#include <new>

#include "base/check.h"
#include "base/memory.h"
#include "base/sampled_sum.h"
#include "types/stream_capture.h"

namespace terrace::types {

Stream Stream::New() { return Stream(new (Allocate(sizeof(Data))) Data); }

// --- walking ---

void Stream::Cursor::SkipDeletedAhead() {
  while (true) {
    while (entry_ && entry_.deleted) entry_ = node().Next(entry_);
    if (entry_) return;
    node_.Next();
    if (!node_) return;
    entry_ = node().First();
  }
}

void Stream::Cursor::SkipDeletedBack() {
  while (true) {
    while (entry_ && entry_.deleted) entry_ = node().Previous(entry_);
    if (entry_) return;
    node_.Previous();
    if (!node_) return;
    entry_ = node().Last();
  }
}

void Stream::Cursor::Next() {
  entry_ = node().Next(entry_);
  SkipDeletedAhead();
}

void Stream::Cursor::Previous() {
  entry_ = node().Previous(entry_);
  SkipDeletedBack();
}

Stream::Cursor Stream::First() const {
  Cursor cursor;
  cursor.node_ = data_->nodes.First();
  if (!cursor.node_) return cursor;
  cursor.entry_ = cursor.node().First();
  cursor.SkipDeletedAhead();
  return cursor;
}

Stream::Cursor Stream::Last() const {
  Cursor cursor;
  cursor.node_ = data_->nodes.Last();
  if (!cursor.node_) return cursor;
  cursor.entry_ = cursor.node().Last();
  cursor.SkipDeletedBack();
  return cursor;
}

Stream::Cursor Stream::AtOrAfter(StreamId id) const {
  // Behind the last there is nothing, and readers ask for that most of all.
  if (id > data_->last_id) return {};
  Cursor cursor;
  cursor.node_ = data_->nodes.AtOrBefore(id);
  if (!cursor.node_) return First();
  cursor.entry_ = cursor.node().First();
  while (cursor.entry_ && cursor.entry_.id < id) cursor.entry_ = cursor.node().Next(cursor.entry_);
  cursor.SkipDeletedAhead();
  return cursor;
}

Stream::Cursor Stream::AtOrBefore(StreamId id) const {
  Cursor cursor;
  cursor.node_ = data_->nodes.AtOrBefore(id);
  if (!cursor.node_) return cursor;
  cursor.entry_ = cursor.node().Last();
  while (cursor.entry_ && cursor.entry_.id > id)
    cursor.entry_ = cursor.node().Previous(cursor.entry_);
  cursor.SkipDeletedBack();
  return cursor;
}

bool Stream::Contains(StreamId id) const {
  const Cursor at = AtOrAfter(id);
  return at && at.id() == id;
}

bool Stream::HasGap(StreamId from, StreamId to) const {
  if (data_->size == 0 || data_->max_deleted_id < data_->first_id) return false;
  return from <= data_->max_deleted_id && data_->max_deleted_id <= to;
}

std::optional<int64_t> Stream::CountedUpTo(StreamId id) const {
  const Data& stream = *data_;
  if (stream.entries_added == 0) return 0;
  const auto added = static_cast<int64_t>(stream.entries_added);
  if (id > stream.last_id) return std::nullopt;
  if (stream.size == 0 || id == stream.last_id) return added;
  // Nothing was deleted from among those that are there, so what is before the first was all trimmed or deleted.
  if (stream.max_deleted_id.is_zero() || stream.max_deleted_id < stream.first_id) {
    const int64_t gone = added - static_cast<int64_t>(stream.size);
    if (id < stream.first_id) return gone;
    if (id == stream.first_id) return gone + 1;
  }
  return std::nullopt;
}

// --- changing ---

void Stream::Append(StreamId id, std::span<const Bytes> pairs, const StreamLimits& limits) {
  TERRACE_DCHECK(id > data_->last_id);
  Data& stream = *data_;
  const Nodes::Position last = stream.nodes.Last();
  bool fits = static_cast<bool>(last);
  if (fits) {
    StreamNode node(last.value(), last.id());
    const bool limited = limits.node_bytes != 0 && limits.node_bytes <= Listpack::kBytesMax;
    const uint64_t bytes_max = limited ? limits.node_bytes : Listpack::kBytesMax;
    uint64_t text_bytes = node.bytes().size();
    for (const Bytes text : pairs) text_bytes += text.size();
    fits = text_bytes < bytes_max &&
           node.bytes().size() + StreamNode::BytesFor(pairs) <= Listpack::kBytesMax;
    if (fits && limits.node_entries > 0) {
      fits = node.live() + node.deleted() < static_cast<uint64_t>(limits.node_entries);
    }
    if (fits) {
      Unshare(stream, last);
      node = StreamNode(last.value(), last.id());
      node.Append(id, pairs);
      last.value() = node.data();
    }
  }
  if (!fits) stream.nodes.Insert(id, StreamNode::New(id, pairs).data());
  ++stream.size;
  ++stream.entries_added;
  stream.last_id = id;
  if (stream.size == 1) stream.first_id = id;
}

void Stream::Unshare(const Data& stream, Nodes::Position node) {
  if (TERRACE_LIKELY(stream.capture == nullptr)) return;
  const Listpack shared(node.value());
  if (stream.capture->Leave(node.id(), node.value()))
    node.value() = Listpack::Copy(shared.bytes()).data();
}

void Stream::FreeNode(const Data& stream, Nodes::Position node) {
  if (stream.capture != nullptr && stream.capture->Leave(node.id(), node.value())) return;
  StreamNode(node.value(), node.id()).Free();
}

void Stream::DropNode(Nodes::Position node) {
  FreeNode(*data_, node);
  data_->nodes.Erase(node.id());
}

void Stream::NoteFirst() {
  const Cursor first = First();
  data_->first_id = first ? first.id() : StreamId{};
}

bool Stream::Erase(StreamId id) {
  Cursor at = AtOrAfter(id);
  if (!at || at.id() != id) return false;
  if (TERRACE_UNLIKELY(data_->capture != nullptr)) {
    Unshare(*data_, at.node_);
    at = AtOrAfter(id);  // the entry may be elsewhere now
  }
  StreamNode node = at.node();
  if (node.live() == 1) {
    DropNode(at.node_);
  } else {
    node.Delete(at.entry_);
    at.node_.value() = node.data();
  }
  --data_->size;
  data_->max_deleted_id = std::max(data_->max_deleted_id, id);
  if (id == data_->first_id) NoteFirst();
  return true;
}

StreamId Stream::top_id() const {
  const Nodes::Position last = data_->nodes.Last();
  return last ? StreamNode(last.value(), last.id()).Last().id : StreamId{};
}

bool Stream::WouldTrim(const StreamTrim& trim) const {
  if (trim.by == StreamTrim::By::kNone || data_->size == 0) return false;
  const Nodes::Position at = data_->nodes.First();
  const StreamNode node(at.value(), at.id());
  const size_t live = node.live();
  if (trim.max != 0 && live > trim.max) return false;
  if (trim.by == StreamTrim::By::kId)
    return (trim.whole_nodes ? node.Last().id : data_->first_id) < trim.id;
  return data_->size >= trim.length + (trim.whole_nodes ? live : 1);
}

size_t Stream::Trim(const StreamTrim& trim) {
  Data& stream = *data_;
  const bool by_length = trim.by == StreamTrim::By::kLength;
  size_t gone = 0;
  while (trim.by != StreamTrim::By::kNone && stream.size != 0) {
    const uint64_t excess =
        by_length ? stream.size - std::min(stream.size, trim.length) : stream.size;
    if (excess == 0) break;
    const Nodes::Position at = stream.nodes.First();
    StreamNode node(at.value(), at.id());
    const size_t live = node.live();
    if (trim.max != 0 && gone + live > trim.max) break;
    if (by_length ? live <= excess : node.Last().id < trim.id) {
      DropNode(at);
      stream.size -= live;
      gone += live;
      continue;
    }
    if (trim.whole_nodes) break;
    Unshare(stream, at);
    node = StreamNode(at.value(), at.id());
    const size_t deleted = node.DeleteFront(excess, by_length ? StreamId::Max() : trim.id);
    at.value() = node.data();
    if (deleted == live) DropNode(at);  // what is left are deleted entries, behind `id`
    stream.size -= deleted;
    gone += deleted;
    break;
  }
  if (gone != 0) NoteFirst();
  return gone;
}

bool Stream::AppendNode(StreamId base, Bytes bytes) {
  const StreamNode given(const_cast<char*>(bytes.data()), base);
  if (data_->size != 0 && base <= top_id()) return false;
  const size_t live = given.live();
  if (live == 0) return true;
  data_->nodes.Insert(base, Listpack::Copy(bytes).data());
  data_->size += live;
  if (data_->first_id.is_zero()) NoteFirst();
  return true;
}

// --- groups ---

StreamGroup* Stream::FindGroup(Bytes name) const {
  if (data_->groups == nullptr) return nullptr;
  const auto found = data_->groups->find(name);
  return found == data_->groups->end() ? nullptr : &found->second;
}

StreamGroup* Stream::CreateGroup(Bytes name, StreamId last_id, int64_t entries_read) {
  if (data_->groups == nullptr) data_->groups = std::make_unique<Groups>();
  const auto [at, made] = data_->groups->try_emplace(std::string(name), last_id, entries_read);
  return made ? &at->second : nullptr;
}

bool Stream::DestroyGroup(Bytes name) {
  if (data_->groups == nullptr) return false;
  const auto found = data_->groups->find(name);
  if (found == data_->groups->end()) return false;
  data_->groups->erase(found);
  if (data_->groups->empty()) data_->groups.reset();
  return true;
}

void Stream::Check() const {
  data_->nodes.Check();
  size_t live = 0;
  StreamId last;
  for (auto at = data_->nodes.First(); at; at.Next()) {
    const StreamNode node(at.value(), at.id());
    TERRACE_CHECK(StreamNode::Validate(node.bytes(), at.id()));
    TERRACE_CHECK(node.live() > 0);                   // S1
    TERRACE_CHECK(last.is_zero() || last < at.id());  // S2
    last = node.Last().id;
    live += node.live();
  }
  TERRACE_CHECK(live == data_->size);  // S1
  const Cursor first = First();
  TERRACE_CHECK(data_->first_id == (first ? first.id() : StreamId{}));  // S3
  TERRACE_CHECK(last <= data_->last_id);                                // S3
  if (groups() == nullptr) return;
  for (const auto& [name, group] : *groups()) group.Check();
}

// --- as a value ---

struct StreamOps {
  static void Destroy(void* data) {
    auto* stream = static_cast<Stream::Data*>(data);
    for (auto at = stream->nodes.First(); at; at.Next()) Stream::FreeNode(*stream, at);
    if (stream->capture != nullptr) stream->capture->LoseSource();
    stream->~Data();
    Deallocate(stream, sizeof(Stream::Data));
  }

  static void* Copy(const void* data) {
    const auto* source = static_cast<const Stream::Data*>(data);
    Stream::Data* copy = Stream::New().data_;
    for (auto at = source->nodes.First(); at; at.Next()) {
      copy->nodes.Insert(at.id(), Listpack::Copy(Listpack(at.value()).bytes()).data());
    }
    copy->size = source->size;
    copy->first_id = source->first_id;
    copy->last_id = source->last_id;
    copy->max_deleted_id = source->max_deleted_id;
    copy->entries_added = source->entries_added;
    if (source->groups != nullptr) {
      for (const auto& [name, group] : *source->groups) {
        group.CopyTo(Stream(copy).CreateGroup(name, group.last_id, group.entries_read));
      }
    }
    return copy;
  }

  // Without the nodes' listpacks.
  static size_t OwnBytes(const Stream::Data& stream) {
    size_t bytes = AllocationSize(sizeof(Stream::Data)) + stream.nodes.MemoryBytes();
    if (stream.groups == nullptr) return bytes;
    bytes += AllocationSize(sizeof(Stream::Groups));
    for (const auto& [name, group] : *stream.groups) {
      bytes += kMapNodeBytes<Stream::Groups> + OutsideBytes(name) + group.MemoryBytes();
    }
    return bytes;
  }

  static size_t MemoryBytes(const void* data) {
    const auto* stream = static_cast<const Stream::Data*>(data);
    size_t bytes = OwnBytes(*stream);
    for (auto at = stream->nodes.First(); at; at.Next())
      bytes += AllocationSize(Listpack(at.value()).TotalBytes());
    return bytes;
  }

  // From nodes at both ends, which may have been written at different times.
  static size_t MemoryEstimate(const void* data) {
    const auto* stream = static_cast<const Stream::Data*>(data);
    constexpr size_t kSamples = 64;
    const size_t count = stream->nodes.size();
    SampledSum<kSamples> sum;
    const auto sample = [&sum](auto at) {
      sum.Add(AllocationSize(Listpack(at.value()).TotalBytes()));
    };
    const size_t at_front = count <= kSamples ? count : kSamples / 2;
    auto at = stream->nodes.First();
    for (size_t i = 0; i < at_front; ++i, at.Next()) sample(at);
    if (count > kSamples) {
      for (at = stream->nodes.Last(); !sum.full(); at.Previous()) sample(at);
    }
    return OwnBytes(*stream) + sum.Of(count);
  }

  static size_t FreeEffort(const void* data) {
    const auto* stream = static_cast<const Stream::Data*>(data);
    size_t effort = 1 + stream->nodes.size() + stream->nodes.nodes();
    if (stream->groups == nullptr) return effort;
    for (const auto& [name, group] : *stream->groups) effort += 1 + group.FreeEffort();
    return effort;
  }
};

const ValueOps kStreamOps = {
    .destroy = StreamOps::Destroy,
    .copy = StreamOps::Copy,
    .memory_bytes = StreamOps::MemoryBytes,
    .free_effort = StreamOps::FreeEffort,
    .memory_estimate = StreamOps::MemoryEstimate,
};

}  // namespace terrace::types
