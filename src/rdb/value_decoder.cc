#include "rdb/value_decoder.h"

#include <optional>
#include <string>
#include <unordered_set>

#include "base/numbers.h"
#include "rdb/item_reader.h"
#include "rdb/length_codec.h"
#include "rdb/stream_codec.h"
#include "types/hash.h"
#include "types/intset.h"
#include "types/list.h"
#include "types/listpack.h"
#include "types/set.h"
#include "types/sorted_set.h"

namespace terrace::rdb {
namespace {

using types::Element;
using types::EncodingLimits;
using types::Listpack;
using types::Value;

// Takes items of one type and refuses all others.
class Builder : public ItemTaker {
 public:
  bool TakeElement(Bytes) override { return false; }
  bool TakeField(Bytes, Bytes) override { return false; }
  bool TakeFieldUntil(Bytes, Bytes, uint64_t) override { return false; }
  bool TakeScore(Bytes, double) override { return false; }
};

class ListBuilder final : public Builder {
 public:
  explicit ListBuilder(const EncodingLimits& limits) : limits_(types::ListLimits::From(limits)) {}
  bool TakeElement(Bytes element) override {
    list_.Push(types::ListEnd::kTail, element, limits_);
    return true;
  }
  Value value() const { return list_.value(); }

 private:
  const types::ListLimits limits_;
  types::List list_ = types::List::New();
};

class SetBuilder final : public Builder {
 public:
  explicit SetBuilder(const EncodingLimits& limits) : limits_(limits) {}
  bool TakeElement(Bytes member) override { return set_.Add(member, limits_); }
  Value value() const { return set_.value(); }

 private:
  const types::SetLimits limits_;
  types::Set set_ = types::Set::New();
};

class HashBuilder final : public Builder {
 public:
  explicit HashBuilder(const EncodingLimits& limits) : limits_(limits) {}
  bool TakeField(Bytes field, Bytes value) override { return hash_.Set(field, value, limits_); }
  // One that is past may come, too: it goes like any that is due.
  bool TakeFieldUntil(Bytes field, Bytes value, uint64_t deadline_ms) override {
    if (deadline_ms > types::Hash::kDeadlineMax || !TakeField(field, value)) return false;
    hash_.SetDeadline(field, deadline_ms);
    return true;
  }
  Value value() const { return hash_.value(); }

 private:
  const types::HashLimits limits_;
  types::Hash hash_ = types::Hash::New();
};

class SortedSetBuilder final : public Builder {
 public:
  explicit SortedSetBuilder(const EncodingLimits& limits)
      : limits_{static_cast<size_t>(limits.zset_listpack_entries.load(std::memory_order_relaxed)),
                limits.zset_listpack_value_bytes.load(std::memory_order_relaxed)} {}
  bool TakeScore(Bytes member, double score) override {
    return set_.Set(member, score, limits_) == types::SortedSet::Change::kAdded;
  }
  Value value() const { return set_.value(); }

