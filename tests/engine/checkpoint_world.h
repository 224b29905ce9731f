// A server's engine on a disk in memory, for tests of checkpoints: databases that change at random in every way there is,
// a checkpointer, and loading what it has written into databases beside them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/checkpoint_loader.h"
#include "engine/checkpointer.h"
#include "engine/edit.h"
#include "engine/entry_codec.h"
#include "engine/key_ref.h"
#include "env/clock.h"
#include "env/lossy_file_system.h"
#include "rdb/dump_payload.h"
#include "storage/printed_seed.h"
#include "types/hash.h"
#include "types/items.h"
#include "types/list.h"
#include "types/set.h"
#include "types/sorted_set.h"
#include "types/stream.h"

namespace terrace::engine {

constexpr unsigned kWorldDatabases = 4;
constexpr char kWorldDirectory[] = "db";

/// What a key is: its deadline, and its value as a load of it would encode it.
struct KeyState {
  uint64_t deadline_ms = 0;
  std::string value;
  Type type = Type::kString;
  bool operator==(const KeyState&) const = default;
};
/// By database and key.
using WorldState = std::map<std::pair<unsigned, std::string>, KeyState>;

template <typename T>
T Must(StatusOr<T> result) {
  REQUIRE_MESSAGE(result.ok(), result.error().message());
  return *std::move(result);
}
inline void Must(const Status& status) { REQUIRE_MESSAGE(status.ok(), status.message()); }

/// Items in the order of their bytes, and the encoding: tables that have come about in different ways have their own orders.
inline std::string Sorted(types::Value value) {
  std::vector<std::string> items;
  if (value.type == Type::kSet) {
    types::ForEachElement(value, [&](Bytes member) { items.emplace_back(member); });
  } else if (value.type == Type::kHash) {
    types::ForEachTimedField(value, [&](Bytes field, Bytes text, uint64_t deadline_ms) {
      items.push_back(std::string(field) + '=' + std::string(text) + '@' +
                      std::to_string(deadline_ms));
    });
  } else {
    types::ForEachScore(value, [&](Bytes member, double score) {
      items.push_back(std::string(member) + '=' + std::to_string(score));
    });
  }
  std::sort(items.begin(), items.end());
  std::string all = std::to_string(static_cast<int>(value.encoding));
  for (const std::string& item : items) all.append(1, '\n').append(item);
  return all;
}

inline KeyState StateOf(const Entry& entry, const types::EncodingLimits& limits) {
  const rdb::EncodeOptions options{.rdb_version = rdb::kRdbVersionMax,
                                   .compression = rdb::Compression::kNone};
  const std::string encoded = EncodeValue(entry, options);
  const auto code = static_cast<rdb::ValueCode>(encoded[0]);
  const auto decoded = DecodeEntry({code, Bytes(encoded).substr(1)}, entry.key(), 0, limits);
  REQUIRE(decoded.ok());
  const Entry& seen = **decoded;
  const bool has_order =
      seen.type() == Type::kString || seen.type() == Type::kList || seen.type() == Type::kStream;
  KeyState state{entry.deadline_ms(),
                 has_order ? EncodeValue(seen, options) : Sorted(seen.collection()), seen.type()};
  Entry::Delete(*decoded);
  return state;
}

inline WorldState StateOf(Databases& databases, const types::EncodingLimits& limits) {
  WorldState state;
  for (unsigned db = 0; db < databases.count(); ++db) {
    databases.Get(db).ForEach([&](const Entry& entry) {
      const bool is_new =
          state.emplace(std::pair(db, std::string(entry.key())), StateOf(entry, limits)).second;
      REQUIRE(is_new);
    });
  }
  return state;
}

/// What differs, in words; doctest would print a megabyte.
inline std::string Difference(const WorldState& is, const WorldState& should) {
  for (const auto& [key, state] : should) {
    const std::string name = std::to_string(key.first) + "/" + key.second;
    const auto at = is.find(key);
    if (at == is.end()) return name + " is missing";
    if (at->second.deadline_ms != state.deadline_ms) return name + " has another deadline";
    if (at->second.value != state.value) return name + " has another value";
  }
  for (const auto& [key, state] : is)
    if (!should.contains(key))
      return std::to_string(key.first) + "/" + key.second + " should not be there";
  return "";
}

inline storage::ManifestState NewManifestState() {
  storage::ManifestState state;
  state.directory_id = {7};
  state.hash_key = {8, 9};
  return state;
}

/// Databases, and everything that a unit needs.
class Machine {
 public:
  Machine(FileSystem& files, storage::Manifest& manifest, uint64_t seed,
          const Checkpointer::Options& options)
      : databases_(kWorldDatabases, manifest.state()->hash_key, participants_),
        checkpointer_(files, manifest, databases_, clock_, options),
        random_(seed),
        unit_(databases_, log_, settings_, counters_, *self_, seed) {}
  ~Machine() { participants_.Leave(self_); }

