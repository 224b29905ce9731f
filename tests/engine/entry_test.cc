#include "engine/entry.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "types/hash.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

struct EntryDeleter {
  void operator()(Entry* entry) const { Entry::Delete(entry); }
};
using EntryPtr = std::unique_ptr<Entry, EntryDeleter>;

EntryPtr Make(Bytes key, const StringSource& value, uint64_t deadline_ms = 0) {
  return EntryPtr(Entry::NewString(key, value, deadline_ms));
}

std::string Text(const EntryPtr& entry) {
  IntegerText text;
  const Bytes bytes = entry->StringBytes(&text);
  CHECK(entry->StringLength() == bytes.size());
  return std::string(bytes);
}

// Every byte value occurs, also 0 and 255, which the layout uses as markers.
std::string Pattern(size_t size, uint64_t seed) {
  Random random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random.Next());
  return text;
}

const std::vector<size_t> kKeyLengths = {0, 1, 7, 16, 253, 254, 255, 256, 257, 70000};

}  // namespace

TEST_SUITE("engine/entry") {
  TEST_CASE("an inline string comes back with its key, whatever their lengths") {
    for (const size_t key_length : kKeyLengths) {
      for (const size_t length :
           std::vector<size_t>{0, 1, 64, 253, 254, 255, 256, 5000, kBlobBytesMin}) {
        for (const uint64_t deadline :
             {uint64_t{0}, uint64_t{1}, std::numeric_limits<uint64_t>::max()}) {
          const std::string key = Pattern(key_length, 1), value = Pattern(length, 2);
          const EntryPtr entry = Make(key, StringSource::Of(value), deadline);
          CHECK(entry->type() == Type::kString);
          CHECK(entry->encoding() == Encoding::kInline);
          CHECK(entry->key() == key);
          CHECK(Text(entry) == value);
          CHECK(entry->deadline_ms() == deadline);
          CHECK(entry->has_deadline() == (deadline != 0));
        }
      }
    }
  }

  TEST_CASE("an integer comes back as its decimal text, whatever the length of the key") {
    for (const size_t key_length : kKeyLengths) {
      for (const uint64_t deadline : {uint64_t{0}, uint64_t{1234567890123}}) {
        const std::string key = Pattern(key_length, 3);
        EntryPtr entry =
            Make(key, StringSource::OfInteger(std::numeric_limits<int64_t>::min()), deadline);
        CHECK(entry->encoding() == Encoding::kInteger);
        CHECK(Text(entry) == "-9223372036854775808");
        entry->set_integer(std::numeric_limits<int64_t>::max());
        CHECK(entry->integer() == std::numeric_limits<int64_t>::max());
        CHECK(Text(entry) == "9223372036854775807");
        CHECK(entry->key() == key);
        CHECK(entry->deadline_ms() == deadline);
      }
    }
  }

  TEST_CASE("a blob is shared by reference and given back with the entry") {
    const BlobRef blob = BlobRef::Copy(Pattern(100'000, 4));
    for (const size_t key_length : kKeyLengths) {
      const std::string key = Pattern(key_length, 5);
      CHECK(!blob->shared());
      EntryPtr entry = Make(key, StringSource::OfBlob(blob.get()), 77);
      CHECK(blob->shared());
      CHECK(entry->encoding() == Encoding::kBlob);
      CHECK(entry->blob() == blob.get());
      CHECK(entry->key() == key);
      CHECK(Text(entry) == blob->bytes());
      CHECK(entry->deadline_ms() == 77);
    }
    CHECK(!blob->shared());
  }

  TEST_CASE("a string too large to be inline gets a blob of its own") {
    const std::string value = Pattern(kBlobBytesMin + 1, 6);
    const EntryPtr entry = Make("key", StringSource::Of(value));
    CHECK(entry->encoding() == Encoding::kBlob);
    CHECK(!entry->blob()->shared());
    CHECK(Text(entry) == value);
  }

  TEST_CASE("the compact source is an integer only if it reads back to the same bytes") {
    for (const Bytes text : {"0", "-1", "12", "9223372036854775807", "-9223372036854775808"}) {
      CHECK(StringSource::Compact(text).encoding() == Encoding::kInteger);
    }
    for (const Bytes text :
         {"", " 1", "1 ", "01", "-0", "+1", "1e3", "9223372036854775808", "-9223372036854775809"}) {
      CHECK(StringSource::Compact(text).encoding() == Encoding::kInline);
    }
    const std::string small(kBlobBytesMin, 'x'), large(kBlobBytesMin + 1, 'x');
    const BlobRef small_blob = BlobRef::Copy(small), large_blob = BlobRef::Copy(large);
    CHECK(StringSource::Compact(small, small_blob.get()).encoding() == Encoding::kInline);
    CHECK(StringSource::Compact(large, large_blob.get()).encoding() == Encoding::kBlob);
    CHECK(StringSource::Compact(large).encoding() == Encoding::kInline);
  }

  TEST_CASE(
      "what is due first counts, of the key's deadline and its items', and each keeps its own") {
    const types::EncodingLimits limits;
    for (const size_t key_length : kKeyLengths) {
      for (const uint64_t own : {uint64_t{0}, uint64_t{50}, uint64_t{200}}) {
        types::Hash hash = types::Hash::New();
        hash.Set("f", "v", types::HashLimits(limits));
        hash.Set("g", "v", types::HashLimits(limits));
        hash.SetDeadline("f", 100);
        const std::string key = Pattern(key_length, 8);
        const EntryPtr entry(Entry::NewCollection(key, hash.value(), own));
        CHECK(entry->key() == key);
        CHECK(entry->has_timed_items());
        CHECK(entry->deadline_ms() == own);
        CHECK(entry->due_ms() == (own == 50 ? 50 : 100));
        CHECK(entry->collection().data == hash.value().data);
        CHECK(entry->IsDue(101));
        CHECK(entry->IsGone(101) == (own == 50));
        CHECK(entry->IsGone(201) == (own != 0));
        // In place while both stay, not if one comes or goes.
        CHECK(entry->TrySetDeadlines(own == 0 ? 0 : 30, 40));
        CHECK(entry->due_ms() == (own == 0 ? 40 : 30));
        CHECK_FALSE(entry->TrySetDeadlines(own, 0));
        CHECK_FALSE(entry->TrySetDeadlines(own == 0 ? 1 : 0, 40));
        CHECK(entry->deadline_ms() == (own == 0 ? 0 : 30));
        const EntryPtr copy(Entry::NewCopy(*entry, "another", 7));
        CHECK(copy->has_timed_items());
        CHECK(copy->deadline_ms() == 7);
        CHECK(copy->due_ms() == 7);
        CHECK(copy->MemoryBytes() > 0);
      }
    }
    types::Hash all = types::Hash::New();
    all.Set("f", "v", types::HashLimits(limits));
    all.SetDeadline("f", 100);
    const EntryPtr entry(Entry::NewCollection("k", all.value(), 0));
    CHECK_FALSE(entry->IsGone(100));
    CHECK(entry->IsGone(101));
  }

  TEST_CASE("keys are told apart by every byte and by their length") {
    const std::string key("a\0b", 3);
    const EntryPtr entry = Make(key, StringSource::Of("v"));
    CHECK(entry->HasKey(key));
    CHECK(!entry->HasKey(Bytes("a\0c", 3)));
    CHECK(!entry->HasKey("a"));
    CHECK(!entry->HasKey(Bytes("a\0b\0", 4)));
    CHECK(!entry->HasKey(""));
    CHECK(Make("", StringSource::Of("v"))->HasKey(""));
  }

  TEST_CASE("a key is due after its deadline, not at it, and never without one") {
    const EntryPtr mortal = Make("k", StringSource::Of("v"), 1000),
                   immortal = Make("k", StringSource::Of("v"));
    CHECK(!mortal->IsDue(999));
    CHECK(!mortal->IsDue(1000));
    CHECK(mortal->IsDue(1001));
    CHECK(!immortal->IsDue(std::numeric_limits<uint64_t>::max()));
    mortal->set_deadline_ms(2000);
    CHECK(!mortal->IsDue(2000));
    CHECK(Text(mortal) == "v");
  }

  TEST_CASE("the access clock keeps 24 bits and disturbs nothing") {
    const EntryPtr entry = Make(Pattern(300, 7), StringSource::Of("value"), 5);
    CHECK(entry->access() == 0);
    for (const uint32_t clock : {0xffffffu, 0x010203u, 0u}) {
      entry->set_access(clock);
      CHECK(entry->access() == clock);
    }
    entry->set_access(0xffffffff);
    CHECK(entry->access() == 0xffffff);
    CHECK(entry->key() == Pattern(300, 7));
    CHECK(entry->deadline_ms() == 5);
  }

  TEST_CASE("a value of the same size class is assigned in place") {
    const EntryPtr entry = Make("0123456789abcdef", StringSource::Of(std::string(75, 'a')), 10);
    entry->set_access(4711);
    const size_t bytes = entry->MemoryBytes();
    CHECK(entry->TryAssign(StringSource::Of(std::string(68, 'b')), 20));
    CHECK(Text(entry) == std::string(68, 'b'));
    CHECK(entry->deadline_ms() == 20);
    CHECK(entry->access() == 4711);
    CHECK(entry->key() == "0123456789abcdef");
    CHECK(entry->MemoryBytes() == bytes);
  }

  TEST_CASE("an assignment that is refused leaves the entry untouched") {
    const EntryPtr entry = Make("key", StringSource::Of("value"), 10);
    CHECK(!entry->TryAssign(StringSource::Of(std::string(500, 'x')), 10));  // another class
    CHECK(!entry->TryAssign(StringSource::Of("other"), 0));                 // the deadline goes
    CHECK(!entry->TryAssign(StringSource::Of(std::string(kBlobBytesMin + 1, 'x')),
                            10));  // wants a blob
    CHECK(Text(entry) == "value");
    CHECK(entry->deadline_ms() == 10);
    const EntryPtr immortal = Make("key", StringSource::Of("value"));
    CHECK(!immortal->TryAssign(StringSource::Of("other"), 10));  // the deadline comes
    CHECK(Text(immortal) == "value");
    CHECK(!immortal->has_deadline());
  }

  TEST_CASE("assigning over a blob gives its reference back") {
    const BlobRef blob = BlobRef::Copy(Pattern(50'000, 8)),
                  other = BlobRef::Copy(Pattern(60'000, 9));
    const EntryPtr entry = Make("key", StringSource::OfBlob(blob.get()));
    CHECK(entry->TryAssign(StringSource::OfBlob(blob.get()), 0));  // the very blob it holds
    CHECK(blob->shared());
    CHECK(entry->TryAssign(StringSource::OfBlob(other.get()), 0));
    CHECK(!blob->shared());
    CHECK(other->shared());
    CHECK(entry->TryAssign(StringSource::OfInteger(5), 0));
    CHECK(!other->shared());
    CHECK(Text(entry) == "5");
    CHECK(entry->TryAssign(StringSource::OfBlob(blob.get()), 0));
    CHECK(entry->TryAssign(StringSource::Of("inline"), 0));
    CHECK(!blob->shared());
    CHECK(Text(entry) == "inline");
  }

  TEST_CASE("a value can be assigned from a part of itself") {
    for (const size_t length : std::vector<size_t>{40, 400}) {
      const std::string value = Pattern(length, 10);
      for (const size_t skip : std::vector<size_t>{0, 1, 2, 3}) {
        const EntryPtr entry = Make("key", StringSource::Of(value));
        IntegerText text;
        const Bytes part = entry->StringBytes(&text).substr(skip, length - 3);
        CHECK(entry->TryAssign(StringSource::Of(part), 0));
        CHECK(Text(entry) == value.substr(skip, length - 3));
      }
    }
    const std::string large = Pattern(kBlobBytesMin + 1, 11);
    const EntryPtr entry = Make("key", StringSource::Of(large));
    IntegerText text;
    CHECK(entry->TryAssign(StringSource::Of(entry->StringBytes(&text).substr(100, 7)), 0));
    CHECK(Text(entry) == large.substr(100, 7));
  }

  TEST_CASE("bytes can be changed in place unless they are an integer or somebody shares them") {
    const EntryPtr string = Make("key", StringSource::Of("value"));
    string->MutableStringBytes()[0] = 'V';
    CHECK(Text(string) == "Value");
    CHECK(Make("key", StringSource::OfInteger(1))->MutableStringBytes() == nullptr);
    BlobRef blob = BlobRef::Copy(Pattern(50'000, 12));
    const EntryPtr large = Make("key", StringSource::OfBlob(blob.get()));
    CHECK(large->MutableStringBytes() == nullptr);
    blob = BlobRef();
    REQUIRE(large->MutableStringBytes() != nullptr);
    large->MutableStringBytes()[49'999] = 'z';
    CHECK(Text(large).back() == 'z');
  }

  TEST_CASE(
      "a string grows where it is as long as its size class and its key allow, and keeps its "
      "bytes") {
    for (const size_t key_length : kKeyLengths) {
      for (const size_t length :
           std::vector<size_t>{0, 1, 60, 200, 240, 253, 254, 255, 256, 2000}) {
        for (const size_t size : {length, length + 1, length + 3, length + 16, length + 60}) {
          const std::string key = Pattern(key_length, 20), value = Pattern(length, 21);
          const EntryPtr entry = Make(key, StringSource::Of(value), 9);
          const size_t bytes = entry->MemoryBytes();
          char* grown = entry->TryGrowString(size);
          if (grown == nullptr) {
            CHECK(size > length);
            CHECK(Text(entry) == value);
          } else {
            std::fill(grown + length, grown + size, 'x');
            CHECK(Text(entry) == value + std::string(size - length, 'x'));
          }
          CHECK(entry->key() == key);
          CHECK(entry->deadline_ms() == 9);
          CHECK(entry->MemoryBytes() == bytes);
        }
      }
    }
    CHECK(Make("key", StringSource::OfInteger(1))->TryGrowString(20) == nullptr);
  }

  TEST_CASE("a blob grows into its spare bytes, unless somebody shares it") {
    BlobRef blob = BlobRef::Adopt(Blob::New(40'000, 100));
    std::fill(blob->data(), blob->data() + 40'000, 'b');
    const EntryPtr entry = Make("key", StringSource::OfBlob(blob.get()));
    CHECK(entry->TryGrowString(40'010) == nullptr);
    blob = BlobRef();
    char* grown = entry->TryGrowString(40'060);
    REQUIRE(grown != nullptr);
    std::fill(grown + 40'000, grown + 40'060, 'x');
    CHECK(entry->TryGrowString(40'101) == nullptr);
    CHECK(entry->TryGrowString(40'100) != nullptr);
    CHECK(Text(entry).substr(0, 40'060) == std::string(40'000, 'b') + std::string(60, 'x'));
  }

  TEST_CASE("what was changed in place is raw until the next assignment; a copy keeps the mark") {
    const EntryPtr entry = Make("key", StringSource::Of("value"), 3);
    CHECK(!entry->raw_string());
    entry->MarkRawString();
    CHECK(entry->raw_string());
    CHECK(entry->deadline_ms() == 3);
    CHECK(EntryPtr(Entry::NewCopy(*entry, "copy", 0))->raw_string());
    CHECK(entry->TryAssign(StringSource::Of("other"), 3));
    CHECK(!entry->raw_string());
    CHECK(entry->deadline_ms() == 3);
  }

  TEST_CASE("a copy has its own name and deadline, the same value and age, and shares a blob") {
    const BlobRef blob = BlobRef::Copy(Pattern(50'000, 13));
    const std::vector<StringSource> sources = {
        StringSource::OfInteger(-42), StringSource::Of("inline"), StringSource::OfBlob(blob.get())};
    for (const StringSource& source : sources) {
      EntryPtr original = Make("original", source, 100);
      original->set_access(99);
      const std::string value = Text(original);
      const std::string name = Pattern(300, 14);
      const EntryPtr copy(Entry::NewCopy(*original, name, 0));
      CHECK(copy->key() == name);
      CHECK(!copy->has_deadline());
      CHECK(copy->encoding() == original->encoding());
      CHECK(copy->access() == 99);
      original.reset();
      CHECK(Text(copy) == value);
    }
    CHECK(!blob->shared());
  }

  TEST_CASE("what an entry says it holds is what the allocator counts") {
    for (const size_t key_length : kKeyLengths) {
      for (const size_t length : std::vector<size_t>{0, 64, 254, 255, 20'000}) {
        const int64_t before = UsedMemory();
        EntryPtr entry = Make(Pattern(key_length, 15), StringSource::Of(Pattern(length, 16)), 1);
        const int64_t held = UsedMemory() - before;
        CHECK(static_cast<int64_t>(entry->MemoryBytes()) == held);
        entry.reset();
        CHECK(UsedMemory() == before);
      }
    }
  }

  TEST_CASE("any assignment either takes over the whole value or changes nothing") {
    Random random(2024);
    const BlobRef blob = BlobRef::Copy(Pattern(40'000, 17));
    for (int round = 0; round < 200; ++round) {
      const std::string key = Pattern(kKeyLengths[random.Below(kKeyLengths.size())], round);
      uint64_t deadline = random.Below(2) * 1000;
      std::string value = Pattern(random.Below(300), round);
      EntryPtr entry = Make(key, StringSource::Of(value), deadline);
      for (int step = 0; step < 50; ++step) {
        const uint64_t wanted_deadline = random.Below(4) == 0 ? random.Below(2) * 500 : deadline;
        const std::string bytes = Pattern(random.Below(300), random.Next());
        StringSource source = StringSource::Of(bytes);
        std::string wanted = bytes;
        if (random.Below(3) == 0) {
          const auto integer = static_cast<int64_t>(random.Next());
          source = StringSource::OfInteger(integer);
          wanted = std::to_string(integer);
        } else if (random.Below(5) == 0) {
          source = StringSource::OfBlob(blob.get());
          wanted = blob->bytes();
        }
        if (entry->TryAssign(source, wanted_deadline)) {
          value = wanted;
          deadline = wanted_deadline;
        }
        REQUIRE(Text(entry) == value);
        REQUIRE(entry->deadline_ms() == deadline);
        REQUIRE(entry->key() == key);
      }
    }
    CHECK(!blob->shared());
  }

  TEST_CASE("an entry without its value has all the rest, and a mark of eight bytes in its place") {
    const AwayMark mark = AwayMark::Of(uint64_t{5} << 32, 77);
    CHECK(mark.size() == UINT32_MAX);
    CHECK(!mark.unreadable());
    CHECK(mark.Unreadable().unreadable());
    CHECK(mark.Unreadable().size() == mark.size());
    CHECK(!(AwayMark::Of(1, 1) == AwayMark::Of(1, 2)));
    for (const uint64_t deadline_ms : {uint64_t{0}, uint64_t{1000}}) {
      for (const size_t key_size : {size_t{16}, size_t{300}}) {
        const std::string key(key_size, 'k');
        Entry* entry = Entry::NewAway(key, Type::kList, mark, deadline_ms);
        CHECK(entry->is_away());
        CHECK(entry->away_mark() == mark);
        CHECK(entry->type() == Type::kList);
        CHECK(entry->key() == key);
        CHECK(entry->deadline_ms() == deadline_ms);
        CHECK(entry->in_table());
        CHECK(!entry->changed());
        CHECK(entry->FreeEffort() == 1);
        CHECK(entry->NeedsCare(0));
        CHECK(entry->IsDue(1001) == (deadline_ms != 0));
        entry->set_away_mark(mark.Unreadable());
        CHECK(entry->away_mark().unreadable());
        // It is not one that a string could be written into.
        CHECK(!entry->TryAssign(StringSource::OfInteger(7), deadline_ms));
        Entry::Delete(entry);
      }
    }
    Entry* whole = Entry::NewString("key", StringSource::OfInteger(1), 0);
    CHECK(!whole->is_away());
    CHECK(!whole->NeedsCare(UINT64_MAX));
    Entry::Delete(whole);
  }
}
