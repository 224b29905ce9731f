// COMMAND: what client libraries and redis-cli learn about the commands.
#include <doctest/doctest.h>

#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_SUITE("integration/command") {
  TEST_CASE("COMMAND INFO describes commands and has nothing to say of those nobody knows") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("COMMAND INFO get nosuch") ==
          "[[$get :2 [+readonly +fast] :1 :1 :1 [+@read +@string +@fast] [] "
          "[[$flags [+RO +access] $begin_search [$type $index $spec [$index :1]] "
          "$find_keys [$type $range $spec [$lastkey :0 $keystep :1 $limit :0]]]] []] $-1]");
    CHECK(client.Run("COMMAND INFO config|get") ==
          "[[$config|get :-3 [+admin +noscript +loading +stale] :0 :0 :0 [+@admin +@slow "
          "+@dangerous] [] [] "
          "[]]]");
    CHECK(client.Run("COMMAND INFO get|x") == "[$-1]");
    CHECK(client.Run("COMMAND INFO ping") ==
          "[[$ping :-1 [+fast] :0 :0 :0 [+@fast +@connection] [$request_policy:all_shards "
          "$response_policy:all_succeeded] [] []]]");
    CHECK(Has(client.Run("COMMAND INFO client|list"), "[$nondeterministic_output]"));
    CHECK(Has(client.Run("COMMAND INFO client|info"), "[$nondeterministic_output]"));
    CHECK(client.Run("COMMAND INFO pubsub|help") ==
          "[[$pubsub|help :2 [+loading +stale] :0 :0 :0 [+@slow] [] [] []]]");
    const std::string config = client.Run("COMMAND INFO Config");
    CHECK(config.starts_with("[[$config :-2 [] :0 :0 :0 [+@slow] [] [] ["));
    CHECK(Has(
        config,
        "[$config|set :-4 [+admin +noscript +loading +stale] :0 :0 :0 [+@admin +@slow +@dangerous] "
        "[$request_policy:all_nodes $response_policy:all_succeeded] [] []]"));
  }

  TEST_CASE("in RESP3 flags are sets and specifications maps") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("HELLO 3");
    CHECK(client.Run("COMMAND INFO rename nosuch") ==
          "[[$rename :3 ~{+write} :1 :2 :1 ~{+@keyspace +@write +@slow} ~{} "
          "~{%{$flags ~{+RW +access +delete} $begin_search %{$type $index $spec %{$index :1}} "
          "$find_keys %{$type $range $spec %{$lastkey :0 $keystep :1 $limit :0}}} "
          "%{$flags ~{+OW +update} $begin_search %{$type $index $spec %{$index :2}} "
          "$find_keys %{$type $range $spec %{$lastkey :0 $keystep :1 $limit :0}}}} ~{}] _]");
    CHECK(client.Run("COMMAND DOCS nosuch") == "%{}");
    CHECK(client.Run("COMMAND GETKEYSANDFLAGS get k") == "[[$k ~{+RO +access}]]");
  }

  TEST_CASE("COMMAND alone and COMMAND INFO describe as many commands as COMMAND COUNT counts") {
    ServerProcess server;
    Client client = server.Connect();
    const std::string count = client.Run("COMMAND COUNT").substr(1);
    client.SendRequest({"COMMAND"});
    const std::string all = client.Read();
    CHECK(client.Run("COMMAND INFO") == all);
    CHECK(std::stoul(count) > 70);
    CHECK(!Has(all, "$-1"));
    Client raw = server.Connect();
    raw.SendRequest({"COMMAND"});
    CHECK(raw.ReadBytes(count.size() + 3) == "*" + count + "\r\n");
  }

  TEST_CASE("COMMAND DOCS tells summary, group and arguments") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("HELLO 3");
    const std::string docs = client.Run("COMMAND DOCS getset SETEX");
    CHECK(docs.starts_with("%{$getset %{$summary $"));
    CHECK(Has(docs,
              "$since $1.0.0 $group $string $complexity $O(1) $doc_flags ~{+deprecated} "
              "$deprecated_since $6.2.0 "
              "$replaced_by $`SET` with the `!GET` argument $arguments ["));
    CHECK(Has(docs, " $setex %{$summary $"));
    CHECK(Has(client.Run("COMMAND DOCS config"), "$subcommands %{$config|"));
    CHECK(client.Run("COMMAND DOCS config|get").starts_with("%{$config|get %{"));
  }

  TEST_CASE("every argument in COMMAND DOCS has a name and a type" *
            doctest::skip(AgainstStock())) {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("HELLO 3");
    CHECK(Has(client.Run("COMMAND DOCS mset"),
              "$arguments [%{$name $key_value $type $block $flags ~{+multiple} $arguments ["
              "%{$name $key $type $key $display_text $key $key_spec_index :0} "
              "%{$name $value $type $string $display_text $value}]}]"));
    CHECK(Has(client.Run("COMMAND DOCS expire"),
              "%{$name $condition $type $oneof $flags ~{+optional} $arguments ["
              "%{$name $nx $type $pure-token $display_text $nx $token $NX} "));
    CHECK(client.Run("COMMAND DOCS").size() > 10000);
  }

  TEST_CASE("COMMAND LIST filters by category, pattern and module, subcommands included") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(Has(client.Run("COMMAND LIST"), "$config|get"));
    CHECK(client.Run("COMMAND LIST FILTERBY PATTERN GETE*") == "[$getex]");
    CHECK(client.Run("COMMAND LIST filterby pattern config|re[sx]*") == "[$config|resetstat]");
    CHECK(client.Run("COMMAND LIST FILTERBY MODULE none") == "[]");
    CHECK(client.Run("COMMAND LIST FILTERBY ACLCAT nosuch") == "[]");
    CHECK(Has(client.Run("COMMAND LIST FILTERBY ACLCAT Transaction"), "$exec"));
    CHECK(!Has(client.Run("COMMAND LIST FILTERBY ACLCAT transaction"), "$get "));
    CHECK(client.Run("COMMAND LIST FILTERBY NAME x") == "-ERR syntax error");
    CHECK(client.Run("COMMAND LIST FILTERBY PATTERN") == "-ERR syntax error");
  }

  TEST_CASE("COMMAND GETKEYS picks the keys out of a request") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("COMMAND GETKEYS get k") == "[$k]");
    CHECK(client.Run("COMMAND GETKEYS MSET a 1 b 2") == "[$a $b]");
    CHECK(client.Run("COMMAND GETKEYS object encoding k") == "[$k]");
    CHECK(client.Run("COMMAND GETKEYS nosuch k") == "-ERR Invalid command specified");
    CHECK(client.Run("COMMAND GETKEYS config nosuch") == "-ERR Invalid command specified");
    CHECK(client.Run("COMMAND GETKEYS ping x") == "-ERR The command has no key arguments");
    CHECK(client.Run("COMMAND GETKEYS set k") ==
          "-ERR Invalid number of arguments specified for command");
    CHECK(client.Run("COMMAND GETKEYS get") ==
          "-ERR wrong number of arguments for 'command|getkeys' command");
  }

  TEST_CASE("COMMAND GETKEYSANDFLAGS says what is done to each key") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("COMMAND GETKEYSANDFLAGS set k v") == "[[$k [+OW +update]]]");
    CHECK(client.Run("COMMAND GETKEYSANDFLAGS set k v EX 5 get") == "[[$k [+RW +access +update]]]");
    CHECK(client.Run("COMMAND GETKEYSANDFLAGS copy a b") ==
          "[[$a [+RO +access]] [$b [+OW +update]]]");
    CHECK(client.Run("COMMAND GETKEYSANDFLAGS ping x") == "-ERR The command has no key arguments");
  }

  TEST_CASE("HELP and wrong subcommands") {
    ServerProcess server;
    Client client = server.Connect();
    for (const std::string container : {"COMMAND", "CONFIG"}) {
      CHECK(client.Run(container + " HELP")
                .starts_with("[+" + container +
                             " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
      CHECK(client.Run(container + " nosuch") ==
            "-ERR unknown subcommand 'nosuch'. Try " + container + " HELP.");
    }
    CHECK(client.Run("COMMAND COUNT x") ==
          "-ERR wrong number of arguments for 'command|count' command");
  }
}

}  // namespace
}  // namespace terrace::integration
