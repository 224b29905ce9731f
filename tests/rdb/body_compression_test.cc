#include "rdb/body_compression.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "rdb/items_encoder.h"
#include "rdb/value_encoder.h"
#include "types/encoding_limits.h"
#include "types/hash.h"
#include "types/list.h"
#include "types/set.h"
#include "types/sorted_set.h"
#include "types/stream.h"

namespace terrace::rdb {
namespace {

const types::EncodingLimits limits;

// Compressed afterwards is what compressed at once is.
void CheckValue(types::Value value, const char* what,
                const std::vector<uint16_t>& versions = {kRdbVersionDefault, kRdbVersionMax}) {
  INFO(what);
  for (const uint16_t version : versions) {
    const std::string plain =
        EncodeCollection(value, {.rdb_version = version, .compression = Compression::kNone});
    const std::string compressed =
        EncodeCollection(value, {.rdb_version = version, .compression = Compression::kLzf});
    std::string room;
    CHECK(CompressBody(plain, &room) == compressed);
    CHECK(compressed.size() < plain.size());
  }
  types::Destroy(value);
}

std::string Text(int i) { return std::string(30, 'x') + std::to_string(i) + std::string(30, 'y'); }

TEST_SUITE("rdb/body_compression") {
  TEST_CASE("strings") {
    std::string room;
    for (const std::string& text : {std::string("short"), std::string(100, 'a'), std::string("-12"),
                                    std::string(100'000, 'b')}) {
      CHECK(CompressBody(EncodeStringValue(text, Compression::kNone), &room) ==
            EncodeStringValue(text, Compression::kLzf));
    }
    const std::string number = EncodeStringValue(int64_t{70'000});
    CHECK(CompressBody(number, &room) == number);
  }

  TEST_CASE("collections in every layout that is written") {
    for (const int count : {3, 600}) {
      CAPTURE(count);
      types::List list = types::List::New();
      types::Set set = types::Set::New();
      types::Hash hash = types::Hash::New(), timed = types::Hash::New();
      types::SortedSet zset = types::SortedSet::New();
      types::Stream stream = types::Stream::New();
      for (int i = 0; i < count; ++i) {
        const std::string text = Text(i);
        list.Push(types::ListEnd::kTail, text, types::ListLimits::From(limits));
        set.Add(Bytes(text), types::SetLimits(limits));
        hash.Set(text, text, types::HashLimits(limits));
        timed.Set(text, text, types::HashLimits(limits));
        if (i % 2 == 0) timed.SetDeadline(text, 1'000'000 + static_cast<uint64_t>(i));
        zset.Set(text, i, {128, 64});
        const Bytes pair[] = {"field", text};
        stream.Append(stream.last_id().Next(), pair, types::StreamLimits(limits));
      }
      CheckValue(list.value(), "list");
      CheckValue(set.value(), "set");
      CheckValue(hash.value(), "hash");
      CheckValue(zset.value(), "sorted set");
      CheckValue(stream.value(), "stream");
      CheckValue(timed.value(), "hash with deadlines", {kRdbVersionMax});
    }
  }

  TEST_CASE("items that come in pieces are compressed as those that come at once") {
    const ItemsEncoder::Head heads[] = {
        {.type = Type::kSet, .items = 50},
        {.type = Type::kHash, .items = 50},
        {.type = Type::kHash, .items = 50, .next_deadline_ms = 1'000'000},
        {.type = Type::kZset, .items = 50}};
    for (const ItemsEncoder::Head& head : heads) {
      CAPTURE(static_cast<int>(head.code()));
      std::string at_once, in_pieces;
      for (int i = 0; i < 50; ++i) {
        std::string plain;
        for (const Compression compression : {Compression::kLzf, Compression::kNone}) {
          ItemsEncoder encoder(head, compression,
                               compression == Compression::kLzf ? &at_once : &plain);
          if (head.type == Type::kSet) encoder.PutMember(Text(i));
          if (head.type == Type::kZset) encoder.PutScored(Text(i), i);
          if (head.type == Type::kHash && head.next_deadline_ms == 0)
            encoder.PutField(Text(i), Text(-i));
          if (head.next_deadline_ms != 0)
            encoder.PutTimedField(Text(i), Text(-i), 1'000'000 + static_cast<uint64_t>(i));
        }
        CompressItems(head.code(), plain, &in_pieces);
      }
      CHECK(in_pieces == at_once);
    }
  }

  TEST_CASE("what is damaged, or of a layout that is never written, stays as it is") {
    std::string room;
    const std::string cut = std::string("\x12\x02\x02", 3) + std::string(40, 'x');
    CHECK(CompressBody(cut, &room) == cut);
    const std::string ziplist = "\x0a" + std::string(40, 'x');
    CHECK(CompressBody(ziplist, &room) == ziplist);
    // A set over 16 MiB would be in memory twice.
    const std::string member = EncodeStringValue(std::string(17 * kMiB, 'm'), Compression::kNone);
    const std::string large = "\x02\x01" + member.substr(1);
    CHECK(CompressBody(large, &room) == large);
    CHECK(CompressBody(member, &room).size() < member.size() / 10);
  }
}

}  // namespace
}  // namespace terrace::rdb
