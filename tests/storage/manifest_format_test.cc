#include "storage/manifest_format.h"

#include <doctest/doctest.h>

#include "storage/golden_file.h"
#include "storage/reseal.h"

namespace terrace::storage {
namespace {

ManifestState Example() {
  ManifestState state;
  state.generation = 7;
  for (size_t i = 0; i < state.directory_id.size(); ++i)
    state.directory_id[i] = static_cast<uint8_t>(0xa0 + i);
  state.hash_key = {0x0123456789abcdef, 0xfedcba9876543210};
  state.next_file_number = 13;
  state.next_space = 4;
  state.checkpoint = {.log_offset = 123456789,
                      .selected_db = 2,
                      .history = "0123456789abcdef0123456789abcdef01234567",
                      .second_history = "76543210fedcba9876543210fedcba9876543210",
                      .second_history_end = 100000};
  for (uint64_t number : {3, 9, 12}) {
    TableEntry table;
    table.number = number;
    table.file_bytes = 1000 * number;
    table.run = number == 3 ? 1 : 5;
    table.records = 10 * number;
    table.tombstones = number;
    table.smallest = {0, number << 60 >> 1};
    table.largest = {0, (number << 60 >> 1) + 5};
    table.log_offset = 100000 + number;
    table.dead_bytes = number * 7;
    state.tables.push_back(table);
  }
  state.databases = {{0, 1}, {9, 3}};
  state.dropped_spaces = {0, 2};
  return state;
}

std::string Replaced(std::string file, size_t at, const std::string& bytes) {
  file.replace(at, bytes.size(), bytes);
  ResealManifest(&file);
  return file;
}

std::string ErrorOf(const std::string& file) {
  const auto state = DecodeManifest(file);
  return state.ok() ? "" : state.error().message();
}

TEST_SUITE("storage/manifest_format") {
  TEST_CASE("a manifest comes back as it was") {
    for (const ManifestState& state : {ManifestState(), Example()}) {
      const auto back = DecodeManifest(EncodeManifest(state));
      REQUIRE_MESSAGE(back.ok(), back.error().message());
      CHECK(*back == state);
      CHECK(back->tables == state.tables);
      CHECK(back->databases == state.databases);
      CHECK(back->dropped_spaces == state.dropped_spaces);
      CHECK(back->checkpoint == state.checkpoint);
      CHECK(back->hash_key.k1 == state.hash_key.k1);
      CHECK(back->directory_id == state.directory_id);
    }
  }

  TEST_CASE("the golden manifest is written and read as ever") {
    const std::string bytes = EncodeManifest(Example());
    const std::string golden = GoldenFile("manifest_v1.manifest", bytes);
    CHECK(golden == bytes);
    const auto state = DecodeManifest(golden);
    REQUIRE(state.ok());
    CHECK(*state == Example());
  }

  TEST_CASE("every changed byte, every cut and every addition is noticed") {
    const std::string whole = EncodeManifest(Example());
    for (size_t at = 0; at < whole.size(); ++at) {
      for (const int mask : {1, 0x80, 0xff}) {
        std::string bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ mask);
        CHECK(ErrorOf(bytes).starts_with("offset "));
      }
      CHECK(ErrorOf(whole.substr(0, at)).starts_with("offset "));
    }
    CHECK(ErrorOf(whole + "x") == "offset 16: the manifest should have 456 bytes, and has 457");
  }

  TEST_CASE("a later version is refused by its number, damage by what it is") {
    const std::string whole = EncodeManifest(Example());
    CHECK(ErrorOf(Replaced(whole, 8, Field(uint32_t{2}))) ==
          "offset 8: a manifest of version 2; version 1 can be read");
    CHECK(ErrorOf("TRC") == "offset 3: the file ends too early for a manifest");
    CHECK(ErrorOf(std::string(500, 'x')).find("this is no manifest") != std::string::npos);
    std::string damaged = whole;
    damaged[200] = 'x';
    CHECK(ErrorOf(damaged) == "offset 12: the checksum is wrong: the file is damaged");
  }

  TEST_CASE("what does not fit is refused behind a right checksum, too") {
    const std::string whole = EncodeManifest(Example());
    const size_t table = kManifestHeadBytes;
    const size_t databases = table + 3 * kManifestTableBytes;
    const struct {
      size_t at;
      std::string bytes;
      const char* words;
    } cases[] = {
        {176, Field(uint32_t{4}), "offset 176: what the manifest says it holds does not fit"},
        {176, Field(UINT32_MAX), "offset 176: what the manifest says it holds does not fit"},
        {64, Field(uint64_t{12}), "table 12 has a number out of order"},
        {72, Field(uint32_t{3}), "database 9 has a space that is not its own"},
        {90, "x", "a history id is not 40"},
        {130, "X", "a history id is not 40"},
        {table, Field(uint64_t{9}), "table 9 has a number out of order"},
        {table + 32, Field(uint64_t{1000}), "table 3 has facts that cannot be"},
        {table + 40, Field(uint32_t{1}), "table 3 has facts that cannot be"},
        {table + 16, Field(uint64_t{5}), "meet"},
        {databases, Field(uint32_t{9}), "databases are out of order"},
        {databases + 4, Field(uint32_t{3}), "database 9 has a space that is not its own"},
        {databases + 16, Field(uint32_t{2}), "dropped spaces are out of order"},
        {databases + 20, Field(uint32_t{3}), "space 3 is dropped and is not"},
    };
    for (const auto& each : cases) {
      const std::string words = each.words;
      CAPTURE(words);
      const std::string error = ErrorOf(Replaced(whole, each.at, each.bytes));
      CAPTURE(error);
      // Tables of one run that meet: the first is given the others' run, and their place.
      if (words == "meet") {
        std::string forged = whole;
        forged.replace(table + 40, 24, whole.substr(table + kManifestTableBytes + 40, 24));
        CHECK(ErrorOf(Replaced(forged, each.at, each.bytes)).find("of run 5 meet") !=
              std::string::npos);
        continue;
      }
      CHECK(error.find(words) != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace terrace::storage
