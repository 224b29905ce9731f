#include "server/config/config_store.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "config/memory_files.h"
#include "server/config/setting_table.h"
#include "server/config/setting_value.h"

namespace terrace::config {
namespace {

using Pairs = std::vector<std::pair<Bytes, Bytes>>;

std::string SetError(ConfigStore& store, const Pairs& pairs, SetContext context = {}) {
  return store.Set(pairs, context).message();
}

std::string GetOne(const ConfigStore& store, Bytes name) {
  auto found = store.Get({{name}});
  return found.size() == 1 ? found[0].second : "(" + std::to_string(found.size()) + " found)";
}

/// A server's life: a file, a start, settings changed, the file rewritten, another start.
struct Server {
  explicit Server(const std::string& path, const std::string& text,
                  std::vector<std::string> more_arguments = {})
      : arguments(std::move(more_arguments)) {
    files.files[path] = text;
    arguments.insert(arguments.begin(), path);
    Start();
  }
  void Start() {
    auto startup = ParseStartup(arguments, variables, files);
    REQUIRE_MESSAGE(startup.ok(), startup.error().message());
    file = startup->config_file;
    files.files[file] = files.files[arguments[0]];
    store = std::make_unique<ConfigStore>(std::move(*startup), files);
  }
  std::string Rewritten() {
    Status status = store->Rewrite();
    REQUIRE_MESSAGE(status.ok(), status.message());
    files.files[arguments[0]] = files.files[file];
    return files.files[file];
  }

