#include "storage/record_search.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "storage/key_block.h"
#include "storage/key_iterator.h"

namespace terrace::storage {

RecordSearch::RecordSearch(const TableReader& table, uint32_t space, uint64_t hash, Bytes key,
                           uint64_t sub)
    : table_(table),
      wanted_{.space = space, .hash = hash, .key = key, .sub = sub},
      next_(table.BlockAt(wanted_.position())) {}

std::optional<FileExtent> RecordSearch::NextBlock() {
  if (over_) return std::nullopt;
  const auto block = table_.BlockFor(wanted_.position(), next_);
  over_ = !block;
  if (over_) return std::nullopt;
  next_ = *block + 1;
  const IndexEntry& entry = table_.index()[*block];
  return FileExtent{entry.offset, BlockHeader::kBytes + entry.length};
}

StatusOr<std::optional<FoundRecord>> RecordSearch::Look(Bytes block) {
  TERRACE_DCHECK(next_ != 0);
  const IndexEntry& entry = table_.index()[next_ - 1];
  const BlockFile& blocks = table_.blocks();
  if (Status status = blocks.Check(block, entry.offset, BlockKind::kKeys); !status.ok())
    return Unexpected{std::move(status)};
  KeyBlockCursor cursor(block.substr(BlockHeader::kBytes), entry.offset);
  if (Status status = CheckKeyBlockHead(blocks, entry, cursor); !status.ok())
    return Unexpected{std::move(status)};
  while (cursor.Next()) {
    const StoredRecord& record = cursor.record();
    if (record.hash < wanted_.hash) continue;
    const auto order = CompareOrder(record, wanted_);
    if (order < 0) continue;
    over_ = true;
    if (order > 0) return std::optional<FoundRecord>();
    FoundRecord found{record.kind, record.flags, record.deadline_ms,
                      record.size, record.value, std::nullopt};
    if (record.is_inline) found.inline_value = std::string(record.inline_value);
    return std::optional<FoundRecord>(std::move(found));
  }
  if (Status status = CursorStatus(blocks, entry, cursor); !status.ok())
    return Unexpected{std::move(status)};
  return std::optional<FoundRecord>();
}

}  // namespace terrace::storage
