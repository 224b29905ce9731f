#include "storage/table_reader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "storage/bloom_filter.h"
#include "storage/key_iterator.h"
#include "storage/record_search.h"

namespace terrace::storage {
namespace {

constexpr size_t kBytesMin =
    kTableHeadMagic.size() + BlockHeader::kBytes + TableFooter::kBytes;  // one without records
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kDirectoryOfOne = ValueDirectory::kEntryBytes + ValueDirectory::kFootBytes;

std::string Counts(const char* what, uint64_t have, uint64_t expected) {
  return "there are " + std::to_string(have) + " " + what + ", and should be " +
         std::to_string(expected);
}

}  // namespace

StatusOr<std::unique_ptr<TableReader>> TableReader::Open(FileSystem& files, const std::string& path,
                                                         const Options& options) {
  auto file = files.Open(path);
  if (!file.ok()) return Unexpected{file.error()};
  return Open(*std::move(file), path, options);
}

StatusOr<std::unique_ptr<TableReader>> TableReader::Open(std::unique_ptr<ReadableFile> file,
                                                         std::string name, const Options& options) {
  std::unique_ptr<TableReader> reader(new TableReader(std::move(file), std::move(name)));
  if (Status status = reader->Load(options); !status.ok()) return Unexpected{std::move(status)};
  return reader;
}

TableReader::TableReader(std::unique_ptr<ReadableFile> file, std::string name)
    : blocks_(std::move(file), std::move(name)) {}

Status TableReader::Load(const Options& options) {
  if (Status status = LoadFooter(); !status.ok()) return status;
  if (Status status = LoadIndex(); !status.ok()) return status;
  if (Status status = CheckIndex(); !status.ok()) return status;
  if (!options.filter) return Status::Ok();
  if (Status status = LoadFilter(); !status.ok()) return status;
  return LoadPlaces();
}

Status TableReader::LoadFooter() {
  if (blocks_.size() < kBytesMin) {
    return blocks_.Damage(
        0, "this is no table: it has only " + std::to_string(blocks_.size()) + " bytes");
  }
  const auto head = blocks_.ReadBytes(0, kTableHeadMagic.size());
  if (!head.ok()) return head.error();
  if (*head != kTableHeadMagic)
    return blocks_.Damage(0, "this is no table: it does not begin as every table does");
  const uint64_t at = blocks_.size() - TableFooter::kBytes;
  const auto bytes = blocks_.ReadBytes(at, TableFooter::kBytes);
  if (!bytes.ok()) return bytes.error();
  auto footer = DecodeTableFooter(*bytes);
  if (!footer.ok()) return blocks_.Damage(at, footer.error().message());
  footer_ = *footer;
  footer_.facts.file_bytes = blocks_.size();
  return Status::Ok();
}

Status TableReader::LoadIndex() {
  const auto block = blocks_.ReadBlock(footer_.index, BlockKind::kIndex);
  if (!block.ok()) return block.error();
  const Bytes body = block->body();
  if (body.size() % IndexEntry::kBytes != 0)
    return blocks_.Damage(footer_.index.offset, "the index has no whole number of entries");
  index_.reserve(body.size() / IndexEntry::kBytes);
  for (size_t at = 0; at < body.size(); at += IndexEntry::kBytes)
    index_.push_back(DecodeIndexEntry(body.data() + at));
  return Status::Ok();
}

Status TableReader::CheckIndex() const {
  const auto damage = [this](const std::string& what) {
    return blocks_.Damage(footer_.index.offset, "in the index: " + what);
  };
  const TableFacts& facts = footer_.facts;
  uint64_t records = 0;
  uint64_t lines = 0;
  uint64_t end = kTableHeadMagic.size();
  Position last = facts.smallest;
  for (const IndexEntry& entry : index_) {
    if (entry.offset < end || entry.offset > footer_.index.offset ||
        entry.length > footer_.index.offset - entry.offset || entry.length < KeyBlockHead::kBytes)
      return damage("a block at " + std::to_string(entry.offset) + " cannot be there");
    if (entry.first < last || entry.first > facts.largest)
      return damage("a block's first record, " + Shown(entry.first) + ", is out of order");
    end = entry.offset + BlockHeader::kBytes + entry.length;
    last = entry.first;
    records += entry.records;
    lines += entry.filter_lines;
  }
  if (!index_.empty() && index_[0].first != facts.smallest)
    return damage("the first block does not begin with the smallest record");
  if (records != facts.records) return damage(Counts("records", records, facts.records));
  if (lines * kBloomLineBytes != footer_.filter.length) {
    return damage(Counts("lines of filter", lines, footer_.filter.length / kBloomLineBytes));
  }
  return Status::Ok();
}

Status TableReader::LoadFilter() {
  if (footer_.filter.length == 0) return Status::Ok();
  auto body = blocks_.ReadBody(footer_.filter, BlockKind::kFilter);
  if (!body.ok()) return body.error();
  filter_ = *std::move(body);
  filter_begins_.reserve(index_.size());
  uint64_t begin = 0;
  for (const IndexEntry& entry : index_) {
    filter_begins_.push_back(begin);
    begin += entry.filter_lines;
  }
  return Status::Ok();
}

Status TableReader::LoadPlaces() {
  if (footer_.places.length == 0) return Status::Ok();
  const auto block = blocks_.ReadBlock(footer_.places, BlockKind::kPlaces);
  if (!block.ok()) return block.error();
  auto places = ValuePlaces::Decode(block->body(), index_.size(), footer_.index.offset);
  if (!places.ok())
    return blocks_.Damage(footer_.places.offset, "in the places: " + places.error().message());
  places_ = *std::move(places);
  return Status::Ok();
}

size_t TableReader::resident_bytes() const {
  return index_.capacity() * sizeof(IndexEntry) + filter_.capacity() +
         filter_begins_.capacity() * sizeof(uint64_t) + places_.resident_bytes();
}

size_t TableReader::BlockAt(Position position) const {
  // Hashes are spread evenly, so where it stands can be guessed; from there in growing steps until it lies in between. An index has
  // thousands of entries, and each of a binary search's steps is a cache line that is not there.
  size_t low = 0;
  size_t high = index_.size();
  constexpr size_t kGuessedMin = 32;
  if (high >= kGuessedMin && index_.front().first.space == position.space &&
      index_.back().first.space == position.space) {
    const double from = static_cast<double>(index_.front().first.hash);
    const double width = static_cast<double>(index_.back().first.hash) - from;
    const double share = (static_cast<double>(position.hash) - from) / std::max(width, 1.0);
    const auto guess =
        static_cast<size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(high - 1));
    size_t step = 4;
    if (index_[guess].first < position) {
      for (low = guess + 1; low + step < high && index_[low + step].first < position; step *= 2)
        low += step + 1;
      high = std::min(high, low + step);
    } else {
      for (high = guess; high > step && !(index_[high - step].first < position); step *= 2)
        high -= step;
      low = high > step ? high - step : 0;
    }
  }
  const auto at = [&](size_t i) { return index_.begin() + static_cast<ptrdiff_t>(i); };
  const auto behind = std::lower_bound(
      at(low), at(high), position,
      [](const IndexEntry& entry, Position wanted) { return entry.first < wanted; });
  // The block before may end with records of that position.
  return behind == index_.begin() ? 0 : static_cast<size_t>(behind - index_.begin()) - 1;
}

