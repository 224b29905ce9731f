#include "storage/table_format.h"

#include <cinttypes>
#include <cstdio>

#include "base/check.h"
#include "base/crc32c.h"

namespace terrace::storage {
namespace {

BlockExtent TakeExtent(FieldReader& in) {
  const auto offset = in.Take<uint64_t>();
  const auto length = in.Take<uint64_t>();
  return {offset, length};
}

}  // namespace

std::string Shown(Position position) {
  char text[40];
  std::snprintf(text, sizeof text, "(%u, %016" PRIx64 ")", unsigned{position.space}, position.hash);
  return text;
}

void PutPosition(Position position, std::string* out) {
  PutField(position.space, out);
  PutField(position.hash, out);
}

Position TakePosition(FieldReader& in) {
  const auto space = in.Take<uint32_t>();
  const auto hash = in.Take<uint64_t>();
  return {space, hash};
}

Bytes BlockKindName(BlockKind kind) {
  switch (kind) {
    case BlockKind::kValues:
      return "values";
    case BlockKind::kKeys:
      return "keys";
    case BlockKind::kFilter:
      return "filter";
    case BlockKind::kIndex:
      return "index";
    case BlockKind::kPlaces:
      return "places";
  }
  return "unknown kind";
}

uint32_t BlockCrc(Bytes header, Bytes body, uint64_t offset) {
  std::string place;
  PutField(offset, &place);
  const Bytes rest = header.substr(sizeof(uint32_t), BlockHeader::kBytes - sizeof(uint32_t));
  return Crc32c(place, Crc32c(body, Crc32c(rest)));
}

std::string EncodeBlockHeader(BlockKind kind, Bytes body, uint64_t offset) {
  std::string rest(sizeof(uint32_t), '\0');
  rest.push_back(static_cast<char>(kind));
  rest.append(3, '\0');
  PutField(uint64_t{body.size()}, &rest);
  std::string header;
  PutField(BlockCrc(rest, body, offset), &header);
  return header.append(rest, sizeof(uint32_t));
}

BlockHeader DecodeBlockHeader(Bytes bytes) {
  TERRACE_DCHECK(bytes.size() >= BlockHeader::kBytes);
  return {FieldAt<uint32_t>(bytes.data()), static_cast<BlockKind>(bytes[4]),
          static_cast<uint8_t>(bytes[5]), FieldAt<uint64_t>(bytes.data() + 8)};
}

void AppendIndexEntry(const IndexEntry& entry, std::string* out) {
  PutPosition(entry.first, out);
  PutField(entry.records, out);
  PutField(entry.offset, out);
  PutField(entry.length, out);
  PutField(entry.filter_lines, out);
}

IndexEntry DecodeIndexEntry(const char* at) {
  FieldReader in(Bytes(at, IndexEntry::kBytes));
  IndexEntry entry;
  entry.first = TakePosition(in);
  entry.records = in.Take<uint32_t>();
  entry.offset = in.Take<uint64_t>();
  entry.length = in.Take<uint32_t>();
  entry.filter_lines = in.Take<uint32_t>();
  return entry;
}

uint32_t FooterCrc(Bytes footer) {
  return Crc32c(footer.substr(TableFooter::kCrcAt + sizeof(uint32_t)),
                Crc32c(footer.substr(0, TableFooter::kCrcAt)));
}

std::string EncodeTableFooter(const TableFooter& footer) {
  std::string out;
  for (const BlockExtent& extent : {footer.index, footer.filter}) {
    PutField(extent.offset, &out);
    PutField(extent.length, &out);
  }
  const TableFacts& facts = footer.facts;
  for (const uint64_t number : {facts.number, facts.log_offset, facts.records, facts.tombstones,
                                facts.key_bytes, facts.value_bytes})
    PutField(number, &out);
  PutPosition(facts.smallest, &out);
  PutPosition(facts.largest, &out);
  PutField(footer.filter_bits, &out);
  PutField(footer.filter_probes, &out);
  PutField(static_cast<uint32_t>(footer.places.length), &out);
  TERRACE_CHECK(out.size() == TableFooter::kCrcAt);
  std::string tail;
  PutField(footer.version, &tail);
  tail.append(kTableFootMagic);
  PutField(Crc32c(tail, Crc32c(out)), &out);
  return out.append(tail);
}

StatusOr<TableFooter> DecodeTableFooter(Bytes bytes) {
  TERRACE_CHECK(bytes.size() == TableFooter::kBytes);
  if (!bytes.ends_with(kTableFootMagic)) {
    return Unexpected{Status::Error(
        "this is no table, or its end is missing: it does not end as every table does")};
  }
  FieldReader in(bytes);
  TableFooter footer;
  footer.index = TakeExtent(in);
  footer.filter = TakeExtent(in);
  TableFacts& facts = footer.facts;
  for (uint64_t* number : {&facts.number, &facts.log_offset, &facts.records, &facts.tombstones,
                           &facts.key_bytes, &facts.value_bytes})
    *number = in.Take<uint64_t>();
  facts.smallest = TakePosition(in);
  facts.largest = TakePosition(in);
  footer.filter_bits = in.Take<uint16_t>();
  footer.filter_probes = in.Take<uint16_t>();
  footer.places.length = in.Take<uint32_t>();
  const auto crc = in.Take<uint32_t>();
  footer.version = in.Take<uint32_t>();
  if (footer.version < kTableVersionMin || footer.version > kTableVersion) {
    return Unexpected{Status::Error("a table of version " + std::to_string(footer.version) +
                                    "; versions " + std::to_string(kTableVersionMin) + " to " +
                                    std::to_string(kTableVersion) + " can be read")};
  }
  if (crc != FooterCrc(bytes))
    return Unexpected{Status::Error("the footer's checksum is wrong: the file is damaged")};
  constexpr uint32_t kFirstWithPlaces = 3;
  if (footer.version < kFirstWithPlaces) footer.places.length = 0;
  if (footer.places.length != 0) {
    const uint64_t whole = BlockHeader::kBytes + footer.places.length;
    if (footer.index.offset < whole)
      return Unexpected{Status::Error("there is no room for places before the index")};
    footer.places.offset = footer.index.offset - whole;
  }
  return footer;
}

}  // namespace terrace::storage
