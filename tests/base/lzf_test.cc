#include "base/lzf.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"
#include "rdb/hex.h"

namespace terrace {
namespace {

using rdb::FromHex;

std::string Compressed(Bytes input) {
  std::string out(input.size() + input.size() / 32 + 1, '\0');
  out.resize(LzfCompress(input, out.data(), out.size()));
  return out;
}

bool Decompresses(Bytes compressed, Bytes expected) {
  std::string out(expected.size(), '\0');
  return LzfDecompress(compressed, out.data(), out.size()) && out == expected;
}

// Words of a small vocabulary, with noise between them: has matches of all lengths and distances.
std::string RandomText(Random& random, size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    const size_t choice = random.Below(4);
    if (choice == 0) {
      text.push_back(static_cast<char>(random.Next()));
    } else if (choice == 1 && !text.empty()) {
      const size_t from = random.Below(text.size());
      text += text.substr(from, random.Below(400));
    } else {
      text.append(random.Below(20), static_cast<char>('a' + random.Below(3)));
    }
  }
  text.resize(bytes);
  return text;
}

TEST_SUITE("base/lzf") {
  TEST_CASE("a stock server's bytes are understood") {
    CHECK(Decompresses(FromHex("016161 e03300 016161"), std::string(64, 'a')));
    CHECK(Decompresses(FromHex(""), ""));
  }

  TEST_CASE("what is compressed comes back") {
    Random random(5);
    for (int round = 0; round < 400; ++round) {
      const std::string text = RandomText(random, random.Below(round < 300 ? 300 : 60'000));
      const std::string compressed = Compressed(text);
      REQUIRE(Decompresses(compressed, text));
    }
  }

  TEST_CASE(
      "repetitions shrink to the format's limit and matches reach 8192 bytes back and no further") {
    const std::string same(kMiB, 'x');
    CHECK(Compressed(same).size() < same.size() / (kLzfExpansionMax - 1));
    Random random(9);
    for (const size_t distance : {8191, 8192, 8193}) {
      std::string noise;
      while (noise.size() < distance) noise.push_back(static_cast<char>(random.Next()));
      const std::string twice = noise + noise;
      CHECK(Decompresses(Compressed(twice), twice));
    }
  }

  TEST_CASE("a result that does not fit is given up") {
    const std::string text(100, 'a');
    const size_t needed = Compressed(text).size();
    std::string out(needed, '\0');
    CHECK(LzfCompress(text, out.data(), needed) == needed);
    for (size_t room = 0; room < needed; ++room) CHECK(LzfCompress(text, out.data(), room) == 0);
  }

  TEST_CASE("damaged input is refused and never leads outside") {
    std::string out(300, '\0');
    auto refused = [&out](Bytes hex, size_t bytes) {
      return !LzfDecompress(FromHex(hex), out.data(), bytes);
    };
    CHECK(refused("01 61", 2));             // a literal is missing
    CHECK(refused("00 61", 2));             // too few bytes come out
    CHECK(refused("01 6161", 1));           // too many
    CHECK(refused("20 00", 3));             // a copy from before the beginning
    CHECK(refused("00 61 20 01", 4));       // the same by one byte
    CHECK(refused("00 61 20", 4));          // no distance
    CHECK(refused("00 61 e0", 10));         // no length
    CHECK(refused("00 61 e0 00", 10));      // a length, no distance
    CHECK(refused("00 61 e0 ff 00", 100));  // a copy longer than the output
    CHECK_FALSE(refused("00 61 e0 ff 00", 265));
    Random random(13);
    for (int round = 0; round < 20'000; ++round) {
      std::string noise;
      for (size_t left = random.Below(40); left > 0; --left)
        noise.push_back(static_cast<char>(random.Next()));
      const std::string exact(random.Below(300),
                              '\0');  // its own allocation, so that asan sees the edges
      std::string target = exact;
      (void)LzfDecompress(noise, target.data(), target.size());
      REQUIRE(target.size() == exact.size());
    }
  }
}

}  // namespace
}  // namespace terrace
