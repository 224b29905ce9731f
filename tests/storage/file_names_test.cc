#include "storage/file_names.h"

#include <doctest/doctest.h>

namespace terrace::storage {
namespace {

constexpr uint64_t kNumbers[] = {0, 12, 123456789, UINT64_MAX};

TEST_SUITE("storage/file_names") {
  TEST_CASE("every name is read back") {
    for (const uint64_t number : kNumbers) {
      CAPTURE(number);
      CHECK(ParseTableFileName(TableFileName(number)) == number);
      CHECK(ParseSegmentFileName(SegmentFileName(number)) == number);
      CHECK(ParseNewSegmentFileName(NewSegmentFileName(number)) == number);
    }
    CHECK(TableFileName(12) == "00000012.table");
    CHECK(SegmentFileName(0) == "00000000000000000000.log");
    CHECK(SegmentFileName(UINT64_MAX) == "18446744073709551615.log");
    CHECK(NewSegmentFileName(42) == "00000000000000000042.log.new");
  }

  TEST_CASE("no other name is taken for one") {
    for (const Bytes name :
         {"", "12.table", "00000012.tabl", "00000012.table2", "+0000012.table", "-0000012.table",
          "MANIFEST", "000000012.table", ".table", "99999999999999999999.table"}) {
      CAPTURE(name);
      CHECK_FALSE(ParseTableFileName(name));
    }
    for (const Bytes name : {"", "42.log", "18446744073709551616.log", "0000000000000000004x.log",
                             "00000000000000000042.tbl", "000000000000000000042.log",
                             "+0000000000000000042.log", "00000000000000000042.log.bak"}) {
      CAPTURE(name);
      CHECK_FALSE(ParseSegmentFileName(name));
    }
    CHECK_FALSE(ParseNewSegmentFileName("42.log.new"));
    CHECK_FALSE(ParseNewSegmentFileName(".new"));
  }

  // So all kinds may lie in one directory, and none takes another's file for rubbish of its own.
  TEST_CASE("a name is of one kind only") {
    for (const uint64_t number : kNumbers) {
      CAPTURE(number);
      for (const std::string& name :
           {TableFileName(number), SegmentFileName(number), NewSegmentFileName(number),
            std::string(kManifestName), std::string(kNewManifestName)}) {
        CAPTURE(name);
        const int kinds = int{ParseTableFileName(name).has_value()} +
                          int{ParseSegmentFileName(name).has_value()} +
                          int{ParseNewSegmentFileName(name).has_value()} +
                          int{name == kManifestName} + int{name == kNewManifestName};
        CHECK(kinds == 1);
      }
    }
  }
}

}  // namespace
}  // namespace terrace::storage
