#include "types/stream.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/memory.h"
#include "base/random.h"
#include "types/stream_text.h"

namespace terrace::types {
namespace {

using testing::StreamText;
using Fields = std::vector<std::string>;

const StreamLimits kLimits(4096, 100);

// A stream that goes with its test.
struct Held {
  Stream stream;
  Held() : stream(Stream::New()) {}
  explicit Held(Stream given) : stream(given) {}
  ~Held() { Destroy(stream.value()); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  Stream* operator->() { return &stream; }

  void Add(StreamId id, const Fields& fields, const StreamLimits& limits = kLimits) {
    const std::vector<Bytes> pairs(fields.begin(), fields.end());
    stream.Append(id, pairs, limits);
  }
};

Fields FieldsOf(const Stream::Cursor& at) {
  Fields fields;
  at.ForEachField([&](const Element& field, const Element& value) {
    char digits[kInt64CharsMax];
    fields.emplace_back(field.Text(digits));
    fields.emplace_back(value.Text(digits));
  });
  CHECK(fields.size() == 2 * at.fields());
  return fields;
}

std::vector<uint64_t> Ids(const Stream& stream) {
  std::vector<uint64_t> ids;
  for (Stream::Cursor at = stream.First(); at; at.Next()) ids.push_back(at.id().ms);
  std::vector<uint64_t> back;
  for (Stream::Cursor at = stream.Last(); at; at.Previous()) back.push_back(at.id().ms);
  std::reverse(back.begin(), back.end());
  CHECK(back == ids);
  return ids;
}

TEST_SUITE("types/stream") {
  TEST_CASE("a node is the bytes that a stock server keeps") {
    Held held;
    held.Add({5, 1}, {"a", "1"});
    held.Add({6, 0}, {"a", "2"});
    std::string bytes;
    held->ForEachNode([&](const StreamNode& node, StreamId base) {
      CHECK(base == StreamId{5, 1});
      bytes = std::string(node.bytes());
    });
    // XADD st 5-1 a 1, XADD st 6-0 a 2 on redis-server 7.0.15.
    const unsigned char stock[] = {0x27, 0, 0, 0, 0x0f, 0,    2,    1, 0, 1, 1, 1, 0x81,
                                   0x61, 2, 0, 1, 2,    1,    0,    1, 0, 1, 1, 1, 4,
                                   1,    2, 1, 1, 1,    0xdf, 0xff, 2, 2, 1, 4, 1, 0xff};
    CHECK(bytes == std::string(reinterpret_cast<const char*>(stock), sizeof stock));
    CHECK(StreamNode::Validate(bytes, {5, 1}));
    CHECK(
        !StreamNode::Validate(bytes, {UINT64_MAX, 1}));  // the second id would be before the first
  }

  TEST_CASE("entries keep their fields, alike or not") {
    Held held;
    const std::vector<Fields> entries = {{"a", "1", "b", "-70000"},
                                         {"a", "x", "b", ""},
                                         {"b", "1", "a", "2"},
                                         {"a", "1"},
                                         {"12", "34", "012", std::string(5000, 'v')},
                                         {"a", "9", "b", "8"}};
    uint64_t ms = 0;
    for (const Fields& fields : entries) held.Add({++ms, 7}, fields);
    held->Check();
    size_t i = 0;
    for (Stream::Cursor at = held->First(); at; at.Next()) CHECK(FieldsOf(at) == entries[i++]);
    CHECK(i == entries.size());
    for (Stream::Cursor at = held->Last(); at; at.Previous()) CHECK(FieldsOf(at) == entries[--i]);
  }

  TEST_CASE("nodes end where the settings say") {
    const std::pair<StreamLimits, size_t> cases[] = {
        {{0, 0}, 1}, {{0, 10}, 100}, {{300, 0}, 0}, {{300, 3}, 334}};
    for (const auto& each : cases) {
      const StreamLimits& limits = each.first;
      const size_t nodes = each.second;
      Held held;
      for (uint64_t i = 1; i <= 1000; ++i) held.Add({i, 0}, {"field", "value"}, limits);
      held->Check();
      if (nodes != 0) CHECK(held->nodes() == nodes);
      if (limits.node_bytes != 0) {
        held->ForEachNode([&](const StreamNode& node, StreamId) {
          CHECK(node.bytes().size() < limits.node_bytes + 20);
        });
      }
      CHECK(held->Size() == 1000);
    }
  }

  TEST_CASE("trimming by length and by id, exactly and by whole nodes") {
    const StreamLimits tens(0, 10);
    const auto filled = [&](Held& held) {
      for (uint64_t i = 1; i <= 100; ++i) held.Add({i, 0}, {"f", "v"}, tens);
    };
    using By = StreamTrim::By;
    struct Case {
      StreamTrim trim;
      size_t gone;
    };
    for (const Case& each : std::vector<Case>{{{By::kLength, 35, {}, false, 0}, 65},
                                              {{By::kLength, 35, {}, true, 0}, 60},
                                              {{By::kLength, 35, {}, true, 30}, 30},
                                              {{By::kLength, 35, {}, true, 5}, 0},
                                              {{By::kLength, 100, {}, false, 0}, 0},
                                              {{By::kLength, 0, {}, false, 0}, 100},
                                              {{By::kId, 0, {36, 0}, false, 0}, 35},
                                              {{By::kId, 0, {36, 0}, true, 0}, 30},
                                              {{By::kId, 0, {31, 0}, true, 0}, 30},
                                              {{By::kId, 0, {30, 1}, true, 20}, 20},
                                              {{By::kId, 0, {1, 0}, false, 0}, 0},
                                              {{By::kId, 0, StreamId::Max(), false, 0}, 100},
                                              {{By::kNone, 0, {}, false, 0}, 0}}) {
      Held held;
      filled(held);
      CHECK(held->WouldTrim(each.trim) == (each.gone != 0));
      CHECK(held->Trim(each.trim) == each.gone);
      held->Check();
      const std::vector<uint64_t> left = Ids(held.stream);
      CHECK(left.size() == 100 - each.gone);
      if (!left.empty()) CHECK(left.front() == each.gone + 1);
      CHECK(held->last_id() == StreamId{100, 0});
      CHECK(held->entries_added() == 100);
    }
  }

  TEST_CASE("what was deleted is passed over, and a node of nothing else is gone") {
    Held held;
    for (uint64_t i = 1; i <= 20; ++i)
      held.Add({i, 0}, {"f", std::to_string(i)}, StreamLimits(0, 5));
    for (const uint64_t ms : {1, 3, 6, 7, 8, 9, 10, 20}) CHECK(held->Erase({ms, 0}));
    CHECK(!held->Erase({3, 0}));
    CHECK(!held->Erase({3, 1}));
    CHECK(!held->Erase({99, 0}));
    held->Check();
    CHECK(held->nodes() == 3);
    CHECK(Ids(held.stream) == std::vector<uint64_t>{2, 4, 5, 11, 12, 13, 14, 15, 16, 17, 18, 19});
    CHECK(held->first_id() == StreamId{2, 0});
    CHECK(held->max_deleted_id() == StreamId{20, 0});
    CHECK(held->AtOrAfter({6, 0}).id() == StreamId{11, 0});
    CHECK(held->AtOrBefore({10, 5}).id() == StreamId{5, 0});
    CHECK(!held->AtOrAfter({20, 0}));
    CHECK(!held->AtOrBefore({1, 9}));
    for (const uint64_t ms : Ids(held.stream)) CHECK(held->Erase({ms, 0}));
    held->Check();
    CHECK(held->nodes() == 0);
    CHECK(held->first_id() == StreamId{});
    CHECK(held->last_id() == StreamId{20, 0});
  }

  TEST_CASE("a stream is what a map of entries is, with groups beside it") {
    for (const uint64_t seed : {1, 2, 3, 4}) {
      CAPTURE(seed);
      Random random(seed);
      Held held;
      const StreamLimits limits(seed % 2 == 0 ? 500 : 0, static_cast<int64_t>(seed * 4));
      std::map<StreamId, Fields> model;
      std::map<StreamId, std::pair<std::string, uint64_t>> pending;
      StreamGroup* group = held->CreateGroup("g", {}, 0);
      StreamId last;
      for (int i = 0; i < 4000; ++i) {
        const uint64_t choice = random.Below(20);
        if (choice < 9) {
          last = random.Below(3) == 0 ? last.Next()
                                      : StreamId{last.ms + 1 + random.Below(5), random.Below(3)};
          Fields fields;
          for (uint64_t n = 1 + random.Below(3); n > 0; --n) {
            fields.push_back("f" + std::to_string(random.Below(3)));
            fields.push_back(random.Below(2) == 0 ? std::to_string(random.Next())
                                                  : std::string(random.Below(40), 'x'));
          }
          held.Add(last, fields, limits);
          model[last] = fields;
        } else if (choice < 14) {
          const auto near = model.lower_bound({random.Below(last.ms + 1), 0});
          const StreamId id = near == model.end() ? StreamId{random.Below(99), 9} : near->first;
          CHECK(held->Erase(id) == (model.erase(id) == 1));
        } else if (choice == 14) {
          StreamTrim trim;
          trim.by = random.Below(2) == 0 ? StreamTrim::By::kLength : StreamTrim::By::kId;
          trim.length = model.size() - std::min<size_t>(model.size(), random.Below(12));
          trim.id = {last.ms - std::min<uint64_t>(last.ms, 200 + random.Below(50)), 1};
          trim.whole_nodes = random.Below(2) == 0;
          size_t gone = held->Trim(trim);
          const bool by_length = trim.by == StreamTrim::By::kLength;
          if (by_length && !trim.whole_nodes) CHECK(held->Size() == trim.length);
          for (; gone > 0; --gone) {
            REQUIRE(!model.empty());
            if (!by_length) CHECK(model.begin()->first < trim.id);
            model.erase(model.begin());
          }
          if (!by_length && !trim.whole_nodes && !model.empty())
            CHECK(model.begin()->first >= trim.id);
        } else if (choice < 18) {
          const std::string name = "c" + std::to_string(random.Below(4));
          bool made = false;
          StreamConsumer* consumer = group->EnsureConsumer(name, 5, &made);
          const StreamId id{random.Below(last.ms + 1), 0};
          group->Assign(id, consumer)->deliveries = i;
          pending[id] = {name, i};
        } else if (choice == 18) {
          const StreamId id{random.Below(last.ms + 1), 0};
          CHECK(group->Acknowledge(id) == (pending.erase(id) == 1));
        } else if (random.Below(10) == 0) {
          const std::string name = "c" + std::to_string(random.Below(4));
          const size_t gone =
              std::erase_if(pending, [&](const auto& each) { return each.second.first == name; });
          CHECK(group->DeleteConsumer(name) == gone);
        }
        if (i % 50 == 0) held->Check();
        const StreamId from{random.Below(last.ms + 2), random.Below(3)};
        const auto after = model.lower_bound(from);
        const Stream::Cursor at = held->AtOrAfter(from);
        REQUIRE(static_cast<bool>(at) == (after != model.end()));
        if (at) {
          CHECK(at.id() == after->first);
          CHECK(FieldsOf(at) == after->second);
        }
        const auto behind = model.upper_bound(from);
        const Stream::Cursor back = held->AtOrBefore(from);
        REQUIRE(static_cast<bool>(back) == (behind != model.begin()));
        if (back) CHECK(back.id() == std::prev(behind)->first);
      }
      held->Check();
      size_t walked = 0;
      for (Stream::Cursor at = held->First(); at; at.Next(), ++walked)
        REQUIRE(FieldsOf(at) == model.at(at.id()));
      CHECK(walked == model.size());
      REQUIRE(group->pending().size() == pending.size());
      for (auto at = group->pending().First(); at; at.Next()) {
        const auto& [name, deliveries] = pending.at(at.id());
        CHECK(at.value().consumer->name() == name);
        CHECK(at.value().deliveries == deliveries);
      }
      const Held copy(Stream(types::Copy(held.stream.value())));
      copy.stream.Check();
      CHECK(StreamText(copy.stream) == StreamText(held.stream));
    }
  }

  TEST_CASE("what it says it holds is what it holds") {
    const int64_t before = UsedMemory();
    Held held;
    for (uint64_t i = 1; i <= 200'000; ++i)
      held.Add({i, 0}, {"field", "value of " + std::to_string(i)});
    StreamGroup* group = held->CreateGroup("a group with a name that takes memory", {}, 0);
    bool made = false;
    StreamConsumer* consumer = group->EnsureConsumer("c", 1, &made);
    for (uint64_t i = 1; i <= 100'000; ++i) group->Assign({i, 0}, consumer);
    const auto grown = static_cast<double>(UsedMemory() - before);
    const auto said = static_cast<double>(MemoryBytes(held.stream.value()));
    CHECK(said > grown * 0.98);
    CHECK(said < grown * 1.02);
    CHECK(FreeEffort(held.stream.value()) > 2000);
    const auto estimated = static_cast<double>(MemoryEstimate(held.stream.value()));
    CHECK(estimated > said * 0.9);
    CHECK(estimated < said * 1.1);
  }

  TEST_CASE("how many entries there were up to one, as far as that can be known") {
    Held held;
    CHECK(held->CountedUpTo({5, 0}) == 0);
    for (uint64_t i = 1; i <= 5; ++i) held.Add({i, 0}, {"f", "v"});
    CHECK(held->CountedUpTo({5, 0}) == 5);
    CHECK(held->CountedUpTo({1, 0}) == 1);
    CHECK(held->CountedUpTo({0, 1}) == 0);
    CHECK(held->CountedUpTo({3, 0}) == std::nullopt);
    CHECK(held->CountedUpTo({6, 0}) == std::nullopt);
    held->Erase({3, 0});
    CHECK(held->HasGap({2, 0}, StreamId::Max()));
    CHECK(!held->HasGap({4, 0}, StreamId::Max()));
    CHECK(held->CountedUpTo({1, 0}) == std::nullopt);
    CHECK(held->CountedUpTo({5, 0}) == 5);
  }

  TEST_CASE("damaged nodes are told from sound ones") {
    Held held;
    held.Add({5, 1}, {"a", "1", "b", "text"});
    held.Add({6, 0}, {"c", "2"});
    held.Add({7, 0}, {"a", "3", "b", "4"});
    held->Erase({6, 0});
    std::string sound;
    held->ForEachNode([&](const StreamNode& node, StreamId) { sound = std::string(node.bytes()); });
    REQUIRE(StreamNode::Validate(sound, {5, 1}));
    for (size_t bytes = 0; bytes < sound.size(); ++bytes)
      CHECK(!StreamNode::Validate(sound.substr(0, bytes), {5, 1}));
    Random random(7);
    size_t accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
      std::string damaged = sound;
      for (uint64_t n = 1 + random.Below(3); n > 0; --n)
        damaged[random.Below(damaged.size())] = static_cast<char>(random.Next());
      if (!StreamNode::Validate(damaged, {5, 1})) continue;
      // What is let in can be walked and changed.
      ++accepted;
      Held other;
      REQUIRE(other->AppendNode({5, 1}, damaged));
      other->set_last_id(StreamId::Max().Previous());
      const std::vector<uint64_t> ids = Ids(other.stream);
      CHECK(ids.size() == other->Size());
      for (Stream::Cursor at = other->First(); at; at = other->First())
        CHECK(other->Erase(at.id()));
    }
    CHECK(accepted > 0);
  }
}

}  // namespace
}  // namespace terrace::types
