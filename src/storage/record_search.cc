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
  const auto& index = table_.index();
  const Position position = wanted_.position();
  for (; !over_ && next_ < index.size() && index[next_].first <= position; ++next_) {
    if (!table_.FilterLets(next_, position)) continue;
    const IndexEntry& entry = index[next_++];
    return FileExtent{entry.offset, BlockHeader::kBytes + entry.length};
  }
  return std::nullopt;
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
