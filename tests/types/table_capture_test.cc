#include "types/table_capture.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/random.h"
#include "types/hash.h"
#include "types/items.h"
#include "types/set.h"
#include "types/sorted_set.h"

namespace {

using namespace terrace;
using namespace terrace::types;

uint64_t Seed() {
  const char* text = std::getenv("TERRACE_SEED");
  return text == nullptr ? 20'240'601 : std::strtoull(text, nullptr, 10);
}

const EncodingLimits kLimits;
constexpr SortedSet::Limits kNeverListpack{0, 0};

/// A member, and the rest of it as text.
using Contents = std::map<std::string, std::string>;

std::string Rest(Bytes value, double score, uint64_t deadline_ms) {
  return std::string(value) + '/' + std::to_string(score) + '/' + std::to_string(deadline_ms);
}

Contents ContentsOf(Value value) {
  Contents contents;
  if (value.type == Type::kSet) {
    ForEachElement(value, [&](Bytes member) { contents.emplace(member, Rest({}, 0, 0)); });
  } else if (value.type == Type::kHash) {
    ForEachTimedField(value, [&](Bytes field, Bytes text, uint64_t deadline_ms) {
      contents.emplace(field, Rest(text, 0, deadline_ms));
    });
  } else {
    ForEachScore(value,
                 [&](Bytes member, double score) { contents.emplace(member, Rest({}, score, 0)); });
  }
  return contents;
}

/// A capture, and what has come out of it.
class Taken {
 public:
  explicit Taken(Value value) : capture_(value, &bytes), should_(ContentsOf(value)) {}

  bool Next(size_t items_max, size_t bytes_max = SIZE_MAX) {
    const size_t before = is_.size();
    const bool more = capture_.Next(items_max, bytes_max, [this](const auto& item) { Add(item); });
    largest = std::max(largest, is_.size() - before);
    return more;
  }
  void Finish() {
    while (Next(100)) {
    }
    capture_.Detach();
    walked = is_.size();
    while (capture_.NextOld(100, [this](const auto& item) { Add(item); })) {
    }
    CHECK(is_.size() == capture_.size());
    CHECK((is_ == should_));
  }

  CaptureBytes bytes;
  size_t largest = 0;
  size_t walked = 0;

 private:
  void Add(const TableCapture::Item& item) {
    const bool is_new =
        is_.emplace(item.member, Rest(item.value, item.score, item.deadline_ms)).second;
    CHECK(is_new);
  }
  TableCapture capture_;
  const Contents should_;
  Contents is_;
};

enum class Kind { kSet, kHash, kTimedHash, kZset };

/// A collection that changes at random.
class Changing {
 public:
  Changing(Kind kind, Random& random) : kind_(kind), random_(random) {
    if (kind == Kind::kSet) value_ = Set::New(Encoding::kHashTable).value();
    if (kind == Kind::kHash || kind == Kind::kTimedHash) value_ = Hash::New().value();
    if (kind == Kind::kZset) value_ = SortedSet::New().value();
    for (int i = 0; i < 2000; ++i) Add(kind == Kind::kTimedHash);
  }
  ~Changing() {
    if (value_.data != nullptr) Destroy(value_);
  }
  Value value() const { return value_; }

  void Change(uint64_t growing) {
    random_.Below(100) < growing ? Add(kind_ == Kind::kTimedHash || random_.Below(50) == 0)
                                 : Erase();
  }
  void ForgetDeadlines() {
    if (kind_ == Kind::kSet || kind_ == Kind::kZset) return;
    Hash hash(value_);
    Contents fields = ContentsOf(value_);
    for (const auto& [field, rest] : fields) hash.SetDeadline(field, 0);
    value_ = hash.value();
    CHECK(value_.encoding == Encoding::kHashTable);
  }
  void EraseDue() {
    if (kind_ == Kind::kSet || kind_ == Kind::kZset) return;
    Hash hash(value_);
    hash.EraseDue(500, 100, [](Bytes) {});
    value_ = hash.value();
  }
  void EraseSpan() {
    if (kind_ != Kind::kZset) return;
    SortedSet zset(value_);
    const size_t count = std::min<size_t>(zset.Size(), 40);
    zset.EraseSpan({random_.Below(zset.Size() - count + 1), count});
  }
  void Free() {
    Destroy(value_);
    value_.data = nullptr;
  }

 private:
  std::string Member() { return "member:" + std::to_string(random_.Below(6000)); }
  void Add(bool timed) {
    const std::string member = Member();
    if (kind_ == Kind::kSet) {
      Set set(value_);
      set.Add(Bytes(member), SetLimits(kLimits));
      value_ = set.value();
    } else if (kind_ == Kind::kZset) {
      SortedSet zset(value_);
      zset.Set(member, static_cast<double>(random_.Below(50)), kNeverListpack);
      value_ = zset.value();
    } else {
      Hash hash(value_);
      hash.Set(member, std::string(random_.Below(300), 'v'), HashLimits(kLimits));
      if (timed && random_.Below(2) == 0) hash.SetDeadline(member, random_.Below(1000));
      value_ = hash.value();
    }
  }
  void Erase() {
    const std::string member = Member();
    if (kind_ == Kind::kSet) {
      Set(value_).Remove(Bytes(member));
    } else if (kind_ == Kind::kZset) {
      SortedSet(value_).Erase(member);
    } else {
      Hash hash(value_);
      hash.Erase(member);
      value_ = hash.value();
    }
  }