  Databases& databases() { return databases_; }
  Participants& participants() { return participants_; }
  Checkpointer& checkpointer() { return checkpointer_; }
  Participant& self() { return *self_; }
  const types::EncodingLimits& limits() const { return settings_.encoding; }
  uint64_t now_ms = 1'000'000;

  WorldState State() {
    self_->In();
    WorldState state = StateOf(databases_, limits());
    self_->Out();
    return state;
  }
  uint64_t CountChanged() {
    uint64_t changed = 0;
    self_->In();
    for (unsigned db = 0; db < kWorldDatabases; ++db)
      databases_.Get(db).ForEach([&](const Entry& entry) { changed += entry.changed() ? 1 : 0; });
    self_->Out();
    return changed;
  }
  uint64_t Handovers() {
    uint64_t sum = 0;
    for (unsigned db = 0; db < kWorldDatabases; ++db)
      sum += databases_.Get(db).staircase().stats().handovers;
    return sum;
  }
  void Exclusive(const std::function<void()>& body) { participants_.Exclusive(nullptr, body); }
  void Flush(unsigned db) {
    Exclusive([&] { databases_.Discard(databases_.Flush(db)); });
  }
  void Swap(unsigned a, unsigned b) {
    Exclusive([&] { databases_.Swap(a, b); });
  }

  /// One of `keys` keys; `growing` of 100 changes make it or make it larger.
  void ChangeSomething(uint64_t keys, uint64_t growing) {
    self_->In();
    now_ms += random_.Below(2);
    unit_.Begin(now_ms, Origin::kClient);
    const unsigned db = AnyDatabase();
    const std::string key = KeyOf(random_.Below(keys));
    if (random_.Below(100) < growing) {
      Grow(db, key);
    } else {
      Shrink(db, key, KeyOf(random_.Below(keys)));
    }
    self_->Out();
    if (random_.Below(64) == 0) participants_.Reclaim();
  }
  static std::string KeyOf(uint64_t i) { return "key:" + std::to_string(i); }

  // --- with what the caller wants done; in and out by themselves ---
  void SetString(unsigned db, const std::string& key, const std::string& value,
                 uint64_t deadline_ms = 0) {
    Alone([&] {
      With(db, key, [&](KeyRef& ref) {
        Edit(unit_, ref).SetString(StringSource::Compact(value), deadline_ms);
      });
    });
  }
  void Delete(unsigned db, const std::string& key) {
    Alone([&] {
      With(db, key, [&](KeyRef& ref) {
        if (ref.entry() != nullptr) Edit(unit_, ref).Delete();
      });
    });
  }
  void Move(unsigned from_db, const std::string& from, unsigned to_db, const std::string& to) {
    Alone([&] { MoveOrCopy(from_db, from, to_db, to, false); });
  }
  void Copy(unsigned from_db, const std::string& from, unsigned to_db, const std::string& to) {
    Alone([&] { MoveOrCopy(from_db, from, to_db, to, true); });
  }
  void SetDeadline(unsigned db, const std::string& key, uint64_t deadline_ms) {
    Alone([&] { With(db, key, [&](KeyRef& ref) { Edit(unit_, ref).SetDeadline(deadline_ms); }); });
  }
  /// Removes what is due of the key.
  void Touch(unsigned db, const std::string& key) {
    Alone([&] { With(db, key, [](KeyRef&) {}); });
  }
  /// change(Kind&) of the key's collection, or of a new one; the key goes with its last item.
  template <typename Kind, typename Change>
  void Alter(unsigned db, const std::string& key, Type type, Change change) {
    Alone([&] {
      With(db, key, [&](KeyRef& ref) {
        Edit edit(unit_, ref);
        const bool is_one = ref.entry() != nullptr && ref.entry()->type() == type;
        Kind kind = is_one ? Kind(ref.entry()->collection()) : Kind::New();
        change(kind);
        if (kind.Size() == 0 && is_one) {
          ref.entry()->set_collection(kind.value());
          return edit.Delete();
        }
        if (kind.Size() == 0) return types::Destroy(kind.value());
        if (ref.entry() != nullptr && !is_one) return edit.ReplaceWithCollection(kind.value());
        edit.SetCollection(kind.value());
      });
    });
  }
  /// A look at an entry, which must be there.
  template <typename Look>
  void LookAt(unsigned db, const std::string& key, Look look) {
    Alone([&] {
      With(db, key, [&](KeyRef& ref) {
        REQUIRE(ref.entry() != nullptr);
        look(*ref.entry());
      });
    });
  }

