#include "server/text.h"

#include <doctest/doctest.h>

namespace terrace::server {
namespace {

TEST_SUITE("server/text") {
  TEST_CASE("amounts for people") {
    CHECK(HumanBytes(0) == "0B");
    CHECK(HumanBytes(1023) == "1023B");
    CHECK(HumanBytes(1024) == "1.00K");
    CHECK(HumanBytes(1017216) == "993.38K");
    CHECK(HumanBytes(25276510208) == "23.54G");
    CHECK(HumanBytes(uint64_t{3} << 50) == "3.00P");
  }

  TEST_CASE("formatting appends, however long the result is") {
    std::string out = "a";
    AppendFormat(&out, "%d", 1);
    CHECK(out == "a1");
    const std::string longer(1000, 'x');
    AppendFormat(&out, "%s|", longer.c_str());
    CHECK(out == "a1" + longer + "|");
    CHECK(Format("%s", std::string(255, 'y').c_str()).size() == 255);
    CHECK(Format("%s", std::string(256, 'y').c_str()).size() == 256);
  }

  TEST_CASE("a ratio to nothing is nothing") {
    CHECK(Ratio(1, 0) == 0);
    CHECK(Ratio(1, 4) == 0.25);
  }
}

}  // namespace
}  // namespace terrace::server
