#include "commands/syntax.h"

#include <doctest/doctest.h>

#include <string>

#include "commands/families.h"

namespace terrace::commands {
namespace {

std::string Show(const std::vector<SyntaxArg>& args);

// "name:type TOKEN ?+*{inside}": ? optional, + multiple, * with its token.
std::string ShowOne(const SyntaxArg& arg) {
  std::string out = arg.name + ":" + std::string(SyntaxTypeName(arg.type));
  if (!arg.token.empty()) out += " " + arg.token;
  if (arg.optional) out += "?";
  if (arg.multiple) out += "+";
  if (arg.multiple_token) out += "*";
  if (!arg.arguments.empty()) out += "{" + Show(arg.arguments) + "}";
  return out;
}

std::string Show(const std::vector<SyntaxArg>& args) {
  std::string out;
  for (const SyntaxArg& arg : args) out += (out.empty() ? "" : ", ") + ShowOne(arg);
  return out;
}

std::string Parsed(Bytes text) {
  const auto args = ParseSyntax(text);
  return args ? Show(*args) : "(malformed)";
}

TEST_SUITE("commands/syntax") {
  TEST_CASE("plain words are values whose names tell their types") {
    CHECK(Parsed("") == "");
    CHECK(Parsed("key seconds value") == "key:key, seconds:integer, value:string");
    CHECK(Parsed("key unix-time-milliseconds") == "key:key, unix-time-milliseconds:unix-time");
    CHECK(Parsed("longitude pattern ip:port") ==
          "longitude:double, pattern:pattern, ip:port:string");
  }

  TEST_CASE("a type may be said behind a colon") {
    CHECK(Parsed("key increment") == "key:key, increment:integer");
    CHECK(Parsed("key increment:double") == "key:key, increment:double");
    CHECK(Parsed("min:string at:unix-time") == "min:string, at:unix-time");
  }

  TEST_CASE("words in capitals are tokens, alone or in front of a value") {
    CHECK(Parsed("[GET]") == "get:pure-token GET?");
    CHECK(Parsed("[COUNT count]") == "count:integer COUNT?");
    CHECK(Parsed("[LIMIT offset count]") ==
          "offset_count:block LIMIT?{offset:integer, count:integer}");
    CHECK(Parsed("[COUNT count [ANY]]") ==
          "count_any:block COUNT?{count:integer, any:pure-token ANY?}");
    CHECK(Parsed("[MAXLEN [= | ~] threshold]") ==
          "=_~_threshold:block MAXLEN?{=_~:oneof?{=:pure-token =, ~:pure-token ~}, "
          "threshold:string}");
  }

  TEST_CASE(
      "bars part alternatives, which may be left out in square brackets and not in pointed ones") {
    CHECK(Parsed("[NX | XX]") == "condition:oneof?{nx:pure-token NX, xx:pure-token XX}");
    CHECK(Parsed("<LEFT | RIGHT>") == "where:oneof{left:pure-token LEFT, right:pure-token RIGHT}");
    CHECK(Parsed("[EX seconds | PX milliseconds | PERSIST]") ==
          "expiration:oneof?{seconds:integer EX, milliseconds:integer PX, persist:pure-token "
          "PERSIST}");
    CHECK(Parsed("<FROMMEMBER member | FROMLONLAT longitude latitude>") ==
          "member_longitude_latitude:oneof{member:string FROMMEMBER, "
          "longitude_latitude:block FROMLONLAT{longitude:double, latitude:double}}");
    CHECK(Parsed("<ON | OFF | SKIP>") ==
          "on_off_skip:oneof{on:pure-token ON, off:pure-token OFF, skip:pure-token SKIP}");
  }

  TEST_CASE("a choice may stand behind a token") {
    CHECK(Parsed("[AGGREGATE <SUM | MIN>]") ==
          "sum_min:oneof AGGREGATE?{sum:pure-token SUM, min:pure-token MIN}");
  }

  TEST_CASE("what is repeated in brackets becomes multiple") {
    CHECK(Parsed("key [key ...]") == "key:key+");
    CHECK(Parsed("[key ...]") == "key:key?+");
    CHECK(Parsed("[message [message ...]]") == "message:string?+");
    CHECK(Parsed("key value [key value ...]") == "key_value:block+{key:key, value:string}");
    CHECK(Parsed("[WEIGHTS weight [weight ...]]") == "weight:integer WEIGHTS?+");
    CHECK(Parsed("[GET pattern [GET pattern ...]]") == "pattern:pattern GET?+*");
    CHECK(Parsed("channel [key ...]") == "channel:string, key:key?+");
  }

  TEST_CASE("at the top a token takes the values up to the next bracket") {
    CHECK(Parsed("[COUNT count] STREAMS key [key ...] id [id ...]") ==
          "count:integer COUNT?, key_id:block STREAMS{key:key+, id:string+}");
    CHECK(Parsed("GROUP group consumer [NOACK]") ==
          "group_consumer:block GROUP{group:string, consumer:string}, noack:pure-token NOACK?");
  }

  TEST_CASE("brackets that do not match and empty ones are told") {
    for (const Bytes text :
         {"[NX", "NX]", "[NX>", "<NX | XX", "key | value", "[]", "[NX |]", "[...]"}) {
      CAPTURE(text);
      CHECK(Parsed(text) == "(malformed)");
    }
  }

  TEST_CASE("the syntax of every command of the data families can be read") {
    for (const auto& family : DataFamilies()) {
      for (const CommandSpec& spec : family) {
        CAPTURE(spec.name);
        CHECK(ParseSyntax(spec.syntax).has_value());
        for (const CommandSpec& sub : spec.subcommands) CHECK(ParseSyntax(sub.syntax).has_value());
      }
    }
  }
}

}  // namespace
}  // namespace terrace::commands
