#include "server/aof_manifest.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace terrace::server {
namespace {

std::string ErrorOf(Bytes text) {
  const auto manifest = ParseAofManifest(text);
  return manifest.ok() ? "" : manifest.error().message();
}

TEST_SUITE("server/aof_manifest") {
  TEST_CASE("the base and the increments in their order; history is passed over") {
    const auto manifest = ParseAofManifest(
        "# a comment\n"
        "file appendonly.aof.2.base.rdb seq 2 type b\n"
        "file appendonly.aof.1.incr.aof seq 1 type h\r\n"
        "file \"with \\x62lanks.aof\" seq 2 type i newer something\n"
        "seq 4 type i file appendonly.aof.4.incr.aof");
    REQUIRE(manifest.ok());
    CHECK(manifest->base == "appendonly.aof.2.base.rdb");
    CHECK(manifest->increments ==
          std::vector<std::string>{"with blanks.aof", "appendonly.aof.4.incr.aof"});
    const auto increments = ParseAofManifest("file a seq 1 type i\n");
    REQUIRE(increments.ok());
    CHECK(increments->base.empty());
  }

  TEST_CASE("what is wrong is named with its line") {
    CHECK(ErrorOf("") == "it names no file");
    CHECK(ErrorOf("file a seq 1 type h\n") == "it names no file");
    CHECK(ErrorOf("file a seq 1 type b\n\n") == "line 2: it does not say file, seq and type");
    CHECK(ErrorOf("file a seq 1\n") == "line 1: it does not say file, seq and type");
    CHECK(ErrorOf("file a seq one type b\n") == "line 1: it does not say file, seq and type");
    CHECK(ErrorOf("file ../a seq 1 type b\n") == "line 1: it does not say file, seq and type");
    CHECK(ErrorOf("file \"a seq 1 type b\n") == "line 1: it does not say file, seq and type");
    CHECK(ErrorOf("file a seq 1 type b\nfile b seq 2 type b\n") == "line 2: a second base file");
    CHECK(ErrorOf("file a seq 2 type i\nfile b seq 2 type i\n") ==
          "line 2: the numbers of the files do not rise");
    CHECK(ErrorOf("file a seq 1 type x\n") == "line 1: a type that is not known here");
  }
}

}  // namespace
}  // namespace terrace::server
