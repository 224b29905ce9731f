#include "types/stream_node.h"

#include "base/check.h"

namespace terrace::types {

StreamNode StreamNode::New(StreamId base, std::span<const Bytes> pairs) {
  StreamNode node(Listpack::New().data(), base);
  Listpack& list = node.listpack_;
  list.Append(int64_t{1});
  list.Append(int64_t{0});
  list.Append(static_cast<int64_t>(pairs.size() / 2));
  for (size_t i = 0; i < pairs.size(); i += 2) list.Append(pairs[i]);
  list.Append(int64_t{0});
  node.AppendEntry(base, pairs, true);
  return node;
}

size_t StreamNode::BytesFor(std::span<const Bytes> pairs) {
  constexpr size_t kOverhead = 10;  // of an element: its head, and its length behind it
  constexpr size_t kNumbers = 16;   // head and entry
  size_t bytes = Listpack::kHeaderBytes + 1 + kNumbers * kOverhead;
  for (const Bytes text : pairs) bytes += text.size() + kOverhead;
  return bytes;
}

// The first of the head's fields, and how many there are; the head's 0 if there are none.
Listpack::Position StreamNode::MasterFields(size_t* count) const {
  const Listpack::Position at = Skip(listpack_.First(), 2);
  *count = Number(at);
  return listpack_.Next(at);
}

NodeEntry StreamNode::First() const {
  size_t fields = 0;
  const Listpack::Position at = MasterFields(&fields);
  return EntryAt(Skip(at, fields + 1));
}

NodeEntry StreamNode::Last() const {
  const Listpack::Position count = listpack_.Last();
  const size_t elements = Number(count);
  Listpack::Position at = count;
  for (size_t i = 0; i < elements; ++i) at = listpack_.Previous(at);
  return elements == 0 ? NodeEntry{} : EntryAt(at);
}

NodeEntry StreamNode::EntryBefore(Listpack::Position at) const {
  at = listpack_.Previous(at);
  const size_t elements = Number(at);
  if (elements == 0) return {};  // the head's
  for (size_t i = 0; i < elements; ++i) at = listpack_.Previous(at);
  return EntryAt(at);
}

NodeEntry StreamNode::EntryAt(Listpack::Position at) const {
  if (at == nullptr) return {};
  NodeEntry entry;
  entry.at = at;
  const int64_t flags = listpack_.Get(at).integer();
  entry.deleted = (flags & kDeleted) != 0;
  entry.same_fields = (flags & kSameFields) != 0;
  at = listpack_.Next(at);
  entry.id.ms = base_.ms + static_cast<uint64_t>(listpack_.Get(at).integer());
  at = listpack_.Next(at);
  entry.id.seq = base_.seq + static_cast<uint64_t>(listpack_.Get(at).integer());
  at = listpack_.Next(at);
  if (entry.same_fields) {
    MasterFields(&entry.fields);
  } else {
    entry.fields = Number(at);
    at = listpack_.Next(at);
  }
  entry.body = at;
  return entry;
}

// Behind an entry: the next one's beginning, or nullptr.
Listpack::Position StreamNode::End(const NodeEntry& entry) const {
  const size_t elements = entry.same_fields ? entry.fields : 2 * entry.fields;
  return listpack_.Next(Skip(entry.body, elements));
}

bool StreamNode::HasFieldsOf(std::span<const Bytes> pairs) const {
  size_t count = 0;
  Listpack::Position at = MasterFields(&count);
  if (count != pairs.size() / 2) return false;
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (!(listpack_.Get(at) == pairs[i])) return false;
    at = listpack_.Next(at);
  }
  return true;
}

void StreamNode::Append(StreamId id, std::span<const Bytes> pairs) {
  const bool same_fields = HasFieldsOf(pairs);
  listpack_.Replace(listpack_.First(), static_cast<int64_t>(live() + 1));
  AppendEntry(id, pairs, same_fields);
}

