#include "types/list.h"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <vector>

#include "base/memory.h"
#include "base/random.h"

namespace terrace::types {
namespace {

using Model = std::deque<std::string>;

std::string TextOf(const Element& element) {
  char digits[kInt64CharsMax];
  return std::string(element.Text(digits));
}

std::vector<std::string> Elements(const List& list, ListEnd towards = ListEnd::kTail) {
  std::vector<std::string> elements;
  if (list.Size() == 0) return elements;
  list.Walk(towards == ListEnd::kTail ? 0 : list.Size() - 1, towards, [&](const Element& element) {
    elements.push_back(TextOf(element));
    return true;
  });
  return elements;
}

std::string At(const List& list, size_t index) {
  std::string text;
  list.Walk(index, ListEnd::kTail, [&](const Element& element) {
    text = TextOf(element);
    return false;
  });
  return text;
}

// A list that is freed at the end.
struct OwnedList : List {
  explicit OwnedList(List list = List::New()) : List(list) {}
  OwnedList(const OwnedList&) = delete;
  OwnedList& operator=(const OwnedList&) = delete;
  ~OwnedList() { Destroy(value()); }
};

bool IsQuicklist(const List& list) { return list.value().encoding == Encoding::kQuicklist; }

void Fill(List& list, size_t count, const ListLimits& limits) {
  for (size_t i = 0; i < count; ++i)
    list.Push(ListEnd::kTail, "element:" + std::to_string(i), limits);
}

// One random change, made to both.
void Change(List& list, Model& model, Random& random, const ListLimits& limits) {
  std::string text = std::to_string(random.Below(20));
  if (random.Below(3) == 0)
    text = std::string(random.Below(30), static_cast<char>('a' + random.Below(3)));
  if (random.Below(25) == 0) text = std::string(limits.NodeBytesMax() + 1 + random.Below(20), 'x');
  if (random.Below(40) == 0) text = std::string(limits.NodeBytesMax() - random.Below(20), 'y');
  const ListEnd end = random.Below(2) == 0 ? ListEnd::kHead : ListEnd::kTail;
  const size_t size = model.size();
  switch (random.Below(model.size() > 600 ? 9 : 7)) {
    case 0:
    case 1:
      list.Push(end, text, limits);
      end == ListEnd::kHead ? model.push_front(text) : model.push_back(text);
      break;
    case 2: {
      const size_t at = random.Below(size + 1);
      list.Insert(at, text, limits);
      model.insert(model.begin() + static_cast<ptrdiff_t>(at), text);
      break;
    }
    case 3: {
      if (size == 0) break;
      const size_t at = random.Below(size);
      list.Replace(at, text, limits);
      model[at] = text;
      break;
    }
    case 4: {
      if (size == 0) break;
      const size_t from = random.Below(size);
      const size_t count =
          std::min<size_t>(random.Below(random.Below(10) == 0 ? size + 1 : 3), size - from);
      list.Erase(from, count, limits);
      model.erase(model.begin() + static_cast<ptrdiff_t>(from),
                  model.begin() + static_cast<ptrdiff_t>(from + count));
      break;
    }
    case 5: {
      if (random.Below(4) != 0) break;
      const size_t max = random.Below(2) == 0 ? size + 1 : 1 + random.Below(3);
      size_t erased = 0;
      for (size_t k = 0; k < model.size() && erased < max;) {
        const size_t at = end == ListEnd::kHead ? k : model.size() - 1 - k;
        if (model[at] != text) {
          ++k;
          continue;
        }
        model.erase(model.begin() + static_cast<ptrdiff_t>(at));
        ++erased;
      }
      CHECK(list.EraseEqual(text, max, end, limits) == erased);
      break;
    }
    case 6: {
      if (size == 0) break;
      std::string taken;
      list.Take(end, limits, [&](const Element& element) { taken = TextOf(element); });
      CHECK(taken == (end == ListEnd::kHead ? model.front() : model.back()));
      end == ListEnd::kHead ? model.pop_front() : model.pop_back();
      break;
    }
    default: {  // it has grown long enough
      const size_t count = 1 + random.Below(200);
      list.Erase(0, count, limits);
      model.erase(model.begin(), model.begin() + static_cast<ptrdiff_t>(count));
    }
  }
}

void CheckEqual(const List& list, const Model& model) {
  REQUIRE(list.Size() == model.size());
  CHECK(Elements(list) == std::vector<std::string>(model.begin(), model.end()));
  CHECK(Elements(list, ListEnd::kHead) == std::vector<std::string>(model.rbegin(), model.rend()));
  for (size_t i = 0; i < model.size(); i += 1 + i / 2) CHECK(At(list, i) == model[i]);
}

TEST_SUITE("types/list") {
  TEST_CASE("a small list is one allocation, a long one a quicklist") {
    OwnedList list;
    const ListLimits limits{.node_size = 4};
    Fill(list, 4, limits);
    CHECK_FALSE(IsQuicklist(list));
    CHECK(FreeEffort(list.value()) == 1);
    Fill(list, 1, limits);
    CHECK(IsQuicklist(list));
    CHECK(list.Nodes() == 2);
    CHECK(FreeEffort(list.value()) == 2);
  }

  TEST_CASE("several elements are judged together, before the first goes in") {
    OwnedList list;
    const Bytes words[] = {"a", "b", "c", "d", "e"};
    list.Push(ListEnd::kHead, Args(words), 0, {.node_size = 4});
    CHECK(IsQuicklist(list));
    CHECK(Elements(list) == std::vector<std::string>{"e", "d", "c", "b", "a"});
  }

  TEST_CASE("a quicklist comes back when half a node is left, not before") {
    OwnedList list;
    const ListLimits limits{.node_size = 8};
    Fill(list, 9, limits);
    REQUIRE(IsQuicklist(list));
    list.Erase(0, 4, limits);
    CHECK(IsQuicklist(list));
    list.Erase(4, 1, limits);
    CHECK_FALSE(IsQuicklist(list));
    CHECK(Elements(list) ==
          std::vector<std::string>{"element:4", "element:5", "element:6", "element:7"});
  }

  TEST_CASE("the settings name the sizes of nodes") {
    CHECK(ListLimits{.node_size = -1}.NodeBytesMax() == 4 * kKiB);
    CHECK(ListLimits{.node_size = -2}.NodeBytesMax() == 8 * kKiB);
    CHECK(ListLimits{.node_size = -3}.NodeBytesMax() == 16 * kKiB);
    CHECK(ListLimits{.node_size = -4}.NodeBytesMax() == 32 * kKiB);
    CHECK(ListLimits{.node_size = -5}.NodeBytesMax() == 64 * kKiB);
    CHECK(ListLimits{.node_size = -9}.NodeBytesMax() == 64 * kKiB);
    CHECK(ListLimits{.node_size = 0}.NodeElementsMax() == 1);
    CHECK(ListLimits{.node_size = 7}.NodeElementsMax() == 7);
    CHECK_FALSE(ListLimits{.node_size = 1000}.NodeFits(8 * kKiB + 1, 2));
    CHECK(ListLimits{.node_size = 1000}.NodeFits(8 * kKiB, 1000));
    CHECK_FALSE(ListLimits{.node_size = 1000}.NodeFits(8 * kKiB, 1001));
  }

  TEST_CASE("no node is larger than it may be, and large elements stand alone") {
    for (const int64_t node_size : {-1, -2, -5, 3}) {
      CAPTURE(node_size);
      const ListLimits limits{.node_size = node_size};
      OwnedList list;
      Fill(list, 20'000, limits);
      list.Push(ListEnd::kTail, std::string(limits.NodeBytesMax() + 1, 'x'), limits);
      list.Insert(7, std::string(limits.NodeBytesMax() + 1, 'x'), limits);
      size_t plain = 0;
      std::string unpacked;
      for (size_t i = 0; i < list.Nodes(); ++i) {
        const Bytes bytes = list.NodeBytes(i, &unpacked);
        if (list.IsPlain(i)) {
          ++plain;
          continue;
        }
        size_t count = 0;
        REQUIRE(Listpack::Validate(bytes, &count));
        CHECK(limits.NodeFits(bytes.size(), count));
      }
      CHECK(plain == 2);
      CHECK(At(list, 7).size() == limits.NodeBytesMax() + 1);
      CHECK(At(list, 19'999) == "element:19998");
    }
  }

  TEST_CASE("a list that is worked on at its front has a small node there, and full ones behind") {
    const ListLimits limits{.node_size = -2};
    constexpr size_t kElements = 2000;
    const std::string text(70, 'x');
    OwnedList list;
    Model model;
    for (size_t i = 0; i < kElements; ++i) {
      model.push_front(text + std::to_string(i));
      list.Push(ListEnd::kHead, model.front(), limits);
    }
    CheckEqual(list, model);
    const size_t full = kElements * (text.size() + 8) / (8 * kKiB);
    CHECK(list.Nodes() <= full * 4 / 3 + 2);
    std::string unpacked;
    const size_t nodes = list.Nodes();
    size_t long_fronts = 0;
    for (size_t i = 0; i < kElements; ++i) {
      list.Take(ListEnd::kHead, limits,
                [&](const Element& element) { CHECK(TextOf(element) == model.front()); });
      model.pop_front();
      if (i % 100 == 0) CheckEqual(list, model);
      if (list.Nodes() > 2 && list.NodeBytes(0, &unpacked).size() > 4 * kKiB) ++long_fronts;
    }
    CHECK(list.Size() == 0);
    // A node of 8 KiB is met three times, with what splitting has left of it; not at every pop.
    CHECK(long_fronts <= 3 * nodes);
    CHECK(3 * nodes < kElements / 10);
  }

  TEST_CASE("what a list takes is estimated from some of its nodes, and known if these are all") {
    const ListLimits limits{.node_size = 100};
    OwnedList list;
    Fill(list, 5'000, limits);
    CHECK(MemoryEstimate(list.value()) == MemoryBytes(list.value()));
    Fill(list, 200'000, limits);
    const auto bytes = static_cast<double>(MemoryBytes(list.value()));
    const auto estimate = static_cast<double>(MemoryEstimate(list.value()));
    CHECK(estimate > 0.9 * bytes);
    CHECK(estimate < 1.1 * bytes);
  }

  TEST_CASE("nodes between the ends are compressed, those at the ends are not") {
    const ListLimits plainly{.node_size = 100};
    const ListLimits packed{.node_size = 100, .compress_depth = 2};
    OwnedList list, other;
    Fill(list, 100'000, plainly);
    Fill(other, 100'000, packed);
    CHECK(MemoryBytes(other.value()) < MemoryBytes(list.value()) / 2);
    CHECK(Elements(other) == Elements(list));
    // The ends' nodes are as they were: putting in and taking out there never packs.
    other.Erase(0, 99'000, packed);
    list.Erase(0, 99'000, plainly);
    CHECK(Elements(other) == Elements(list));
  }

  TEST_CASE("a list put together from nodes gets the encoding it should have") {
    Listpack nodes = Listpack::New();
    nodes.Append("one");
    nodes.Append("2");
    OwnedList list;
    list.AppendNode(nodes.bytes(), {});
    CHECK(IsQuicklist(list));
    list.Settle({});
    CHECK_FALSE(IsQuicklist(list));
    list.AppendNode(nodes.bytes(), {});
    list.AppendPlain("three", {});
    list.AppendNode(nodes.bytes(), {});
    list.Settle({});
    CHECK(IsQuicklist(list));
    CHECK(list.Nodes() == 4);
    CHECK(list.IsPlain(2));
    CHECK(Elements(list) == std::vector<std::string>{"one", "2", "one", "2", "three", "one", "2"});
    nodes.Free();
  }

  TEST_CASE("a copy is a list of its own") {
    const ListLimits limits{.node_size = 10, .compress_depth = 1};
    OwnedList list;
    Fill(list, 1000, limits);
    list.Push(ListEnd::kTail, std::string(9000, 'x'), limits);
    list.Push(ListEnd::kTail, "last", limits);
    OwnedList copy{List(Copy(list.value()))};
    const auto before = Elements(list);
    CHECK(Elements(copy) == before);
    copy.Erase(5, 900, limits);
    copy.Replace(0, "other", limits);
    CHECK(Elements(list) == before);
  }

  TEST_CASE("a large element is kept in the allocation it came in") {
    OwnedList list;
    const BlobRef blob = BlobRef::Copy(std::string(100'000, 'x'));
    const Bytes argv[] = {"RPUSH", "key", blob->bytes()};
    const BlobArg in_blob{2, blob.get()};
    list.Push(ListEnd::kTail, Args(argv, 3, {&in_blob, 1}), 2, {});
    CHECK(blob->shared());
    std::string unused;
    CHECK(list.NodeBytes(0, &unused).data() == blob->data());
  }

  TEST_CASE("does what a deque does, whatever the settings; nothing is left over") {
    uint64_t seed = 20'231'117;
    for (const int64_t node_size : {-1, -2, 1, 2, 5, 128}) {
      for (const int64_t depth : {0, 1, 3}) {
        ++seed;
        CAPTURE(seed);
        CAPTURE(node_size);
        CAPTURE(depth);
        Random random(seed);
        ListLimits limits{.node_size = node_size, .compress_depth = depth};
        if (node_size == 5) limits.plain_bytes = 20;
        const int64_t memory_before = UsedMemory();
        {
          OwnedList list;
          Model model;
          for (int step = 0; step < 4000; ++step) {
            Change(list, model, random, limits);
            REQUIRE(list.Size() == model.size());
            if (step % 200 == 0) CheckEqual(list, model);
          }
          CheckEqual(list, model);
          list.Erase(0, list.Size(), limits);
          CHECK(list.Size() == 0);
        }
        // Counted to a few KiB a thread (base/memory.h).
        CHECK(UsedMemory() - memory_before < static_cast<int64_t>(512 * kKiB));
      }
    }
  }
}

}  // namespace
}  // namespace terrace::types
