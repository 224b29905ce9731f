#include "server/command_docs.h"

#include <doctest/doctest.h>

#include <string>

#include "resp/reply_value.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::CommandTable;
using commands::KeySpec;

void Nothing(exec::SessionContext&, Args) {}

constexpr KeySpec kPlainKeys[] = {commands::OneKey(commands::kKeyRO | commands::kKeyAccess),
                                  commands::OneKey(commands::kKeyOW | commands::kKeyUpdate, 2)};
constexpr KeySpec kOddKeys[] = {{.flags = commands::kKeyRO,
                                 .begin = KeySpec::Begin::kKeyword,
                                 .index = 1,
                                 .keyword = "STREAMS",
                                 .last = -1,
                                 .limit = 2},
                                {.flags = commands::kKeyRW,
                                 .index = 2,
                                 .find = KeySpec::Find::kKeyNumber,
                                 .first_key = 1,
                                 .notes = "as the script likes"},
                                {.flags = commands::kKeyOW,
                                 .begin = KeySpec::Begin::kUnknown,
                                 .find = KeySpec::Find::kUnknown}};
constexpr CommandSpec kSubcommands[] = {
    {.name = "one",
     .arity = 3,
     .flags = commands::kAdmin,
     .session = Nothing,
     .summary = "Does one thing.",
     .syntax = "<ON | OFF>"},
    {.name = "help", .arity = 2, .session = Nothing, .summary = "Helps."}};
constexpr CommandSpec kSpecs[] = {
    {.name = "plain",
     .arity = -3,
     .flags = commands::kWrite | commands::kDenyOom | commands::kLockFree,
     .keys = kPlainKeys,
     .session = Nothing,
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Plainly.",
     .syntax = "source destination [DB destination-db] [member ...]",
     .deprecated_since = "7.1.0",
     .replaced_by = "nothing",
     .tips = "request_policy:all_shards,nondeterministic_output"},
    {.name = "odd", .arity = -2, .keys = kOddKeys, .session = Nothing},
    {.name = "keyless", .arity = -1, .session = Nothing, .syntax = "key"},
    {.name = "many", .arity = -2, .subcommands = kSubcommands},
    {.name = "inner", .arity = 1, .session = Nothing, .internal = true},
};

class Fixture {
 public:
  Fixture() : table_(std::span<const std::span<const CommandSpec>>(kFamilies)) {}

  std::string Info(Bytes name, int protocol) {
    return Show(
               protocol, [&](resp::Reply& reply) { ReplyWithInfo(reply, *table_.Find(name)); },
               1)[0]
        .ToString();
  }
  std::string Docs(Bytes name) {
    const auto values = Show(
        3, [&](resp::Reply& reply) { ReplyWithDocs(reply, *table_.Find(name)); }, 2);
    return values[0].ToString() + " " + values[1].ToString();
  }
  resp::ReplyValue InfoValue(Bytes name) {
    return Show(
        3, [&](resp::Reply& reply) { ReplyWithInfo(reply, *table_.Find(name)); }, 1)[0];
  }
  std::string Help(Bytes name) {
    return Show(
               2, [&](resp::Reply& reply) { ReplyWithHelp(reply, *table_.Find(name)->spec); }, 1)[0]
        .ToString();
  }

 private:
  static constexpr std::span<const CommandSpec> kFamilies[] = {kSpecs};

  template <typename Body>
  static std::vector<resp::ReplyValue> Show(int protocol, Body body, size_t count) {
    resp::ReplyBuffer buffer;
    resp::Reply reply(buffer, protocol);
    body(reply);
    resp::ReplyParser parser;
    std::vector<resp::IoSlice> slices(1000);
    slices.resize(buffer.Gather(slices.data(), slices.size()));
    for (const resp::IoSlice& slice : slices) parser.Feed(Bytes(slice.base, slice.len));
    std::vector<resp::ReplyValue> values(count);
    for (resp::ReplyValue& value : values)
      REQUIRE(parser.Next(&value) == resp::ReplyParser::Outcome::kValue);
    return values;
  }

  CommandTable table_;
};

