// A table from nowhere, as it is and with its checksums made right. Opening it, going through its keys and reading its
// values gives records or errors; and what the iterator has shown without complaint, Find finds, and ranges hold.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "storage/bytes_file.h"
#include "storage/key_iterator.h"
#include "storage/merging_iterator.h"
#include "storage/reseal.h"
#include "storage/table_reader.h"
#include "storage/value_cursor.h"

namespace {

using namespace terrace;
using namespace terrace::storage;

constexpr size_t kInputBytesMax = 64 * kKiB;

struct SeenKey {
  uint32_t space;
  uint64_t hash;
  std::string key;
  uint64_t sub;
  ValueHandle value;
};

void Ask(const TableReader& table, const std::vector<SeenKey>& seen) {
  for (size_t i = 0; i < seen.size(); i += 1 + seen.size() / 16) {
    const SeenKey& each = seen[i];
    const auto found = table.Find(each.space, each.hash, each.key, each.sub);
    TERRACE_CHECK(found.ok() && found->has_value() && (*found)->value == each.value);
    KeyIterator range(table, {{each.space, each.hash}, {each.space, each.hash}});
    bool here = false;
    while (range.Next()) here = here || range.record().value == each.value;
    TERRACE_CHECK(range.status().ok() && here);
  }
}

void TryTable(const std::string& bytes) {
  const auto table = TableReader::Open(std::make_unique<BytesFile>(bytes), "t", {.filter = false});
  const auto whole = TableReader::Open(std::make_unique<BytesFile>(bytes), "t", {});
  if (whole.ok()) (void)(*whole)->VerifyPlaces().ok();
  if (!table.ok()) return;
  std::vector<SeenKey> seen;
  KeyIterator records(**table);
  ValueCursor values(**table), others(**table);
  while (records.Next()) {
    const StoredRecord& record = records.record();
    if (!record.is_tombstone()) {
      const auto value = (*table)->ReadValue(record.value);
      if (value.ok()) TERRACE_CHECK(value->size() == record.value.length);
      const auto same = values.Read(record.value);
      TERRACE_CHECK(!same.ok() || !value.ok() || *same == *value);
      std::string pieces;
      const Status in_pieces = others.ReadPieces(record.value, [&pieces](Bytes piece) {
        pieces.append(piece);
        return Status::Ok();
      });
      TERRACE_CHECK(in_pieces.ok() == same.ok() && (!same.ok() || *same == pieces));
      if (record.is_inline) TERRACE_CHECK(value.ok() && *value == record.inline_value);
    }
    seen.push_back({record.space, record.hash, std::string(record.key), record.sub, record.value});
  }
  MergingIterator merged({table->get(), table->get()}, Tombstones::kShown);
  size_t count = 0;
  while (merged.Next()) ++count;
  TERRACE_CHECK(merged.status().ok() == records.status().ok());
  if (records.status().ok()) {
    TERRACE_CHECK(seen.size() == (*table)->facts().records && count == seen.size());
    Ask(**table, seen);
  }
  (void)(*table)->Verify().ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  std::string input(reinterpret_cast<const char*>(data), size);
  TryTable(input);
  ResealTable(&input);
  TryTable(input);
  return 0;
}
