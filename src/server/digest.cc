#include "server/digest.h"

#include "engine/residency.h"
#include "server/text.h"
#include "types/items.h"
#include "types/stream.h"

namespace terrace::server {
namespace {

// The numbers stock servers give the types.
uint32_t NumberOf(Type type) {
  switch (type) {
    case Type::kString:
      return 0;
    case Type::kList:
      return 1;
    case Type::kSet:
      return 2;
    case Type::kZset:
      return 3;
    case Type::kHash:
      return 4;
    case Type::kStream:
      return 6;
  }
  return 0;
}

Digest OfPair(Bytes first, Bytes second) {
  Digest digest;
  digest.Chain(first);
  digest.Chain(second);
  return digest;
}

}  // namespace

Digest Digest::OfValue(const engine::Entry& entry) {
  Digest digest;
  digest.FeedValue(entry);
  return digest;
}

Digest Digest::OfKey(const engine::Entry& entry) {
  Digest digest;
  digest.Chain(entry.key());
  digest.FeedValue(entry);
  return digest;
}

Digest Digest::OfAll(const engine::Databases& databases) {
  Digest digest;
  for (unsigned db = 0; db < databases.count(); ++db) {
    bool empty = true;
    engine::Keyspace& keyspace = databases.Get(db);
    keyspace.ForEach([&](const engine::Entry& entry) {
      if (empty) digest.Chain(uint32_t{db});
      empty = false;
      // What cannot be read is left out: no digest is right then.
      const engine::WholeEntry whole(databases, keyspace, entry);
      if (whole.get() != nullptr) digest.Add(OfKey(*whole.get()));
    });
  }
  return digest;
}

void Digest::Add(Bytes text) {
  const Sha1Digest added = Sha1(text);
  for (size_t i = 0; i < sum_.size(); ++i) sum_[i] ^= added[i];
}

void Digest::Chain(Bytes text) {
  Add(text);
  sum_ = Sha1(bytes());
}

void Digest::Chain(uint32_t number) {
  const char big_endian[] = {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
                             static_cast<char>(number >> 8), static_cast<char>(number)};
  Chain(Bytes(big_endian, sizeof big_endian));
}

void Digest::FeedValue(const engine::Entry& entry) {
  Chain(NumberOf(entry.type()));
  if (IsCollection(entry.encoding())) {
    FeedCollection(entry.collection());
  } else {
    engine::IntegerText text;
    Chain(entry.StringBytes(&text));
  }
  if (entry.has_deadline()) Add("!!expire!!");
}

void Digest::FeedCollection(types::Value value) {
  switch (value.type) {
    case Type::kList:
      return types::ForEachElement(value, [&](Bytes element) { Chain(element); });
    case Type::kSet:
      return types::ForEachElement(value, [&](Bytes member) { Add(member); });
    case Type::kHash:
      return types::ForEachTimedField(value, [&](Bytes field, Bytes text, uint64_t deadline_ms) {
        Digest digest = OfPair(field, text);
        if (deadline_ms != 0) digest.Add("!!hexpire!!");
        Add(digest);
      });
    case Type::kZset:
      return types::ForEachScore(
          value, [&](Bytes member, double score) { Add(OfPair(member, Format("%.17g", score))); });
    case Type::kStream:
      return FeedStream(types::Stream(value));
    case Type::kString:
      break;
  }
}

void Digest::FeedStream(const types::Stream& stream) {
  for (types::Stream::Cursor at = stream.First(); at; at.Next()) {
    Chain(std::to_string(at.id().ms) + "." + std::to_string(at.id().seq));
    at.ForEachField([&](const types::Element& field, const types::Element& text) {
      char digits[kInt64CharsMax];
      Chain(field.Text(digits));
      Chain(text.Text(digits));
    });
  }
}

std::string Digest::Hex() const {
  std::string hex;
  for (const uint8_t byte : sum_) AppendFormat(&hex, "%02x", byte);
  return hex;
}

}  // namespace terrace::server
