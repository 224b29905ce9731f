#include "server/aof_scanner.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace terrace::server {
namespace {

using Item = AofScanner::Item;

const std::string kSet = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\n\r\n*1\r\n";
const std::string kMulti = "*1\r\n$5\r\nMulti\r\n";
const std::string kNote = "#TS:1700000000\r\n";

TEST_SUITE("server/aof_scanner") {
  TEST_CASE("commands and notes come one after another, as they stand there") {
    const std::string file = "front" + kSet + kNote + kMulti;
    AofScanner scanner(file, 5);
    CHECK(scanner.Next() == Item::kCommand);
    CHECK(scanner.item() == kSet);
    CHECK(!scanner.IsWord("set"));
    CHECK(scanner.offset() == 5 + kSet.size());
    CHECK(scanner.Next() == Item::kNote);
    CHECK(scanner.item() == kNote);
    CHECK(scanner.Next() == Item::kCommand);
    CHECK(scanner.IsWord("multi"));
    CHECK(scanner.Next() == Item::kEnd);
    CHECK(scanner.offset() == file.size());
  }

  TEST_CASE("a file that ends anywhere within a command is cut off, and says where that begins") {
    for (const std::string& last : {kSet, kNote, kMulti}) {
      for (size_t size = 1; size < last.size(); ++size) {
        const std::string file = kMulti + last.substr(0, size);
        INFO(file);
        AofScanner scanner(file, 0);
        CHECK(scanner.Next() == Item::kCommand);
        CHECK(scanner.Next() == Item::kCutOff);
        CHECK(scanner.offset() == kMulti.size());
      }
    }
  }

  TEST_CASE("what is no command is damage, and nothing is read past it") {
    const std::vector<std::string> damaged = {
        "x",
        "SET a b\r\n",
        "*x\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*1048577\r\n",
        "*1\r\n+OK\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$1\r\nab\r\n",
        "*1\r\n$1\r\na\n\n",
        "*11111111111111111111111111111111111111111111111111\r\n",
        "*1\r\n$18446744073709551616\r\na\r\n",
        std::string(100, '\0'),
    };
    for (const std::string& bytes : damaged) {
      INFO(bytes);
      AofScanner scanner(bytes, 0);
      CHECK(scanner.Next() == Item::kDamaged);
      CHECK(scanner.offset() == 0);
    }
    // As long as nothing is read there, a length may be any.
    const std::string long_word = "*1\r\n$18446744073709551615\r\na";
    AofScanner scanner(long_word, 0);
    CHECK(scanner.Next() == Item::kCutOff);
  }
}

}  // namespace
}  // namespace terrace::server
