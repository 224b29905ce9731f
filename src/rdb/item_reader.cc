#include "rdb/item_reader.h"

#include <bit>
#include <cmath>
#include <functional>

#include "base/numbers.h"
#include "rdb/length_codec.h"
#include "rdb/ziplist.h"
#include "rdb/zipmap.h"
#include "types/intset.h"
#include "types/listpack.h"

namespace terrace::rdb {
namespace {

using types::Element;
using types::Listpack;

// visit(element) for what a packed blob holds; false ends it.
using Visit = std::function<bool(const Element&)>;
using Unpack = bool (*)(Bytes blob, const Visit& visit);

bool UnpackListpack(Bytes blob, const Visit& visit) {
  size_t count = 0;
  if (!Listpack::Validate(blob, &count)) return false;
  // Only looked at: the handle neither edits nor frees.
  const Listpack list(const_cast<char*>(blob.data()));
  for (auto at = list.First(); at != nullptr; at = list.Next(at)) {
    if (!visit(list.Get(at))) return false;
  }
  return true;
}

bool UnpackZiplist(Bytes blob, const Visit& visit) {
  ZiplistReader reader(blob);
  Element element = Element::OfInteger(0);
  while (reader.Next(&element)) {
    if (!visit(element)) return false;
  }
  return reader.ok();
}

bool UnpackIntset(Bytes blob, const Visit& visit) {
  if (!types::Intset::Validate(blob)) return false;
  const types::Intset members(const_cast<char*>(blob.data()));
  const size_t count = members.Count();
  for (size_t i = 0; i < count; ++i) {
    if (!visit(Element::OfInteger(members.At(i)))) return false;
  }
  return true;
}

// Both texts of two elements that belong together, and the integers among them.
class Pair {
 public:
  Pair(const Element& first, const Element& second) : first_(first), second_(second) {}

  Bytes first() { return first_.Text(first_digits_); }
  Bytes second() { return second_.Text(second_digits_); }
  std::optional<double> score() {
    if (second_.is_integer()) return static_cast<double>(second_.integer());
    return ParseDouble(second_.string());
  }

 private:
  const Element& first_;
  const Element& second_;
  char first_digits_[kInt64CharsMax];
  char second_digits_[kInt64CharsMax];
};

class Reader {
 public:
  Reader(const PayloadBody& body, ItemTaker& taker) : source_(body.value), taker_(taker) {}

  bool Read(ValueCode code) {
    const bool taken = ReadLayout(code);
    return taken && source_.finished() && items_ != 0;
  }

 private:
  bool ReadLayout(ValueCode code) {
    switch (code) {
      case ValueCode::kList:
      case ValueCode::kSet:
        return Repeat([&] { return ReadElement(); });
      case ValueCode::kHash:
        return Repeat([&] { return ReadField(); });
      case ValueCode::kZset:
        return Repeat([&] { return ReadScore(TextScore); });
      case ValueCode::kZset2:
        return Repeat([&] { return ReadScore(BinaryScore); });
      case ValueCode::kHashMetadata:
        return ReadFieldsWithTimes(source_.TakeLittle<uint64_t>());
      case ValueCode::kHashMetadataPreRelease:
        return ReadFieldsWithTimes(1);
      case ValueCode::kHashZipmap:
        return ReadZipmap();
      case ValueCode::kListZiplist:
        return ReadElements(UnpackZiplist);
      case ValueCode::kSetIntset:
        return ReadElements(UnpackIntset);
      case ValueCode::kSetListpack:
        return ReadElements(UnpackListpack);
      case ValueCode::kListQuicklist:
        return Repeat([&] { return ReadElements(UnpackZiplist); });
      case ValueCode::kListQuicklist2:
        return Repeat([&] { return ReadContainer(); });
      case ValueCode::kHashZiplist:
        return ReadFields(UnpackZiplist);
      case ValueCode::kHashListpack:
        return ReadFields(UnpackListpack);
      case ValueCode::kZsetZiplist:
        return ReadScores(UnpackZiplist);
      case ValueCode::kZsetListpack:
        return ReadScores(UnpackListpack);
      case ValueCode::kHashListpackEx:
        source_.TakeLittle<uint64_t>();
        return ReadTriplets();
      case ValueCode::kHashListpackExPreRelease:
        return ReadTriplets();
      default:
        return false;
    }
  }

  // A count, and so many times `read`. A count that is too large ends where the bytes do.
  template <typename Read>
  bool Repeat(Read read) {
    const uint64_t count = TakeLength(source_);
    for (uint64_t i = 0; i < count; ++i) {
      if (!source_.ok() || !read()) return false;
    }
    return source_.ok();
  }

  bool ReadElement() {
    const DecodedString element = TakeString(source_);
    return source_.ok() && Take(element.bytes());
  }

  bool ReadField() {
    const DecodedString field = TakeString(source_);
    const DecodedString value = TakeString(source_);
    ++items_;
    return source_.ok() && taker_.TakeField(field.bytes(), value.bytes());
  }

