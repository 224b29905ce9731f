// What the server tells about itself: INFO, SLOWLOG, LATENCY, MEMORY, DEBUG, and how it is stopped.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The titles of INFO's sections, in order.
std::string TitlesOf(const std::string& info) {
  std::string titles;
  for (size_t at = 0; (at = info.find("# ", at)) != std::string::npos; ++at) {
    if (at != 0 && info[at - 1] != '\n') continue;
    titles += info.substr(at + 2, info.find("\r\n", at) - at - 2) + " ";
  }
  return titles;
}

// The line that begins with `start`.
std::string LineOf(const std::string& text, const std::string& start) {
  const size_t at = text.find("\n" + start);
  return at == std::string::npos ? "" : text.substr(at + 1, text.find('\r', at) - at - 1);
}

bool IsHex(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return Contains("0123456789abcdef", std::string(1, c)); });
}

void ExpectFields(const std::string& section, const std::vector<const char*>& names) {
  for (const char* name : names) {
    INFO(name);
    CHECK(Contains(section, "\n" + std::string(name) + ":"));
  }
}

TEST_SUITE("integration/info") {
  TEST_CASE("sections: the default ones, all, several, in any letter case") {
    ServerProcess server;
    Client client = server.Connect();
    const std::string standard =
        "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster "
        "Keyspace ";
    CHECK(TitlesOf(client.Text("INFO")) == standard);
    CHECK(TitlesOf(client.Text("INFO DEFAULT")) == standard);
    CHECK(TitlesOf(client.Text("INFO replication CPU ClientS")) == "Clients Replication CPU ");
    CHECK(TitlesOf(client.Text("INFO default commandstats")) ==
          "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats "
          "Cluster "
          "Keyspace ");
    CHECK(client.Run("INFO nosuch") == "$");
    CHECK(client.Run("INFO sentinel") == "$");
    CHECK(client.Run("INFO cluster") == "$# Cluster\\x0d\\x0acluster_enabled:0\\x0d\\x0a");
    if (AgainstStock()) return;
    const std::string all =
        "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats "
        "Latencystats Cluster "
        "Keyspace Engine Tiering ";
    CHECK(TitlesOf(client.Text("INFO all")) == all);
    CHECK(TitlesOf(client.Text("INFO everything")) == all);
  }

  TEST_CASE("the fields that exporters, agents and managers read are there") {
    ServerProcess server;
    Client client = server.Connect();
    const std::string info = client.Text("INFO all");
    ExpectFields(info, {"redis_version", "redis_build_id", "redis_mode", "os", "arch_bits",
                        "process_id", "run_id", "tcp_port", "uptime_in_seconds", "uptime_in_days",
                        "hz", "executable", "config_file"});
    ExpectFields(info,
                 {"connected_clients", "maxclients", "client_recent_max_input_buffer",
                  "blocked_clients", "tracking_clients", "used_memory", "used_memory_human",
                  "used_memory_rss", "used_memory_peak", "used_memory_peak_perc", "used_memory_lua",
                  "total_system_memory", "maxmemory_policy", "mem_fragmentation_ratio",
                  "mem_allocator", "allocator_frag_ratio", "lazyfree_pending_objects"});
    ExpectFields(info,
                 {"loading", "rdb_changes_since_last_save", "rdb_bgsave_in_progress",
                  "rdb_last_bgsave_status", "aof_enabled", "aof_rewrite_in_progress",
                  "total_connections_received", "total_commands_processed",
                  "instantaneous_ops_per_sec", "instantaneous_input_kbps", "rejected_connections",
                  "sync_full", "expired_keys", "evicted_keys", "keyspace_hits", "pubsub_channels",
                  "latest_fork_usec", "total_error_replies", "unexpected_error_replies"});
    ExpectFields(
        info, {"connected_slaves", "master_replid2", "master_repl_offset", "second_repl_offset",
               "repl_backlog_active", "used_cpu_sys", "used_cpu_user", "used_cpu_sys_main_thread"});
    CHECK(FieldOf(info, "role") == "master");
    CHECK(FieldOf(info, "redis_mode") == "standalone");
    CHECK(FieldOf(info, "process_id") == std::to_string(server.pid()));
    CHECK(FieldOf(info, "tcp_port") == std::to_string(server.port()));
    CHECK(FieldOf(info, "connected_clients") == "1");
    for (const char* id : {"run_id", "master_replid"}) {
      CHECK(FieldOf(info, id).size() == 40);
      CHECK(IsHex(FieldOf(info, id)));
    }
    CHECK(FieldOf(client.Text("INFO all"), "master_replid") == FieldOf(info, "master_replid"));
    if (!AgainstStock()) CHECK(FieldOf(info, "redis_version") == "7.4.0");
  }

  TEST_CASE("databases are listed while they hold keys") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Text("INFO keyspace") == "# Keyspace\r\n");
    client.Run("SET a 1");
    client.Run("SET b 1 EX 1000");
    client.Run("SELECT 3");
    client.Run("SET c 1");
    const std::string keyspace = client.Text("INFO keyspace");
    CHECK(Contains(keyspace, "db0:keys=2,expires=1,avg_ttl="));
    CHECK(Contains(keyspace, "db3:keys=1,expires=0,avg_ttl=0"));
    if (!AgainstStock()) {
      const int ttl = std::stoi(keyspace.substr(keyspace.find("avg_ttl=") + 8));
      CHECK(ttl > 900'000);
      CHECK(ttl <= 1'000'000);
    }
    client.Run("DEL c");
    CHECK_FALSE(Contains(client.Text("INFO keyspace"), "db3"));
  }

  TEST_CASE("commands, failures and errors are counted by name") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET k v");
    client.Run("SET k w");
    client.Run("SET k");
    client.Run("INCR k");
    client.Run("OBJECT ENCODING k");
    client.Run("OBJECT ENCODING nosuch");
    const std::string commands = client.Text("INFO commandstats");
    CHECK(Contains(commands, "cmdstat_set:calls=2,usec="));
    CHECK(Contains(LineOf(commands, "cmdstat_set:"), ",rejected_calls=1,failed_calls=0"));
    CHECK(Contains(LineOf(commands, "cmdstat_incr:"), ",rejected_calls=0,failed_calls=1"));
    CHECK(Contains(commands, "cmdstat_object|encoding:calls=2,"));
    CHECK_FALSE(Contains(commands, "cmdstat_get:"));
    CHECK(client.Text("INFO errorstats") == "# Errorstats\r\nerrorstat_ERR:count=2\r\n");
    CHECK(FieldOf(client.Text("INFO stats"), "total_error_replies") == "2");
    const std::string latency = client.Text("INFO latencystats");
    CHECK(Contains(latency, "latency_percentiles_usec_set:p50="));
    CHECK(Contains(LineOf(latency, "latency_percentiles_usec_set:"), ",p99.9="));
    CHECK(client.Run("CONFIG RESETSTAT") == "+OK");
    CHECK_FALSE(Contains(client.Text("INFO commandstats"), "cmdstat_set:"));
    CHECK(client.Text("INFO errorstats") == "# Errorstats\r\n");
  }

  TEST_CASE("latency-tracking off: no histograms, and other percentiles if wanted") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("CONFIG", "SET", "latency-tracking-info-percentiles", "25 100");
    client.Run("SET k v");
    CHECK(Contains(client.Text("INFO latencystats"), "latency_percentiles_usec_set:p25="));
    CHECK(Contains(client.Text("INFO latencystats"), ",p100="));
    client.Run("CONFIG SET latency-tracking no");
    CHECK(client.Text("INFO latencystats") == "# Latencystats\r\n");
    client.Run("GET k");
    CHECK(client.Run("LATENCY HISTOGRAM get") == "[]");
    client.Run("CONFIG SET latency-tracking yes");
    client.Run("GET k");
    CHECK(Contains(client.Run("LATENCY HISTOGRAM get"), "[$get [$calls :1 $histogram_usec ["));
  }

  TEST_CASE("clients are counted by what they do") {
    ServerProcess server;
    Client client = server.Connect();
    Client watcher = server.Connect();
    watcher.Run("WATCH a b");
    Client listener = server.Connect();
    listener.Run("SUBSCRIBE news");
    const std::string clients = client.Text("INFO clients");
    CHECK(FieldOf(clients, "connected_clients") == "3");
    CHECK(FieldOf(client.Text("INFO stats"), "pubsub_channels") == "1");
    if (AgainstStock()) return;
    CHECK(FieldOf(clients, "pubsub_clients") == "1");
    CHECK(FieldOf(clients, "watching_clients") == "1");
    CHECK(FieldOf(clients, "total_watched_keys") == "2");
  }

  TEST_CASE("the engine section tells how the keyspace grew") {
    if (AgainstStock()) return;
    ServerProcess server({"--enable-debug-command", "yes"});
    Client client = server.Connect();
    client.Run("DEBUG POPULATE 50000");
    const std::string engine = client.Text("INFO engine");
    for (const char* field :
         {"membarrier:", "engine_db0:engines=", ",shards=", ",frontier_perc=",
          ",entries_per_bucket=", ",handovers=", ",handover_usec_max=", ",handover_usec_avg=",
          ",locks=", ",locks_contended=", ",contention_ratio="}) {
      INFO(field);
      CHECK(Contains(engine, field));
    }
    CHECK_FALSE(Contains(engine, "handovers=0,"));
  }

  TEST_CASE("INFO and its like run inside a transaction") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("MULTI");
    client.Run("SET k v");
    client.Run("INFO keyspace");
    client.Run("TIME");
    client.Run("MEMORY USAGE k");
    const std::string reply = client.Run("EXEC");
    CHECK(Contains(reply, "[+OK $# Keyspace"));
    CHECK(Contains(reply, "db0:keys=1,"));
  }

  TEST_CASE("ROLE, LASTSAVE, TIME") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("ROLE") == "[$master :0 []]");
    const auto now = [] {
      return std::chrono::duration_cast<std::chrono::seconds>(
                 std::chrono::system_clock::now().time_since_epoch())
          .count();
    };
    const auto before = now();
    const std::string time = client.Run("TIME");
    CHECK(std::stoll(time.substr(2)) >= before - 1);
    CHECK(std::stoll(time.substr(2)) <= now() + 1);
    CHECK(std::stoll(client.Run("LASTSAVE").substr(1)) <= now() + 1);
    CHECK(client.Run("TIME now") == "-ERR wrong number of arguments for 'time' command");
    CHECK(Contains(client.Text("LOLWUT"), "Redis ver. "));
    CHECK(Contains(client.Text("LOLWUT VERSION"), "Redis ver. "));
    CHECK(Contains(client.Text("LOLWUT VERSION 5 2"), "__|"));
    CHECK(client.Text("LOLWUT VERSION 4").starts_with("Redis ver. "));
    CHECK(client.Text("LOLWUT VERSION -1").starts_with("Redis ver. "));
    CHECK(client.Run("LOLWUT VERSION x") == "-ERR value is not an integer or out of range");
    CHECK(client.Run("BGSAVE now") == "-ERR syntax error");
    if (AgainstStock()) return;
    CHECK(client.Run("BGREWRITEAOF") ==
          "-ERR nothing is kept on the disk: the server was started without appendonly");
  }

  TEST_CASE("FUNCTION: an empty registry") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("FUNCTION FLUSH") == "+OK");
    CHECK(client.Run("FUNCTION FLUSH ASYNC") == "+OK");
    CHECK(client.Run("FUNCTION FLUSH ASYNC x") ==
          "-ERR unknown subcommand or wrong number of arguments for 'FLUSH'. Try FUNCTION HELP.");
    CHECK(client.Run("FUNCTION FLUSH later") ==
          "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    CHECK(client.Run("FUNCTION LIST") == "[]");
    CHECK(client.Run("FUNCTION LIST WITHCODE LIBRARYNAME x*") == "[]");
    CHECK(client.Run("FUNCTION LIST LIBRARYNAME") == "-ERR library name argument was not given");
    CHECK(client.Run("FUNCTION LIST foo") == "-ERR Unknown argument foo");
    CHECK(client.Run("FUNCTION STATS") ==
          "[$running_script $-1 $engines [$LUA [$libraries_count :0 $functions_count :0]]]");
  }

  TEST_CASE("SHUTDOWN ends the server in order") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("SHUTDOWN ABORT") == "-ERR No shutdown in progress.");
    CHECK(client.Run("SHUTDOWN SAVE NOSAVE") == "-ERR syntax error");
    CHECK(client.Run("SHUTDOWN ABORT NOW") == "-ERR syntax error");
    CHECK(client.Run("SHUTDOWN later") == "-ERR syntax error");
    CHECK(client.Run("PING") == "+PONG");
    CHECK(client.Run("SHUTDOWN NOSAVE NOW FORCE") == "(closed)");
    CHECK(server.WaitForExit() == 0);
  }

  TEST_CASE("the slow log keeps what took long, cut short") {
    ServerProcess server({"--slowlog-log-slower-than", "0", "--slowlog-max-len", "3"});
    Client client = server.Connect();
    client.Run("CLIENT SETNAME tester");
    client.Run("SLOWLOG RESET");
    client.Run("SET", "k", std::string(200, 'x'));
    std::vector<std::string> many = {"DEL"};
    for (int i = 0; i < 40; ++i) many.push_back("key" + std::to_string(i));
    client.RunList(many);
    const std::string items = client.Run("SLOWLOG GET");
    CHECK(Contains(items, "$... (10 more arguments)]"));
    CHECK(Contains(items, "$" + std::string(128, 'x') + "... (72 more bytes)]"));
    CHECK(Contains(items, "[$SLOWLOG $RESET] $127.0.0.1:"));
    CHECK(Contains(items, " $tester]"));
    CHECK(client.Run("SLOWLOG LEN") == ":3");
    CHECK(client.Run("SLOWLOG GET -2") == "-ERR count should be greater than or equal to -1");
    CHECK(client.Run("SLOWLOG GET a") == "-ERR count should be greater than or equal to -1");
    CHECK(client.Run("SLOWLOG GET 0") == "[]");
    CHECK(client.Run("SLOWLOG GET 1 2") ==
          "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.");
    client.Run("CONFIG SET slowlog-log-slower-than -1");
    CHECK(client.Run("SLOWLOG RESET") == "+OK");
    client.Run("PING");
    CHECK(client.Run("SLOWLOG GET -1") == "[]");
    CHECK(Contains(client.Run("SLOWLOG HELP"),
                   "[+SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
  }

  TEST_CASE("the latency monitor notices what reaches its threshold") {
    ServerProcess server({"--enable-debug-command", "yes", "--latency-monitor-threshold", "20"});
    Client client = server.Connect();
    client.Run("DEBUG SLEEP 0.03");
    CHECK(Contains(client.Run("LATENCY LATEST"), "[$command :"));
    CHECK(Contains(client.Run("LATENCY HISTORY command"), "[[:"));
    CHECK(client.Run("LATENCY HISTORY nosuch") == "[]");
    CHECK(Contains(client.Text("LATENCY GRAPH command"), "command - high "));
    CHECK(client.Run("LATENCY GRAPH nosuch") == "-ERR No samples available for event 'nosuch'");
    CHECK(Contains(client.Text("LATENCY DOCTOR"), "command: "));
    // From here on nothing is noted, however long the machine holds a command up.
    CHECK(client.Run("CONFIG SET latency-monitor-threshold 0") == "+OK");
    CHECK(client.Run("LATENCY RESET nosuch") == ":0");
    CHECK(client.Run("LATENCY RESET command") == ":1");
    CHECK_FALSE(Contains(client.Run("LATENCY LATEST"), "$command "));
    CHECK(Contains(client.Run("SLOWLOG GET -1"), "[$DEBUG $SLEEP $0.03]"));
  }

  TEST_CASE("LATENCY HISTOGRAM: commands by name, containers by their subcommands") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET a b");
    client.Run("CONFIG GET port");
    CHECK(Contains(client.Run("LATENCY HISTOGRAM SET"), "[$set [$calls :1 $histogram_usec [:"));
    CHECK(Contains(client.Run("LATENCY HISTOGRAM config"), "[$config|get [$calls :1 "));
    CHECK(Contains(client.Run("LATENCY HISTOGRAM config|get nosuch"), "[$config|get [$calls :1 "));
    CHECK(client.Run("LATENCY HISTOGRAM nosuch") == "[]");
    CHECK(Contains(client.Run("LATENCY HISTOGRAM"), "$set ["));
  }

  TEST_CASE("MEMORY: what a key takes, and what everything takes") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET small v");
    client.Run("SET", "large", std::string(100'000, 'x'));
    const int small = std::stoi(client.Run("MEMORY USAGE small").substr(1));
    const int large = std::stoi(client.Run("MEMORY USAGE large SAMPLES 0").substr(1));
    CHECK(small > 12);
    CHECK(small < 100);
    CHECK(large > 100'000);
    CHECK(large < 140'000);
    CHECK(client.Run("MEMORY USAGE nosuch") == "$-1");
    CHECK(client.Run("MEMORY USAGE small SAMPLES -1") == "-ERR syntax error");
    CHECK(client.Run("MEMORY USAGE small SAMPLES a") ==
          "-ERR value is not an integer or out of range");
    CHECK(client.Run("MEMORY USAGE small foo") == "-ERR syntax error");
    const std::string stats = client.Run("MEMORY STATS");
    for (const char* field :
         {"peak.allocated", "total.allocated", "startup.allocated", "clients.normal", "db.0",
          "overhead.hashtable.main", "overhead.total", "keys.bytes-per-key", "dataset.bytes",
          "dataset.percentage", "fragmentation"}) {
      INFO(field);
      CHECK(Contains(stats, "$" + std::string(field) + " "));
    }
    CHECK(Contains(stats, "$keys.count :2 "));
    CHECK(client.Run("MEMORY PURGE") == "+OK");
    CHECK(client.Text("MEMORY DOCTOR").size() > 20);
    CHECK(client.Text("MEMORY MALLOC-STATS").size() > 20);
  }

  TEST_CASE("DEBUG is closed unless it was opened at the start") {
    const std::string refusal =
        "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", "
        "you can run "
        "it from a "
        "local connection, otherwise you need to set this option in the configuration file, and "
        "then restart "
        "the "
        "server.";
    CHECK(ServerProcess().Connect().Run("DEBUG JMAP") == refusal);
    ServerProcess server({"--enable-debug-command", "local"});
    CHECK(server.Connect().Run("DEBUG JMAP") ==
          "-ERR unknown subcommand or wrong number of arguments for 'JMAP'. Try DEBUG HELP.");
  }

  TEST_CASE("DEBUG: keys made, described and digested") {
    ServerProcess server({"--enable-debug-command", "yes"});
    Client client = server.Connect();
    const std::string nothing(40, '0');
    CHECK(client.Run("DEBUG DIGEST") == "+" + nothing);
    client.Run("SET foo:1 mine");
    CHECK(client.Run("DEBUG POPULATE 1000 foo") == "+OK");
    CHECK(client.Run("DBSIZE") == ":1000");
    CHECK(client.Run("GET foo:1") == "$mine");
    CHECK(client.Run("GET foo:2") == "$value:2");
    client.Run("DEBUG POPULATE 1 sized 20");
    CHECK(client.Run("STRLEN sized:0") == ":20");
    CHECK(client.Run("DEBUG POPULATE -1") == "-ERR value is out of range, must be positive");
    const std::string digest = client.Run("DEBUG DIGEST");
    CHECK(digest != "+" + nothing);
    client.Run("SET foo:2 other");
    CHECK(client.Run("DEBUG DIGEST") != digest);
    client.Run("SET foo:2 value:2");
    CHECK(client.Run("DEBUG DIGEST") == digest);
    client.Run("SET twin value:2");
    const std::string twins = client.Run("DEBUG DIGEST-VALUE foo:2 twin nosuch");
    CHECK(twins.substr(2, 40) == twins.substr(44, 40));
    CHECK(Contains(twins, nothing + "]"));
    CHECK(Contains(client.Run("DEBUG OBJECT foo:2"),
                   " refcount:1 encoding:embstr serializedlength:8 lru:"));
    CHECK(client.Run("DEBUG OBJECT nosuch") == "-ERR no such key");
    CHECK(client.Run("DEBUG HTSTATS 99") == "-ERR Out of range database");
    CHECK(Contains(client.Text("DEBUG HTSTATS 0"), "number of elements: 1002"));
  }

  TEST_CASE("DEBUG: every type of reply") {
    ServerProcess server({"--enable-debug-command", "yes"});
    Client client = server.Connect();
    CHECK(client.Run("DEBUG PROTOCOL string") == "$Hello World");
    CHECK(client.Run("DEBUG PROTOCOL double") == "$3.141");
    CHECK(client.Run("DEBUG PROTOCOL map") == "[:0 :0 :1 :1 :2 :0]");
    CHECK(client.Run("DEBUG PROTOCOL attrib") == "$Some real reply following the attribute");
    CHECK(client.Run("DEBUG PROTOCOL push") == "-ERR RESP2 is not supported by this command");
    client.Run("HELLO 3");
    CHECK(client.Run("DEBUG PROTOCOL integer") == ":12345");
    CHECK(client.Run("DEBUG PROTOCOL double") == ",3.141");
    CHECK(client.Run("DEBUG PROTOCOL bignum") == "(1234567999999999999999999999999999999");
    CHECK(client.Run("DEBUG PROTOCOL null") == "_");
    CHECK(client.Run("DEBUG PROTOCOL set") == "~{:0 :1 :2}");
    CHECK(client.Run("DEBUG PROTOCOL map") == "%{:0 #f :1 #t :2 #f}");
    CHECK(client.Run("DEBUG PROTOCOL attrib") ==
          "|{$key-popularity [$key:123 :90]} $Some real reply following the attribute");
    CHECK(client.Run("DEBUG PROTOCOL push") == ">[$server-cpu-usage :42]");
    CHECK(client.Read() == "$Some real reply following the push reply");
    CHECK(client.Run("DEBUG PROTOCOL verbatim") == "=txt:This is a verbatim\\x0astring");
    CHECK(client.Run("DEBUG PROTOCOL true") == "#t");
    CHECK(client.Run("INFO cluster").substr(0, 5) == "=txt:");
  }

  TEST_CASE("DEBUG: sleep, log, error, ids and expiry") {
    ServerProcess server({"--enable-debug-command", "yes"});
    Client client = server.Connect();
    Client other = server.Connect();
    const auto start = std::chrono::steady_clock::now();
    client.SendRequest({"DEBUG", "SLEEP", "0.2"});
    CHECK(client.Read() == "+OK");
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(200));
    CHECK(other.Run("PING") == "+PONG");
    CHECK(client.Run("DEBUG", "LOG", "a line of mine") == "+OK");
    CHECK(Contains(server.Log(), "DEBUG LOG: a line of mine"));
    CHECK(client.Run("DEBUG", "ERROR", "MINE it is") == "-MINE it is");
    const std::string id = FieldOf(client.Text("INFO replication"), "master_replid");
    CHECK(client.Run("DEBUG CHANGE-REPL-ID") == "+OK");
    CHECK(FieldOf(client.Text("INFO replication"), "master_replid") != id);
    CHECK(client.Run("DEBUG SET-ACTIVE-EXPIRE 0") == "+OK");
    client.Run("SET k v PX 1");
    CHECK(client.Run("DEBUG SLEEP 0.15") == "+OK");
    CHECK(client.Run("DBSIZE") == ":1");
    CHECK(client.Run("DEBUG SET-ACTIVE-EXPIRE 1") == "+OK");
    CHECK(client.Run("GET k") == "$-1");
    CHECK(client.Run("DBSIZE") == ":0");
    CHECK(client.Run("DEBUG nosuch") ==
          "-ERR unknown subcommand or wrong number of arguments for 'nosuch'. Try DEBUG HELP.");
    CHECK(client.Run("DEBUG SLEEP") ==
          "-ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.");
    if (AgainstStock()) return;
    CHECK(client.Run("DEBUG STRINGMATCH-LEN a*c abc") == ":1");
    CHECK(client.Run("DEBUG STRINGMATCH-LEN a*c abd") == ":0");
  }
}

}  // namespace
}  // namespace terrace::integration
