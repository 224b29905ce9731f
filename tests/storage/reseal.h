// Makes the checksums of a damaged table or manifest right again, as far as they are found: so what lies behind them can be
// tested with bytes that no writer wrote.
#pragma once

#include <cstring>
#include <string>

#include "storage/byte_fields.h"
#include "storage/manifest_format.h"
#include "storage/table_format.h"

namespace terrace::storage {

/// A number as a file has it, to forge one with.
template <typename T>
std::string Field(T value) {
  std::string bytes;
  PutField(value, &bytes);
  return bytes;
}

inline void ResealManifest(std::string* file) {
  if (file->size() < kManifestHeadBytes) return;
  const uint32_t crc = ManifestCrc(*file);
  std::memcpy(file->data() + kManifestCrcAt, &crc, sizeof crc);
}

inline void ResealBlock(std::string* file, BlockExtent extent) {
  if (extent.offset > file->size() || file->size() - extent.offset < BlockHeader::kBytes) return;
  const Bytes there = Bytes(*file).substr(extent.offset);
  if (extent.length > there.size() - BlockHeader::kBytes) return;
  const uint32_t crc =
      BlockCrc(there, there.substr(BlockHeader::kBytes, extent.length), extent.offset);
  std::memcpy(file->data() + extent.offset, &crc, sizeof crc);
}

inline void ResealFooter(std::string* file) {
  const uint64_t at = file->size() - TableFooter::kBytes;
  const uint32_t crc = FooterCrc(Bytes(*file).substr(at));
  std::memcpy(file->data() + at + TableFooter::kCrcAt, &crc, sizeof crc);
}

inline void ResealTable(std::string* file) {
  if (file->size() < TableFooter::kBytes) return;
  ResealFooter(file);
  const auto footer = DecodeTableFooter(Bytes(*file).substr(file->size() - TableFooter::kBytes));
  if (!footer.ok()) return;
  // Inside out: an index that is written over by a block of keys is sealed last.
  const BlockExtent index = footer->index;
  if (index.offset <= file->size() && index.length <= file->size() - index.offset) {
    for (uint64_t at = 0; at + IndexEntry::kBytes <= index.length; at += IndexEntry::kBytes) {
      const uint64_t entry_at = index.offset + BlockHeader::kBytes + at;
      if (entry_at + IndexEntry::kBytes > file->size()) break;
      const IndexEntry entry = DecodeIndexEntry(file->data() + entry_at);
      ResealBlock(file, {entry.offset, entry.length});
    }
  }
  ResealBlock(file, footer->filter);
  if (footer->places.length != 0) ResealBlock(file, footer->places);
  ResealBlock(file, index);
}

}  // namespace terrace::storage
