#include "types/listpack.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "rdb/hex.h"

namespace terrace::types {
namespace {

using rdb::FromHex;

// Owns what a test works on.
class OwnedListpack {
 public:
  OwnedListpack() : listpack_(Listpack::New()) {}
  explicit OwnedListpack(Bytes bytes) : listpack_(Listpack::Copy(bytes)) {}
  ~OwnedListpack() { listpack_.Free(); }
  OwnedListpack(const OwnedListpack&) = delete;
  OwnedListpack& operator=(const OwnedListpack&) = delete;

  Listpack* operator->() { return &listpack_; }
  Listpack& operator*() { return listpack_; }

 private:
  Listpack listpack_;
};

std::string TextAt(const Listpack& listpack, Listpack::Position at) {
  char digits[kInt64CharsMax];
  return std::string(listpack.Get(at).Text(digits));
}

std::vector<std::string> Forward(const Listpack& listpack) {
  std::vector<std::string> out;
  for (auto at = listpack.First(); at != nullptr; at = listpack.Next(at))
    out.push_back(TextAt(listpack, at));
  return out;
}

std::vector<std::string> Backward(const Listpack& listpack) {
  std::vector<std::string> out;
  for (auto at = listpack.Last(); at != nullptr; at = listpack.Previous(at))
    out.push_back(TextAt(listpack, at));
  std::reverse(out.begin(), out.end());
  return out;
}

bool Valid(Bytes bytes) {
  size_t count = 0;
  return Listpack::Validate(bytes, &count);
}

TEST_SUITE("types/listpack") {
  TEST_CASE("an empty one is seven bytes and has no positions") {
    OwnedListpack list;
    CHECK(list->bytes() == FromHex("07000000 0000 ff"));
    CHECK(list->empty());
    CHECK(list->First() == nullptr);
    CHECK(list->Last() == nullptr);
    CHECK(list->Seek(0) == nullptr);
    CHECK(list->Seek(-1) == nullptr);
    CHECK(list->Find(list->First(), "") == nullptr);
  }

  TEST_CASE("integers take the bytes a stock server gives them, at both ends of every width") {
    // Each is followed by an empty string: HSET h <integer> "", DUMP h.
    const struct {
      int64_t value;
      const char* hex;
    } kGolden[] = {
        {0, "0b0000000200 00 01 8001ff"},
        {1, "0b0000000200 01 01 8001ff"},
        {127, "0b0000000200 7f 01 8001ff"},
        {128, "0c0000000200 c080 02 8001ff"},
        {-1, "0c0000000200 dfff 02 8001ff"},
        {4095, "0c0000000200 cfff 02 8001ff"},
        {4096, "0d0000000200 f10010 03 8001ff"},
        {-4096, "0c0000000200 d000 02 8001ff"},
        {-4097, "0d0000000200 f1ffef 03 8001ff"},
        {32767, "0d0000000200 f1ff7f 03 8001ff"},
        {32768, "0e0000000200 f2008000 04 8001ff"},
        {-32768, "0d0000000200 f10080 03 8001ff"},
        {-32769, "0e0000000200 f2ff7fff 04 8001ff"},
        {8388607, "0e0000000200 f2ffff7f 04 8001ff"},
        {8388608, "0f0000000200 f300008000 05 8001ff"},
        {-8388608, "0e0000000200 f2000080 04 8001ff"},
        {-8388609, "0f0000000200 f3ffff7fff 05 8001ff"},
        {2147483647, "0f0000000200 f3ffffff7f 05 8001ff"},
        {2147483648, "130000000200 f40000008000000000 09 8001ff"},
        {-2147483648, "0f0000000200 f300000080 05 8001ff"},
        {-2147483649, "130000000200 f4ffffff7fffffffff 09 8001ff"},
        {INT64_MAX, "130000000200 f4ffffffffffffff7f 09 8001ff"},
        {INT64_MIN, "130000000200 f40000000000000080 09 8001ff"},
    };
    for (const auto& golden : kGolden) {
      CAPTURE(golden.value);
      OwnedListpack by_number;
      by_number->Append(golden.value);
      by_number->Append("");
      CHECK(by_number->bytes() == FromHex(golden.hex));
      OwnedListpack by_text;
      by_text->Append(FormatInt64(golden.value));
      by_text->Append("");
      CHECK(by_text->bytes() == FromHex(golden.hex));
      const Element element = by_text->Get(by_text->First());
      REQUIRE(element.is_integer());
      CHECK(element.integer() == golden.value);
      CHECK(element == FormatInt64(golden.value));
      CHECK(Valid(by_text->bytes()));
    }
  }

  TEST_CASE("what only looks like an integer stays text") {
    const struct {
      const char* text;
      const char* hex;  // HSET h f <text>, DUMP h
    } kGolden[] = {
        {"", "0c0000000200 816602 8001ff"},
        {"a", "0d0000000200 816602 816102ff"},
        {"007", "0f0000000200 816602 8330303704ff"},
        {"-0", "0e0000000200 816602 822d3003ff"},
        {"+1", "0e0000000200 816602 822b3103ff"},
        {" 1", "0e0000000200 816602 82203103ff"},
        {"9223372036854775808", "1f0000000200 816602 933932323333373230333638353437373538303814ff"},
        {"18446744073709551615",
         "200000000200 816602 94313834343637343430373337303935353136313515ff"},
        {"1.5", "0f0000000200 816602 83312e3504ff"},
    };
    for (const auto& golden : kGolden) {
      CAPTURE(golden.text);
      OwnedListpack list;
      list->Append("f");
      list->Append(golden.text);
      if (*golden.text != '\0') {
        CHECK(list->bytes() == FromHex(golden.hex));
      }
      CHECK_FALSE(list->Get(list->Last()).is_integer());
      CHECK(TextAt(*list, list->Last()) == golden.text);
    }
  }

  TEST_CASE("strings take a stock server's bytes where lengths and backlens grow") {
    // HSET h f <n times x>: the header, and what stands before and behind the x'es.
    const struct {
      size_t size;
      const char* header;
      const char* head;
      const char* tail;
    } kGolden[] = {
        {63, "4b0000000200", "bf", "40ff"},
        {64, "4d0000000200", "e040", "42ff"},
        {124, "890000000200", "e07c", "7eff"},
        {125, "8a0000000200", "e07d", "7fff"},
        {126, "8c0000000200", "e07e", "0180ff"},
        {127, "8d0000000200", "e07f", "0181ff"},
        {4095, "0d1000000200", "efff", "2081ff"},
        {4096, "111000000200", "f000100000", "2085ff"},
        {16376, "094000000200", "f0f83f0000", "7ffdff"},
        {16377, "0a4000000200", "f0f93f0000", "7ffeff"},
        {16378, "0c4000000200", "f0fa3f0000", "00ffffff"},
        {16379, "0d4000000200", "f0fb3f0000", "018080ff"},
        {2097144, "0a0020000200", "f0f8ff1f00", "7ffffdff"},
        {2097145, "0b0020000200", "f0f9ff1f00", "7ffffeff"},
        {2097146, "0d0020000200", "f0faff1f00", "00ffffffff"},
        {2097147, "0e0020000200", "f0fbff1f00", "01808080ff"},
    };
    for (const auto& golden : kGolden) {
      CAPTURE(golden.size);
      const std::string text(golden.size, 'x');
      OwnedListpack list;
      list->Append("f");
      list->Append(text);
      CHECK((list->bytes() == FromHex(golden.header) + FromHex("816602") + FromHex(golden.head) +
                                  text + FromHex(golden.tail)));
      CHECK(Valid(list->bytes()));
      // The backlen leads back over it.
      REQUIRE(list->Last() != nullptr);
      CHECK((TextAt(*list, list->Last()) == text));
      CHECK(list->Previous(list->Last()) == list->First());
      const auto replaced = list->Replace(list->Last(), "y");
      CHECK(replaced == list->Last());
      CHECK(list->bytes() == FromHex("0d0000000200 816602 817902 ff"));
    }
  }

  TEST_CASE("positions, searches and edits at the ends") {
    OwnedListpack list;
    for (const char* text : {"a", "1", "b", "2", "a", "3"}) list->Append(text);
    CHECK(list->Count() == 6);
    CHECK(list->Seek(0) == list->First());
    CHECK(list->Seek(-1) == list->Last());
    CHECK(list->Seek(5) == list->Last());
    CHECK(list->Seek(-6) == list->First());
    CHECK(list->Seek(6) == nullptr);
    CHECK(list->Seek(-7) == nullptr);
    CHECK(list->Previous(list->First()) == nullptr);
    CHECK(list->Find(list->First(), "a") == list->First());
    CHECK(list->Find(list->Seek(1), "a") == list->Seek(4));
    CHECK(list->Find(list->First(), "2") == list->Seek(3));
    CHECK(list->Find(list->First(), "2", 1) ==
          nullptr);  // only names are looked at, not what stands behind them
    CHECK(list->Find(list->First(), "b", 1) == list->Seek(2));
    CHECK(list->Find(list->First(), "02") == nullptr);
    CHECK(list->Find(list->First(), Bytes()) == nullptr);
    CHECK(list->Erase(list->Seek(4), 100) == nullptr);
    CHECK(Forward(*list) == std::vector<std::string>{"a", "1", "b", "2"});
    const auto first = list->Erase(list->First());
    CHECK(first == list->First());
    list->Prepend("");
    CHECK(list->Find(list->First(), Bytes()) == list->First());
    const auto between = list->Insert(list->Seek(1), "between");
    CHECK(between == list->Seek(1));
    const auto last = list->Insert(nullptr, "last");
    CHECK(last == list->Last());
    CHECK(Forward(*list) == std::vector<std::string>{"", "between", "1", "b", "2", "last"});
    CHECK(Backward(*list) == Forward(*list));
    CHECK(list->Erase(list->First(), 6) == nullptr);
    CHECK(list->bytes() == FromHex("07000000 0000 ff"));
  }

  TEST_CASE("digits that somebody stored as a string are found and read as they are") {
    const std::string bytes =
        FromHex("0d000000 0200 813702 0701 ff");  // "7" as a string, 7 as an integer
    size_t count = 0;
    OwnedListpack list(FromHex("0c000000 0200 813702 0701 ff"));
    CHECK_FALSE(Listpack::Validate(bytes, &count));  // one byte short of what it says
    REQUIRE(Listpack::Validate(list->bytes(), &count));
    CHECK(count == 2);
    CHECK(list->Find(list->First(), "7") == list->First());
    CHECK(list->Find(list->Seek(1), "7") == list->Seek(1));
    CHECK_FALSE(list->Get(list->First()).is_integer());
  }

  TEST_CASE("more elements than the header can count are counted by walking") {
    OwnedListpack list;
    for (int i = 0; i < 65534; ++i) list->Append(int64_t{7});
    CHECK(list->bytes().substr(4, 2) == FromHex("feff"));
    CHECK(list->Count() == 65534);
    size_t count = 0;
    for (size_t size : {size_t{65535}, size_t{65536}}) {
      list->Append("x");
      CHECK(list->bytes().substr(4, 2) == FromHex("ffff"));
      CHECK(list->Count() == size);
      CHECK(Listpack::Validate(list->bytes(), &count));
      CHECK(count == size);
    }
    list->Erase(list->Seek(100), 3);
    CHECK(list->Count() == 65533);
    CHECK(Valid(list->bytes()));
    CHECK(list->Seek(-1) == list->Last());
    CHECK(list->Seek(65532) == list->Last());
  }

  TEST_CASE("there is no room past the longest that stock servers take") {
    OwnedListpack list;
    CHECK(list->HasRoomFor(64 * kMiB));
    CHECK_FALSE(list->HasRoomFor(Listpack::kBytesMax));
    CHECK_FALSE(list->HasRoomFor(Listpack::kBytesMax - 16));
  }

  TEST_CASE("a random run of edits is what a vector of strings makes of it") {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const auto text = [&]() -> std::string {
        switch (random.Below(6)) {
          case 0:
            return FormatInt64(static_cast<int64_t>(random.Below(300)) - 150);
          case 1:
            return FormatInt64(static_cast<int64_t>(random.Next()) >> random.Below(64));
          case 2:
            return std::string(random.Below(140), 's');
          case 3:
            return std::string(random.Below(10) == 0 ? 16370 + random.Below(20) : random.Below(70),
                               'l');
          default:
            return std::string(1, static_cast<char>('a' + random.Below(4)));
        }
      };
      OwnedListpack list;
      std::vector<std::string> model;
      for (int step = 0; step < 400; ++step) {
        const size_t at = random.Below(model.size() + 1);
        const auto here = static_cast<std::ptrdiff_t>(at);
        const std::string added = text();
        switch (random.Below(model.size() > 60 ? 7 : 5)) {
          case 0:
            list->Append(added);
            model.push_back(added);
            break;
          case 1:
            list->Prepend(added);
            model.insert(model.begin(), added);
            break;
          case 2:
          case 3: {
            const auto position = list->Insert(list->Seek(static_cast<int64_t>(at)), added);
            model.insert(model.begin() + here, added);
            REQUIRE(position == list->Seek(static_cast<int64_t>(at)));
            break;
          }
          case 4:
            if (at == model.size()) break;
            list->Replace(list->Seek(static_cast<int64_t>(at) - static_cast<int64_t>(model.size())),
                          added);
            model[at] = added;
            break;
          default: {
            if (at == model.size()) break;
            const size_t count = std::min<size_t>(1 + random.Below(8), model.size() - at);
            const auto behind = list->Erase(list->Seek(static_cast<int64_t>(at)), count);
            model.erase(model.begin() + here,
                        model.begin() + here + static_cast<std::ptrdiff_t>(count));
            REQUIRE(behind == list->Seek(static_cast<int64_t>(at)));
          }
        }
        size_t count = 0;
        REQUIRE(Listpack::Validate(list->bytes(), &count));
        REQUIRE(count == model.size());
        REQUIRE(list->Count() == model.size());
        const std::string wanted =
            random.Below(2) == 0 || model.empty() ? text() : model[random.Below(model.size())];
        const auto expected = std::find(model.begin(), model.end(), wanted);
        REQUIRE(list->Find(list->First(), wanted) == list->Seek(expected - model.begin()));
        if (step % 16 == 0) {
          REQUIRE((Forward(*list) == model));
          REQUIRE((Backward(*list) == model));
        }
      }
    }
  }

