#include "base/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace terrace {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the eight bytes of a step are loaded as one word");

constexpr uint32_t kPolynomialReflected = 0x82f63b78;

// Slicing by eight: kTables[k][b] is the checksum of byte b followed by k zero bytes, so that eight bytes are folded in
// by eight independent look-ups instead of eight that wait for each other.
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomialReflected : 0);
    tables[0][byte] = crc;
  }
  for (size_t zeros = 1; zeros < 8; ++zeros) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[zeros - 1][byte];
      tables[zeros][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

uint64_t LoadWord(const char* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

#if defined(__x86_64__)
// Read before it is set (by a static object of another file), it is false, and the tables do the work.
const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
#else
constexpr bool kHasInstruction = false;
#endif

}  // namespace

bool HasCrc32cInstruction() { return kHasInstruction; }

uint32_t Crc32cByTable(Bytes data, uint32_t before) {
  uint32_t crc = ~before;
  const char* next = data.data();
  size_t left = data.size();
  for (; left >= 8; left -= 8, next += 8) {
    const uint64_t word = LoadWord(next) ^ crc;
    crc = 0;
    for (size_t byte = 0; byte < 8; ++byte) crc ^= kTables[7 - byte][(word >> (8 * byte)) & 0xff];
  }
  for (; left > 0; --left, ++next) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(*next)) & 0xff];
  }
  return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t Crc32cByInstruction(Bytes data, uint32_t before) {
  uint64_t crc = ~before;
  const char* next = data.data();
  size_t left = data.size();
  for (; left >= 8; left -= 8, next += 8) crc = __builtin_ia32_crc32di(crc, LoadWord(next));
  auto last = static_cast<uint32_t>(crc);
  for (; left > 0; --left, ++next) {
    last = __builtin_ia32_crc32qi(last, static_cast<unsigned char>(*next));
  }
  return ~last;
}
#else
uint32_t Crc32cByInstruction(Bytes, uint32_t) { TERRACE_CHECK(false); }
#endif

uint32_t Crc32c(Bytes data, uint32_t before) {
  return kHasInstruction ? Crc32cByInstruction(data, before) : Crc32cByTable(data, before);
}

}  // namespace terrace