void StreamNode::AppendEntry(StreamId id, std::span<const Bytes> pairs, bool same_fields) {
  const size_t fields = pairs.size() / 2;
  listpack_.Append(same_fields ? int64_t{kSameFields} : int64_t{0});
  listpack_.Append(static_cast<int64_t>(id.ms - base_.ms));
  listpack_.Append(static_cast<int64_t>(id.seq - base_.seq));
  if (same_fields) {
    for (size_t i = 1; i < pairs.size(); i += 2) listpack_.Append(pairs[i]);
  } else {
    listpack_.Append(static_cast<int64_t>(fields));
    for (const Bytes text : pairs) listpack_.Append(text);
  }
  listpack_.Append(static_cast<int64_t>(same_fields ? 3 + fields : 4 + 2 * fields));
}

void StreamNode::Delete(const NodeEntry& entry) {
  TERRACE_DCHECK(!entry.deleted);
  listpack_.Replace(entry.at, listpack_.Get(entry.at).integer() | kDeleted);
  MoveToDeleted(1);
}

size_t StreamNode::DeleteFront(size_t max, StreamId end) {
  size_t count = 0;
  for (NodeEntry entry = First(); entry && count < max && entry.id < end;) {
    if (!entry.deleted) {
      // The flags may come to take another number of bytes, and the listpack may move.
      const int64_t flags = listpack_.Get(entry.at).integer() | kDeleted;
      entry = EntryAt(listpack_.Replace(entry.at, flags));
      ++count;
    }
    entry = Next(entry);
  }
  MoveToDeleted(count);
  return count;
}

void StreamNode::MoveToDeleted(size_t count) {
  const auto moved = static_cast<int64_t>(count);
  const Listpack::Position at =
      listpack_.Replace(listpack_.First(), static_cast<int64_t>(live()) - moved);
  listpack_.Replace(listpack_.Next(at), static_cast<int64_t>(deleted()) + moved);
}

namespace {

// Takes element after element of a listpack that is sound as such.
class ElementReader {
 public:
  explicit ElementReader(const Listpack& list) : list_(list), at_(list.First()) {}

  bool done() const { return at_ == nullptr; }
  bool Take() {
    if (at_ == nullptr) return false;
    at_ = list_.Next(at_);
    return true;
  }
  bool TakeInteger(int64_t* value) {
    if (at_ == nullptr) return false;
    const Element element = list_.Get(at_);
    *value = element.integer();
    return element.is_integer() && Take();
  }
  bool TakeCount(int64_t* count) {
    return TakeInteger(count) && *count >= 0 && *count <= UINT32_MAX;
  }
  bool TakeMany(int64_t count) {
    while (count > 0 && Take()) --count;
    return count == 0;
  }

 private:
  const Listpack list_;
  Listpack::Position at_;
};

}  // namespace

bool StreamNode::Validate(Bytes bytes, StreamId base) {
  size_t elements = 0;
  if (!Listpack::Validate(bytes, &elements)) return false;
  ElementReader reader(Listpack(const_cast<char*>(bytes.data())));  // only looked at
  int64_t live = 0, deleted = 0, master_fields = 0, zero = 0;
  if (!reader.TakeCount(&live) || !reader.TakeCount(&deleted) || !reader.TakeCount(&master_fields))
    return false;
  if (!reader.TakeMany(master_fields) || !reader.TakeInteger(&zero) || zero != 0) return false;
  StreamId last;
  for (bool first = true; !reader.done(); first = false) {
    int64_t flags = 0, ms = 0, seq = 0, fields = master_fields, count = 0;
    if (!reader.TakeInteger(&flags) || !reader.TakeInteger(&ms) || !reader.TakeInteger(&seq))
      return false;
    const bool same_fields = (flags & kSameFields) != 0;
    if ((flags & ~int64_t{kDeleted | kSameFields}) != 0) return false;
    if (!same_fields && !reader.TakeCount(&fields)) return false;
    if (!reader.TakeMany(same_fields ? fields : 2 * fields)) return false;
    if (!reader.TakeInteger(&count) || count != (same_fields ? 3 + fields : 4 + 2 * fields))
      return false;
    const StreamId id{base.ms + static_cast<uint64_t>(ms), base.seq + static_cast<uint64_t>(seq)};
    if (first ? id < base : id <= last) return false;
    last = id;
    --((flags & kDeleted) != 0 ? deleted : live);
  }
  return live == 0 && deleted == 0;
}

}  // namespace terrace::types