  TEST_CASE("what is cut short is refused, what is bent is refused or walks inside its own bytes") {
    OwnedListpack list;
    for (const char* text :
         {"12", "-5", "4096", "-40000", "8388608", "9223372036854775807", "short", ""}) {
      list->Append(text);
    }
    list->Append(std::string(100, 'm'));
    list->Append(std::string(200, 'n'));
    list->Append(std::string(4200, 'o'));
    const std::string good(list->bytes());
    REQUIRE(Valid(good));
    for (size_t size = 0; size < good.size(); ++size) {
      // An allocation of just these bytes, so that a sanitizer sees a read behind them.
      const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
      REQUIRE_FALSE(Valid(Bytes(cut.data(), cut.size())));
      if (size < Listpack::kHeaderBytes + 1) continue;
      // The same with a header that agrees, and an end mark.
      std::vector<char> sealed = cut;
      const auto total = static_cast<uint32_t>(size);
      std::memcpy(sealed.data(), &total, 4);
      sealed.back() = '\xff';
      REQUIRE_FALSE(Valid(Bytes(sealed.data(), sealed.size())));
    }
    size_t accepted = 0;
    for (size_t i = 0; i < good.size(); ++i) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        std::vector<char> bent(good.begin(), good.end());
        bent[i] = static_cast<char>(static_cast<uint8_t>(bent[i]) ^ (1u << bit));
        size_t count = 0;
        if (!Listpack::Validate(Bytes(bent.data(), bent.size()), &count)) continue;
        ++accepted;
        if (i > 120 && i % 97 != 0) continue;  // in the middle of a string all are alike
        OwnedListpack walked(Bytes(bent.data(), bent.size()));
        REQUIRE(Forward(*walked).size() == count);
        REQUIRE((Backward(*walked) == Forward(*walked)));
      }
    }
    CHECK(accepted > 4000 * 8);  // a flipped bit of a string's text is another text
  }

  TEST_CASE("a backlen that is wrong, too long or too short is refused") {
    CHECK(Valid(FromHex("09000000 0100 0501 ff")));
    CHECK_FALSE(Valid(FromHex("09000000 0100 0502 ff")));
    CHECK_FALSE(Valid(FromHex("09000000 0200 0501 ff")));        // one element, not two
    CHECK(Valid(FromHex("09000000 ffff 0501 ff")));              // or nobody knows how many
    CHECK_FALSE(Valid(FromHex("0a000000 0100 050081 ff")));      // 1 in two bytes
    CHECK_FALSE(Valid(FromHex("09000000 0100 f501 ff")));        // no such encoding
    CHECK_FALSE(Valid(FromHex("09000000 0100 ff01 ff")));        // the end, too early
    CHECK_FALSE(Valid(FromHex("08000000 0100 05 ff")));          // no backlen at all
    CHECK_FALSE(Valid(FromHex("0c000000 0100 f0ffffffff ff")));  // a string of 4 GiB
  }
}

}  // namespace
}  // namespace terrace::types
