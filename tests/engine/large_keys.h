// Large collections of every kind, and what can be done to them and to their keys, for tests of what captures them.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "engine/checkpoint_world.h"

namespace terrace::engine {

constexpr int kMembers = 3000;
constexpr size_t kPieceItems = 20;
// A bucket of a table that was begun is finished.
constexpr size_t kBucketItems = 24;
const LargeCaptures::Options kInSmallPieces{.limits = {.items = 200, .bytes = 1 * kMiB, .nodes = 3},
                                            .piece_items = kPieceItems,
                                            .piece_bytes = 2 * kKiB,
                                            .piece_pause_us = 0};

struct LargeKey {
  const char* key;
  Type type;
};
constexpr LargeKey kLargeKeys[] = {
    {"large set", Type::kSet},   {"large hash", Type::kHash}, {"large timed hash", Type::kHash},
    {"large zset", Type::kZset}, {"large list", Type::kList}, {"large stream", Type::kStream}};

/// Of a world, in its databases 0 and 1.
class LargeKeys {
 public:
  /// They are there, and stay the caller's.
  LargeKeys(Random& random, std::unique_ptr<Machine>& machine)
      : random_(random), machine_(machine) {
    for (const LargeKey& large : kLargeKeys) Fill(0, large);
  }

  void Fill(unsigned db, const LargeKey& large) {
    for (int i = 0; i < kMembers; ++i) Add(db, large, Member(i));
  }
  static std::string Member(uint64_t i) { return "member:" + std::to_string(i); }
  std::string AnyMember() { return Member(random_.Below(2 * kMembers)); }

  void Add(unsigned db, const LargeKey& large, const std::string& member) {
    switch (large.type) {
      case Type::kSet:
        return machine_->Alter<types::Set>(db, large.key, large.type, [&](types::Set& set) {
          set.Add(Bytes(member), types::SetLimits(machine_->limits()));
        });
      case Type::kHash:
        return machine_->Alter<types::Hash>(db, large.key, large.type, [&](types::Hash& hash) {
          hash.Set(member, std::string(random_.Below(90), 'v'),
                   types::HashLimits(machine_->limits()));
          const bool timed = large.key == Bytes("large timed hash");
          if (random_.Below(timed ? 2 : 40) == 0)
            hash.SetDeadline(member,
                             machine_->now_ms + 1 + random_.Below(timed ? 20'000 : 900'000));
        });
      case Type::kList:
        return machine_->Alter<types::List>(db, large.key, large.type, [&](types::List& list) {
          const auto limits = types::ListLimits::From(machine_->limits());
          const std::string text = member + std::string(random_.Below(60), '.');
          const size_t size = list.Size();
          if (size < 10 || random_.Below(2) == 0) return list.Push(AnyEnd(), text, limits);
          random_.Below(2) == 0 ? list.Replace(random_.Below(size), text, limits)
                                : list.Insert(random_.Below(size), text, limits);
        });
      case Type::kStream:
        return machine_->Alter<types::Stream>(
            db, large.key, large.type, [&](types::Stream& stream) {
              const Bytes pair[] = {"field", member};
              stream.Append(stream.last_id().Next(), pair, types::StreamLimits(machine_->limits()));
              if (random_.Below(50) == 0)
                stream.CreateGroup(AnyMember(), stream.last_id(),
                                   static_cast<int64_t>(random_.Below(9)));
            });
      default:
        return machine_->Alter<types::SortedSet>(
            db, large.key, large.type, [&](types::SortedSet& zset) {
              zset.Set(member, static_cast<double>(random_.Below(100)), {128, 64});
            });
    }
  }
  void Erase(unsigned db, const LargeKey& large, const std::string& member) {
    switch (large.type) {
      case Type::kSet:
        return machine_->Alter<types::Set>(db, large.key, large.type,
                                           [&](types::Set& set) { set.Remove(Bytes(member)); });
      case Type::kHash:
        return machine_->Alter<types::Hash>(db, large.key, large.type,
                                            [&](types::Hash& hash) { hash.Erase(member); });
      case Type::kList:
        return machine_->Alter<types::List>(db, large.key, large.type, [&](types::List& list) {
          const auto limits = types::ListLimits::From(machine_->limits());
          if (list.Size() == 0) return;
          if (random_.Below(2) == 0)
            return list.Take(AnyEnd(), limits, [](const types::Element&) {});
          const size_t from = random_.Below(list.Size());
          list.Erase(from, std::min<size_t>(list.Size() - from, random_.Below(4)), limits);
        });
      case Type::kStream:
        return machine_->Alter<types::Stream>(
            db, large.key, large.type, [&](types::Stream& stream) {
              if (stream.Size() == 0) return;
              stream.Erase(
                  {stream.first_id().ms, stream.first_id().seq + random_.Below(stream.Size())});
            });
      default:
        return machine_->Alter<types::SortedSet>(
            db, large.key, large.type, [&](types::SortedSet& zset) { zset.Erase(member); });
    }
  }
  types::ListEnd AnyEnd() {
    return random_.Below(2) == 0 ? types::ListEnd::kHead : types::ListEnd::kTail;
  }
  const LargeKey& AnyLarge() { return kLargeKeys[random_.Below(std::size(kLargeKeys))]; }
  void EditSomething(uint64_t growing) {
    random_.Below(100) < growing ? Add(0, AnyLarge(), AnyMember())
                                 : Erase(0, AnyLarge(), AnyMember());
  }
  /// All that a key can go through as a whole.
  void DisturbSomething() {
    const std::string key = AnyLarge().key, other = AnyLarge().key;
    const auto db = static_cast<unsigned>(random_.Below(2));
    switch (random_.Below(9)) {
      case 0:
        return machine_->Delete(db, key);
      case 1:
        return machine_->SetString(db, key, "overwritten");
      case 2:
        return machine_->Move(0, key, 0, other);
      case 3:
        return machine_->Move(db, key, 1 - db, key);
      case 4:
        return machine_->Copy(db, key, db, other);
      case 5:
        return random_.Below(4) == 0 ? machine_->Flush(db) : machine_->Swap(0, 1);
      case 6:
        machine_->SetString(db, "renamed", key);
        return machine_->Move(db, "renamed", db, other);
      default:
        return Fill(db, AnyLarge());
    }
  }

 private:
  Random& random_;
  std::unique_ptr<Machine>& machine_;
};

}  // namespace terrace::engine
