// Quicklist: a long list as a sequence of nodes, each a listpack or one large element.
//
//   ring   | node | node | node | ...        16 bytes each, in one array that grows and shrinks at both ends
//             |      |      |
//         listpack  Blob  packed listpack    u32 bytes, u32 packed bytes, LZF
//
// An index is found by walking the counts in the array, not elements and not pointers: a million elements of 8-KiB nodes
// are some thousand counts in a row. Elements larger than a node may be stand alone in a Blob, shared with whoever sent
// them.
//
// Whatever enters or leaves a listpack at its front moves all that is behind. So a list that is worked on there keeps a
// small node at its front: what is pushed begins a new one when the first has 2 KiB, which then joins the next; what is
// popped splits a long one first.
//
// With a compress depth d, what lies between the first d and the last d nodes is kept compressed.
//
//   Q1  No node is empty; `elements` is the sum of the nodes' counts.
//   Q2  With d > 0 none of the first d and last d nodes is packed; each node between them is, unless packing it saves
//       nothing or a change has not been settled yet (Settle).
//
// A list under capture (types/list_capture.h) shares its nodes' data with the capture until it changes them.
//
// Like Listpack, a Quicklist is a handle on what it does not own (types/value.h). What only looks never unpacks in place.
#pragma once

#include <cstdint>
#include <string>

#include "base/blob.h"
#include "base/bytes.h"
#include "types/list_limits.h"
#include "types/listpack.h"
#include "types/value.h"

namespace terrace::types {

class ListCapture;

class Quicklist {
 public:
  /// The depth holds for as long as the list lives.
  static Quicklist New(int64_t compress_depth);

  explicit Quicklist(void* data) : rep_(static_cast<Rep*>(data)) {}
  void Free();

  void* data() const { return rep_; }
  size_t Size() const { return rep_->elements; }
  size_t Nodes() const { return rep_->length; }

  // --- looking ---
  bool IsPlain(size_t node) const { return At(node).form == Form::kPlain; }
  /// A node's listpack, or the text of a plain one. Bytes that had to be unpacked are in `unpacked`.
  Bytes NodeBytes(size_t node, std::string* unpacked) const;
  /// Calls visit(Element) for element `from` and on towards an end, until it returns false. CONTRACT: from < Size().
  template <typename Visit>
  void Walk(size_t from, ListEnd towards, Visit&& visit) const;

  // --- changing ---
  /// `blob` has the same bytes, if they are in one already; may be nullptr.
  void Push(ListEnd end, Bytes text, Blob* blob, const ListLimits& limits);
  /// Takes over a listpack that is not empty as the last node.
  void AppendNode(Listpack listpack);
  /// Before element `index`; behind the last if index is Size().
  void Insert(size_t index, Bytes text, const ListLimits& limits);
  /// CONTRACT: index < Size().
  void Replace(size_t index, Bytes text, const ListLimits& limits);
  /// Calls visit(Element) for the element at an end, and erases it. CONTRACT: there is one.
  template <typename Visit>
  void Take(ListEnd end, Visit&& visit);
  /// CONTRACT: from + count <= Size().
  void Erase(size_t from, size_t count);
  /// Takes up to `max` elements that equal `text`, those next to an end first. Returns how many.
  size_t EraseEqual(Bytes text, size_t max, ListEnd from);
  /// The listpack of the only node, which is left to the caller; the Quicklist is freed. CONTRACT: CanBeListpack().
  Listpack IntoListpack();
  bool CanBeListpack() const { return rep_->length == 1 && !IsPlain(0); }
  /// Bytes of the listpack of a node.
  size_t NodeSize(size_t node) const { return RawBytes(At(node)); }

  static Quicklist CopyOf(const Quicklist& other);
  /// nullptr: under none.
  ListCapture* capture() const { return rep_->capture; }
  size_t MemoryBytes() const;
  /// The same from some of the nodes.
  size_t MemoryEstimate() const;

 private:
  friend class ListCapture;
  // What a node at the front may have before it takes no more there, and before it is split.
  static constexpr size_t kFrontBytes = 2 * kKiB;
  static constexpr size_t kLongFrontBytes = 2 * kFrontBytes;

  enum class Form : uint8_t { kListpack, kPlain };

  struct Node {
    void* data;      // Listpack, Blob or, if packed, Packed
    uint32_t count;  // elements
    Form form;
    bool packed;
    bool incompressible;  // packing it was tried and saved nothing; until it changes
    bool captured;        // `data` is a capture's, too; means nothing while the list is under none
  };
  static_assert(sizeof(Node) == 16);

  // What a packed node's data points to; the LZF run follows.
  struct Packed {
    uint32_t raw_bytes;
    uint32_t packed_bytes;
    Bytes run() const { return Bytes(reinterpret_cast<const char*>(this + 1), packed_bytes); }
  };

