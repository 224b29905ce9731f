#include "engine/old_images.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "rdb/value_code.h"

namespace terrace::engine {
namespace {

constexpr uint64_t kPosition = uint64_t{1} << 16;  // of one in the staircase's count

CapturedKey Image(uint64_t hash, const std::string& key) {
  Entry* entry = Entry::NewString(key, StringSource::Of("value"), 0);
  CapturedKey image(hash, *entry, rdb::Compression::kNone);
  Entry::Delete(entry);
  return image;
}

std::vector<std::string> TakenBelow(OldImages& images, uint32_t space, uint64_t end) {
  std::vector<CapturedKey> taken;
  images.TakeBelow(space, end, &taken);
  std::vector<std::string> keys;
  for (const CapturedKey& image : taken) keys.emplace_back(image.name().key);
  return keys;
}

TEST_SUITE("engine/old_images") {
  TEST_CASE("the walk gets those before its place, of the space it is in, and each once") {
    using Keys = std::vector<std::string>;
    OldImages images;
    images.Add(4, Image(3 * kPosition - 1, "before"));
    images.Add(4, Image(3 * kPosition, "at"));
    images.Add(4, Image(UINT64_MAX, "last"));
    images.Add(7, Image(0, "other"));
    images.Add(4, Image(3 * kPosition - 1, "same"));
    CHECK(TakenBelow(images, 4, 2) == Keys{});
    CHECK(TakenBelow(images, 4, 3) == Keys{"before", "same"});
    CHECK(TakenBelow(images, 4, 3) == Keys{});
    CHECK(TakenBelow(images, 4, uint64_t{1} << 48) == Keys{"at", "last"});
    CHECK(images.bytes() != 0);
    CHECK(TakenBelow(images, 7, 1) == Keys{"other"});
    CHECK(images.bytes() == 0);
    CHECK(images.taken() == 5);
  }

  TEST_CASE("what they take is counted, a shared string included, and forgotten with them") {
    OldImages images;
    const std::string text(kBlobBytesMin + 1, 'b');
    Entry* entry = Entry::NewString("key", StringSource::Of(text), 0);
    images.Add(0, CapturedKey(1, *entry, rdb::Compression::kNone));
    CHECK(entry->blob()->shared());
    CHECK(images.bytes() > text.size());
    CHECK(images.bytes() < text.size() + 1000);
    CHECK(images.bytes_peak() == images.bytes());
    images.Clear();
    CHECK_FALSE(entry->blob()->shared());
    CHECK(images.bytes() == 0);
    CHECK(images.bytes_peak() == 0);
    CHECK(images.taken() == 0);
    Entry::Delete(entry);
  }

  TEST_CASE("a captured key is what a table gets, a shared string as any other") {
    for (const size_t size : {size_t{5}, kBlobBytesMin + 1}) {
      const std::string text(size, 'b');
      Entry* entry = Entry::NewString("key", StringSource::Of(text), 99);
      const CapturedKey captured(7, *entry, rdb::Compression::kNone);
      Entry::Delete(entry);
      Bytes head, value;
      std::string room;
      const storage::KeyRecord record = captured.Record(3, &head, &value, &room);
      CHECK(record.space == 3);
      CHECK(record.hash == 7);
      CHECK(record.key == "key");
      CHECK(record.kind == static_cast<uint8_t>(rdb::ValueCode::kString));
      CHECK(record.deadline_ms == 99);
      const std::string body = std::string(head) + std::string(value);
      CHECK(record.size == body.size());
      std::string whole;
      CHECK((captured.Body(&whole).substr(1) == body));
      CHECK(body.ends_with(text));
      CHECK(body.size() <= text.size() + 5);
    }
  }
}

}  // namespace
}  // namespace terrace::engine
