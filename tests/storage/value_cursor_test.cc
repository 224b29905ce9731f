#include "storage/value_cursor.h"

#include <doctest/doctest.h>

#include "env/lossy_file_system.h"
#include "storage/rows.h"

namespace terrace::storage {
namespace {

using testing::LossyFileSystem;

struct Value {
  ValueHandle handle;
  std::string bytes;
  bool is_inline;
};

// Of every size, with keys in between.
std::vector<Value> WriteValues(LossyFileSystem& files, std::unique_ptr<TableReader>* table) {
  Random random(11);
  Rows rows;
  for (uint64_t i = 0; i < 30'000; ++i) {
    const uint64_t bytes_max = i % 1000 == 0 ? kMiB : i % 50 == 0 ? 9000 : 90;
    rows.push_back(MakeRow({0, i << 40, "key" + std::to_string(i)},
                           RandomBytes(random, random.Below(bytes_max))));
  }
  Must(WriteTable(files, "t", rows));
  *table = MustOpen(files, "t");
  std::vector<Value> values;
  KeyIterator records(**table);
  while (records.Next()) {
    const StoredRecord& record = records.record();
    values.push_back({record.value, rows[values.size()].value, record.is_inline});
  }

  REQUIRE(values.size() == rows.size());
  return values;
}

TEST_SUITE("storage/value_cursor") {
  TEST_CASE("values come in order with few reads, and in any order") {
    LossyFileSystem files;
    std::unique_ptr<TableReader> table;
    const std::vector<Value> values = WriteValues(files, &table);
    ValueCursor cursor(*table);
    const uint64_t looks = files.looks();
    for (const Value& value : values)
      if (!value.is_inline) CHECK((Must(cursor.Read(value.handle)) == value.bytes));
    CHECK(files.looks() - looks < 100);
    Random random(12);
    for (int i = 0; i < 2000; ++i) {
      const Value& value = values[random.Below(values.size())];
      CHECK((Must(cursor.Read(value.handle)) == value.bytes));
    }
  }

  TEST_CASE("damage is an error for the values of its block, and for no others") {
    LossyFileSystem files;
    std::unique_ptr<TableReader> table;
    const std::vector<Value> values = WriteValues(files, &table);
    const ValueHandle victim = values[15'001].handle;
    files.Flip("t", victim.block + BlockHeader::kBytes + victim.offset, 0x20);
    ValueCursor cursor(*table);
    size_t errors = 0;
    for (const Value& value : values) {
      const auto read = cursor.Read(value.handle);
      CHECK(read.ok() == (value.handle.block != victim.block));
      if (read.ok()) {
        CHECK((*read == value.bytes));
      } else {
        CHECK(read.error().message().starts_with("t: offset " + std::to_string(victim.block) +
                                                 ": a block's checksum is "));
        ++errors;
      }
    }
    CHECK(errors > 1);
  }

  TEST_CASE("a handle from elsewhere is refused, and so is a disk that does not answer") {
    LossyFileSystem files;
    std::unique_ptr<TableReader> table;
    const std::vector<Value> values = WriteValues(files, &table);
    ValueCursor cursor(*table);
    ValueHandle beyond = values[1].handle;
    beyond.length += kValueBlockBytes;
    CHECK_FALSE(cursor.Read(beyond).ok());
    CHECK_FALSE(table->ReadValue(beyond).ok());
    for (const uint64_t block : {uint64_t{0}, table->blocks().size() - 15, UINT64_MAX}) {
      CHECK_FALSE(cursor.Read({block, 0, 1}).ok());
      CHECK_FALSE(table->ReadValue({block, 0, 1}).ok());
    }
    files.FailLook(1);
    CHECK_FALSE(cursor.Read(values[20'000].handle).ok());
    CHECK((Must(cursor.Read(values[20'000].handle)) == values[20'000].bytes));
  }
}

}  // namespace
}  // namespace terrace::storage
