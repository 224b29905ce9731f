#include "server/config/startup.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "config/memory_files.h"
#include "server/config/setting_table.h"

namespace terrace::config {
namespace {

using Strings = std::vector<std::string>;

struct Machine {
  MemoryFiles files;
  Strings variables;

  StatusOr<Startup> Start(const Strings& arguments) const {
    return ParseStartup(arguments, variables, files);
  }
  std::string ErrorOf(const Strings& arguments) const {
    auto startup = Start(arguments);
    return startup.ok() ? "" : startup.error().message();
  }
  Options OptionsOf(const Strings& arguments) const {
    auto startup = Start(arguments);
    REQUIRE_MESSAGE(startup.ok(), startup.error().message());
    return startup->options;
  }
};

TEST_SUITE("config/startup") {
  TEST_CASE("without arguments everything is at its default") {
    auto startup = Machine{}.Start({});
    REQUIRE(startup.ok());
    CHECK(startup->mode == Mode::kRun);
    CHECK(startup->options.port == 6379);
    CHECK(startup->options.dir == "/home");
    CHECK(startup->config_file.empty());
    CHECK(startup->warnings.empty());
  }

  TEST_CASE("our form of flags") {
    Options options =
        Machine{}.OptionsOf({"--threads", "4", "--port=7000", "--protected-mode", "no"});
    CHECK(options.threads == 4);
    CHECK(options.port == 7000);
    CHECK_FALSE(options.protected_mode);
  }

  TEST_CASE("Redis' form of flags, after a file") {
    Machine machine;
    machine.files.files["/path/redis.conf"] = "port 1\ntimeout 5\nsave 3600 1\n";
    auto startup =
        machine.Start({"/path/redis.conf", "--port", "7000", "--save", "", "--appendonly", "no",
                       "--maxmemory", "100mb", "--client-output-buffer-limit", "normal", "1", "2",
                       "3", "--bind", "127.0.0.1", "::1", "--slowlog-log-slower-than", "-1"});
    REQUIRE(startup.ok());
    CHECK(startup->options.port == 7000);
    CHECK(startup->options.timeout_s == 5);
    CHECK(startup->options.save.empty());
    CHECK(startup->options.maxmemory_bytes == 100 * kMiB);
    CHECK(startup->options.client_output_buffer_limit.normal == OutputBufferLimit{1, 2, 3});
    CHECK(startup->options.bind == Strings{"127.0.0.1", "::1"});
    CHECK(startup->options.slowlog_log_slower_than_us == -1);
    CHECK(startup->config_file == "/path/redis.conf");
    CHECK(startup->form == ConfigForm::kRedisConf);
    CHECK(startup->warnings.empty());
  }

  TEST_CASE("several --save flags add up and replace the file's") {
    Machine machine;
    machine.files.files["r.conf"] = "save 1 1\n";
    Options options = machine.OptionsOf({"r.conf", "--save", "60", "1", "--save", "30 2"});
    CHECK(options.save == std::vector<SavePoint>{{60, 1}, {30, 2}});
  }

  TEST_CASE("a redis.conf may come from standard input") {
    Machine machine;
    machine.files.files["-"] = "port 7000\n";
    auto startup = machine.Start({"-", "--timeout", "3"});
    REQUIRE(startup.ok());
    CHECK(startup->options.port == 7000);
    CHECK(startup->options.timeout_s == 3);
    CHECK(startup->config_file.empty());
    machine.files.files["-"] = "port x\n";
    CHECK(machine.ErrorOf({"-"}).starts_with("standard input:1: port is"));
  }

  TEST_CASE(
      "a flag wins over the environment, the environment over the file, the file over the "
      "default") {
    Machine machine;
    machine.files.files["t.toml"] = "[network]\nport = 1\ntimeout = 1\ntcp_backlog = 1\n";
    machine.variables = {"TERRACE_PORT=2", "TERRACE_TIMEOUT=2", "PATH=/bin", "TERRACE_HZ="};
    auto startup = machine.Start({"--config", "t.toml", "--port", "3"});
    REQUIRE(startup.ok());
    CHECK(startup->options.port == 3);
    CHECK(startup->options.timeout_s == 2);
    CHECK(startup->options.tcp_backlog == 1);
    CHECK(startup->provenances[FindSetting("port")].origin == Origin::kFlag);
    CHECK(startup->provenances[FindSetting("timeout")].origin == Origin::kEnvironment);
    CHECK(startup->provenances[FindSetting("tcp-backlog")].origin == Origin::kFile);
    CHECK(startup->provenances[FindSetting("tcp-backlog")].place == "t.toml:4:15");
    CHECK(startup->form == ConfigForm::kToml);
    CHECK(startup->config_file == "/home/t.toml");
  }

  TEST_CASE("a secret is read from the file that the environment names") {
    Machine machine;
    machine.files.files["/run/secret"] = "s3cret\nsecond line\n";
    machine.variables = {"TERRACE_REQUIREPASS_FILE=/run/secret", "TERRACE_TLS_CERT_FILE=/cert"};
    Options options = machine.OptionsOf({});
    CHECK(options.requirepass == "s3cret");
    CHECK(options.tls_cert_file == "/cert");
    machine.variables.push_back("TERRACE_REQUIREPASS=other");
    CHECK(machine.ErrorOf({}) ==
          "environment: TERRACE_REQUIREPASS_FILE and TERRACE_REQUIREPASS are both set; keep one");
    machine.variables = {"TERRACE_REQUIREPASS_FILE=/missing"};
    CHECK(machine.ErrorOf({}).starts_with(
        "environment: TERRACE_REQUIREPASS_FILE: cannot open /missing"));
  }

  TEST_CASE("what Kubernetes sets for a service of our name is passed over") {
    Machine machine;
    machine.variables = {"TERRACE_PORT=tcp://10.0.0.1:6379", "TERRACE_SERVICE_HOST=10.0.0.1",
                         "TERRACE_PORT_6379_TCP_ADDR=10.0.0.1", "TERRACE_SERVICE_PORT=6379"};
    CHECK(machine.OptionsOf({}).port == 6379);
  }

  TEST_CASE("the environment may name the file") {
    Machine machine;
    machine.files.files["e.toml"] = "[network]\nport = 5\n";
    machine.files.files["f.toml"] = "[network]\nport = 6\n";
    machine.variables = {"TERRACE_CONFIG=e.toml"};
    CHECK(machine.OptionsOf({}).port == 5);
    CHECK(machine.OptionsOf({"f.toml"}).port == 6);
  }

  TEST_CASE("an error names the flag or the variable, what was read and what is allowed") {
    Machine machine;
    CHECK(machine.ErrorOf({"--port", "x"}) ==
          "command line: --port is \"x\", but it must be an integer between 0 and 65535");
    CHECK(machine.ErrorOf({"--prt", "1"}) ==
          "command line: there is no setting \"--prt\"; did you mean \"port\"?");
    CHECK(machine.ErrorOf({"--port"}) ==
          "command line: --port needs a value: an integer between 0 and 65535");
    CHECK(machine.ErrorOf({"a.conf", "b.conf"}) ==
          "command line: \"b.conf\" is a second configuration file, after \"a.conf\"");
    CHECK(machine.ErrorOf({"-x"}) == "command line: cannot make sense of \"-x\"");
    CHECK(machine.ErrorOf({"missing.conf"}).starts_with("cannot open missing.conf"));
    machine.variables = {"TERRACE_MAXMEMORY=lots"};
    CHECK(machine.ErrorOf({}).starts_with(
        "environment: TERRACE_MAXMEMORY is \"lots\", but it must be a number"));
    machine.variables = {"TERRACE_MAXMEMORI=1"};
    CHECK(machine.ErrorOf({}) ==
          "environment: there is no setting \"TERRACE_MAXMEMORI\"; did you mean \"maxmemory\"?");
  }

  TEST_CASE(
      "a server that would listen nowhere is refused, before it starts and by --check-config") {
    Machine machine;
    machine.files.files["r.conf"] = "bind\n";
    machine.files.files["t.toml"] = "[network]\nbind = []\n";
    machine.files.files["u.conf"] = "bind \"\"\nunixsocket /tmp/t.sock\n";
    constexpr const char* kNowhere =
        "nothing to listen on: bind names no address, and there is no unixsocket";
    CHECK(machine.ErrorOf({"r.conf"}) == kNowhere);
    CHECK(machine.ErrorOf({"--check-config", "r.conf"}) == kNowhere);
    CHECK(machine.ErrorOf({"t.toml"}) == kNowhere);
    CHECK(machine.ErrorOf({"--port", "0"}) ==
          "nothing to listen on: port is 0, and there is no unixsocket");
    CHECK(machine.OptionsOf({"u.conf"}).bind.empty());
    CHECK(machine.OptionsOf({"--port", "0", "--unixsocket", "/tmp/t.sock"}).port == 0);
  }

  TEST_CASE("unknown names are warnings if asked for, wherever the flag stands") {
    Machine machine;
    machine.variables = {"TERRACE_COLOUR=red"};
    auto startup =
        machine.Start({"--colour", "red", "green", "--port", "7", "--config-unknown", "warn"});
    REQUIRE(startup.ok());
    CHECK(startup->options.port == 7);
    CHECK(startup->warnings.size() == 2);
    CHECK(machine.ErrorOf({"--config-unknown", "maybe"}) ==
          "command line: --config-unknown is \"maybe\", but it must be warn or error");
  }

  TEST_CASE("what this version cannot keep its word on stops the start") {
    Machine machine;
    machine.files.files["r.conf"] = "port 1\ntls-port 7\n";
    CHECK(machine.ErrorOf({"r.conf"}).starts_with("r.conf:2: tls-port cannot be used"));
    CHECK(
        machine.ErrorOf({"--tls-port", "7"}).starts_with("command line: tls-port cannot be used"));
    CHECK(machine.ErrorOf({"--rename-command", "FLUSHALL", ""}).find("cannot rename") !=
          std::string::npos);
    CHECK(machine.ErrorOf({"--user", "bob", "on", ">secret"}).find("secret") == std::string::npos);
    CHECK(machine.ErrorOf({"--dir", "/nowhere"}).starts_with("command line: dir: /nowhere"));
    CHECK(machine.OptionsOf({"r.conf", "--tls-port", "0"}).port == 1);
  }

  TEST_CASE("a setting without effect is one warning") {
    auto startup = Machine{}.Start({"--daemonize", "yes", "--daemonize", "yes", "--hz", "10"});
    REQUIRE(startup.ok());
    CHECK(
        startup->warnings ==
        Strings{"command line: daemonize has no effect: the process stays in the foreground; let a "
                "service manager run it"});
  }

  TEST_CASE("modes") {
    Machine machine;
    machine.files.files["t.toml"] = "[network]\nport = 1\n";
    CHECK(machine.Start({"--help"})->mode == Mode::kHelp);
    CHECK(machine.Start({"-v"})->mode == Mode::kVersion);
    CHECK(machine.Start({"--sample-config"})->mode == Mode::kSampleConfig);
    auto check = machine.Start({"--check-config", "t.toml"});
    REQUIRE(check.ok());
    CHECK(check->mode == Mode::kCheckConfig);
    CHECK(check->options.port == 1);
    CHECK(machine.ErrorOf({"--check-config"}) == "command line: --check-config needs a value");
    auto lines = std::count(HelpText().begin(), HelpText().end(), '\n');
    CHECK(lines >= 24);
    CHECK(lines <= 40);
  }

  TEST_CASE("--import names a file, whatever directory the server goes to") {
    Machine machine;
    CHECK(machine.Start({"--port", "1"})->import_file.empty());
    CHECK(machine.Start({"--import", "/a/dump.rdb", "--port", "1"})->import_file == "/a/dump.rdb");
    CHECK(machine.Start({"--import=dump.rdb"})->import_file == machine.files.Absolute("dump.rdb"));
    CHECK(machine.ErrorOf({"--import"}) == "command line: --import needs a value");
  }

  TEST_CASE("healthcheck finds the server that the same settings describe") {
    Machine machine;
    machine.variables = {"TERRACE_PORT=7000", "TERRACE_REQUIREPASS=secret"};
    auto startup = machine.Start({"healthcheck"});
    REQUIRE(startup.ok());
    CHECK(startup->mode == Mode::kHealthcheck);
    CHECK(startup->health.host == "127.0.0.1");
    CHECK(startup->health.port == 7000);
    CHECK(startup->health.password == "secret");
    startup = machine.Start({"healthcheck", "--host", "db", "--port", "1", "--password", "x"});
    REQUIRE(startup.ok());
    CHECK(startup->health.host == "db");
    CHECK(startup->health.port == 1);
    CHECK(startup->health.password == "x");
    startup = machine.Start({"healthcheck", "--port", "0", "--unixsocket", "/s"});
    CHECK(startup->health.unixsocket == "/s");
    startup = machine.Start({"healthcheck", "--bind", "-::1"});
    CHECK(startup->health.host == "::1");
    CHECK_FALSE(machine.Start({"--host", "db"}).ok());
  }
}

}  // namespace
}  // namespace terrace::config
