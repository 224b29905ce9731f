// RESTORE's payload from a stranger. The checksum would keep a fuzzer out for ever, so the input is tried as
// it is and, as a body, with a checksum put on. What decodes must come back unchanged when it is encoded
// again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/numbers.h"
#include "rdb/dump_payload.h"
#include "rdb/value_decoder.h"
#include "rdb/value_encoder.h"
#include "types/items.h"
#include "types/stream_text.h"

namespace {

using namespace terrace::rdb;  // NOLINT(google-build-using-namespace)
using terrace::Bytes;
using terrace::types::Value;

// Strings may claim to be 88 times as long as their compressed bytes; the fuzzer's memory limit is for real
// faults.
constexpr size_t kInputBytesMax = 64 * terrace::kKiB;

void TryString(const PayloadBody& body) {
  const auto decoded = DecodeStringValue(body);
  if (!decoded.ok()) return;
  const Bytes text = decoded->bytes();
  for (const Compression compression : {Compression::kNone, Compression::kLzf}) {
    const std::string again = SealDumpPayload(EncodeStringValue(text, compression));
    const auto reopened = OpenDumpPayload(again);
    TERRACE_CHECK(reopened.ok());
    const auto returned = DecodeStringValue(*reopened);
    TERRACE_CHECK(returned.ok() && returned->bytes() == text);
    if (decoded->integer.has_value()) TERRACE_CHECK(returned->integer == decoded->integer);
  }
}

// What the collection holds, in an order that only lists choose themselves.
std::vector<std::string> ItemsOf(Value value) {
  std::vector<std::string> items;
  const auto add = [&](Bytes first, Bytes second) {
    items.push_back(std::to_string(first.size()) + ":" + std::string(first) + std::string(second));
  };
  switch (value.type) {
    case terrace::Type::kHash:
      terrace::types::ForEachTimedField(value, [&](Bytes field, Bytes text, uint64_t deadline_ms) {
        add(field, std::string(text) + " " + std::to_string(deadline_ms));
      });
      break;
    case terrace::Type::kZset:
      terrace::types::ForEachScore(
          value, [&](Bytes member, double score) { add(member, terrace::FormatDouble(score)); });
      break;
    case terrace::Type::kStream:
      return {terrace::testing::StreamText(terrace::types::Stream(value), false)};
    default:
      terrace::types::ForEachElement(value, [&](Bytes element) { add(element, ""); });
  }
  if (value.type != terrace::Type::kList) std::sort(items.begin(), items.end());
  return items;
}

void TryCollection(const PayloadBody& body, const terrace::types::EncodingLimits& limits) {
  const auto decoded = DecodeCollection(body, limits);
  if (!decoded.ok()) return;
  const std::vector<std::string> items = ItemsOf(*decoded);
  TERRACE_CHECK(!items.empty());
  if (decoded->type == terrace::Type::kStream) {
    terrace::types::Stream(*decoded).Check();
  } else {
    TERRACE_CHECK(items.size() == terrace::types::CountItems(*decoded));
  }
  for (const uint16_t version : {kRdbVersionDefault, kRdbVersionMax}) {
    const std::string again =
        EncodeCollection(*decoded, {.rdb_version = version, .compression = Compression::kNone});
    const auto returned =
        DecodeCollection({static_cast<ValueCode>(again[0]), Bytes(again).substr(1)}, limits);
    TERRACE_CHECK(returned.ok() && returned->type == decoded->type && ItemsOf(*returned) == items);
    terrace::types::Destroy(*returned);
  }
  terrace::types::Destroy(*decoded);
}

void Open(Bytes payload, const terrace::types::EncodingLimits& limits) {
  const auto opened = OpenDumpPayload(payload);
  if (!opened.ok()) return;
  TryString(*opened);
  TryCollection(*opened, limits);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const terrace::types::EncodingLimits limits;
  // Small enough that a short input meets both encodings.
  terrace::types::EncodingLimits tight;
  tight.hash_listpack_entries = tight.set_listpack_entries = tight.zset_listpack_entries = 2;
  tight.set_intset_entries = 2;
  tight.list_listpack_size = 2;
  Open(input, limits);
  const std::string sealed = SealDumpPayload(input);
  Open(sealed, limits);
  Open(sealed, tight);
  return 0;
}