  struct Rep {
    uint64_t elements;
    Node* ring;
    uint32_t first;     // the first node's place in the ring
    uint32_t length;    // nodes
    uint32_t capacity;  // of the ring; a power of two
    uint32_t depth;
    ListCapture* capture;
  };

  // Where an element is: in which node, and as which of its elements.
  struct Place {
    size_t node;
    size_t offset;
  };

  Node& At(size_t i) const { return rep_->ring[(rep_->first + i) & (rep_->capacity - 1)]; }
  Place Locate(size_t index) const;
  bool FrontIsLong(size_t bytes_max) const {
    return rep_->depth == 0 && Nodes() > 1 && !IsPlain(0) && RawBytes(At(0)) > bytes_max;
  }
  void BeginFront(Bytes text, const ListLimits& limits);

  static Node NodeOf(Listpack listpack, size_t count);
  static Node NewNode(Bytes text, Blob* blob, bool plain);
  static size_t RawBytes(const Node& node) {
    if (node.packed) return static_cast<const Packed*>(node.data)->raw_bytes;
    if (node.form == Form::kPlain) return static_cast<const Blob*>(node.data)->size();
    return Listpack(node.data).TotalBytes();
  }
  static size_t HeldBytes(const Node& node);
  size_t OwnBytes() const;  // without the nodes
  static Bytes BytesOf(const Node& node, std::string* unpacked);
  static void FreeNode(const Node& node);
  // FreeNode, but what a capture has, too, is left to it.
  void Drop(const Node& node);
  // The data is the list's alone afterwards.
  void Unshare(Node* node);
  static void* CopyOfData(const Node& node);
  void Pack(Node* node);
  void Unpack(Node* node);
  static bool HasRoom(const Node& node, Bytes text, const ListLimits& limits);

  // A node that is to change: unpacked, and worth another try at packing.
  Node& Open(size_t i) {
    Node& node = At(i);
    if (node.packed) Unpack(&node);
    if (TERRACE_UNLIKELY(node.captured)) Unshare(&node);
    node.incompressible = false;
    return node;
  }
  void SetCapacity(size_t capacity);
  void ShrinkRing();
  void InsertNode(size_t i, Node node);
  /// Frees nodes and closes the gap.
  void RemoveNodes(size_t i, size_t count);
  /// Makes node `i` two: its first `offset` elements and the rest.
  void Split(size_t i, size_t offset);
  /// Joins node `i` and the next if one node may hold both.
  bool TryMerge(size_t i, const ListLimits& limits);
  void SplitFor(Place place, Node added, const ListLimits& limits);
  /// Restores Q2 after nodes came or went, or node `i` changed.
  void Settle(size_t i);
  void SettleAll();

  Rep* rep_;
};

template <typename Visit>
void Quicklist::Walk(size_t from, ListEnd towards, Visit&& visit) const {
  Place place = Locate(from);
  std::string unpacked;
  bool entered = false;
  for (size_t node = place.node;; towards == ListEnd::kTail ? ++node : --node) {
    const Bytes bytes = NodeBytes(node, &unpacked);
    if (IsPlain(node)) {
      if (!visit(Element::OfString(bytes))) return;
    } else {
      const Listpack listpack(const_cast<char*>(bytes.data()));
      Listpack::Position at = !entered ? listpack.Seek(static_cast<int64_t>(place.offset))
                              : towards == ListEnd::kTail ? listpack.First()
                                                          : listpack.Last();
      while (at != nullptr) {
        if (!visit(listpack.Get(at))) return;
        at = towards == ListEnd::kTail ? listpack.Next(at) : listpack.Previous(at);
      }
    }
    entered = true;
    if (node == (towards == ListEnd::kTail ? Nodes() - 1 : 0)) return;
  }
}

template <typename Visit>
void Quicklist::Take(ListEnd end, Visit&& visit) {
  const bool head = end == ListEnd::kHead;
  Node& node = At(head ? 0 : Nodes() - 1);
  if (TERRACE_LIKELY(rep_->depth == 0 && node.form == Form::kListpack && !node.captured &&
                     node.count > 1 && !(head && FrontIsLong(kLongFrontBytes)))) {
    Listpack listpack(node.data);
    const Listpack::Position at = head ? listpack.First() : listpack.Last();
    visit(listpack.Get(at));
    listpack.Erase(at);
    node.data = listpack.data();
    --node.count;
    --rep_->elements;
    return;
  }
  const size_t index = head ? 0 : Size() - 1;
  Walk(index, end, [&](const Element& element) {
    visit(element);
    return false;
  });
  Erase(index, 1);
}

extern const ValueOps kQuicklistOps;

}  // namespace terrace::types
