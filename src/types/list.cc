#include "types/list.h"

#include "base/check.h"

namespace terrace::types {

void List::BecomeQuicklist(const ListLimits& limits) {
  TERRACE_DCHECK(is_listpack());
  Listpack elements = listpack();
  Quicklist list = Quicklist::New(limits.compress_depth);
  if (elements.empty()) {
    elements.Free();
  } else {
    list.AppendNode(elements);
  }
  value_ = {Type::kList, Encoding::kQuicklist, list.data()};
}

void List::Grow(size_t bytes, size_t elements, const ListLimits& limits) {
  if (!is_listpack()) return;
  if (!limits.NodeFits(listpack().TotalBytes() + bytes, listpack().Count() + elements))
    BecomeQuicklist(limits);
}

void List::Shrink(size_t fraction, const ListLimits& limits) {
  if (is_listpack() || !quicklist().CanBeListpack()) return;
  // A limit on elements does not look at bytes here: one node never holds more of them than it may.
  if (limits.node_size < 0 && quicklist().NodeSize(0) > limits.NodeBytesMax() / fraction) return;
  if (limits.node_size >= 0 && quicklist().Size() > limits.NodeElementsMax() / fraction) return;
  value_ = {Type::kList, Encoding::kListpack, quicklist().IntoListpack().data()};
}

bool List::Contains(Bytes text) const {
  std::string unpacked;
  for (size_t i = 0; i < Nodes(); ++i) {
    const Bytes bytes = NodeBytes(i, &unpacked);
    if (IsPlain(i)) {
      if (bytes == text) return true;
    } else {
      const Listpack elements(const_cast<char*>(bytes.data()));
      if (elements.Find(elements.First(), text) != nullptr) return true;
    }
  }
  return false;
}

void List::Push(ListEnd end, Bytes text, const ListLimits& limits) {
  Push(end, Args(&text, 1), 0, limits);
}

void List::Push(ListEnd end, const Args& args, size_t first, const ListLimits& limits) {
  if (is_listpack()) {
    PushToListpack(end, args, first, limits);
    if (is_listpack()) return;
  }
  Quicklist list = quicklist();
  for (size_t i = first; i < args.size(); ++i) list.Push(end, args[i], args.BlobOf(i), limits);
}

// Or makes it a quicklist, and leaves the pushing to that.
void List::PushToListpack(ListEnd end, const Args& args, size_t first, const ListLimits& limits) {
  size_t bytes = 0;
  for (size_t i = first; i < args.size(); ++i) bytes += args[i].size();
  Grow(bytes, args.size() - first, limits);
  if (!is_listpack()) return;
  Listpack elements = listpack();
  for (size_t i = first; i < args.size(); ++i) {
    end == ListEnd::kHead ? elements.Prepend(args[i]) : elements.Append(args[i]);
  }
  value_.data = elements.data();
}

void List::Insert(size_t index, Bytes text, const ListLimits& limits) {
  Grow(text.size(), 1, limits);
  if (!is_listpack()) return quicklist().Insert(index, text, limits);
  Listpack elements = listpack();
  elements.Insert(elements.Seek(static_cast<int64_t>(index)), text);
  value_.data = elements.data();
}

void List::Replace(size_t index, Bytes text, const ListLimits& limits) {
  Grow(text.size(), 1, limits);
  if (is_listpack()) {
    Listpack elements = listpack();
    elements.Replace(elements.Seek(static_cast<int64_t>(index)), text);
    value_.data = elements.data();
    return;
  }
  quicklist().Replace(index, text, limits);
  Shrink(2, limits);
}

void List::Erase(size_t from, size_t count, const ListLimits& limits) {
  if (is_listpack()) {
    Listpack elements = listpack();
    elements.Erase(elements.Seek(static_cast<int64_t>(from)), count);
    value_.data = elements.data();
    return;
  }
  quicklist().Erase(from, count);
  Shrink(2, limits);
}

size_t List::EraseEqual(Bytes text, size_t max, ListEnd from, const ListLimits& limits) {
  if (!is_listpack()) {
    const size_t erased = quicklist().EraseEqual(text, max, from);
    if (erased != 0) Shrink(2, limits);
    return erased;
  }
  Listpack elements = listpack();
  size_t pass_over = 0;
  if (from == ListEnd::kTail && max < elements.Count()) {
    const size_t equal = elements.CountEqual(text);
    if (equal > max) pass_over = equal - max;
  }
  const size_t erased = elements.EraseEqual(text, pass_over, max);
  value_.data = elements.data();
  return erased;
}

void List::AppendNode(Bytes listpack, const ListLimits& limits) {
  if (is_listpack()) BecomeQuicklist(limits);
  quicklist().AppendNode(Listpack::Copy(listpack));
}

void List::AppendPlain(Bytes text, const ListLimits& limits) {
  if (is_listpack()) BecomeQuicklist(limits);
  ListLimits alone = limits;
  alone.plain_bytes = text.size();
  quicklist().Push(ListEnd::kTail, text, nullptr, alone);
}

void List::Settle(const ListLimits& limits) {
  if (is_listpack()) {
    Grow(0, 0, limits);
  } else {
    Shrink(1, limits);
  }
}

}  // namespace terrace::types
