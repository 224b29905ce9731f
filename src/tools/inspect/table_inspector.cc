// terrace-inspect table: the blocks of a table and its records, and what of them is damaged.
//
// Each block says its own kind and length and has its own checksum, so blocks are found one behind the other, and records
// in them, when footer and index are damaged, too. What the index knows helps over a block whose length cannot be believed.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/block_file.h"
#include "storage/key_block.h"
#include "storage/table_reader.h"
#include "tools/inspect/inspector.h"

namespace terrace::tools {
namespace {

using storage::BlockExtent;
using storage::BlockFile;
using storage::BlockHeader;
using storage::BlockKind;
using storage::StoredRecord;
using storage::TableFooter;

constexpr size_t kKeyCharsMax = 64;

bool IsFailure(const Status& status) { return status.error_number() != 0; }

// Every step prints what it finds, damage included. Only what cannot be read at all comes back as an error.
class Inspection {
 public:
  Inspection(std::unique_ptr<ReadableFile> file, const std::string& path)
      : blocks_(std::move(file), path) {}

  Status PrintFooter();
  Status PrintBlocks();
  Status PrintRecords();
  /// The first damage that was met.
  const Status& damage() const { return damage_; }

 private:
  void LearnPlaces(const TableFooter& footer);
  void TakeBlock(BlockKind kind, BlockExtent extent);
  uint64_t PrintBadBlock(uint64_t at, const Status& status);
  uint64_t EndByHeader(uint64_t at, BlockHeader* header) const;
  void PrintRecord(const StoredRecord& record);
  bool HasValue(const StoredRecord& record) const;
  bool HasBlocksOf(const storage::ValueHandle& value,
                   std::vector<BlockExtent>::const_iterator block) const;
  void Note(Status status) {
    if (damage_.ok()) damage_ = std::move(status);
  }
  // Without "name: offset n: ", which the line says already.
  std::string Words(const Status& status, uint64_t at) const {
    const std::string prefix = blocks_.Damage(at, "").message();
    const std::string& words = status.message();
    return words.starts_with(prefix) ? words.substr(prefix.size()) : words;
  }

