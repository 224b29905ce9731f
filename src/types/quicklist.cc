#include "types/quicklist.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/lzf.h"
#include "base/memory.h"
#include "base/sampled_sum.h"
#include "types/list_capture.h"

namespace terrace::types {
namespace {

constexpr size_t kRingMin = 4;
// Less is not worth a second form.
constexpr size_t kPackBytesMin = 48;
constexpr size_t kPackSavingMin = 8;
// An element's text, with what a listpack puts around it: an estimate that is never far too low.
constexpr size_t kElementOverhead = 8;

}  // namespace

Quicklist Quicklist::New(int64_t compress_depth) {
  auto* rep = static_cast<Rep*>(Allocate(sizeof(Rep)));
  *rep = {.elements = 0,
          .ring = static_cast<Node*>(Allocate(kRingMin * sizeof(Node))),
          .first = 0,
          .length = 0,
          .capacity = kRingMin,
          .depth = static_cast<uint32_t>(std::max<int64_t>(compress_depth, 0)),
          .capture = nullptr};
  return Quicklist(rep);
}

void Quicklist::Free() {
  for (size_t i = 0; i < Nodes(); ++i) Drop(At(i));
  if (rep_->capture != nullptr) rep_->capture->LoseSource();
  Deallocate(rep_->ring, rep_->capacity * sizeof(Node));
  Deallocate(rep_, sizeof(Rep));
}

// --- nodes ---

Quicklist::Node Quicklist::NodeOf(Listpack listpack, size_t count) {
  return {.data = listpack.data(),
          .count = static_cast<uint32_t>(count),
          .form = Form::kListpack,
          .packed = false,
          .incompressible = false,
          .captured = false};
}

Quicklist::Node Quicklist::NewNode(Bytes text, Blob* blob, bool plain) {
  if (!plain) {
    Listpack listpack = Listpack::New();
    listpack.Append(text);
    return NodeOf(listpack, 1);
  }
  BlobRef held = blob != nullptr ? BlobRef::Share(blob) : BlobRef::Copy(text);
  return {.data = held.Release(),
          .count = 1,
          .form = Form::kPlain,
          .packed = false,
          .incompressible = false,
          .captured = false};
}

void Quicklist::FreeNode(const Node& node) {
  if (node.packed) {
    Deallocate(node.data, sizeof(Packed) + static_cast<const Packed*>(node.data)->packed_bytes);
  } else if (node.form == Form::kPlain) {
    static_cast<Blob*>(node.data)->Unref();
  } else {
    Listpack(node.data).Free();
  }
}

void Quicklist::Drop(const Node& node) {
  if (TERRACE_LIKELY(!node.captured || rep_->capture == nullptr)) return FreeNode(node);
  rep_->capture->Leave(node);
}

void Quicklist::Unshare(Node* node) {
  if (node->captured && rep_->capture != nullptr) {
    const Node shared = *node;
    node->data = CopyOfData(shared);
    rep_->capture->Leave(shared);
  }
  node->captured = false;
}

// What its `data` is in a list of its own.
void* Quicklist::CopyOfData(const Node& node) {
  if (node.packed) {
    const size_t bytes = sizeof(Packed) + static_cast<const Packed*>(node.data)->packed_bytes;
    void* data = Allocate(bytes);
    std::memcpy(data, node.data, bytes);
    return data;
  }
  if (node.form != Form::kPlain) return Listpack::Copy(Listpack(node.data).bytes()).data();
  static_cast<Blob*>(node.data)->Ref();
  return node.data;
}

void Quicklist::Pack(Node* node) {
  if (node->packed || node->incompressible) return;
  const Bytes raw = node->form == Form::kPlain ? static_cast<const Blob*>(node->data)->bytes()
                                               : Listpack(node->data).bytes();
  node->incompressible = true;
  if (raw.size() < kPackBytesMin || raw.size() > UINT32_MAX) return;
  std::string run(raw.size() - kPackSavingMin, '\0');
  const size_t bytes = LzfCompress(raw, run.data(), run.size());
  if (bytes == 0) return;
  void* memory = Allocate(sizeof(Packed) + bytes);
  auto* packed =
      new (memory) Packed{static_cast<uint32_t>(raw.size()), static_cast<uint32_t>(bytes)};
  std::memcpy(packed + 1, run.data(), bytes);
  Drop(*node);
  node->data = packed;
  node->packed = true;
  node->captured = false;
}

void Quicklist::Unpack(Node* node) {
  if (!node->packed) return;
  const auto* packed = static_cast<const Packed*>(node->data);
  void* data = nullptr;
  char* out = nullptr;
  if (node->form == Form::kPlain) {
    Blob* blob = Blob::New(packed->raw_bytes);
    data = blob;
    out = blob->data();
  } else {
    data = Allocate(packed->raw_bytes);
    out = static_cast<char*>(data);
  }
  TERRACE_CHECK(LzfDecompress(packed->run(), out, packed->raw_bytes));
  Drop(*node);
  node->data = data;
  node->packed = false;
  node->captured = false;
}

inline bool Quicklist::HasRoom(const Node& node, Bytes text, const ListLimits& limits) {
  return node.form == Form::kListpack &&
         limits.NodeFits(RawBytes(node) + text.size() + kElementOverhead, size_t{node.count} + 1);
}

// --- looking ---

Bytes Quicklist::NodeBytes(size_t i, std::string* unpacked) const {
  return BytesOf(At(i), unpacked);
}

Bytes Quicklist::BytesOf(const Node& node, std::string* unpacked) {
  if (TERRACE_LIKELY(!node.packed)) {
    if (node.form == Form::kPlain) return static_cast<const Blob*>(node.data)->bytes();
    return Listpack(node.data).bytes();
  }
  const auto* packed = static_cast<const Packed*>(node.data);
  unpacked->resize(packed->raw_bytes);
  TERRACE_CHECK(LzfDecompress(packed->run(), unpacked->data(), packed->raw_bytes));
  return *unpacked;
}

Quicklist::Place Quicklist::Locate(size_t index) const {
  TERRACE_DCHECK(index < Size());
  if (index <= Size() / 2) {
    size_t node = 0;
    for (size_t count; index >= (count = At(node).count); ++node) index -= count;
    return {node, index};
  }
  size_t behind = Size() - index;  // the wanted one and all behind it
  size_t node = Nodes() - 1;
  for (size_t count; behind > (count = At(node).count); --node) behind -= count;
  return {node, At(node).count - behind};
}

// --- the ring ---

void Quicklist::SetCapacity(size_t capacity) {
  TERRACE_CHECK(capacity <= UINT32_MAX / 2);
  auto* ring = static_cast<Node*>(Allocate(capacity * sizeof(Node)));
  const size_t till_end = std::min<size_t>(rep_->length, rep_->capacity - rep_->first);
  std::memcpy(ring, rep_->ring + rep_->first, till_end * sizeof(Node));
  std::memcpy(ring + till_end, rep_->ring, (rep_->length - till_end) * sizeof(Node));
  Deallocate(rep_->ring, rep_->capacity * sizeof(Node));
  rep_->ring = ring;
  rep_->first = 0;
  rep_->capacity = static_cast<uint32_t>(capacity);
}

void Quicklist::InsertNode(size_t i, Node node) {
  if (rep_->length == rep_->capacity) SetCapacity(size_t{rep_->capacity} * 2);
  const size_t length = rep_->length++;
  rep_->elements += node.count;
  if (i < length / 2) {  // the shorter side makes way
    rep_->first = (rep_->first - 1) & (rep_->capacity - 1);
    for (size_t k = 0; k < i; ++k) At(k) = At(k + 1);
  } else {
    for (size_t k = length; k > i; --k) At(k) = At(k - 1);
  }
  At(i) = node;
}

void Quicklist::RemoveNodes(size_t i, size_t count) {
  if (count == 0) return;
  for (size_t k = i; k < i + count; ++k) {
    rep_->elements -= At(k).count;
    Drop(At(k));
  }
  const size_t behind = rep_->length - i - count;
  if (i < behind) {
    for (size_t k = i; k-- > 0;) At(k + count) = At(k);
    rep_->first = static_cast<uint32_t>((rep_->first + count) & (rep_->capacity - 1));
  } else {
    for (size_t k = i; k < i + behind; ++k) At(k) = At(k + count);
  }
  rep_->length -= static_cast<uint32_t>(count);
  ShrinkRing();
}

void Quicklist::ShrinkRing() {
  // Not at half: a list that sways around a power of two would move to and fro.
  size_t capacity = rep_->capacity;
  while (capacity > kRingMin && rep_->length <= capacity / 4) capacity /= 2;
  if (capacity != rep_->capacity) SetCapacity(capacity);
}

// --- compression ---

void Quicklist::Settle(size_t i) {
  const size_t depth = rep_->depth;
  if (TERRACE_LIKELY(depth == 0)) return;
  const size_t length = rep_->length;
  for (size_t k = 0; k < std::min(depth, length); ++k) {
    Unpack(&At(k));
    Unpack(&At(length - 1 - k));
  }
  if (length <= 2 * depth) return;
  // A change makes at most two nodes more, so at most two have left the ends; those it touched are around `i`.
  const auto pack_inside = [&](size_t k) {
    if (k >= depth && k < length - depth) Pack(&At(k));
  };
  for (size_t k = 0; k < 2; ++k) {
    pack_inside(depth + k);
    pack_inside(length - 1 - depth - k);
  }
  for (size_t k = i < 2 ? 0 : i - 2; k <= i + 2; ++k) pack_inside(k);
}

void Quicklist::SettleAll() {
  const size_t depth = rep_->depth;
  if (TERRACE_LIKELY(depth == 0)) return;
  for (size_t k = 0; k < rep_->length; ++k) {
    if (k >= depth && k + depth < rep_->length) {
      Pack(&At(k));
    } else {
      Unpack(&At(k));
    }
  }
}

// --- changing ---

// The first node takes no more at its front: it joins the next one, if that has room, and another one begins.
void Quicklist::BeginFront(Bytes text, const ListLimits& limits) {
  TryMerge(0, limits);
  InsertNode(0, NewNode(text, nullptr, false));
}

void Quicklist::Push(ListEnd end, Bytes text, Blob* blob, const ListLimits& limits) {
  const bool plain = limits.IsPlain(text.size());
  if (end == ListEnd::kHead && !plain && limits.node_size < 0 && FrontIsLong(kFrontBytes)) {
    return BeginFront(text, limits);
  }
  const size_t last = end == ListEnd::kHead ? 0 : Nodes() - 1;
  if (TERRACE_LIKELY(!plain && Nodes() != 0 && HasRoom(At(last), text, limits))) {
    Node& node = Open(last);
    Listpack listpack(node.data);
    end == ListEnd::kHead ? listpack.Prepend(text) : listpack.Append(text);
    node.data = listpack.data();
    ++node.count;
    ++rep_->elements;
    return;
  }
  InsertNode(end == ListEnd::kHead ? 0 : Nodes(), NewNode(text, blob, plain));
  Settle(end == ListEnd::kHead ? 0 : Nodes() - 1);
}

void Quicklist::AppendNode(Listpack listpack) {
  InsertNode(Nodes(), NodeOf(listpack, listpack.Count()));
  Settle(Nodes() - 1);
}

void Quicklist::Split(size_t i, size_t offset) {
  Node& left = Open(i);
  Listpack head(left.data);
  Listpack tail = Listpack::Copy(head.bytes());
  const size_t moved = left.count - offset;
  head.Erase(head.Seek(static_cast<int64_t>(offset)), moved);
  tail.Erase(tail.First(), offset);
  left.data = head.data();
  left.count = static_cast<uint32_t>(offset);
  rep_->elements -= moved;  // InsertNode counts them again
  InsertNode(i + 1, NodeOf(tail, moved));
}

bool Quicklist::TryMerge(size_t i, const ListLimits& limits) {
  if (i + 1 >= Nodes() || IsPlain(i) || IsPlain(i + 1)) return false;
  const size_t count = size_t{At(i).count} + At(i + 1).count;
  if (!limits.NodeFits(RawBytes(At(i)) + RawBytes(At(i + 1)), count)) return false;
  Listpack left(Open(i).data);
  left.AppendAll(Listpack(Open(i + 1).data));
  At(i).data = left.data();
  const uint32_t moved = At(i + 1).count;
  At(i).count += moved;
  rep_->elements += moved;  // RemoveNodes takes them off
  RemoveNodes(i + 1, 1);
  return true;
}

void Quicklist::SplitFor(Place place, Node added, const ListLimits& limits) {
  Split(place.node, place.offset);
  InsertNode(place.node + 1, added);
  // Left, added, right: the pieces join each other or their neighbours where they fit, so that a list that is often cut
  // does not end up in crumbs.
  TryMerge(place.node + 2, limits);
  TryMerge(place.node + 1, limits);
  TryMerge(place.node, limits);
  if (place.node > 0) TryMerge(place.node - 1, limits);
}

void Quicklist::Insert(size_t index, Bytes text, const ListLimits& limits) {
  if (index == 0) return Push(ListEnd::kHead, text, nullptr, limits);
  if (index == Size()) return Push(ListEnd::kTail, text, nullptr, limits);
  const bool plain = limits.IsPlain(text.size());
  Place place = Locate(index);
  bool inside = !plain && HasRoom(At(place.node), text, limits);
  if (!inside && place.offset == 0 && !plain && HasRoom(At(place.node - 1), text, limits)) {
    --place.node;
    place.offset = At(place.node).count;
    inside = true;
  }
  if (inside) {
    Node& node = Open(place.node);
    Listpack listpack(node.data);
    listpack.Insert(
        place.offset == node.count ? nullptr : listpack.Seek(static_cast<int64_t>(place.offset)),
        text);
    node.data = listpack.data();
    ++node.count;
    ++rep_->elements;
  } else if (place.offset == 0) {
    InsertNode(place.node, NewNode(text, nullptr, plain));
  } else {
    SplitFor(place, NewNode(text, nullptr, plain), limits);
  }
  Settle(place.node);
}

void Quicklist::Replace(size_t index, Bytes text, const ListLimits& limits) {
  const Place place = Locate(index);
  const bool plain = limits.IsPlain(text.size());
  const Node& held = At(place.node);
  if (held.count == 1) {
    Drop(held);
    At(place.node) = NewNode(text, nullptr, plain);
  } else if (!plain &&
             limits.NodeFits(RawBytes(held) + text.size() + kElementOverhead, held.count)) {
    Node& node = Open(place.node);
    Listpack listpack(node.data);
    listpack.Replace(listpack.Seek(static_cast<int64_t>(place.offset)), text);
    node.data = listpack.data();
  } else {
    Erase(index, 1);
    return Insert(index, text, limits);
  }
  Settle(place.node);
}

void Quicklist::Erase(size_t from, size_t count) {
  TERRACE_DCHECK(from + count <= Size());
  if (count == 0) return;
  // Who takes one from the front mostly comes back for the next.
  if (from == 0 && count == 1 && Nodes() > 2 && FrontIsLong(kLongFrontBytes)) {
    const size_t offset = At(0).count * kFrontBytes / RawBytes(At(0));
    if (offset > 1) Split(0, offset);
  }
  const Place place = Locate(from);
  size_t i = place.node;
  const auto erase_inside = [&](size_t offset, size_t n) {
    Node& node = Open(i);
    Listpack listpack(node.data);
    listpack.Erase(listpack.Seek(static_cast<int64_t>(offset)), n);
    node.data = listpack.data();
    node.count -= static_cast<uint32_t>(n);
    rep_->elements -= n;
    count -= n;
  };
  if (place.offset != 0) {
    erase_inside(place.offset, std::min(count, At(i).count - place.offset));
    ++i;
  }
  size_t whole = 0;
  while (count > 0 && count >= At(i + whole).count) count -= At(i + whole++).count;
  RemoveNodes(i, whole);
  if (count > 0) erase_inside(0, count);
  Settle(i);
}

size_t Quicklist::EraseEqual(Bytes text, size_t max, ListEnd from) {
  size_t erased = 0;
  std::string unpacked;
  for (size_t k = 0; k < Nodes() && erased < max; ++k) {
    const size_t i = from == ListEnd::kHead ? k : Nodes() - 1 - k;
    const Bytes bytes = NodeBytes(i, &unpacked);
    const size_t wanted = max - erased;
    size_t taken = 0;
    if (IsPlain(i)) {
      if (bytes != text) continue;
      taken = 1;
    } else {
      const Listpack seen(const_cast<char*>(bytes.data()));
      if (seen.Find(seen.First(), text) == nullptr) continue;
      Listpack listpack(Open(i).data);
      const size_t equal = from == ListEnd::kTail ? listpack.CountEqual(text) : 0;
      const size_t pass_over = equal > wanted ? equal - wanted : 0;
      taken = listpack.EraseEqual(text, pass_over, wanted);
      At(i).data = listpack.data();
    }
    At(i).count -= static_cast<uint32_t>(taken);
    rep_->elements -= taken;
    erased += taken;
  }
  if (erased == 0) return 0;
  // Emptied nodes go in one pass: closing a gap for each would be quadratic.
  size_t kept = 0;
  for (size_t k = 0; k < Nodes(); ++k) {
    if (At(k).count == 0) {
      Drop(At(k));
    } else {
      At(kept++) = At(k);
    }
  }
  rep_->length = static_cast<uint32_t>(kept);
  ShrinkRing();
  SettleAll();
  return erased;
}

Listpack Quicklist::IntoListpack() {
  TERRACE_DCHECK(CanBeListpack());
  const Listpack listpack(Open(0).data);
  rep_->length = 0;
  Free();
  return listpack;
}

// --- as a value ---

Quicklist Quicklist::CopyOf(const Quicklist& other) {
  Quicklist copy = New(other.rep_->depth);
  size_t capacity = kRingMin;
  while (capacity < other.Nodes()) capacity *= 2;
  copy.SetCapacity(capacity);
  for (size_t i = 0; i < other.Nodes(); ++i) {
    Node node = other.At(i);
    node.data = CopyOfData(node);
    node.captured = false;
    copy.InsertNode(i, node);
  }
  return copy;
}

size_t Quicklist::HeldBytes(const Node& node) {
  if (node.packed)
    return AllocationSize(sizeof(Packed) + static_cast<const Packed*>(node.data)->packed_bytes);
  if (node.form == Form::kPlain)
    return AllocationSize(static_cast<const Blob*>(node.data)->allocated_bytes());
  return AllocationSize(Listpack(node.data).TotalBytes());
}

size_t Quicklist::OwnBytes() const {
  return AllocationSize(sizeof(Rep)) + AllocationSize(rep_->capacity * sizeof(Node));
}

size_t Quicklist::MemoryBytes() const {
  size_t bytes = OwnBytes();
  for (size_t i = 0; i < Nodes(); ++i) bytes += HeldBytes(At(i));
  return bytes;
}

size_t Quicklist::MemoryEstimate() const {
  constexpr size_t kSamples = 64;
  SampledSum<kSamples> sum;
  const size_t wanted = std::min(Nodes(), kSamples);
  for (size_t i = 0; i < wanted; ++i) sum.Add(HeldBytes(At(i * Nodes() / wanted)));
  return OwnBytes() + sum.Of(Nodes());
}

const ValueOps kQuicklistOps = {
    .destroy = [](void* data) { Quicklist(data).Free(); },
    .copy =
        [](const void* data) {
          return Quicklist::CopyOf(Quicklist(const_cast<void*>(data))).data();
        },
    .memory_bytes =
        [](const void* data) { return Quicklist(const_cast<void*>(data)).MemoryBytes(); },
    .free_effort = [](const void* data) { return Quicklist(const_cast<void*>(data)).Nodes(); },
    .memory_estimate =
        [](const void* data) { return Quicklist(const_cast<void*>(data)).MemoryEstimate(); },
};

}  // namespace terrace::types