 private:
  const types::SortedSet::Limits limits_;
  types::SortedSet set_ = types::SortedSet::New();
};

template <typename T>
PayloadResult<Value> Build(const PayloadBody& body, const EncodingLimits& limits) {
  T builder(limits);
  if (ReadItems(body, builder)) return builder.value();
  types::Destroy(builder.value());
  return Unexpected{PayloadError::kBadFormat};
}

// --- what is taken over as it is ---

// A node: 1 and an element that stands alone, 2 and a listpack.
bool AppendNode(ByteSource& source, const types::ListLimits& limits, types::List* list) {
  const uint64_t container = TakeLength(source);
  const DecodedString node = TakeString(source);
  if (!source.ok()) return false;
  if (container == 1) {
    list->AppendPlain(node.bytes(), limits);
    return true;
  }
  size_t count = 0;
  if (container != 2 || !Listpack::Validate(node.bytes(), &count)) return false;
  if (count != 0) list->AppendNode(node.bytes(), limits);
  return true;
}

PayloadResult<Value> TakeNodes(const PayloadBody& body, const EncodingLimits& settings) {
  const types::ListLimits limits = types::ListLimits::From(settings);
  types::List list = types::List::New();
  ByteSource source(body.value);
  const uint64_t nodes = TakeLength(source);
  bool taken = true;
  for (uint64_t i = 0; i < nodes && taken; ++i) taken = AppendNode(source, limits, &list);
  if (taken && source.finished() && list.Size() != 0) {
    list.Settle(limits);
    return list.value();
  }
  types::Destroy(list.value());
  return Unexpected{PayloadError::kBadFormat};
}

// Elements that stand together in a listpack (a field and its value), the first of which is there once only.
struct PackedShape {
  size_t group;
  int64_t groups_max;
  uint64_t text_bytes_max;
};

PackedShape ShapeOf(ValueCode code, Type type, const EncodingLimits& limits) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  switch (type) {
    case Type::kHash:
      return {code == ValueCode::kHashListpackEx ? 3u : 2u,
              limits.hash_listpack_entries.load(kRelaxed),
              limits.hash_listpack_value_bytes.load(kRelaxed)};
    case Type::kZset:
      return {2, limits.zset_listpack_entries.load(kRelaxed),
              limits.zset_listpack_value_bytes.load(kRelaxed)};
    default:
      return {1, limits.set_listpack_entries.load(kRelaxed),
              limits.set_listpack_value_bytes.load(kRelaxed)};
  }
}

// In the text we would write ourselves; others (stock servers up to 7.0 write 17 digits) are written anew.
std::optional<double> ScoreOf(const Element& element) {
  if (element.is_integer()) return static_cast<double>(element.integer());
  const std::optional<double> score = ParseDouble(element.string());
  if (!score.has_value() || FormatDouble(*score) != element.string()) return std::nullopt;
  return score;
}

// Members ascend by score and, where scores are equal, by name.
bool IsOrdered(const Listpack& pairs) {
  std::optional<double> last_score;
  std::string last_member;
  for (auto at = pairs.First(); at != nullptr;) {
    char digits[kInt64CharsMax];
    const Element element = pairs.Get(at);
    const Bytes member = element.Text(digits);
    at = pairs.Next(at);
    const std::optional<double> score = ScoreOf(pairs.Get(at));
    if (!score.has_value()) return false;
    if (last_score.has_value() &&
        (*score < *last_score || (*score == *last_score && member <= last_member)))
      return false;
    last_score = score;
    last_member = member;
    at = pairs.Next(at);
  }
  return true;
}

bool HasShape(const Listpack& list, size_t count, const PackedShape& shape) {
  if (count == 0 || count % shape.group != 0) return false;
  if (static_cast<int64_t>(count / shape.group) > shape.groups_max) return false;
  std::unordered_set<std::string> firsts;
  firsts.reserve(count / shape.group);
  size_t index = 0;
  for (auto at = list.First(); at != nullptr; at = list.Next(at), ++index) {
    char digits[kInt64CharsMax];
    const Element element = list.Get(at);
    const Bytes text = element.Text(digits);
    if (text.size() > shape.text_bytes_max) return false;
    if (index % shape.group == 0 && !firsts.emplace(text).second) return false;
  }
  return true;
}

// A listpack or intset that is what we would make of it ourselves; no value if not, whatever the reason.
std::optional<Value> TakePacked(const PayloadBody& body, Type type, const EncodingLimits& limits) {
  ByteSource source(body.value);
  const bool timed = body.code == ValueCode::kHashListpackEx;
  if (timed)
    source.TakeLittle<uint64_t>();  // the smallest deadline, which the triplets say themselves
  const DecodedString blob = TakeString(source);
  if (!source.finished()) return std::nullopt;
  if (body.code == ValueCode::kSetIntset) {
    if (!types::Intset::Validate(blob.bytes())) return std::nullopt;
    const types::Intset members(const_cast<char*>(blob.bytes().data()));
    if (static_cast<int64_t>(members.Count()) >
        limits.set_intset_entries.load(std::memory_order_relaxed))
      return std::nullopt;
    return Value{type, Encoding::kIntset, types::Intset::Copy(blob.bytes()).data()};
  }
  size_t count = 0;
  if (!Listpack::Validate(blob.bytes(), &count)) return std::nullopt;
  const Listpack list(const_cast<char*>(blob.bytes().data()));
  if (!HasShape(list, count, ShapeOf(body.code, type, limits))) return std::nullopt;
  if (timed && !types::PackedFields::IsSound(list, count, types::Hash::kDeadlineMax))
    return std::nullopt;
  if (type == Type::kZset && !IsOrdered(list)) return std::nullopt;
  const Encoding encoding = timed ? Encoding::kListpackEx : Encoding::kListpack;
  return Value{type, encoding, Listpack::Copy(blob.bytes()).data()};
}

bool IsPacked(ValueCode code) {
  return code == ValueCode::kSetIntset || code == ValueCode::kSetListpack ||
         code == ValueCode::kHashListpack || code == ValueCode::kHashListpackEx ||
         code == ValueCode::kZsetListpack;
}

}  // namespace

PayloadResult<Value> DecodeCollection(const PayloadBody& body, const EncodingLimits& limits) {
  const std::optional<Type> type = TypeOf(body.code);
  if (!type.has_value()) return Unexpected{PayloadError::kBadFormat};
  if (IsPacked(body.code)) {
    if (const auto value = TakePacked(body, *type, limits)) return *value;
  }
  if (body.code == ValueCode::kListQuicklist2) return TakeNodes(body, limits);
  switch (*type) {
    case Type::kList:
      return Build<ListBuilder>(body, limits);
    case Type::kSet:
      return Build<SetBuilder>(body, limits);
    case Type::kHash:
      return Build<HashBuilder>(body, limits);
    case Type::kZset:
      return Build<SortedSetBuilder>(body, limits);
    case Type::kStream:
      return DecodeStream(body);
    case Type::kString:
      break;
  }
  return Unexpected{PayloadError::kBadFormat};
}

}  // namespace terrace::rdb