bool TableReader::FilterLets(size_t block, Position position) const {
  if (filter_begins_.empty()) return true;
  const Bytes lines = Bytes(filter_).substr(filter_begins_[block] * kBloomLineBytes,
                                            index_[block].filter_lines * kBloomLineBytes);
  return BloomMayContain(lines, footer_.filter_probes, BloomHash(position));
}

std::optional<size_t> TableReader::BlockFor(Position position, size_t from) const {
  for (size_t i = from; i < index_.size() && index_[i].first <= position; ++i)
    if (index_[i].first.space == position.space && FilterLets(i, position)) return i;
  return std::nullopt;
}

StatusOr<std::optional<FoundRecord>> TableReader::Find(uint32_t space, uint64_t hash, Bytes key,
                                                       uint64_t sub) const {
  RecordSearch search(*this, space, hash, key, sub);
  while (const auto extent = search.NextBlock()) {
    const auto bytes = blocks_.ReadBytes(extent->offset, extent->size);
    if (!bytes.ok()) return Unexpected{bytes.error()};
    auto found = search.Look(*bytes);
    if (!found.ok() || *found) return found;
  }
  return std::optional<FoundRecord>();
}

StatusOr<std::string> TableReader::ReadValue(const ValueHandle& handle) const {
  std::string bytes;
  while (true) {
    const FileExtent extent = ValueExtent(handle, 2 * bytes.size());
    auto read = blocks_.ReadBytes(extent.offset, extent.size);
    if (!read.ok()) return read;
    bytes = *std::move(read);
    auto value = ValueFrom(handle, bytes);
    if (!value.ok()) return Unexpected{value.error()};
    if (*value) return **std::move(value);
  }
}

