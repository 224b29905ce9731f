#include "layering/include_rules.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace terrace::layering {
namespace {

using Lines = std::vector<std::string>;

TEST_SUITE("layering") {
  TEST_CASE("no file of the tree includes a folder above or beside its own") {
    size_t files_read = 0;
    for (const std::string& objection : CheckTree(TERRACE_CHECKOUT, &files_read))
      FAIL_CHECK(objection);
    CHECK(files_read > 10);
  }

  TEST_CASE("include lines are found however they are spaced and quoted") {
    CHECK(IncludedNames("#include \"base/bytes.h\"\n  #  include <uv.h>\n// #include "
                        "\"no/no.h\"\n#include<string>") ==
          Lines{"base/bytes.h", "uv.h", "string"});
    CHECK(IncludedNames("#include MACRO\n#define include \"a/b.h\"\n") == Lines{});
  }

  TEST_CASE("arrows that point down are no news") {
    CHECK(Objections("src/engine/shard.h",
                     "#include \"types/value.h\"\n#include \"base/bytes.h\"\n") == Lines{});
    CHECK(Objections("src/resp/parser.cc",
                     "#include \"resp/parser.h\"\n#include \"env/clock.h\"\n") == Lines{});
    CHECK(Objections("src/net/loop.cc", "#include <uv.h>\n") == Lines{});
    CHECK(Objections("src/server/main.cc",
                     "#include \"exec/unit.h\"\n#include <terrace/options.h>\n") == Lines{});
    CHECK(Objections("include/terrace/database.h",
                     "#include \"terrace/options.h\"\n#include <string>\n") == Lines{});
  }

  TEST_CASE("an arrow that points up or sideways is named") {
    CHECK(
        Objections("src/engine/shard.h", "#include \"base/bytes.h\"\n#include \"exec/unit.h\"\n") ==
        Lines{"src/engine/shard.h includes exec/unit.h: engine/ may not know exec/"});
    CHECK(Objections("src/resp/parser.h", "#include \"types/value.h\"\n") ==
          Lines{"src/resp/parser.h includes types/value.h: resp/ may not know types/"});
    CHECK(Objections("src/base/status.h", "#include \"env/clock.h\"\n").size() == 1);
    CHECK(Objections("src/commands/ping.cc", "#include <net/loop.h>\n").size() == 1);
    CHECK(Objections("src/http/rest.cc", "#include \"replication/follower.h\"\n").size() == 1);
  }

  TEST_CASE(
      "libuv outside net/, storage in the keyspace and our insides in a public header are named") {
    CHECK(Objections("src/server/session.h", "#include <uv.h>\n") ==
          Lines{"src/server/session.h includes uv.h: only net/ knows libuv"});
    CHECK(Objections("src/engine/keyspace_scan.cc", "#include \"storage/table.h\"\n").size() == 1);
    CHECK(Objections("src/engine/checkpointer.cc", "#include \"storage/table.h\"\n") == Lines{});
    CHECK(Objections("include/terrace/database.h", "#include \"engine/shard.h\"\n").size() == 1);
    CHECK(Objections("include/terrace/database.h", "#include \"base/bytes.h\"\n").size() == 1);
  }

  TEST_CASE("a folder that the table does not know is named as soon as it includes another") {
    CHECK(Objections("src/util/misc.cc", "#include \"engine/shard.h\"\n") ==
          Lines{"src/util/misc.cc includes engine/shard.h: util/ has no row in the table"});
  }
}

}  // namespace
}  // namespace terrace::layering