  const BlockFile blocks_;
  uint64_t end_ = 0;  // of the blocks: where the footer begins, or the file ends without one
  std::vector<uint64_t> known_;  // where blocks begin by footer and index, ascending
  // The good ones, in the order of the file.
  std::vector<BlockExtent> key_blocks_;
  std::vector<BlockExtent> value_blocks_;
  uint64_t records_ = 0;
  uint64_t values_lost_ = 0;
  Status damage_;
};

Status Inspection::PrintFooter() {
  end_ = blocks_.size();
  const uint64_t footer_at = end_ - std::min<uint64_t>(end_, TableFooter::kBytes);
  const auto bytes = blocks_.ReadBytes(footer_at, end_ - footer_at);
  if (!bytes.ok()) return bytes.error();
  if (bytes->ends_with(storage::kTableFootMagic)) end_ = footer_at;
  const auto footer = bytes->size() == TableFooter::kBytes
                          ? storage::DecodeTableFooter(*bytes)
                          : Unexpected{Status::Error("the file is too short for one")};
  if (!footer.ok()) {
    std::printf("%s: %" PRIu64 " bytes\n", blocks_.name().c_str(), blocks_.size());
    std::printf("  footer      bad: %s\n", footer.error().message().c_str());
    return Status::Ok();
  }
  std::printf("%s: table, version %u, %" PRIu64 " bytes\n", blocks_.name().c_str(),
              unsigned{footer->version}, blocks_.size());
  const storage::TableFacts& facts = footer->facts;
  std::printf("  number      %" PRIu64 "\n", facts.number);
  std::printf("  log offset  %" PRIu64 "\n", facts.log_offset);
  std::printf("  records     %" PRIu64 ", of which tombstones %" PRIu64 "\n", facts.records,
              facts.tombstones);
  std::printf("  keys        %" PRIu64 " bytes\n", facts.key_bytes);
  std::printf("  values      %" PRIu64 " bytes\n", facts.value_bytes);
  std::printf("  smallest    %s\n", storage::Shown(facts.smallest).c_str());
  std::printf("  largest     %s\n", storage::Shown(facts.largest).c_str());
  std::printf("  filter      %u bits a key, %u probes\n", unsigned{footer->filter_bits},
              unsigned{footer->filter_probes});
  LearnPlaces(*footer);
  return Status::Ok();
}

// CONTRACT: the footer's checksum is right.
void Inspection::LearnPlaces(const TableFooter& footer) {
  known_ = {footer.index.offset};
  if (footer.filter.length > 0) known_.push_back(footer.filter.offset);
  if (footer.places.length > 0) known_.push_back(footer.places.offset);
  if (const auto index = blocks_.ReadBlock(footer.index, BlockKind::kIndex); index.ok()) {
    const Bytes body = index->body();
    constexpr size_t kEntryBytes = storage::IndexEntry::kBytes;
    for (size_t at = 0; at + kEntryBytes <= body.size(); at += kEntryBytes)
      known_.push_back(storage::DecodeIndexEntry(body.data() + at).offset);
  }
  std::sort(known_.begin(), known_.end());
}

Status Inspection::PrintBlocks() {
  std::printf("%12s  %-8s %12s  %4s\n", "byte", "block", "length", "crc");
  for (uint64_t at = storage::kTableHeadMagic.size(); at < end_;) {
    const auto block = blocks_.ReadAnyBlock(at, storage::kValueBlockBytes);
    if (!block.ok() && IsFailure(block.error())) return block.error();
    if (!block.ok()) {
      at = PrintBadBlock(at, block.error());
      continue;
    }
    const BlockHeader header = block->header();
    std::printf("%12" PRIu64 "  %-8s %12" PRIu64 "  %4s\n", at,
                std::string(BlockKindName(header.kind)).c_str(), header.length, "ok");
    TakeBlock(header.kind, {at, header.length});
    at += BlockHeader::kBytes + header.length;
  }
  return Status::Ok();
}

void Inspection::TakeBlock(BlockKind kind, BlockExtent extent) {
  if (kind == BlockKind::kKeys) key_blocks_.push_back(extent);
  if (kind == BlockKind::kValues) value_blocks_.push_back(extent);
}

// Says where to go on.
uint64_t Inspection::PrintBadBlock(uint64_t at, const Status& status) {
  Note(status);
  BlockHeader header;
  const std::string words = Words(status, at);
  if (const uint64_t end = EndByHeader(at, &header); end != 0) {
    std::printf("%12" PRIu64 "  %-8s %12" PRIu64 "  %4s  %s\n", at,
                std::string(BlockKindName(header.kind)).c_str(), header.length, "bad",
                words.c_str());
    return end;
  }
  const auto next = std::upper_bound(known_.begin(), known_.end(), at);
  const uint64_t goes_on = next == known_.end() ? end_ : std::min(*next, end_);
  std::printf("%12" PRIu64 "  %-8s %12s  %4s  %s\n", at, "?", "?", "bad", words.c_str());
  if (goes_on < end_) {
    std::printf("%12" PRIu64 "  the next block that is known of\n", goes_on);
  } else {
    std::printf("%12s  behind it no block is known of\n", "");
  }
  return goes_on;
}

// Where the block at `at` ends if its header is right, which a good block behind it, or the footer, speaks for; else 0.
uint64_t Inspection::EndByHeader(uint64_t at, BlockHeader* header) const {
  if (!blocks_.CheckHasHeader(at).ok()) return 0;
  const auto bytes = blocks_.ReadBytes(at, BlockHeader::kBytes);
  if (!bytes.ok()) return 0;
  *header = storage::DecodeBlockHeader(*bytes);
  const auto length = blocks_.CheckedLength(*header, at);
  if (!length.ok()) return 0;
  const uint64_t end = at + BlockHeader::kBytes + *length;
  if (end == end_) return end;
  return end < end_ && blocks_.ReadAnyBlock(end, storage::kValueBlockBytes).ok() ? end : 0;
}

Status Inspection::PrintRecords() {
  std::printf("%10s %-16s %6s %-9s %5s %16s %12s %12s  %-22s %s\n", "space", "hash", "sub", "kind",
              "flags", "deadline, ms", "size", "length", "value at", "key");
  for (const BlockExtent& extent : key_blocks_) {
    const auto block = blocks_.ReadBlock(extent, BlockKind::kKeys);
    if (!block.ok()) return block.error();
    storage::KeyBlockCursor cursor(block->body(), extent.offset);
    while (cursor.Next()) PrintRecord(cursor.record());
    if (cursor.error() == nullptr) continue;
    const uint64_t at = extent.offset + BlockHeader::kBytes + cursor.body_offset();
    std::printf("bad at byte %" PRIu64 ": %s\n", at, cursor.error());
    Note(blocks_.Damage(at, std::string("in a block of keys: ") + cursor.error()));
  }
  std::printf("%" PRIu64 " records in %zu blocks of keys", records_, key_blocks_.size());
  if (values_lost_ > 0) std::printf("; the values of %" PRIu64 " of them are lost", values_lost_);
  std::printf("\n");
  return Status::Ok();
}

void Inspection::PrintRecord(const StoredRecord& record) {
  ++records_;
  std::string kind = std::to_string(record.kind);
  std::string place = "-";
  if (record.is_tombstone()) {
    kind = "tombstone";
  } else {
    place = std::to_string(record.value.block) + "+" + std::to_string(record.value.offset);
    if (record.is_inline) place += " inline";
    if (!HasValue(record)) {
      ++values_lost_;
      place += " lost";
      Note(blocks_.Damage(record.value.block, "no good block here has the value of a record"));
    }
  }
  std::printf(
      "%10u %016" PRIx64 " %6" PRIu64 " %-9s %5x %16s %12" PRIu64 " %12" PRIu64 "  %-22s %s\n",
      unsigned{record.space}, record.hash, record.sub, kind.c_str(), unsigned{record.flags},
      record.deadline_ms == 0 ? "-" : std::to_string(record.deadline_ms).c_str(), record.size,
      record.value.length, place.c_str(), Shown(record.key, kKeyCharsMax).c_str());
}

bool Inspection::HasValue(const StoredRecord& record) const {
  if (record.is_inline) return true;
  const storage::ValueHandle& value = record.value;
  const auto block = std::lower_bound(
      value_blocks_.begin(), value_blocks_.end(), value.block,
      [](const BlockExtent& extent, uint64_t wanted) { return extent.offset < wanted; });
  if (block == value_blocks_.end() || block->offset != value.block) return false;
  if (value.offset <= block->length && value.length <= block->length - value.offset) return true;
  return value.is_long() && value.offset == 0 && HasBlocksOf(value, block);
}

// `block` is the first of a long value.
bool Inspection::HasBlocksOf(const storage::ValueHandle& value,
                             std::vector<BlockExtent>::const_iterator block) const {
  uint64_t at = value.block;
  for (uint64_t left = value.length; left > 0; ++block) {
    const uint64_t length = std::min<uint64_t>(left, storage::kLongBlockBytes);
    if (block == value_blocks_.end() || block->offset != at || block->length != length)
      return false;
    left -= length;
    at += BlockHeader::kBytes + length;
  }
  return true;
}

// What the parts say of each other: order, counts, bounds.
Status VerifyWhole(FileSystem& files, const std::string& path) {
  const auto table = storage::TableReader::Open(files, path, {});
  if (!table.ok()) return table.error();
  const Status whole = (*table)->Verify();
  return whole.ok() ? (*table)->VerifyPlaces() : whole;
}

}  // namespace

Verdict InspectTable(FileSystem& files, const std::vector<std::string>& args) {
  if (args.size() != 1) return Verdict::kNotUnderstood;
  auto file = files.Open(args[0]);
  if (!file.ok()) return Complain(file.error());
  Inspection inspection(*std::move(file), args[0]);
  for (const auto step :
       {&Inspection::PrintFooter, &Inspection::PrintBlocks, &Inspection::PrintRecords}) {
    if (const Status status = (inspection.*step)(); !status.ok()) return Complain(status);
  }
  Status damage = VerifyWhole(files, args[0]);
  if (IsFailure(damage)) return Complain(damage);
  if (damage.ok()) damage = inspection.damage();
  std::printf("%s\n", damage.ok() ? "fine" : ("damaged: " + damage.message()).c_str());
  return damage.ok() ? Verdict::kFine : Verdict::kDamaged;
}

}  // namespace terrace::tools
