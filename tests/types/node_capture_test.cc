// Lists and streams under capture: what can be read of them is what they were, whatever becomes of them meanwhile.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "types/list.h"
#include "types/list_capture.h"
#include "types/stream.h"
#include "types/stream_capture.h"

namespace {

using namespace terrace;
using namespace terrace::types;

uint64_t Seed() {
  const char* text = std::getenv("TERRACE_SEED");
  return text == nullptr ? 20'240'601 : std::strtoull(text, nullptr, 10);
}

/// Node by node: whether it is plain, and its bytes.
using Nodes = std::vector<std::string>;

template <typename Source>
Nodes NodesOf(const Source& list) {
  Nodes nodes;
  std::string unpacked;
  for (size_t i = 0; i < list.Nodes(); ++i)
    nodes.push_back((list.IsPlain(i) ? "p" : "l") + std::string(list.NodeBytes(i, &unpacked)));
  return nodes;
}

ListLimits LimitsOf(Random& random) {
  EncodingLimits settings;
  ListLimits limits = ListLimits::From(settings);
  limits.node_size = random.Below(3) == 0 ? 16 : -1;
  limits.compress_depth = static_cast<int64_t>(random.Below(3));
  limits.plain_bytes = 2000;
  return limits;
}

void ChangeList(List& list, Random& random, const ListLimits& limits) {
  const std::string text(random.Below(20) == 0 ? 3000 : random.Below(60),
                         static_cast<char>('a' + random.Below(26)));
  const ListEnd end = random.Below(2) == 0 ? ListEnd::kHead : ListEnd::kTail;
  const size_t size = list.Size();
  switch (random.Below(size < 500 ? 2 : 10)) {
    case 0:
    case 1:
      return list.Push(end, text, limits);
    case 2:
    case 3:
      return list.Take(end, limits, [](const Element&) {});
    case 4:
    case 5:
      return list.Replace(random.Below(size), text, limits);
    case 6:
    case 7:
      return list.Insert(random.Below(size), text, limits);
    case 8: {
      const size_t from = random.Below(size);
      return list.Erase(from, random.Below(std::min<size_t>(size - from, 30)), limits);
    }
    default:
      list.EraseEqual(text, 1 + random.Below(3), end, limits);
  }
}

std::string TextOf(const Stream& stream) {
  std::string text;
  stream.ForEachNode([&](const StreamNode& node, StreamId base) {
    text.append(std::to_string(base.ms)).append(1, '=').append(node.bytes());
  });
  return text;
}
std::string TextOf(const StreamCapture& capture, const std::vector<StreamId>& bases) {
  std::string text;
  for (size_t i = 0; i < capture.Nodes(); ++i)
    text.append(std::to_string(bases[i].ms)).append(1, '=').append(capture.Node(i).bytes());
  return text;
}

}  // namespace

TEST_SUITE("types/node_capture") {
  TEST_CASE("a list under capture can be read as it was, however it is changed") {
    const uint64_t seed = Seed();
    INFO("TERRACE_SEED=", seed);
    Random random(seed);
    for (int round = 0; round < 60; ++round) {
      CAPTURE(round);
      const ListLimits limits = LimitsOf(random);
      List list = List::New();
      for (int i = 0; i < 2000; ++i)
        list.Push(ListEnd::kTail, std::to_string(random.Next()), limits);
      CaptureBytes bytes;
      // One after the other: marks that an earlier one has left mean nothing.
      for (int capture_number = 0; capture_number < 3; ++capture_number) {
        REQUIRE(list.value().encoding == Encoding::kQuicklist);
        const Nodes before = NodesOf(list);
        ListCapture capture(Quicklist(list.value().data), &bytes);
        for (uint64_t i = random.Below(1500); i > 0; --i) ChangeList(list, random, limits);
        CHECK((NodesOf(capture) == before));
        const bool parts = random.Below(2) == 0;
        if (parts) {
          capture.Part();
          for (uint64_t i = random.Below(500); i > 0; --i) ChangeList(list, random, limits);
          CHECK((NodesOf(capture) == before));
        }
        CHECK(capture.detached() == parts);
      }
      CHECK(bytes.now() == 0);
      // And one that outlives the list.
      const Nodes before = NodesOf(list);
      ListCapture capture(Quicklist(list.value().data), &bytes);
      for (uint64_t i = random.Below(100); i > 0; --i) ChangeList(list, random, limits);
      if (random.Below(2) == 0) list.Erase(1, list.Size() - 1, limits);  // a listpack again
      Destroy(list.value());
      CHECK(capture.detached());
      CHECK((NodesOf(capture) == before));
    }
  }

  TEST_CASE("what a list that is captured goes on to have is its own") {
    Random random(1);
    const ListLimits limits = LimitsOf(random);
    List list = List::New();
    std::vector<std::string> model;
    for (int i = 0; i < 3000; ++i) {
      model.push_back(std::to_string(i));
      list.Push(ListEnd::kTail, model.back(), limits);
    }
    CaptureBytes bytes;
    std::optional<ListCapture> capture(std::in_place, Quicklist(list.value().data), &bytes);
    for (int i = 0; i < 200; ++i) {
      const size_t at = random.Below(model.size());
      model[at] = "replaced";
      list.Replace(at, "replaced", limits);
    }
    CHECK(bytes.now() > 1000);
    capture.reset();
    CHECK(bytes.now() == 0);
    size_t at = 0;
    list.Walk(0, ListEnd::kTail, [&](const Element& element) {
      char digits[32];
      CHECK(element.Text(digits) == model[at++]);
      return true;
    });
    CHECK(at == model.size());
    Destroy(list.value());
  }

  TEST_CASE("a stream under capture can be read as it was, however it is changed") {
    const uint64_t seed = Seed();
    INFO("TERRACE_SEED=", seed);
    Random random(seed);
    for (int round = 0; round < 40; ++round) {
      CAPTURE(round);
      const StreamLimits limits(4096, 20);
      Stream stream = Stream::New();
      uint64_t last = 0;
      const auto append = [&] {
        const std::string value(random.Below(30), 'v');
        const Bytes pair[] = {"field", value};
        stream.Append({++last, 0}, pair, limits);
      };
      const auto change = [&] {
        const uint64_t what = random.Below(10);
        if (what < 5) return append();
        if (what < 9) return static_cast<void>(stream.Erase({1 + random.Below(last), 0}));
        StreamTrim trim;
        trim.by = random.Below(2) == 0 ? StreamTrim::By::kLength : StreamTrim::By::kId;
        trim.length = stream.Size() - std::min<size_t>(stream.Size(), random.Below(30));
        trim.id = {stream.first_id().ms + random.Below(30), 0};
        trim.whole_nodes = random.Below(2) == 0;
        stream.Trim(trim);
      };
      for (int i = 0; i < 800; ++i) append();
      CaptureBytes bytes;
      for (int number = 0; number < 3; ++number) {
        const std::string before = TextOf(stream);
        std::vector<StreamId> bases;
        stream.ForEachNode([&](const StreamNode&, StreamId base) { bases.push_back(base); });
        StreamCapture capture(stream, &bytes);
        for (uint64_t i = random.Below(600); i > 0; --i) change();
        stream.Check();
        CHECK((TextOf(capture, bases) == before));
        if (random.Below(2) == 0) {
          capture.Part();
          for (uint64_t i = random.Below(300); i > 0; --i) change();
          CHECK((TextOf(capture, bases) == before));
        }
        if (number == 2) {  // it outlives the stream
          Destroy(stream.value());
          CHECK((TextOf(capture, bases) == before));
        }
      }
      CHECK(bytes.now() == 0);
    }
  }
}
