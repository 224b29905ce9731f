// RESTORE's payload from a stranger. The checksum would keep a fuzzer out for ever, so the input is tried as
// it is and, as a body, with a checksum put on. What decodes must come back unchanged when it is encoded
// again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/check.h"
#include "rdb/dump_payload.h"

namespace {

using namespace terrace::rdb;  // NOLINT(google-build-using-namespace)

// Strings may claim to be 88 times as long as their compressed bytes; the fuzzer's memory limit is for real
// faults.
constexpr size_t kInputBytesMax = 64 * terrace::kKiB;

void Open(terrace::Bytes payload) {
  const auto opened = OpenDumpPayload(payload);
  if (!opened.ok()) return;
  (void)TypeOf(opened->code);
  const auto decoded = DecodeStringValue(*opened);
  if (!decoded.ok()) return;
  const terrace::Bytes text = decoded->bytes();
  for (const Compression compression : {Compression::kNone, Compression::kLzf}) {
    const std::string again = SealDumpPayload(EncodeStringValue(text, compression));
    const auto reopened = OpenDumpPayload(again);
    TERRACE_CHECK(reopened.ok());
    const auto returned = DecodeStringValue(*reopened);
    TERRACE_CHECK(returned.ok() && returned->bytes() == text);
    if (decoded->integer.has_value()) TERRACE_CHECK(returned->integer == decoded->integer);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  Open(input);
  Open(SealDumpPayload(input));
  return 0;
}