  MemoryFiles files;
  std::vector<std::string> arguments;
  std::vector<std::string> variables;
  std::string file;
  std::unique_ptr<ConfigStore> store;
};

TEST_SUITE("config/config_store") {
  TEST_CASE("GET takes patterns in any case, and lists aliases under both names, each once") {
    ConfigStore store{Options{}};
    auto found = store.Get(std::vector<Bytes>{"HASH-max-?istpack-*", "hash-max-ziplist-entries",
                                              "hash-max-*-entries"});
    std::vector<std::pair<std::string, std::string>> expected{{"hash-max-listpack-entries", "512"},
                                                              {"hash-max-ziplist-entries", "512"},
                                                              {"hash-max-listpack-value", "64"}};
    CHECK(found == expected);
    CHECK(GetOne(store, "Port") == "6379");
    CHECK(store.Get({{Bytes("no-such")}}).empty());
  }

  TEST_CASE("hidden settings answer only to their whole name, file-only ones not at all") {
    ConfigStore store{Options{}};
    CHECK(GetOne(store, "key-load-delay") == "0");
    CHECK(store.Get({{Bytes("key-load*")}}).empty());
    CHECK(store.Get({{Bytes("rename-command")}}).empty());
    CHECK(SetError(store, {{"user", "x"}}) ==
          "ERR Unknown option or number of arguments for CONFIG SET - 'user'");
  }

  TEST_CASE("a password is shown as Redis shows it") {
    ConfigStore store{Options{}};
    CHECK(store.Set(Pairs{{"requirepass", "abc"}}).ok());
    CHECK(GetOne(store, "requirepass") == "abc");
  }

  TEST_CASE("each way to fail has Redis' text") {
    ConfigStore store{Options{}};
    CHECK(SetError(store, {{"foo", "bar"}}) ==
          "ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
    CHECK(SetError(store, {{"maxmemory", "1mb"}, {"MAXMEMORY", "2mb"}}) ==
          "ERR CONFIG SET failed (possibly related to argument 'MAXMEMORY') - duplicate parameter");
    CHECK(SetError(store, {{"databases", "2"}}) ==
          "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable "
          "config");
    CHECK(
        SetError(store, {{"dir", "/tmp"}}) ==
        "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config");
    CHECK(SetError(store, {{"tcp-keepalive", "-1"}}) ==
          "ERR CONFIG SET failed (possibly related to argument 'tcp-keepalive') - argument must be "
          "between 0 "
          "and "
          "2147483647 inclusive");
    CHECK(SetError(store, {{"slave-priority", "x"}}) ==
          "ERR CONFIG SET failed (possibly related to argument 'slave-priority') - argument "
          "couldn't be "
          "parsed into "
          "an integer");
    CHECK(SetError(store, {{"tls-port", "1"}}).find("does not speak TLS") != std::string::npos);
  }

  TEST_CASE("all pairs are set or none") {
    ConfigStore store{Options{}};
    CHECK_FALSE(store.Set(Pairs{{"maxmemory", "5mb"}, {"timeout", "x"}}).ok());
    CHECK(store.Snapshot().maxmemory_bytes == 0);
    CHECK(store.Set(Pairs{{"maxmemory", "5mb"}, {"timeout", "7"}}).ok());
    CHECK(store.Snapshot().maxmemory_bytes == 5 * kMiB);
    CHECK(store.Snapshot().timeout_s == 7);
    CHECK(store.Set(Pairs{{"min-slaves-max-lag", "3"}, {"min-replicas-max-lag", "4"}}).ok());
    CHECK(store.Snapshot().min_replicas_max_lag_s == 4);
  }

  TEST_CASE("protected settings open as enable-protected-configs says") {
    Options options;
    options.enable_protected_configs = CommandAccess::kLocal;
    ConfigStore store{options};
    CHECK(SetError(store, {{"dbfilename", "x"}}, {.from_this_machine = false}).find("protected") !=
          std::string::npos);
    CHECK(SetError(store, {{"dbfilename", "x"}}, {.from_this_machine = true}) == "");
    CHECK(SetError(store, {{"dir", "/nowhere-at-all"}}, {.from_this_machine = true}) ==
          "ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or directory");
  }

  TEST_CASE("every listed parameter takes its own value, except the immutable ones of Redis") {
    Options options;
    options.enable_protected_configs = CommandAccess::kYes;
    options.dir = "/";
    ConfigStore store{options};
    for (const auto& pair : store.Get({{Bytes("*")}})) {
      const std::string& name = pair.first;
      const std::string& value = pair.second;
      CAPTURE(name);
      const Setting& setting = *FindSetting(name);
      bool refused = setting.Has(kImmutable) && !setting.Has(kOurs);
      CHECK(store.Set(Pairs{{name, value}}).ok() == !refused);
      CHECK(GetOne(store, name) == value);
    }
  }

  TEST_CASE("a listener hears of changes only, with the values before and after") {
    ConfigStore store{Options{}};
    std::vector<std::pair<int64_t, int64_t>> heard;
    store.OnChange("lua-time-limit", [&](const Options& before, const Options& after) {
      heard.emplace_back(before.busy_reply_threshold_ms, after.busy_reply_threshold_ms);
      return Status::Ok();
    });
    CHECK(store.Set(Pairs{{"busy-reply-threshold", "5000"}, {"timeout", "1"}}).ok());
    CHECK(heard.empty());
    CHECK(store.Set(Pairs{{"busy-reply-threshold", "7"}}).ok());
    CHECK(heard == std::vector<std::pair<int64_t, int64_t>>{{5000, 7}});
  }

  TEST_CASE("a listener that objects undoes the whole SET, other listeners included") {
    ConfigStore store{Options{}};
    int64_t applied_timeout_s = 0;
    store.OnChange("timeout", [&](const Options&, const Options& after) {
      applied_timeout_s = after.timeout_s;
      return Status::Ok();
    });
    store.OnChange("port", [](const Options&, const Options&) {
      return Status::Error("Unable to listen on this port.");
    });
    CHECK(SetError(store, {{"timeout", "9"}, {"port", "1"}, {"maxclients", "5"}}) ==
          "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this "
          "port.");
    CHECK(applied_timeout_s == 0);
    CHECK(store.Snapshot().timeout_s == 0);
    CHECK(store.Snapshot().maxclients == 10000);
  }

  TEST_CASE("what only a listener could apply is refused without one") {
    ConfigStore store{Options{}};
    CHECK(store.Set(Pairs{{"port", "6379"}}).ok());
    CHECK(SetError(store, {{"port", "1"}}).find("cannot change it while it runs") !=
          std::string::npos);
    store.OnChange("port", [](const Options&, const Options&) { return Status::Ok(); });
    CHECK(store.Set(Pairs{{"port", "1"}}).ok());
  }

  TEST_CASE("the origin of a value is known") {
    Server server("r.conf", "port 1\n", {"--timeout", "3"});
    CHECK(server.store->OriginOf("port") == Origin::kFile);
    CHECK(server.store->OriginOf("timeout") == Origin::kFlag);
    CHECK(server.store->OriginOf("maxclients") == Origin::kDefault);
    CHECK(server.store->Set(Pairs{{"maxclients", "3"}, {"timeout", "3"}}).ok());
    CHECK(server.store->OriginOf("maxclients") == Origin::kRuntime);
    CHECK(server.store->OriginOf("timeout") == Origin::kFlag);
    CHECK(OriginName(Origin::kRuntime) == "runtime");
  }

  TEST_CASE("without a file there is nothing to rewrite") {
    ConfigStore store{Options{}};
    CHECK(store.Rewrite().message() == "ERR The server is running without a config file");
  }

  TEST_CASE("a rewrite that changes nothing leaves the file as it was") {
    std::string text = "# mine\nport  7000\ndir ./data\nsave 60 1\n\nMAXMEMORY 1GB";
    Server server("r.conf", text);
    CHECK(server.Rewritten() == text + "\n");
    Server toml("t.toml", "[network]\nport = 0x10 # mine\n");
    CHECK(toml.Rewritten() == "[network]\nport = 0x10 # mine\n");
  }

  TEST_CASE(
      "a rewrite keeps comments, changes in place, adds what is new, and a restart has the same "
      "values") {
    Server server("r.conf", "# mine\ntimeout 5\nsave 60 1\nsave 30 1\n# end\n", {"--port", "7"});
    CHECK(server.store
              ->Set(Pairs{{"timeout", "6"},
                          {"save", "10 1 20 2"},
                          {"client-output-buffer-limit", "pubsub 1mb 0 0"},
                          {"requirepass", "a b"},
                          {"notify-keyspace-events", "KEA"}})
              .ok());
    auto before = server.store->Get({{Bytes("*")}});
    CHECK(server.Rewritten() ==
          "# mine\ntimeout 6\nsave 10 1\nsave 20 2\n# end\n\n# Written by CONFIG REWRITE\nport 7\n"
          "client-output-buffer-limit normal 0 0 0\nclient-output-buffer-limit slave 268435456 "
          "67108864 60\n"
          "client-output-buffer-limit pubsub 1048576 0 0\nrequirepass \"a "
          "b\"\nnotify-keyspace-events AKE\n");
    server.arguments = {"r.conf"};
    server.Start();
    CHECK(server.store->Get({{Bytes("*")}}) == before);
  }

  TEST_CASE("the same in TOML") {
    Server server("t.toml", "# mine\n[network]\ntimeout = 5 # five\n[log]\n", {"--port", "7"});
    CHECK(server.store
              ->Set(Pairs{{"timeout", "6"},
                          {"save", "10 1 20 2"},
                          {"tcp-keepalive", "1"},
                          {"loglevel", "debug"},
                          {"maxmemory", "1gb"},
                          {"requirepass", "a\"b\n"}})
              .ok());
    auto before = server.store->Get({{Bytes("*")}});
    std::string text = server.Rewritten();
    CHECK(text.starts_with("# mine\n[network]\ntimeout = 6 # five\n# Written by CONFIG REWRITE\n"));
    CHECK(text.find("\nloglevel = \"debug\"\n") != std::string::npos);
    CHECK(text.find("\n[persistence]\nsave = [\"10 1\", \"20 2\"]\n") != std::string::npos);
    server.arguments = {"t.toml"};
    server.Start();
    CHECK(server.store->Get({{Bytes("*")}}) == before);
    CHECK(server.Rewritten() == text);
  }

  TEST_CASE("a value set back to its default is written where the file says otherwise") {
    Server server("r.conf", "timeout 5\n");
    CHECK(server.store->Set(Pairs{{"timeout", "0"}}).ok());
    CHECK(server.Rewritten() == "timeout 0\n");
  }

  TEST_CASE("an included file does not keep the last word on what was changed") {
    Server server("r.conf", "timeout 5\n");
    server.files.files["/more.conf"] = "timeout 8\n";
    server.files.files["r.conf"] = "timeout 5\ninclude /more.conf\n";
    server.Start();
    CHECK(server.store->Snapshot().timeout_s == 8);
    CHECK(server.store->Set(Pairs{{"timeout", "9"}}).ok());
    server.Rewritten();
    server.Start();
    CHECK(server.store->Snapshot().timeout_s == 9);
  }

  TEST_CASE("a secret from the environment stays out of the file") {
    Server server("r.conf", "");
    server.variables = {"TERRACE_REQUIREPASS=hidden", "TERRACE_TIMEOUT=4"};
    server.Start();
    std::string text = server.Rewritten();
    CHECK(text.find("hidden") == std::string::npos);
    CHECK(text.find("timeout 4") != std::string::npos);
  }

  TEST_CASE("a value that would stop the next start is not written") {
    Server server("r.conf", "min-replicas-to-write 0\n");
    CHECK(server.store->Set(Pairs{{"min-replicas-to-write", "1"}}).ok());
    CHECK(GetOne(*server.store, "min-replicas-to-write") == "1");
    CHECK(server.Rewritten() == "min-replicas-to-write 0\n");
  }
}

}  // namespace
}  // namespace terrace::config
