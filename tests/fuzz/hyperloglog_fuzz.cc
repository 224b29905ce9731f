// A HyperLogLog from a stranger: SET and RESTORE take any bytes. The input is tried as it is and, as runs of registers,
// behind a header. Whatever looks at the bytes must agree whether they are sound, and raising a register must do that and
// nothing else.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "types/hyperloglog.h"

namespace {

using namespace terrace::types;  // NOLINT(google-build-using-namespace)

constexpr size_t kInputBytesMax = 40 * terrace::kKiB;

void Open(const std::string& image) {
  if (!HllEncodingOf(image)) return;
  HllRegisters registers;
  const bool sound = registers.Merge(image);
  TERRACE_CHECK(HllEstimate(image).has_value() == sound);
  if (sound) TERRACE_CHECK(*HllEstimate(image) == registers.Estimate());
  if (HllEncodingOf(image) == HllEncoding::kSparse)
    TERRACE_CHECK(HllDescribeSparse(image).has_value() == sound);
  for (const uint16_t index : {0, 1, 5'000, 16'383}) {
    for (const uint8_t rank : {uint8_t{2}, uint8_t{40}}) {
      std::string raised = image;
      const HllChange change = HllRaise(&raised, {index, rank}, image.size());
      TERRACE_CHECK(!sound ||
                    change == (registers[index] < rank ? HllChange::kRaised : HllChange::kNone));
      if (!sound) continue;
      HllRegisters after;
      TERRACE_CHECK(after.Merge(raised));
      for (size_t i = 0; i < kHllRegisters; ++i) {
        TERRACE_CHECK(after[i] == (i == index ? std::max(registers[i], rank) : registers[i]));
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  Open(input);
  Open(NewHll().substr(0, kHllHeaderBytes) + input);
  return 0;
}