// Blocks of small values are a little longer than kValueBlockBytes; the rest of the page costs nothing.
FileExtent TableReader::ValueExtent(const ValueHandle& handle, uint64_t at_least) const {
  uint64_t size = handle.length;
  if (handle.length <= kValueBlockBytes || handle.offset != 0) {
    const uint64_t end = handle.block + BlockHeader::kBytes + kValueBlockBytes + kDirectoryOfOne;
    size = (end + kPageBytes - 1) / kPageBytes * kPageBytes - handle.block;
  } else {
    size += (handle.length + kLongBlockBytes - 1) / kLongBlockBytes * BlockHeader::kBytes;
    if (!handle.is_long()) size += kDirectoryOfOne;
  }
  const uint64_t there = blocks_.size() - std::min(blocks_.size(), handle.block);
  return {handle.block, std::min(there, std::max(size, at_least))};
}

StatusOr<std::optional<std::string>> TableReader::ValueFrom(const ValueHandle& handle,
                                                            Bytes bytes) const {
  if (handle.is_long() && handle.offset == 0) return LongFrom(handle, bytes);
  const auto block = blocks_.FirstBlock(bytes, handle.block);
  if (!block.ok()) return Unexpected{block.error()};
  if (!*block) return std::optional<std::string>();
  if (Status status = blocks_.CheckFits(handle, (*block)->body); !status.ok())
    return Unexpected{std::move(status)};
  return std::optional<std::string>((*block)->body.substr(handle.offset, handle.length));
}

StatusOr<std::optional<PlacedValue>> TableReader::PlacedIn(FileExtent place, Bytes bytes,
                                                           uint64_t hash) const {
  if (Status status = blocks_.Check(bytes, place.offset, BlockKind::kValues); !status.ok())
    return Unexpected{std::move(status)};
  auto found = FindInDirectory(bytes.substr(BlockHeader::kBytes), hash);
  if (!found.ok()) return Unexpected{blocks_.Damage(place.offset, found.error().message())};
  return found;
}

StatusOr<std::optional<std::string>> TableReader::LongFrom(const ValueHandle& handle,
                                                           Bytes bytes) const {
  if (Status status = blocks_.CheckLength(handle); !status.ok())
    return Unexpected{std::move(status)};
  std::string value;
  uint64_t at = handle.block;
  while (true) {
    const auto block = blocks_.FirstBlock(bytes, at);
    if (!block.ok()) return Unexpected{block.error()};
    if (!*block) return std::optional<std::string>();
    const Bytes body = (*block)->body;
    const uint64_t left = handle.length - value.size();
    // Version 1 has all of it in one block.
    const bool is_all = value.empty() && body.size() >= left;
    if ((*block)->kind != BlockKind::kValues ||
        (!is_all && body.size() != std::min<uint64_t>(left, kLongBlockBytes)))
      return Unexpected{
          blocks_.Damage(at, "this is not the block of a long value that was expected")};
    if (is_all) return std::optional<std::string>(body.substr(0, left));
    if (value.empty()) value.reserve(handle.length);
    value.append(body);
    if (value.size() == handle.length) return std::optional<std::string>(std::move(value));
    at += BlockHeader::kBytes + body.size();
    bytes.remove_prefix(BlockHeader::kBytes + body.size());
  }
}

// As version 1 has long values.
StatusOr<bool> TableReader::IsInOneBlock(const ValueHandle& handle) const {
  const auto header = blocks_.ReadBytes(handle.block, BlockHeader::kBytes);
  if (!header.ok()) return Unexpected{header.error()};
  return DecodeBlockHeader(*header).length >= handle.length;
}

Status TableReader::Verify() const {
  if (Status status = VerifyBlocks(); !status.ok()) return status;
  return VerifyKeys();
}

// Every byte between the magic and the footer belongs to a block.
Status TableReader::VerifyBlocks() const {
  uint64_t at = kTableHeadMagic.size();
  const uint64_t end = blocks_.size() - TableFooter::kBytes;
  while (at < end) {
    const auto block = blocks_.ReadAnyBlock(at, kValueBlockBytes);
    if (!block.ok()) return block.error();
    at += BlockHeader::kBytes + block->body().size();
  }
  return at == end ? Status::Ok() : blocks_.Damage(end, "the last block runs into the footer");
}

