#include "storage/byte_fields.h"

#include <doctest/doctest.h>

namespace terrace::storage {
namespace {

TEST_SUITE("storage/byte_fields") {
  TEST_CASE("numbers come back, in as many bytes as they need") {
    const struct {
      uint64_t value;
      size_t bytes;
    } cases[] = {{0, 1},           {1, 1},          {127, 1},      {128, 2},
                 {16383, 2},       {16384, 3},      {1u << 28, 5}, {(1ull << 56) - 1, 8},
                 {1ull << 63, 10}, {UINT64_MAX, 10}};
    for (const auto& each : cases) {
      std::string bytes;
      PutVarint(each.value, &bytes);
      CHECK(bytes.size() == each.bytes);
      FieldReader in(bytes);
      CHECK(in.TakeVarint() == each.value);
      CHECK(in.finished());
      for (size_t cut = 0; cut < bytes.size(); ++cut) {
        FieldReader truncated(Bytes(bytes).substr(0, cut));
        CHECK(truncated.TakeVarint() == 0);
        CHECK_FALSE(truncated.ok());
      }
    }
    FieldReader endless(Bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12));
    endless.TakeVarint();
    CHECK_FALSE(endless.ok());
  }

  TEST_CASE("low bytes are read alike in the middle and at the end") {
    const uint64_t value = 0x1122334455667788;
    for (size_t count = 0; count <= 8; ++count) {
      const uint64_t expected = count == 8 ? value : value & ((uint64_t{1} << 8 * count) - 1);
      for (const size_t behind : {0, 1, 8}) {
        std::string bytes;
        PutLowBytes(value, count, &bytes);
        bytes.append(behind, 'x');
        FieldReader in(bytes);
        CHECK(in.TakeLowBytes(count) == expected);
        CHECK(in.remaining() == behind);
      }
      if (count == 0) continue;
      const std::string tooFew(count - 1, 'x');
      FieldReader in(tooFew);
      CHECK(in.TakeLowBytes(count) == 0);
      CHECK_FALSE(in.ok());
    }
  }

  TEST_CASE("a failure stays") {
    const std::string bytes = "abcdef";
    FieldReader in(bytes);
    CHECK(in.Take<uint16_t>() == 0x6261);
    CHECK(in.offset() == 2);
    CHECK(in.TakeBytes(5).empty());
    CHECK_FALSE(in.ok());
    CHECK(in.Take<uint8_t>() == 0);
    CHECK(in.TakeBytes(1).empty());
    CHECK_FALSE(in.finished());
  }
}

}  // namespace
}  // namespace terrace::storage
