// A manifest from nowhere, as it is and with its checksum and size made right. What is accepted can be written again, and
// comes back as it was.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "storage/manifest_format.h"
#include "storage/reseal.h"

namespace {

using namespace terrace;
using namespace terrace::storage;

constexpr size_t kInputBytesMax = 64 * kKiB;
constexpr size_t kSizeAt = 16;

void TryManifest(Bytes bytes) {
  const auto state = DecodeManifest(bytes);
  if (!state.ok()) {
    TERRACE_CHECK(state.error().message().starts_with("offset "));
    return;
  }
  TERRACE_CHECK(CheckManifest(*state).ok());
  const std::string again = EncodeManifest(*state);
  TERRACE_CHECK(again.size() == bytes.size());
  const auto back = DecodeManifest(again);
  TERRACE_CHECK(back.ok() && *back == *state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  std::string input(reinterpret_cast<const char*>(data), size);
  TryManifest(input);
  if (size < kManifestHeadBytes) return 0;
  const uint64_t bytes = input.size();
  std::memcpy(input.data() + kSizeAt, &bytes, sizeof bytes);
  ResealManifest(&input);
  TryManifest(input);
  return 0;
}