// CONTRACT: all blocks have been verified, so their headers are right.
Status TableReader::VerifyPlace(const StoredRecord& record) const {
  const ValueHandle& value = record.value;
  const uint64_t end = footer_.index.offset;
  const auto cannot_be = [&] {
    return blocks_.Damage(value.block, "a value is said to be here and cannot be");
  };
  if (value.block < kTableHeadMagic.size() || value.block > end ||
      BlockHeader::kBytes + value.offset + value.length > end - value.block)
    return cannot_be();
  if (!value.is_long()) return Status::Ok();
  if (value.offset != 0) return cannot_be();
  const auto in_one = IsInOneBlock(value);
  if (!in_one.ok()) return in_one.error();
  uint64_t at = value.block;
  for (uint64_t left = value.length; left > 0;) {
    const uint64_t length = *in_one ? left : std::min<uint64_t>(left, kLongBlockBytes);
    const auto bytes = blocks_.ReadBytes(at, BlockHeader::kBytes);
    if (!bytes.ok()) return bytes.error();
    const BlockHeader header = DecodeBlockHeader(*bytes);
    if (header.kind != BlockKind::kValues || header.length != length) return cannot_be();
    left -= length;
    at += BlockHeader::kBytes + length;
  }
  return Status::Ok();
}

Status TableReader::VerifyKeys() const {
  const TableFacts& facts = footer_.facts;
  uint64_t tombstones = 0;
  uint64_t key_bytes = 0;
  uint64_t value_bytes = 0;
  Position last = facts.smallest;
  KeyIterator records(*this);
  while (records.Next()) {
    const StoredRecord& record = records.record();
    if (record.is_tombstone()) ++tombstones;
    key_bytes += record.key.size();
    value_bytes += record.value.length;
    last = record.position();
    if (record.is_inline || record.is_tombstone()) continue;
    if (Status status = VerifyPlace(record); !status.ok()) return status;
  }
  if (!records.status().ok()) return records.status();
  const auto differs = [this](const char* what, uint64_t have, uint64_t expected) {
    return blocks_.Damage(blocks_.size() - TableFooter::kBytes, Counts(what, have, expected));
  };
  if (tombstones != facts.tombstones) return differs("tombstones", tombstones, facts.tombstones);
  if (key_bytes != facts.key_bytes) return differs("bytes of keys", key_bytes, facts.key_bytes);
  if (value_bytes != facts.value_bytes)
    return differs("bytes of values", value_bytes, facts.value_bytes);
  if (last != facts.largest) {
    return blocks_.Damage(
        blocks_.size() - TableFooter::kBytes,
        "the last record is " + Shown(last) + ", and should be " + Shown(facts.largest));
  }
  return Status::Ok();
}

Status TableReader::VerifyPlaces() const {
  for (size_t block = 0; block < index_.size(); ++block)
    if (Status status = VerifyPlacesOf(block); !status.ok()) return status;
  return Status::Ok();
}

Status TableReader::VerifyPlacesOf(size_t block) const {
  const IndexEntry& entry = index_[block];
  const auto keys = blocks_.ReadBlock({entry.offset, entry.length}, BlockKind::kKeys);
  if (!keys.ok()) return keys.error();
  KeyBlockCursor cursor(keys->body(), entry.offset);
  std::string bytes;
  std::optional<uint64_t> bytes_at;
  while (cursor.Next()) {
    const StoredRecord& record = cursor.record();
    const auto place = PlaceOf(block, record.hash);
    if (!place) continue;
    if (place->offset != bytes_at) {
      auto read = blocks_.ReadBytes(place->offset, place->size);
      if (!read.ok()) return read.error();
      bytes = *std::move(read);
      bytes_at = place->offset;
    }
    const auto found = PlacedIn(*place, bytes, record.hash);
    if (!found.ok()) return found.error();
    // Where two blocks begin with hashes that are alike but for their ends, the place may be the other one's.
    const bool is_elsewhere = record.is_inline || record.is_tombstone() || record.value.is_long() ||
                              place->offset != record.value.block;
    if (!*found && is_elsewhere) continue;
    if (!*found)
      return blocks_.Damage(place->offset, "a directory does not have what a record says is here");
    const auto offset = static_cast<uint64_t>((*found)->bytes.data() - bytes.data());
    if (is_elsewhere || (*found)->kind != record.kind ||
        offset != BlockHeader::kBytes + record.value.offset ||
        (*found)->bytes.size() != record.value.length)
      return blocks_.Damage(place->offset, "a directory says something else than a record");
  }
  return CursorStatus(blocks_, entry, cursor);
}

}  // namespace terrace::storage