  const Kind kind_;
  Random& random_;
  Value value_;
};

void ForEachKind(const std::function<void(Kind, Random&)>& body) {
  const uint64_t seed = Seed();
  INFO("TERRACE_SEED=", seed);
  Random random(seed);
  for (const Kind kind : {Kind::kSet, Kind::kHash, Kind::kTimedHash, Kind::kZset}) {
    CAPTURE(static_cast<int>(kind));
    for (int round = 0; round < 30; ++round) body(kind, random);
  }
}

}  // namespace

TEST_SUITE("types/table_capture") {
  TEST_CASE("what a capture hands out is what there was, however it is changed meanwhile") {
    ForEachKind([](Kind kind, Random& random) {
      Changing changing(kind, random);
      for (uint64_t i = random.Below(4000); i > 0; --i) changing.Change(random.Below(100));
      Taken taken(changing.value());
      // It grows a lot, shrinks a lot, or both in turn.
      uint64_t growing = random.Below(101);
      do {
        if (random.Below(8) == 0) growing = random.Below(101);
        for (uint64_t i = random.Below(400); i > 0; --i) changing.Change(growing);
        if (random.Below(10) == 0) changing.EraseDue();
        if (random.Below(10) == 0) changing.EraseSpan();
        if (random.Below(20) == 0) changing.ForgetDeadlines();
      } while (taken.Next(1 + random.Below(100), 1 + random.Below(4000)));
      for (uint64_t i = random.Below(400); i > 0; --i) changing.Change(50);
      taken.Finish();
    });
  }

  TEST_CASE("a collection that is freed while it is under capture is handed out as it was") {
    ForEachKind([](Kind kind, Random& random) {
      Changing changing(kind, random);
      Taken taken(changing.value());
      for (uint64_t i = random.Below(10); i > 0; --i) {
        taken.Next(50);
        changing.Change(50);
      }
      changing.Free();
      taken.Finish();
    });
  }

  TEST_CASE("a piece is as small as it was asked to be") {
    ForEachKind([](Kind kind, Random& random) {
      Changing changing(kind, random);
      Taken taken(changing.value());
      const size_t wanted = 1 + random.Below(200);
      while (taken.Next(wanted)) {
      }
      CHECK(taken.largest < wanted + 24);  // the bucket that was begun
      taken.Finish();
      CHECK(taken.walked == CountItems(changing.value()));
    });
  }

  TEST_CASE("old forms are kept of what is touched and not yet handed out, and are counted") {
    Random random(1);
    for (const Kind kind : {Kind::kSet, Kind::kHash, Kind::kZset}) {
      Changing changing(kind, random);
      Taken taken(changing.value());
      const uint64_t before = taken.bytes.now();
      CHECK(before == 0);
      for (int i = 0; i < 100; ++i) changing.Change(100);
      const uint64_t touched = taken.bytes.now();
      CHECK(touched > 0);
      CHECK(touched < 100 * 600);
      while (taken.Next(100)) {
      }
      for (int i = 0; i < 1000; ++i) changing.Change(50);
      CHECK(taken.bytes.now() == touched);
      taken.Finish();
      CHECK(taken.bytes.peak() >= touched);
    }
  }

  TEST_CASE("a member that moves ahead of the cursor is not handed out again") {
    SortedSet zset = SortedSet::New();
    for (int i = 0; i < 3000; ++i) zset.Set("m" + std::to_string(i), i, kNeverListpack);
    Taken taken(zset.value());
    taken.Next(1000);
    for (int i = 2000; i < 3000; ++i) zset.Set("m" + std::to_string(i), -i, kNeverListpack);
    taken.Next(500);
    for (int i = 0; i < 3000; ++i) zset.Set("m" + std::to_string(i), 0, kNeverListpack);
    taken.Finish();
    Destroy(zset.value());
  }

  TEST_CASE("another capture may follow, and one that was given up leaves nothing behind") {
    Random random(1);
    Changing changing(Kind::kTimedHash, random);
    {
      CaptureBytes bytes;
      {
        TableCapture given_up(changing.value(), &bytes);
        for (int i = 0; i < 100; ++i) changing.Change(50);
        CHECK(bytes.now() > 0);
      }
      CHECK(bytes.now() == 0);
    }
    Taken taken(changing.value());
    for (int i = 0; i < 100; ++i) changing.Change(50);
    taken.Finish();
  }
}