TEST_SUITE("server/command_docs") {
  TEST_CASE("INFO tells arity, visible flags, range, categories, tips and key specifications") {
    Fixture fixture;
    CHECK(fixture.Info("plain", 2) ==
          "[\"plain\", -3, [write, denyoom], 1, 2, 1, [@keyspace, @write, @slow], "
          "[\"request_policy:all_shards\", \"nondeterministic_output\"], "
          "[[\"flags\", [RO, access], \"begin_search\", [\"type\", \"index\", \"spec\", "
          "[\"index\", 1]], "
          "\"find_keys\", [\"type\", \"range\", \"spec\", [\"lastkey\", 0, \"keystep\", 1, "
          "\"limit\", 0]]], "
          "[\"flags\", [OW, update], \"begin_search\", [\"type\", \"index\", \"spec\", [\"index\", "
          "2]], "
          "\"find_keys\", [\"type\", \"range\", \"spec\", [\"lastkey\", 0, \"keystep\", 1, "
          "\"limit\", 0]]]], []]");
  }

  TEST_CASE("INFO knows every kind of key specification") {
    Fixture fixture;
    CHECK(fixture.InfoValue("odd").elements[8].elements.size() == 3);
    CHECK(fixture.InfoValue("odd").elements[8].elements[0].ToString() ==
          "{\"flags\": [RO], \"begin_search\": {\"type\": \"keyword\", \"spec\": {\"keyword\": "
          "\"STREAMS\", "
          "\"startfrom\": 1}}, \"find_keys\": {\"type\": \"range\", \"spec\": {\"lastkey\": -1, "
          "\"keystep\": 1, "
          "\"limit\": 2}}}");
    CHECK(fixture.InfoValue("odd").elements[8].elements[1].ToString() ==
          "{\"notes\": \"as the script likes\", \"flags\": [RW], \"begin_search\": {\"type\": "
          "\"index\", \"spec\": "
          "{\"index\": 2}}, \"find_keys\": {\"type\": \"keynum\", \"spec\": {\"keynumidx\": 0, "
          "\"firstkey\": 1, "
          "\"keystep\": 1}}}");
    CHECK(fixture.InfoValue("odd").elements[8].elements[2].ToString() ==
          "{\"flags\": [OW], \"begin_search\": {\"type\": \"unknown\", \"spec\": {}}, "
          "\"find_keys\": {\"type\": "
          "\"unknown\", \"spec\": {}}}");
  }

  TEST_CASE(
      "in RESP3 flags, categories, tips and specifications are sets, and subcommands an array if "
      "there are any") {
    Fixture fixture;
    using Type = resp::ReplyValue::Type;
    const resp::ReplyValue plain = fixture.InfoValue("plain");
    for (const size_t i : {2, 6, 7, 8, 9}) CHECK(plain.elements[i].type == Type::kSet);
    const resp::ReplyValue many = fixture.InfoValue("many");
    CHECK(many.elements[9].type == Type::kArray);
    REQUIRE(many.elements[9].elements.size() == 2);
    CHECK(many.elements[9].elements[0].elements[0].string == "many|one");
  }

  TEST_CASE("DOCS tells what is known and leaves out the rest") {
    Fixture fixture;
    CHECK(fixture.Docs("plain") ==
          "\"plain\" {\"summary\": \"Plainly.\", \"since\": \"7.0.0\", \"group\": \"generic\", "
          "\"complexity\": "
          "\"O(1)\", \"doc_flags\": [deprecated], \"deprecated_since\": \"7.1.0\", "
          "\"replaced_by\": \"nothing\", "
          "\"arguments\": ["
          "{\"name\": \"source\", \"type\": \"key\", \"display_text\": \"source\", "
          "\"key_spec_index\": 0}, "
          "{\"name\": \"destination\", \"type\": \"key\", \"display_text\": \"destination\", "
          "\"key_spec_index\": 1}, "
          "{\"name\": \"destination-db\", \"type\": \"integer\", \"display_text\": "
          "\"destination-db\", \"token\": "
          "\"DB\", \"flags\": [optional]}, "
          "{\"name\": \"member\", \"type\": \"string\", \"display_text\": \"member\", \"flags\": "
          "[optional, multiple]}]}");
    CHECK(fixture.Docs("inner") ==
          "\"inner\" {\"since\": \"1.0.0\", \"group\": \"generic\", \"doc_flags\": [syscmd]}");
    CHECK(fixture.Docs("odd") == "\"odd\" {\"since\": \"1.0.0\", \"group\": \"generic\"}");
  }

  TEST_CASE("what is called a key is a string where a command has no keys") {
    CHECK(Fixture().Docs("keyless").find("\"type\": \"string\"") != std::string::npos);
  }

  TEST_CASE("DOCS of a container nests its subcommands under their full names") {
    CHECK(
        Fixture().Docs("many") ==
        "\"many\" {\"since\": \"1.0.0\", \"group\": \"generic\", \"subcommands\": {"
        "\"many|one\": {\"summary\": \"Does one thing.\", \"since\": \"1.0.0\", \"group\": "
        "\"generic\", "
        "\"arguments\": [{\"name\": \"on_off\", \"type\": \"oneof\", \"arguments\": ["
        "{\"name\": \"on\", \"type\": \"pure-token\", \"display_text\": \"on\", \"token\": "
        "\"ON\"}, "
        "{\"name\": \"off\", \"type\": \"pure-token\", \"display_text\": \"off\", \"token\": "
        "\"OFF\"}]}]}, "
        "\"many|help\": {\"summary\": \"Helps.\", \"since\": \"1.0.0\", \"group\": \"generic\"}}}");
  }

  TEST_CASE("HELP lists the subcommands with their syntax") {
    CHECK(Fixture().Help("many") ==
          "[MANY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:, ONE <ON | OFF>,     "
          "Does one thing., "
          "HELP,     Helps.]");
  }

  TEST_CASE("categories are found by name in any letter case") {
    CHECK(FindCategory("SortedSet") == commands::kCatSortedSet);
    CHECK(FindCategory("@read") == 0);
    CHECK(FindCategory("") == 0);
  }
}

}  // namespace
}  // namespace terrace::server
