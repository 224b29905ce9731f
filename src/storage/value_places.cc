#include "storage/value_places.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "storage/byte_fields.h"
#include "storage/table_format.h"

namespace terrace::storage {
namespace {

constexpr size_t kTagBytes = 3;
constexpr uint32_t kTagMask = 0xffffff;
constexpr unsigned kHashBits = 16;

// Of a block with one value of the largest size, or with many small ones.
static_assert(kLongBlockBytes + ValueDirectory::kEntryBytes + ValueDirectory::kFootBytes <=
              UINT16_MAX);

uint32_t TagOf(uint64_t hash) { return static_cast<uint32_t>(hash) & kTagMask; }

}  // namespace

void ValueDirectory::Add(uint64_t hash, uint8_t kind, size_t offset) {
  TERRACE_CHECK(offset <= UINT16_MAX);
  PutLowBytes(hash, kTagBytes, &entries_);
  entries_.push_back(static_cast<char>(kind));
  PutField(static_cast<uint16_t>(offset), &entries_);
}

void ValueDirectory::AppendTo(std::string* body) {
  body->append(entries_);
  PutField(static_cast<uint16_t>(entries_.size() / kEntryBytes), body);
  entries_.clear();
}

StatusOr<std::optional<PlacedValue>> FindInDirectory(Bytes body, uint64_t hash) {
  const auto damage = [](const char* what) { return Unexpected{Status::Error(what)}; };
  if (body.size() < ValueDirectory::kFootBytes) return damage("a block of values has no directory");
  const size_t end = body.size() - ValueDirectory::kFootBytes;
  const size_t values = FieldAt<uint16_t>(body.data() + end);
  if (values > end / ValueDirectory::kEntryBytes)
    return damage("a block of values is shorter than its directory");
  const size_t begin = end - values * ValueDirectory::kEntryBytes;
  for (size_t at = begin; at < end; at += ValueDirectory::kEntryBytes) {
    const auto entry = FieldAt<uint32_t>(body.data() + at);  // tag and kind
    if ((entry & kTagMask) != TagOf(hash)) continue;
    const size_t offset = FieldAt<uint16_t>(body.data() + at + sizeof entry);
    const size_t next = at + ValueDirectory::kEntryBytes;
    const size_t value_end =
        next < end ? FieldAt<uint16_t>(body.data() + next + sizeof entry) : begin;
    if (offset > value_end || value_end > begin)
      return damage("a block's directory speaks of values that it has no room for");
    return std::optional<PlacedValue>(
        {static_cast<uint8_t>(entry >> 24), body.substr(offset, value_end - offset)});
  }
  return std::optional<PlacedValue>();
}

void PlacesBuilder::AddRecord(uint64_t hash) { hashes_.push_back(hash); }

void PlacesBuilder::BeginBlock(uint64_t offset) {
  if (blocks_.empty()) first_ = next_ = offset;
  if (offset != next_) apart_ = true;
  blocks_.push_back({hashes_.back(), 0});
}

void PlacesBuilder::EndBlock(size_t body_bytes) {
  TERRACE_CHECK(!blocks_.empty() && body_bytes <= UINT16_MAX);
  blocks_.back().bytes = static_cast<uint16_t>(body_bytes);
  next_ += BlockHeader::kBytes + body_bytes;
}

// P2.
bool PlacesBuilder::IsTold() {
  if (blocks_.empty() || apart_) return false;
  tags_.clear();
  for (const uint64_t hash : hashes_) tags_.push_back(TagOf(hash));
  std::sort(tags_.begin(), tags_.end());
  return std::adjacent_find(tags_.begin(), tags_.end()) == tags_.end();
}

void PlacesBuilder::EndKeyBlock() {
  if (!IsTold()) blocks_.clear();
  const uint64_t first_hash = hashes_.front();
  const int width = blocks_.empty() ? 0 : std::bit_width(blocks_.back().hash - first_hash);
  const auto shift = static_cast<uint32_t>(std::max(0, width - static_cast<int>(kHashBits)));
  PutField(blocks_.empty() ? uint64_t{0} : first_, &body_);
  PutField(shift, &body_);
  PutField(static_cast<uint32_t>(blocks_.size()), &body_);
  for (const PlacedBlock& block : blocks_) {
    PutField(static_cast<uint16_t>((block.hash - first_hash) >> shift), &body_);
    PutField(block.bytes, &body_);
  }
  hashes_.clear();
  blocks_.clear();
  apart_ = false;
}

StatusOr<ValuePlaces> ValuePlaces::Decode(Bytes body, size_t key_blocks, uint64_t end) {
  const auto damage = [](const char* what) { return Unexpected{Status::Error(what)}; };
  FieldReader in(body);
  ValuePlaces places;
  places.key_blocks_.reserve(key_blocks);
  for (size_t i = 0; i < key_blocks; ++i) {
    OfKeyBlock& of = places.key_blocks_.emplace_back();
    of.values = in.Take<uint64_t>();
    of.shift = in.Take<uint32_t>();
    of.count = in.Take<uint32_t>();
    of.begin = static_cast<uint32_t>(places.blocks_.size());
    if (of.shift >= 64) return damage("hashes of places are shifted out of sight");
    if (of.count > in.remaining() / sizeof(OfBlock)) return damage("places are cut off");
    uint64_t at = of.values;
    if (of.count > 0 && at < kTableHeadMagic.size())
      return damage("a block of values cannot be where its place says");
    for (uint32_t k = 0; k < of.count; ++k) {
      const auto hash = in.Take<uint16_t>();
      const auto bytes = in.Take<uint16_t>();
      places.blocks_.push_back({hash, bytes});
      if (at > end || BlockHeader::kBytes + bytes > end - at)
        return damage("a block of values cannot be where its place says");
      at += BlockHeader::kBytes + bytes;
    }
  }
  if (!in.finished()) return damage("places do not end with those of the last block of keys");
  places.blocks_.shrink_to_fit();
  return places;
}

std::optional<FileExtent> ValuePlaces::Find(size_t key_block, uint64_t first_hash,
                                            uint64_t hash) const {
  if (key_block >= key_blocks_.size() || hash < first_hash) return std::nullopt;
  const OfKeyBlock& of = key_blocks_[key_block];
  const uint64_t wanted = (hash - first_hash) >> of.shift;
  const OfBlock* block = blocks_.data() + of.begin;
  if (of.count == 0 || block->hash > wanted) return std::nullopt;
  uint64_t at = of.values;
  for (const OfBlock* const last = block + of.count - 1; block != last && block[1].hash <= wanted;
       ++block)
    at += BlockHeader::kBytes + block->bytes;
  return FileExtent{at, BlockHeader::kBytes + block->bytes};
}

}  // namespace terrace::storage
