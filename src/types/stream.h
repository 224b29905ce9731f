// Stream: entries in order of their ids, each some fields and values, and the groups that read them. How a stream key's
// value is worked with.
//
// The entries are in nodes (types/stream_node.h) under a tree of the nodes' bases. A stream without entries is a stream
// still: its last id counts on, and its groups stay.
//
//   S1  every node has a live entry, and size() is the sum of those
//   S2  the ids of a node are before the base of the next
//   S3  first_id() is the first live entry's, 0-0 if there is none; last_id is none's before
//
// It is a handle (types/value.h). A stream under capture (types/stream_capture.h) shares its nodes with the capture until it
// changes them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "types/encoding_limits.h"
#include "types/id_tree.h"
#include "types/stream_group.h"
#include "types/stream_id.h"
#include "types/stream_node.h"
#include "types/value.h"

namespace terrace::types {

/// How large nodes get: the settings as one operation sees them; 0 is no limit.
struct StreamLimits {
  StreamLimits(uint64_t bytes, int64_t entries) : node_bytes(bytes), node_entries(entries) {}
  explicit StreamLimits(const EncodingLimits& settings)
      : node_bytes(settings.stream_node_bytes.load(std::memory_order_relaxed)),
        node_entries(settings.stream_node_entries.load(std::memory_order_relaxed)) {}
  uint64_t node_bytes;
  int64_t node_entries;
};

/// What is to be dropped from a stream's front.
struct StreamTrim {
  enum class By : uint8_t { kNone, kLength, kId };
  By by = By::kNone;
  uint64_t length = 0;  // kLength: so many stay
  StreamId id;          // kId: what is before it goes
  bool whole_nodes = false;
  uint64_t max = 0;  // drop no more than so many; 0: no limit
};

class StreamCapture;

class Stream {
 public:
  using Nodes = IdTree<void*>;
  using Groups = std::map<std::string, StreamGroup, std::less<>>;

  /// What a stream is in memory.
  struct Data {
    Nodes nodes;
    uint64_t size = 0;
    StreamId first_id;
    StreamId last_id;
    StreamId max_deleted_id;     // the last one that was deleted by its id
    uint64_t entries_added = 0;  // ever
    std::unique_ptr<Groups> groups;
    StreamCapture* capture = nullptr;  // the one it is under
  };

  /// A place in a stream; good until the stream changes. Like an iterator it is asked only where there is an entry.
  class Cursor {
   public:
    explicit operator bool() const { return static_cast<bool>(entry_); }
    StreamId id() const { return entry_.id; }
    size_t fields() const { return entry_.fields; }
    /// visit(Element field, Element value), good until the stream changes.
    template <typename Visit>
    void ForEachField(Visit visit) const {
      node().ForEachField(entry_, visit);
    }
    void Next();
    void Previous();

   private:
    friend class Stream;
    StreamNode node() const { return {node_.value(), node_.id()}; }
    void SkipDeletedAhead();
    void SkipDeletedBack();
    Nodes::Position node_;
    NodeEntry entry_;
  };

  explicit Stream(Value value) : data_(static_cast<Data*>(value.data)) {}
  static Stream New();
  Value value() const { return {Type::kStream, Encoding::kStream, data_}; }

  size_t Size() const { return data_->size; }
  StreamId first_id() const { return data_->first_id; }
  StreamId last_id() const { return data_->last_id; }
  /// The last entry's that is there or was and has left its place: no id may come to stand before it.
  StreamId top_id() const;
  StreamId max_deleted_id() const { return data_->max_deleted_id; }
  uint64_t entries_added() const { return data_->entries_added; }
  void set_last_id(StreamId id) { data_->last_id = id; }
  void set_max_deleted_id(StreamId id) { data_->max_deleted_id = id; }
  void set_entries_added(uint64_t count) { data_->entries_added = count; }
  size_t nodes() const { return data_->nodes.size(); }
  /// Allocations of the tree over the nodes.
  size_t tree_nodes() const { return data_->nodes.nodes(); }
  /// visit(StreamNode node, StreamId base), in order.
  template <typename Visit>
  void ForEachNode(Visit visit) const {
    for (auto at = data_->nodes.First(); at; at.Next())
      visit(StreamNode(at.value(), at.id()), at.id());
  }

  Cursor First() const;
  Cursor Last() const;
  /// The first entry not before `id`; the last one not behind it.
  Cursor AtOrAfter(StreamId id) const;
  Cursor AtOrBefore(StreamId id) const;
  bool Contains(StreamId id) const;
  /// Was an entry of a range deleted by its id? More precisely: may have been.
  bool HasGap(StreamId from, StreamId to) const;
  /// How many entries were added up to this one, from the first ever; nullopt if that cannot be known.
  std::optional<int64_t> CountedUpTo(StreamId id) const;

  /// Are these few enough bytes for an entry?
  static bool Fits(std::span<const Bytes> pairs) {
    return StreamNode::BytesFor(pairs) <= Listpack::kBytesMax;
  }
  /// Fields and values in turn. CONTRACT: `id` is behind last_id(), and they fit.
  void Append(StreamId id, std::span<const Bytes> pairs, const StreamLimits& limits);
  /// False if there is none.
  bool Erase(StreamId id);
  /// Would anything go?
  bool WouldTrim(const StreamTrim& trim) const;
  /// Returns how many went.
  size_t Trim(const StreamTrim& trim);
  /// A node that StreamNode::Validate accepted. False if it is not behind all others. One without live entries is left
  /// out.
  bool AppendNode(StreamId base, Bytes bytes);

  // --- groups ---
  /// nullptr: none.
  Groups* groups() const { return data_->groups.get(); }
  size_t GroupCount() const { return data_->groups == nullptr ? 0 : data_->groups->size(); }
  StreamGroup* FindGroup(Bytes name) const;
  /// nullptr if there is one already.
  StreamGroup* CreateGroup(Bytes name, StreamId last_id, int64_t entries_read);
  bool DestroyGroup(Bytes name);

  /// Aborts unless S1 to S3 hold; for tests.
  void Check() const;

 private:
  friend struct StreamOps;
  friend class StreamCapture;
  explicit Stream(Data* data) : data_(data) {}
  void DropNode(Nodes::Position node);
  /// Before a node is changed in place: it is the stream's alone afterwards, perhaps elsewhere.
  static void Unshare(const Data& stream, Nodes::Position node);
  static void FreeNode(const Data& stream, Nodes::Position node);
  void NoteFirst();

  Data* data_;
};

extern const ValueOps kStreamOps;

}  // namespace terrace::types
