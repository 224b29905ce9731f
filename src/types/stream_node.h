// StreamNode: a stretch of a stream's entries in one listpack, the same bytes Redis keeps and writes.
//
//   head    live | deleted | fields | field ... | 0
//   entry   flags | ms - base ms | seq - base seq | [fields | field value field value ...]  or  [value value ...] | elements
//
// Every item is an element of the listpack. The base is the id of the first entry that was added; differences wrap around
// at 2^64. An entry whose fields are those of the head, in that order, has kSameFields and values only. `elements` counts
// those of the entry before it, to walk backwards by; the head's 0 is where such a walk ends. A deleted entry stays, with
// kDeleted, and the node goes with its last live one.
//
// A handle on a listpack it does not own, like Listpack itself: every edit may move it.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "types/listpack.h"
#include "types/stream_id.h"

namespace terrace::types {

/// Where an entry lies in its node; good until the node changes.
struct NodeEntry {
  Listpack::Position at = nullptr;    // its flags; nullptr: there is none
  Listpack::Position body = nullptr;  // its first field or value
  StreamId id;
  size_t fields = 0;
  bool deleted = false;
  bool same_fields = false;

  explicit operator bool() const { return at != nullptr; }
};

class StreamNode {
 public:
  StreamNode(void* data, StreamId base) : listpack_(data), base_(base) {}
  /// A node of one entry, `base`: fields and values in turn.
  static StreamNode New(StreamId base, std::span<const Bytes> pairs);
  /// A node that may come from an attacker: ids ascend from the base on, and everything is as drawn above.
  static bool Validate(Bytes bytes, StreamId base);

  /// Bytes a node may come to need for these in the worst case.
  static size_t BytesFor(std::span<const Bytes> pairs);

  void* data() const { return listpack_.data(); }
  Bytes bytes() const { return listpack_.bytes(); }
  void Free() { listpack_.Free(); }
  size_t live() const { return Number(listpack_.First()); }
  size_t deleted() const { return Number(listpack_.Next(listpack_.First())); }

  // Deleted entries are among them.
  NodeEntry First() const;
  NodeEntry Last() const;
  NodeEntry Next(const NodeEntry& entry) const { return EntryAt(End(entry)); }
  NodeEntry Previous(const NodeEntry& entry) const { return EntryBefore(entry.at); }
  /// Calls visit(Element field, Element value) for each of the entry's.
  template <typename Visit>
  void ForEachField(const NodeEntry& entry, Visit visit) const;

  /// CONTRACT: `id` is behind all of the node, and BytesFor(pairs) fits.
  void Append(StreamId id, std::span<const Bytes> pairs);
  /// CONTRACT: the entry is live.
  void Delete(const NodeEntry& entry);
  /// Deletes live entries from the front on, up to `max` and while they are before `end`. Returns how many.
  size_t DeleteFront(size_t max, StreamId end);

 private:
  enum Flag : int64_t { kDeleted = 1, kSameFields = 2 };

  size_t Number(Listpack::Position at) const {
    return static_cast<size_t>(listpack_.Get(at).integer());
  }
  Listpack::Position MasterFields(size_t* count) const;
  Listpack::Position Skip(Listpack::Position at, size_t elements) const {
    for (; elements > 0; --elements) at = listpack_.Next(at);
    return at;
  }
  Listpack::Position End(const NodeEntry& entry) const;
  NodeEntry EntryAt(Listpack::Position at) const;
  NodeEntry EntryBefore(Listpack::Position at) const;
  bool HasFieldsOf(std::span<const Bytes> pairs) const;
  void AppendEntry(StreamId id, std::span<const Bytes> pairs, bool same_fields);
  void MoveToDeleted(size_t count);

  Listpack listpack_;
  StreamId base_;
};

template <typename Visit>
void StreamNode::ForEachField(const NodeEntry& entry, Visit visit) const {
  Listpack::Position at = entry.body;
  if (!entry.same_fields) {
    for (size_t i = 0; i < entry.fields; ++i) {
      const Element field = listpack_.Get(at);
      at = listpack_.Next(at);
      visit(field, listpack_.Get(at));
      at = listpack_.Next(at);
    }
    return;
  }
  size_t count = 0;
  Listpack::Position field = MasterFields(&count);
  for (size_t i = 0; i < count; ++i) {
    visit(listpack_.Get(field), listpack_.Get(at));
    field = listpack_.Next(field);
    at = listpack_.Next(at);
  }
}

}  // namespace terrace::types
