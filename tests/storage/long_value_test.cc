// Values that have several blocks of their own: written whole or in pieces, read whole or in pieces, damaged, and as version
// 1 had them.
#include <doctest/doctest.h>

#include <algorithm>

#include "env/lossy_file_system.h"
#include "storage/reseal.h"
#include "storage/rows.h"
#include "storage/value_cursor.h"

namespace terrace::storage {
namespace {

using testing::LossyFileSystem;

constexpr size_t kBlock = kLongBlockBytes;
constexpr size_t kSizes[] = {0,
                             1,
                             kInlineValueBytesMax,
                             kInlineValueBytesMax + 1,
                             100,
                             kBlock - 1,
                             kBlock,
                             kBlock + 1,
                             2 * kBlock,
                             777,
                             2 * kBlock - 1,
                             2 * kBlock + 1,
                             5000,
                             7 * kBlock,
                             7 * kBlock + 12'345};

Rows RowsOfAllSizes() {
  Random random(3);
  Rows rows;
  for (const size_t size : kSizes)
    rows.push_back(
        MakeRow({0, rows.size(), "of " + std::to_string(size)}, RandomBytes(random, size)));
  return rows;
}

std::vector<ValueHandle> HandlesOf(const TableReader& table) {
  std::vector<ValueHandle> handles;
  KeyIterator records(table);
  while (records.Next()) handles.push_back(records.record().value);
  return handles;
}

// How many pieces it had, and whether they were the value; or the error.
StatusOr<size_t> PiecesOf(ValueCursor& cursor, const ValueHandle& handle, Bytes value) {
  std::string whole;
  size_t pieces = 0;
  const Status status = cursor.ReadPieces(handle, [&](Bytes piece) {
    CHECK(piece.size() <= kBlock);
    whole.append(piece);
    ++pieces;
    return Status::Ok();
  });
  if (!status.ok()) return Unexpected{status};
  CHECK((whole == value));
  return pieces;
}

// A table with one value as version 1 has it: in one block, however long.
std::string TableOfVersion1(const Row& row) {
  std::string file(kTableHeadMagic);
  const auto put_block = [&file](BlockKind kind, Bytes body) {
    const BlockExtent extent{file.size(), body.size()};
    file.append(EncodeBlockHeader(kind, body, extent.offset)).append(body);
    return extent;
  };
  const BlockExtent value = put_block(BlockKind::kValues, row.value);
  KeyBlockBuilder keys;
  keys.Add(row.record(), {value.offset, 0, value.length});
  const BlockExtent block = put_block(BlockKind::kKeys, keys.Finish());
  std::string index;
  AppendIndexEntry({.first = row.record().position(),
                    .records = 1,
                    .offset = block.offset,
                    .length = static_cast<uint32_t>(block.length)},
                   &index);
  TableFooter footer{.version = 1};
  footer.index = put_block(BlockKind::kIndex, index);
  footer.facts.records = 1;
  footer.facts.key_bytes = row.key.key.size();
  footer.facts.value_bytes = row.value.size();
  footer.facts.smallest = footer.facts.largest = row.record().position();
  return file.append(EncodeTableFooter(footer));
}

TEST_SUITE("storage/long_value") {
  TEST_CASE("values of all sizes around whole blocks are read as they were written") {
    LossyFileSystem files;
    const Rows rows = RowsOfAllSizes();
    const TableFacts facts = Must(WriteTable(files, "t", rows));
    const auto table = MustOpen(files, "t");
    CHECK(table->facts() == facts);
    Must(table->Verify());
    Must(table->VerifyPlaces());
    const std::vector<ValueHandle> handles = HandlesOf(*table);
    ValueCursor cursor(*table), other(*table);
    for (size_t i = 0; i < rows.size(); ++i) {
      CAPTURE(rows[i].key.key);
      const size_t size = rows[i].value.size();
      CHECK(handles[i].length == size);
      CHECK((Must(table->ReadValue(handles[i])) == rows[i].value));
      CHECK((Must(cursor.Read(handles[i])) == rows[i].value));
      const size_t pieces = Must(PiecesOf(other, handles[i], rows[i].value));
      CHECK(pieces == std::max<size_t>(1, (size + kBlock - 1) / kBlock));
      // The blocks lie one behind the other, all but the last full.
      if (!handles[i].is_long()) continue;
      CHECK(handles[i].offset == 0);
      uint64_t at = handles[i].block;
      for (size_t left = size; left > 0; left -= std::min(left, kBlock)) {
        const Block block = Must(table->blocks().ReadAnyBlock(at, 0));
        CHECK(block.header().kind == BlockKind::kValues);
        CHECK(block.body().size() == std::min(left, kBlock));
        at += BlockHeader::kBytes + block.body().size();
      }
    }
    for (size_t i = rows.size(); i-- > 0;) CHECK((Must(cursor.Read(handles[i])) == rows[i].value));
  }

  TEST_CASE("a value in pieces makes the same file as one that comes whole") {
    const uint64_t seed = PrintedSeed("storage/long_value");
    Random random(seed);
    const Rows rows = RowsOfAllSizes();
    LossyFileSystem files;
    Must(WriteTable(files, "whole", rows));
    for (const size_t piece_max : {size_t{10}, size_t{3000}, kBlock - 1, kBlock, 5 * kBlock}) {
      CAPTURE(piece_max);
      auto writer = Must(TableWriter::Create(files, "pieces", {}));
      for (const Row& row : rows) {
        Must(writer->BeginValue(row.record()));
        for (Bytes left = row.value; !left.empty();) {
          const size_t some = std::min<size_t>(left.size(), random.Below(piece_max + 1));
          Must(writer->AppendValue(left.substr(0, some)));
          left.remove_prefix(some);
        }
        Must(writer->EndValue(random.Below(2) == 0 ? std::optional(row.size) : std::nullopt));
      }
      Must(writer->Finish());
      CHECK((files.Contents("pieces") == files.Contents("whole")));
      Must(files.Remove("pieces"));
    }
  }

  TEST_CASE("a writer holds back a block of a value, however long that grows") {
    LossyFileSystem files;
    auto writer = Must(TableWriter::Create(files, "t", {}));
    const std::string piece(10'000, 'p');
    uint64_t length = 0;
    Must(writer->BeginValue({.hash = 1, .key = "long"}));
    for (int i = 0; i < 2000; ++i) {
      Must(writer->AppendValue(piece));
      length += piece.size();
      CHECK(writer->estimated_bytes() >= length);
      CHECK(writer->estimated_bytes() - files.used_bytes() < 400 * kKiB);
    }
    Must(writer->EndValue());
    const TableFacts facts = Must(writer->Finish());
    CHECK(facts.value_bytes == length);
    CHECK(facts.file_bytes < length + length / 1000 + 1000);
    const auto table = MustOpen(files, "t");
    Must(table->Verify());
    const auto found = Must(table->Find(0, 1, "long"));
    REQUIRE(found.has_value());
    CHECK(found->size == length);
    CHECK((Must(table->ReadValue(found->value)) == std::string(length, 'p')));
  }

  TEST_CASE("whatever byte of a long value changes, it is noticed by everybody") {
    LossyFileSystem files;
    Random random(4);
    const Rows rows = {MakeRow({0, 1, "before"}, RandomBytes(random, 100)),
                       MakeRow({0, 2, "long"}, RandomBytes(random, kBlock + 100)),
                       MakeRow({0, 3, "behind"}, RandomBytes(random, 100))};
    Must(WriteTable(files, "t", rows));
    const auto table = MustOpen(files, "t");
    const std::vector<ValueHandle> handles = HandlesOf(*table);
    const uint64_t end = handles[1].block + handles[1].length + 2 * BlockHeader::kBytes;
    CHECK(handles[2].block == end);
    for (uint64_t at = handles[1].block; at < end; ++at) {
      CAPTURE(at);
      const auto mask = static_cast<unsigned char>(1 << at % 8);
      files.Flip("t", at, mask);
      const auto value = table->ReadValue(handles[1]);
      CHECK_FALSE(value.ok());
      ValueCursor cursor(*table);
      CHECK_FALSE(cursor.Read(handles[1]).ok());
      if (at % 64 == 0) {
        CHECK(value.error().message().starts_with("t: offset "));
        CHECK_FALSE(PiecesOf(cursor, handles[1], rows[1].value).ok());
        CHECK_FALSE(table->Verify().ok());
        CHECK((Must(cursor.Read(handles[0])) == rows[0].value));
        CHECK((Must(table->ReadValue(handles[2])) == rows[2].value));
      }
      files.Flip("t", at, mask);
    }
    Must(table->Verify());
  }

  TEST_CASE("a handle that does not fit the blocks of a long value is refused") {
    LossyFileSystem files;
    const size_t length = 2 * kBlock + 100;
    Must(WriteTable(files, "t", Rows{MakeRow({0, 1, "long"}, std::string(length, 'l'))}));
    const auto table = MustOpen(files, "t");
    const uint64_t block = HandlesOf(*table)[0].block;
    const uint64_t second = block + BlockHeader::kBytes + kBlock;
    ValueCursor cursor(*table);
    for (const ValueHandle& handle :
         {ValueHandle{block, 0, length - 1}, ValueHandle{block, 0, length + 1},
          ValueHandle{block, 1, length - 1}, ValueHandle{second, 0, length},
          ValueHandle{second + 1, 0, kBlock + 100}, ValueHandle{block, 0, 1ull << 40},
          ValueHandle{block, 0, UINT64_MAX}}) {
      CAPTURE(handle.block);
      CAPTURE(handle.length);
      CHECK_FALSE(table->ReadValue(handle).ok());
      CHECK_FALSE(cursor.Read(handle).ok());
    }
    CHECK(Must(table->ReadValue({second, 0, kBlock + 100})).size() == kBlock + 100);
    // An error of whoever takes the pieces ends it.
    const Status status =
        cursor.ReadPieces({block, 0, length}, [](Bytes) { return Status::Error("enough"); });
    CHECK(status.message() == "enough");
  }

  TEST_CASE("a record whose length is not that of its blocks is found by Verify") {
    const size_t length = kBlock + 100;
    const auto varint = [](uint64_t number) {
      std::string bytes;
      PutVarint(number, &bytes);
      return bytes;
    };
    for (const size_t said : {length - 1, length + 1, length}) {
      CAPTURE(said);
      LossyFileSystem files;
      Must(WriteTable(files, "t", Rows{MakeRow({0, 1, "long"}, std::string(length, 'l'))}));
      std::string bytes = files.Contents("t");
      const size_t at = bytes.find(varint(length), length);
      REQUIRE(at != std::string::npos);
      bytes.replace(at, varint(said).size(), varint(said));
      const std::string facts = Field(uint64_t{said});
      bytes.replace(bytes.size() - TableFooter::kBytes + 72, facts.size(), facts);
      ResealTable(&bytes);
      files.Put("t", bytes);
      const Status status = MustOpen(files, "t")->Verify();
      CHECK(status.message() ==
            (said == length ? "" : "t: offset 8: a value is said to be here and cannot be"));
    }
  }

  TEST_CASE("a table of version 1 is read, which has a long value in one block") {
    Random random(5);
    for (const size_t size : {kValueBlockBytes + 1, kBlock, kBlock + 1, 2 * kBlock, 10 * kBlock}) {
      CAPTURE(size);
      LossyFileSystem files;
      const Row row = MakeRow({0, 42, "long"}, RandomBytes(random, size));
      files.Put("t", TableOfVersion1(row));
      const auto table = MustOpen(files, "t");
      Must(table->Verify());
      CHECK((MustReadRows(*table) == Rows{row}));
      const ValueHandle handle = HandlesOf(*table)[0];
      ValueCursor cursor(*table);
      CHECK((Must(cursor.Read(handle)) == row.value));
      files.Flip("t", handle.block + BlockHeader::kBytes + size - 1, 0x10);
      CHECK_FALSE(table->ReadValue(handle).ok());
      CHECK_FALSE(ValueCursor(*table).Read(handle).ok());
      CHECK_FALSE(table->Verify().ok());
    }
  }
}

}  // namespace
}  // namespace terrace::storage
