// List: the value of a list key. One listpack while a node may hold all of it, a quicklist beyond.
//
// It grows into a quicklist when what is put in might not fit into a node any more, and comes back only when a removal or
// a replacement has left one node of half that size: a list at the border does not change its form with every command.
//
// A handle made from a value (types/value.h); every change may move the value and change its encoding.
#pragma once

#include <cstdint>
#include <string>

#include "base/args.h"
#include "base/bytes.h"
#include "types/list_limits.h"
#include "types/listpack.h"
#include "types/quicklist.h"
#include "types/value.h"

namespace terrace::types {

class List {
 public:
  static List New() { return List({Type::kList, Encoding::kListpack, Listpack::New().data()}); }
  explicit List(Value value) : value_(value) {}

  Value value() const { return value_; }
  size_t Size() const { return is_listpack() ? listpack().Count() : quicklist().Size(); }

  /// Calls visit(Element) for element `from` and on towards an end, until it returns false. CONTRACT: from < Size().
  template <typename Visit>
  void Walk(size_t from, ListEnd towards, Visit&& visit) const;

  bool Contains(Bytes text) const;

  // --- changing ---
  void Push(ListEnd end, Bytes text, const ListLimits& limits);
  /// The arguments from `first` on, one after the other; those in a blob of their own may stay in it.
  void Push(ListEnd end, const Args& args, size_t first, const ListLimits& limits);
  /// Before element `index`, which exists, or behind the last.
  void Insert(size_t index, Bytes text, const ListLimits& limits);
  /// CONTRACT: index < Size().
  void Replace(size_t index, Bytes text, const ListLimits& limits);
  /// Calls visit(Element) for the element at an end, and erases it. CONTRACT: there is one.
  template <typename Visit>
  void Take(ListEnd end, const ListLimits& limits, Visit&& visit);
  /// CONTRACT: from + count <= Size().
  void Erase(size_t from, size_t count, const ListLimits& limits);
  /// Takes up to `max` elements that equal `text`, those next to an end first. Returns how many.
  size_t EraseEqual(Bytes text, size_t max, ListEnd from, const ListLimits& limits);

  // --- as it is stored: for dumps and whoever reads them ---
  /// Nodes: 1 for a listpack. A node is a listpack's bytes, or the text of a plain one.
  size_t Nodes() const { return is_listpack() ? 1 : quicklist().Nodes(); }
  bool IsPlain(size_t node) const { return !is_listpack() && quicklist().IsPlain(node); }
  /// Bytes that had to be unpacked are in `unpacked`.
  Bytes NodeBytes(size_t node, std::string* unpacked) const {
    return is_listpack() ? listpack().bytes() : quicklist().NodeBytes(node, unpacked);
  }
  /// Puts a listpack that Validate accepted, and that is not empty, behind the last element. Call Settle when all are in.
  void AppendNode(Bytes listpack, const ListLimits& limits);
  /// The same for one element that stood alone, and does so again.
  void AppendPlain(Bytes text, const ListLimits& limits);
  /// Gives a list that was put together from nodes the encoding it should have.
  void Settle(const ListLimits& limits);

 private:
  bool is_listpack() const { return value_.encoding == Encoding::kListpack; }
  Listpack listpack() const { return Listpack(value_.data); }
  Quicklist quicklist() const { return Quicklist(value_.data); }

  void PushToListpack(ListEnd end, const Args& args, size_t first, const ListLimits& limits);
  /// Before `elements` of so many bytes in all are put in.
  void Grow(size_t bytes, size_t elements, const ListLimits& limits);
  void BecomeQuicklist(const ListLimits& limits);
  /// Back to a listpack if only one node is left and takes no more than a `fraction`th of what a node may.
  void Shrink(size_t fraction, const ListLimits& limits);

  Value value_;
};

template <typename Visit>
void List::Walk(size_t from, ListEnd towards, Visit&& visit) const {
  if (!is_listpack()) return quicklist().Walk(from, towards, visit);
  const Listpack elements = listpack();
  Listpack::Position at = elements.Seek(static_cast<int64_t>(from));
  while (at != nullptr && visit(elements.Get(at))) {
    at = towards == ListEnd::kTail ? elements.Next(at) : elements.Previous(at);
  }
}

template <typename Visit>
void List::Take(ListEnd end, const ListLimits& limits, Visit&& visit) {
  if (!is_listpack()) {
    quicklist().Take(end, visit);
    return Shrink(2, limits);
  }
  Listpack elements = listpack();
  const Listpack::Position at = end == ListEnd::kHead ? elements.First() : elements.Last();
  visit(elements.Get(at));
  elements.Erase(at);
  value_.data = elements.data();
}

}  // namespace terrace::types
