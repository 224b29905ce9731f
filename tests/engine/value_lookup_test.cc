#include "engine/value_lookup.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "env/lossy_file_system.h"
#include "storage/rows.h"

using namespace terrace;
using namespace terrace::engine;
using namespace terrace::storage;
using terrace::testing::LossyFileSystem;

namespace {

constexpr uint8_t kKind = 7;

struct Lookup {
  std::string value;  // or the error
  int key_blocks = 0;
  int value_blocks = 0;
};

// Tables in force.
class Store {
 public:
  /// Newest first.
  explicit Store(std::initializer_list<Rows> tables) {
    for (const Rows& rows : tables) {
      const std::string path = std::to_string(tables_->readers.size());
      Must(WriteTable(files_, path, rows));
      tables_->readers.push_back(MustOpen(files_, path));
    }
    tables_->Arrange();
  }

  Lookup Find(const Row& row) {
    Lookup result;
    ValueLookup lookup(tables_, row.key.space, row.key.hash, row.key.key);
    while (const auto need = lookup.Next()) {
      ++(need->is_value ? result.value_blocks : result.key_blocks);
      lookup.Take(Must(need->file->ReadBytes(need->extent.offset, need->extent.size)));
    }
    const auto& outcome = lookup.outcome();
    result.value = outcome.ok() ? outcome->bytes : outcome.error().message();
    if (outcome.ok()) CHECK(outcome->kind == kKind);
    return result;
  }

 private:
  LossyFileSystem files_;
  std::shared_ptr<ValueStore::Tables> tables_ = std::make_shared<ValueStore::Tables>();
};

Row MakeValue(uint64_t hash, std::string key, std::string value) {
  Row row = MakeRow({0, hash, std::move(key)}, std::move(value));
  row.kind = kKind;
  return row;
}

Rows Neighbours(uint64_t first, int count) {
  Rows rows;
  for (int i = 0; i < count; ++i)
    rows.push_back(MakeValue(first + static_cast<uint64_t>(i) * 1'000'003,
                             "neighbour:" + std::to_string(i), std::string(200, 'n')));
  return rows;
}

}  // namespace

TEST_SUITE("engine/value_lookup") {
  TEST_CASE("a value that one table can have takes one read") {
    const Rows rows = Neighbours(1, 5000);
    Store store({Neighbours(1ull << 62, 5000), rows});
    int reads = 0;
    for (const Row& row : rows) {
      const Lookup lookup = store.Find(row);
      CHECK(lookup.value == row.value);
      reads += lookup.key_blocks + lookup.value_blocks;
    }
    CHECK(reads < 5000 * 21 / 20);
  }

  TEST_CASE("of several versions the newest is found") {
    const Row old = MakeValue(1000, "key", std::string(100, 'o'));
    const Row mid = MakeValue(1000, "key", std::string(110, 'm'));
    const Row now = MakeValue(1000, "key", std::string(120, 'n'));
    Store store({{now}, {mid}, {old}});
    const Lookup lookup = store.Find(now);
    CHECK(lookup.value == now.value);
    CHECK(lookup.key_blocks == 1);
    CHECK(lookup.value_blocks == 1);
  }

  TEST_CASE("another key with the same hash is not taken for it, wherever it is") {
    const Row wanted = MakeValue(1000, "key", std::string(100, 'w'));
    const Row other = MakeValue(1000, "other", std::string(100, 'o'));
    CHECK(Store({{other}, {wanted}}).Find(wanted).value == wanted.value);
    CHECK(Store({{wanted}, {other}}).Find(wanted).value == wanted.value);
    CHECK(Store({{wanted, other}}).Find(wanted).value == wanted.value);
    CHECK(Store({{wanted, other}}).Find(other).value == other.value);
  }

  TEST_CASE("long values, and values that stand with their keys, are found by their records") {
    const Row tiny = MakeValue(1000, "tiny", "tiny");
    const Row wide = MakeValue(2000, "wide", std::string(kLongBlockBytes, 'w'));
    const Row vast = MakeValue(3000, "vast", std::string(3 * kLongBlockBytes, 'v'));
    Store store({{tiny, wide, vast}});
    for (const Row& row : {tiny, wide, vast}) {
      CHECK((store.Find(row).value == row.value));
      CHECK(store.Find(row).key_blocks == (row == wide ? 0 : 1));
    }
    CHECK(Store({{tiny, wide}}).Find(wide).key_blocks == 0);
  }

  TEST_CASE("what no table has, or says to be gone, is an error") {
    const Row gone = MakeValue(1000, "gone", std::string(100, 'g'));
    CHECK(Store({{MakeTombstone({0, 1000, "gone"})}, {gone}}).Find(gone).value ==
          "no table in force has it");
    CHECK(Store({}).Find(gone).value == "no table in force has it");
  }
}
