#include "resp/reply_value.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "resp/reply.h"

namespace terrace::resp {
namespace {

using Type = ReplyValue::Type;
using Outcome = ReplyParser::Outcome;

std::vector<ReplyValue> ParseAll(Bytes bytes) {
  ReplyParser parser;
  parser.Feed(bytes);
  std::vector<ReplyValue> values;
  ReplyValue value;
  Outcome outcome;
  while ((outcome = parser.Next(&value)) == Outcome::kValue) values.push_back(std::move(value));
  CHECK(outcome == Outcome::kNeedMore);
  CHECK(parser.buffered_bytes() == 0);
  return values;
}

ReplyValue ParseOne(Bytes bytes) {
  std::vector<ReplyValue> values = ParseAll(bytes);
  REQUIRE(values.size() == 1);
  return std::move(values[0]);
}

std::string ErrorOf(Bytes bytes) {
  ReplyParser parser;
  parser.Feed(bytes);
  ReplyValue value;
  if (parser.Next(&value) != Outcome::kError) return "none";
  CHECK(parser.Next(&value) == Outcome::kError);
  return parser.error();
}

/// Writes a random reply and returns what it should read as.
ReplyValue WriteRandom(Reply& reply, Random& random, int depth) {
  ReplyValue value;
  const std::string text(random.Below(30), static_cast<char>('a' + random.Below(26)));
  const size_t kind = random.Below(depth > 0 ? 12 : 9);
  if (kind == 0) {
    value.type = Type::kSimple;
    reply.Simple(value.string = text);
  } else if (kind == 1) {
    value.type = Type::kError;
    reply.Error(value.string = "ERR " + text);
  } else if (kind == 2) {
    value.type = Type::kInteger;
    reply.Integer(value.integer = static_cast<int64_t>(random.Next()));
  } else if (kind == 3) {
    value.type = Type::kNull;
    reply.Null();
  } else if (kind == 4) {
    value.type = Type::kDouble;
    reply.Double(value.number = random.Unit() * 1000);
  } else if (kind == 5) {
    value.type = Type::kBool;
    value.integer = static_cast<int64_t>(random.Below(2));
    reply.Bool(value.integer != 0);
  } else if (kind == 6) {
    value.type = Type::kBigNumber;
    reply.BigNumber(value.string = "12345678901234567890123");
  } else if (kind == 7) {
    value.type = Type::kVerbatim;
    value.format = "txt";
    reply.Verbatim("txt", value.string = text + "\r\n");
  } else if (kind == 8) {
    value.type = Type::kBulk;
    reply.Bulk(value.string = text + "\r\n*1\r\n" + std::string(random.Below(9000), '\0'));
  } else {
    const size_t count = random.Below(5);
    const Reply::Slot slot = kind == 9    ? reply.DeferredArray()
                             : kind == 10 ? reply.DeferredMap()
                                          : reply.DeferredSet();
    value.type = kind == 9 ? Type::kArray : kind == 10 ? Type::kMap : Type::kSet;
    const size_t elements = kind == 10 ? 2 * count : count;
    for (size_t i = 0; i < elements; ++i)
      value.elements.push_back(WriteRandom(reply, random, depth - 1));
    reply.SetDeferred(slot, count);
  }
  return value;
}

}  // namespace

TEST_SUITE("resp/reply_value") {
  TEST_CASE("every type reads back") {
    CHECK(ParseOne("+OK\r\n").string == "OK");
    CHECK(ParseOne("-ERR no\r\n").is_error());
    CHECK(ParseOne("!6\r\nERR no\r\n").string == "ERR no");
    CHECK(ParseOne(":-42\r\n").integer == -42);
    CHECK(ParseOne("$5\r\na\r\nbc\r\n").string == "a\r\nbc");
    CHECK(ParseOne("$0\r\n\r\n").type == Type::kBulk);
    CHECK(ParseOne("$-1\r\n").type == Type::kNull);
    CHECK(ParseOne("_\r\n").type == Type::kNull);
    CHECK(ParseOne("*-1\r\n").type == Type::kNullArray);
    CHECK(ParseOne("*-1\r\n").is_null());
    CHECK(ParseOne(",3.25\r\n").number == 3.25);
    CHECK(std::isinf(ParseOne(",-inf\r\n").number));
    CHECK(std::isnan(ParseOne(",nan\r\n").number));
    CHECK(ParseOne("#t\r\n").integer == 1);
    CHECK(ParseOne("#f\r\n").type == Type::kBool);
    CHECK(ParseOne("(123456789012345678901\r\n").string == "123456789012345678901");
    CHECK(ParseOne("=7\r\nmkd:abc\r\n").format == "mkd");
    CHECK(ParseOne("*0\r\n").type == Type::kArray);
    CHECK(ParseOne("~1\r\n:1\r\n").type == Type::kSet);
    CHECK(ParseOne(">1\r\n:1\r\n").type == Type::kPush);
    CHECK(ParseOne("%0\r\n").type == Type::kMap);
  }

  TEST_CASE("aggregates nest, and print as one line") {
    const ReplyValue value =
        ParseOne("*4\r\n:1\r\n%1\r\n$1\r\na\r\n*2\r\n+b\r\n_\r\n*0\r\n-ERR x\r\n");
    CHECK(value.ToString() == "[1, {\"a\": [b, null]}, [], (error) ERR x]");
    CHECK(value == ParseOne("*4\r\n:1\r\n%1\r\n$1\r\na\r\n*2\r\n+b\r\n$-1\r\n*0\r\n-ERR x\r\n"));
    CHECK(value != ParseOne("*0\r\n"));
  }

  TEST_CASE("an attribute belongs to the value behind it") {
    const ReplyValue value = ParseOne("|1\r\n+ttl\r\n:9\r\n*2\r\n|1\r\n+x\r\n:1\r\n+a\r\n+b\r\n");
    REQUIRE(value.attributes.size() == 2);
    CHECK(value.attributes[1].integer == 9);
    REQUIRE(value.elements.size() == 2);
    CHECK(value.elements[0].attributes.size() == 2);
    CHECK(value.elements[1].attributes.empty());
  }

  TEST_CASE("what is not RESP is refused") {
    CHECK(ErrorOf("?\r\n") == "an unknown type");
    CHECK(ErrorOf("\r\n") == "an empty line where a type was expected");
    CHECK(ErrorOf("$x\r\n") == "a length is not a number");
    CHECK(ErrorOf("$-2\r\n") == "a string's length is out of range");
    CHECK(ErrorOf("*-2\r\n") == "an aggregate's length is out of range");
    CHECK(ErrorOf(":1x\r\n") == "an integer is not a number");
    CHECK(ErrorOf(",x\r\n") == "a double is not a number");
    CHECK(ErrorOf("#x\r\n") == "a boolean is neither t nor f");
    CHECK(ErrorOf("=2\r\nab\r\n") == "a verbatim string without a format");
    CHECK(ErrorOf("$1\r\nabcd") == "a string without its end");
    std::string deep;
    for (int i = 0; i < 200; ++i) deep += "*1\r\n";
    CHECK(ErrorOf(deep) == "aggregates are nested too deeply");
  }

  TEST_CASE("random replies read back as what was written, however they are cut") {
    Random random(99);
    for (int round = 0; round < 200; ++round) {
      ReplyBuffer buffer;
      Reply reply(buffer, 3);
      std::vector<ReplyValue> expected;
      for (int i = 0; i < 5; ++i) expected.push_back(WriteRandom(reply, random, 3));
      ReplyParser parser;
      std::vector<ReplyValue> values;
      while (!buffer.empty()) {
        IoSlice slice;
        REQUIRE(buffer.Gather(&slice, 1) == 1);
        const size_t size =
            1 + random.Below(std::min<size_t>(slice.len, round % 2 == 0 ? 7 : 5000));
        parser.Feed(Bytes(slice.base, std::min(size, slice.len)));
        buffer.Consume(std::min(size, slice.len));
        ReplyValue value;
        while (parser.Next(&value) == Outcome::kValue) values.push_back(std::move(value));
      }
      REQUIRE(values.size() == expected.size());
      for (size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == expected[i]);
    }
  }
}

}  // namespace terrace::resp
