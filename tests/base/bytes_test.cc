#include "base/bytes.h"

#include <doctest/doctest.h>

#include <string>

using namespace terrace;

TEST_SUITE("base/bytes") {
  TEST_CASE("runs of bytes are the same only if each of their bytes is") {
    for (size_t size = 0; size <= 40; ++size) {
      std::string text;
      for (size_t i = 0; i < size; ++i) text.push_back(static_cast<char>('a' + i));
      std::string other = text;
      CAPTURE(size);
      CHECK(SameBytes(text.data(), other.data(), size));
      for (size_t i = 0; i < size; ++i) {
        other[i] = static_cast<char>(other[i] ^ 0x80);
        if (SameBytes(text.data(), other.data(), size))
          FAIL_CHECK("byte ", i, " was not looked at");
        other[i] = text[i];
      }
    }
  }

  TEST_CASE("nothing is the same as nothing") { CHECK(SameBytes(nullptr, "a", 0)); }
}