 private:
  template <typename Body>
  void Alone(Body body) {
    self_->In();
    unit_.Begin(now_ms, Origin::kClient);
    body();
    self_->Out();
  }
  // Two of three changes go to one database, so that its staircase gets somewhere.
  unsigned AnyDatabase() {
    return random_.Below(3) != 0 ? 1 : static_cast<unsigned>(random_.Below(kWorldDatabases));
  }
  // As an executor: what is due goes first.
  template <typename Body>
  void With(unsigned db, const std::string& key, Body body) {
    KeyRef ref = testing::RefOf(databases_, db, key);
    KeyLocks locks;
    locks.Acquire(&ref, 1);
    ExpireDue(unit_, &ref, 1);
    body(ref);
    locks.Release();
    StepIfCrowded();
  }
  void StepIfCrowded() {
    if (unit_.crowded != nullptr)
      std::exchange(unit_.crowded, nullptr)->Step([] { return uint64_t{0}; });
  }
  std::string Text() {
    if (random_.Below(4) == 0) return std::to_string(random_.Below(1'000'000));
    return std::string(random_.Below(60), static_cast<char>('a' + random_.Below(26)));
  }
  uint64_t Deadline() { return random_.Below(3) == 0 ? now_ms + 1 + random_.Below(20'000) : 0; }

  void Grow(unsigned db, const std::string& key) {
    With(db, key, [&](KeyRef& ref) {
      switch (random_.Below(9)) {
        case 0:
          return Collect<types::List>(ref, Type::kList, [&](types::List& list) {
            const auto end = random_.Below(2) == 0 ? types::ListEnd::kHead : types::ListEnd::kTail;
            list.Push(end, Text(), types::ListLimits::From(limits()));
          });
        case 1:
          return Collect<types::Set>(ref, Type::kSet, [&](types::Set& set) {
            set.Add(Bytes(Text()), types::SetLimits(limits()));
          });
        case 2:
          return Collect<types::Hash>(ref, Type::kHash, [&](types::Hash& hash) {
            const std::string field = Text();
            hash.Set(field, Text(), types::HashLimits(limits()));
            if (random_.Below(6) == 0) hash.SetDeadline(field, now_ms + 1 + random_.Below(20'000));
          });
        case 3:
          return Collect<types::SortedSet>(ref, Type::kZset, [&](types::SortedSet& zset) {
            zset.Set(Text(), static_cast<double>(random_.Below(100)) / 4, {128, 64});
          });
        case 4:
          return Collect<types::Stream>(ref, Type::kStream, [&](types::Stream& stream) {
            const std::string field = Text(), value = Text();
            const Bytes pair[] = {field, value};
            stream.Append(stream.last_id().Next(), pair, types::StreamLimits(limits()));
          });
        case 5:
          return Lengthen(ref);
        case 6:
          // A large one now and then, so that there are tables and hash tables.
          if (random_.Below(40) == 0) return PutLargeSet(ref);
          [[fallthrough]];
        default:
          const std::string value = random_.Below(300) == 0
                                        ? std::string(kBlobBytesMin + 1 + random_.Below(99), 'B')
                                        : Text();
          Edit(unit_, ref).SetString(StringSource::Compact(value), Deadline());
      }
    });
  }
  // What is of another type becomes one of this.
  template <typename Kind, typename Change>
  void Collect(KeyRef& ref, Type type, Change change) {
    Edit edit(unit_, ref);
    const bool is_one = ref.entry() != nullptr && ref.entry()->type() == type;
    Kind kind = is_one ? Kind(ref.entry()->collection()) : Kind::New();
    change(kind);
    if (ref.entry() != nullptr && !is_one) return edit.ReplaceWithCollection(kind.value());
    edit.SetCollection(kind.value());
  }
  void PutLargeSet(KeyRef& ref) {
    types::Set set = types::Set::New();
    for (int i = 0; i < 300; ++i)
      set.Add(Bytes("member" + std::to_string(random_.Next())), types::SetLimits(limits()));
    Edit(unit_, ref).ReplaceWithCollection(set.value());
  }
  void Lengthen(KeyRef& ref) {
    Entry* entry = ref.entry();
    if (entry == nullptr || entry->type() != Type::kString) return;
    Edit edit(unit_, ref);
    if (entry->encoding() == Encoding::kInteger) return edit.SetInteger(entry->integer() + 1);
    const size_t size = entry->StringLength();
    edit.GrowString(size + 1)[size] = '+';
  }

  void Shrink(unsigned db, const std::string& key, const std::string& other) {
    const uint64_t what = random_.Below(10);
    if (what == 0) return MoveOrCopy(db, key, db, other, false);
    if (what == 1) return MoveOrCopy(db, key, AnyDatabase(), key, false);
    if (what == 2) return MoveOrCopy(db, key, db, other, true);
    With(db, key, [&](KeyRef& ref) {
      if (ref.entry() == nullptr) return;
      if (what == 3) return Edit(unit_, ref).SetDeadline(Deadline());
      if (what == 4) return Edit(unit_, ref).SetDeadline(now_ms);  // due at the next look
      if (what == 5) return static_cast<void>(Edit(unit_, ref));   // announced, and nothing done
      if (what == 6 && ref.entry()->type() == Type::kList) {
        Edit edit(unit_, ref);
        types::List list(ref.entry()->collection());
        list.Erase(0, 1, types::ListLimits::From(limits()));
        ref.entry()->set_collection(list.value());
        if (list.Size() == 0) edit.Delete();
        return;
      }
      Edit(unit_, ref).Delete();
    });
  }
  // RENAME, MOVE and COPY.
  void MoveOrCopy(unsigned from_db, const std::string& from, unsigned to_db, const std::string& to,
                  bool copies) {
    if (from_db == to_db && from == to) return;
    KeyRef refs[2] = {testing::RefOf(databases_, from_db, from),
                      testing::RefOf(databases_, to_db, to)};
    KeyLocks locks;
    locks.Acquire(refs, 2);
    ExpireDue(unit_, refs, 2);
    if (refs[0].entry() != nullptr) {
      if (copies) {
        Entry* copy = Entry::NewCopy(*refs[0].entry(), to, refs[0].entry()->deadline_ms());
        Edit(unit_, refs[1]).Put(copy);
      } else {
        Edit source(unit_, refs[0]), target(unit_, refs[1]);
        source.MoveTo(target);
      }
    }
    locks.Release();
    StepIfCrowded();
  }

  Participants participants_;
  Participant* self_ = participants_.Join();
  Databases databases_;
  ManualClock clock_;
  Checkpointer checkpointer_;
  Random random_;
  CommitLog log_{64};
  EngineSettings settings_;
  EngineCounters counters_;
  Unit unit_;
};

/// Loads the tables in force into `machine`; how many keys that were.
inline StatusOr<uint64_t> Load(FileSystem& files, const storage::Manifest& manifest,
                               Machine& machine, unsigned parts = 1) {
  auto loader = CheckpointLoader::Open(files, manifest, machine.databases(), machine.limits());
  if (!loader.ok()) return Unexpected{loader.error()};
  for (unsigned part = 0; part < parts; ++part) {
    const Status status = (*loader)->LoadPart(part, parts, machine.self());
    if (!status.ok()) return Unexpected{status};
  }
  return (*loader)->keys();
}

/// What a server that starts on `files` would find, without the log.
inline WorldState LoadedState(FileSystem& files, storage::Manifest& manifest, unsigned parts = 1) {
  Machine fresh(files, manifest, 0, {});
  const uint64_t keys = Must(Load(files, manifest, fresh, parts));
  WorldState state = fresh.State();
  CHECK(state.size() == keys);
  CHECK(fresh.CountChanged() == 0);
  return state;
}

/// Marks that can be told apart.
class Marks {
 public:
  storage::CheckpointMark Next(Random& random) {
    storage::CheckpointMark mark;
    mark.log_offset = offset_ += 1 + random.Below(1000);
    mark.selected_db = static_cast<uint32_t>(random.Below(kWorldDatabases));
    for (char& digit : mark.history) digit = "0123456789abcdef"[random.Below(16)];
    return mark;
  }

 private:
  uint64_t offset_ = 0;
};

}  // namespace terrace::engine
