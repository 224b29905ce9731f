#include "rdb/crc64.h"

#include <array>
#include <bit>
#include <cstring>

namespace terrace::rdb {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the eight bytes of a step are loaded as one word");

constexpr uint64_t kPolynomialReflected = 0x95ac9329ac4bc9b5;

// Slicing by eight: kTables[k][b] is the checksum of byte b followed by k zero bytes, so that eight bytes are
// folded in by eight independent look-ups instead of eight that wait for each other.
using Tables = std::array<std::array<uint64_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomialReflected : 0);
    tables[0][byte] = crc;
  }
  for (size_t zeros = 1; zeros < 8; ++zeros) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t crc = tables[zeros - 1][byte];
      tables[zeros][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

}  // namespace

uint64_t Crc64(Bytes data, uint64_t start) {
  uint64_t crc = start;
  const char* next = data.data();
  size_t left = data.size();
  for (; left >= 8; left -= 8, next += 8) {
    uint64_t word;
    std::memcpy(&word, next, sizeof word);
    word ^= crc;
    crc = 0;
    for (size_t byte = 0; byte < 8; ++byte) crc ^= kTables[7 - byte][(word >> (8 * byte)) & 0xff];
  }
  for (; left > 0; --left, ++next) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(*next)) & 0xff];
  }
  return crc;
}

}  // namespace terrace::rdb