  static std::optional<double> BinaryScore(ByteSource& source) {
    return std::bit_cast<double>(source.TakeLittle<uint64_t>());
  }

  static std::optional<double> TextScore(ByteSource& source) {
    const uint8_t length = source.TakeByte();
    switch (length) {
      case 253:
        return std::nullopt;  // NaN
      case 254:
        return HUGE_VAL;
      case 255:
        return -HUGE_VAL;
      default:
        return ParseDouble(source.TakeBytes(length));
    }
  }

  template <typename TakeScore>
  bool ReadScore(TakeScore take_score) {
    const DecodedString member = TakeString(source_);
    const std::optional<double> score = take_score(source_);
    if (!source_.ok() || !score.has_value() || std::isnan(*score)) return false;
    ++items_;
    return taker_.TakeScore(member.bytes(), *score);
  }

  // (i64 the smallest deadline;) then a length is 0 for none, or the deadline's distance from that plus one.
  bool ReadFieldsWithTimes(uint64_t smallest) {
    return Repeat([&] {
      const uint64_t distance = TakeLength(source_);
      const DecodedString field = TakeString(source_);
      const DecodedString value = TakeString(source_);
      if (!source_.ok()) return false;
      ++items_;
      if (distance == 0) return taker_.TakeField(field.bytes(), value.bytes());
      const uint64_t deadline_ms = smallest + (distance - 1);
      const bool sound = smallest <= INT64_MAX && distance <= INT64_MAX &&
                         deadline_ms <= INT64_MAX && deadline_ms != 0;
      return sound && taker_.TakeFieldUntil(field.bytes(), value.bytes(), deadline_ms);
    });
  }

  bool ReadZipmap() {
    const DecodedString blob = TakeString(source_);
    if (!source_.ok()) return false;
    ZipmapReader reader(blob.bytes());
    Bytes field, value;
    while (reader.Next(&field, &value)) {
      ++items_;
      if (!taker_.TakeField(field, value)) return false;
    }
    return reader.ok();
  }

  bool ReadElements(Unpack unpack) {
    const DecodedString blob = TakeString(source_);
    char digits[kInt64CharsMax];
    return source_.ok() &&
           unpack(blob.bytes(), [&](const Element& element) { return Take(element.Text(digits)); });
  }

  // A node of a quicklist: 1 is one long element as it is, 2 a listpack.
  bool ReadContainer() {
    switch (TakeLength(source_)) {
      case 1:
        return ReadElement();
      case 2:
        return ReadElements(UnpackListpack);
      default:
        return false;
    }
  }

  // take(pair) for the elements of a blob taken two by two; a lonely last one is an error.
  template <typename TakePair>
  bool ReadPairs(Unpack unpack, TakePair take) {
    const DecodedString blob = TakeString(source_);
    if (!source_.ok()) return false;
    std::optional<Element> first;
    const bool taken = unpack(blob.bytes(), [&](const Element& element) {
      if (!first.has_value()) {
        first = element;
        return true;
      }
      Pair pair(*first, element);
      ++items_;
      const bool wanted = take(pair);
      first.reset();
      return wanted;
    });
    return taken && !first.has_value();
  }

  bool ReadFields(Unpack unpack) {
    return ReadPairs(unpack,
                     [&](Pair& pair) { return taker_.TakeField(pair.first(), pair.second()); });
  }

  bool ReadScores(Unpack unpack) {
    return ReadPairs(unpack, [&](Pair& pair) {
      const auto score = pair.score();
      return score.has_value() && taker_.TakeScore(pair.first(), *score);
    });
  }

  // (i64 the smallest deadline, which the triplets say themselves;) then field, value, deadline (0 for none).
  bool ReadTriplets() {
    const DecodedString blob = TakeString(source_);
    if (!source_.ok()) return false;
    Element parts[2] = {Element::OfInteger(0), Element::OfInteger(0)};
    size_t held = 0;
    const bool taken = UnpackListpack(blob.bytes(), [&](const Element& element) {
      if (held < 2) {
        parts[held++] = element;
        return true;
      }
      held = 0;
      if (!element.is_integer() || element.integer() < 0) return false;
      ++items_;
      Pair pair(parts[0], parts[1]);
      if (element.integer() == 0) return taker_.TakeField(pair.first(), pair.second());
      return taker_.TakeFieldUntil(pair.first(), pair.second(),
                                   static_cast<uint64_t>(element.integer()));
    });
    return taken && held == 0;
  }

  bool Take(Bytes element) {
    ++items_;
    return taker_.TakeElement(element);
  }

  ByteSource source_;
  ItemTaker& taker_;
  uint64_t items_ = 0;
};

}  // namespace

bool ReadItems(const PayloadBody& body, ItemTaker& taker) {
  return Reader(body, taker).Read(body.code);
}

}  // namespace terrace::rdb
