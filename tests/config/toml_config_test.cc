#include "server/config/toml_config.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "server/config/sample_file.h"
#include "server/config/setting_table.h"
#include "server/config/setting_value.h"

namespace terrace::config {
namespace {

StatusOr<Options> Load(Bytes text) {
  auto reading = ReadTomlConfig(text, "t.toml", UnknownNames::kRefuse);
  if (!reading.ok()) return Unexpected{reading.error()};
  Options options;
  Provenances provenances;
  Status status = ApplyAssignments(reading->assignments, Origin::kFile, options, provenances);
  if (!status.ok()) return Unexpected{status};
  return options;
}

std::string ErrorOf(Bytes text) {
  auto options = Load(text);
  return options.ok() ? "" : options.error().message();
}

std::string FileText(const std::string& path) {
  std::ifstream file(std::string(TERRACE_CHECKOUT "/") + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The sample with every setting's comment sign removed.
std::string Uncommented(const std::string& sample) {
  std::string out;
  std::istringstream lines(sample);
  for (std::string line; std::getline(lines, line);) {
    size_t equals = line.find(" = ");
    bool is_setting =
        line.starts_with("# ") && equals != std::string::npos && line.find(' ', 2) == equals;
    out += (is_setting ? line.substr(2) : line) + "\n";
  }
  return out;
}

std::string Rewrite(Bytes text, Bytes name, const std::string& value) {
  auto out = RewriteTomlConfig(text, "t.toml", {{FindSetting(name), value}});
  return out.ok() ? *out : "error: " + out.error().message();
}

TEST_SUITE("config/toml_config") {
  TEST_CASE("a file sets what it names, in TOML's types") {
    auto options = Load(R"(
[network]
port = 7000
bind = ["127.0.0.1", "::1"]
unixsocketperm = "770"
protected-mode = false
[memory]
maxmemory = "100mb"
maxmemory_policy = "allkeys-lru"
[clients]
maxmemory_clients = "5%"
client_output_buffer_limit = ["normal 1mb 0 0", "pubsub 1 2 3"]
[latency]
latency_tracking_info_percentiles = [50, 99.9]
[persistence]
save = ["3600 1", "300 10"]
[security]
enable_debug_command = true
)");
    REQUIRE(options.ok());
    CHECK(options->port == 7000);
    CHECK(options->bind == std::vector<std::string>{"127.0.0.1", "::1"});
    CHECK(options->unixsocketperm == 0770);
    CHECK_FALSE(options->protected_mode);
    CHECK(options->maxmemory_bytes == 100 * kMiB);
    CHECK(options->maxmemory_policy == MaxmemoryPolicy::kAllkeysLru);
    CHECK(options->maxmemory_clients.percent == 5);
    CHECK(options->client_output_buffer_limit.normal.hard_bytes == kMiB);
    CHECK(options->client_output_buffer_limit.pubsub == OutputBufferLimit{1, 2, 3});
    CHECK(options->latency_tracking_info_percentiles == std::vector<double>{50, 99.9});
    CHECK(options->save == std::vector<SavePoint>{{3600, 1}, {300, 10}});
    CHECK(options->enable_debug_command == CommandAccess::kYes);
  }

  TEST_CASE("an empty list clears") {
    CHECK(Load("[network]\nbind = []\n")->bind.empty());
    CHECK(Load("[persistence]\nsave = []\n")->save.empty());
  }

  TEST_CASE("an error says file, line and column, what was read and what is allowed") {
    CHECK(ErrorOf("[network]\nport = 99999\n") ==
          "t.toml:2:8: network.port is \"99999\", but it must be an integer between 0 and 65535");
    CHECK(ErrorOf("[network]\nport = \"7000\"\n") ==
          "t.toml:2:8: network.port is \"7000\", but it must be an integer between 0 and 65535");
    CHECK(ErrorOf("[network]\nprotected_mode = \"no\"\n") ==
          "t.toml:2:18: network.protected_mode is \"no\", but it must be true or false");
    CHECK(ErrorOf("[network]\nunixsocketperm = 770\n") ==
          "t.toml:2:18: network.unixsocketperm is 770, but it must be an octal number between 0 "
          "and 777, "
          "in quotes");
    CHECK(ErrorOf("[security]\nrequirepass = 12345\n") ==
          "t.toml:2:15: security.requirepass is not valid, but it must be a string in quotes");
    CHECK(
        ErrorOf("[network]\nbind = [[1]]\n").starts_with("t.toml:2:8: network.bind is [[1]], but"));
    CHECK(ErrorOf("[network]\nport = \n").starts_with("t.toml:2:"));
    CHECK(ErrorOf("[network]\nport = 1\nport = 2\n").starts_with("t.toml:3:"));
  }

  TEST_CASE("a mistake that trips the parser's assertions is an error like any other") {
    CHECK(ErrorOf("[ { a = 1 }\n").starts_with("t.toml:1:"));
    CHECK(ErrorOf("[\u00e4]\n").starts_with("t.toml:1:"));
    CHECK(ErrorOf("port \u00e4 = 1\n").starts_with("t.toml:1:"));
  }

  TEST_CASE("an unknown key is refused with the nearest one") {
    CHECK(ErrorOf("[network]\nprt = 1\n") ==
          "t.toml:2:7: there is no setting \"network.prt\"; did you mean \"network.port\"?");
    CHECK(ErrorOf("maxmemory = 1\n") ==
          "t.toml:1:13: there is no setting \"maxmemory\"; did you mean \"memory.maxmemory\"?");
    CHECK(ErrorOf("[nonsense.deep]\nx = 1\n")
              .starts_with("t.toml:1:1: there is no setting \"nonsense.deep\""));
  }

  TEST_CASE("the sample in conf/ is the one the table makes") {
    // After a change of the table: terrace-server --sample-config > conf/terrace.toml
    CHECK(FileText("conf/terrace.toml") == SampleToml());
  }

  TEST_CASE("the sample with every comment sign removed says the defaults") {
    std::string text = Uncommented(SampleToml());
    auto options = Load(text);
    REQUIRE_MESSAGE(options.ok(), options.error().message());
    for (const Setting& setting : AllSettings()) {
      CAPTURE(setting.name);
      CHECK(IsDefault(setting, *options));
      std::string key = TomlKey(setting).substr(setting.section.size() + 1);
      if (!setting.Has(kHidden)) CHECK(text.find("\n" + key + " = ") != std::string::npos);
    }
  }

  TEST_CASE("the development configuration is good") {
    CHECK(Load(FileText("conf/dev.toml")).ok());
  }

  TEST_CASE("a rewrite changes a value in place, whatever its form, and keeps comments") {
    CHECK(Rewrite("# a\n[network]\nport = 7000 # why\ntimeout = 3\n", "port", "1") ==
          "# a\n[network]\nport = 1 # why\ntimeout = 3\n");
    CHECK(Rewrite("[network]\nbind = [\n  \"a\", # one\n  \"b\"\n] # end\nport = 1\n", "bind",
                  "[\"c\"]") == "[network]\nbind = [\"c\"] # end\nport = 1\n");
    CHECK(Rewrite("[log]\nlogfile = 'x'#c", "logfile", "\"y\"") == "[log]\nlogfile = \"y\"#c");
    CHECK(Rewrite("[log]\nlogfile = \"\"\"\nlong\n\"\"\"\n", "logfile", "\"y\"") ==
          "[log]\nlogfile = \"y\"\n");
    CHECK(Rewrite("[log]\nlogfile = \"ä\" # ö\n", "logfile", "\"ü\"") ==
          "[log]\nlogfile = \"ü\" # ö\n");
    CHECK(Rewrite("network = { port = 0x10, timeout = 2 }\n", "port", "1") ==
          "network = { port = 1, timeout = 2 }\n");
    CHECK(Rewrite("network.port = 7_000\n", "port", "1") == "network.port = 1\n");
    CHECK(Rewrite("[network]\nprotected_mode=true\n", "protected-mode", "false") ==
          "[network]\nprotected_mode=false\n");
  }

  TEST_CASE("a new key goes into its table, under a marker") {
    std::string marker = "# Written by CONFIG REWRITE\n";
    CHECK(Rewrite("", "port", "1") == marker + "[network]\nport = 1\n");
    CHECK(Rewrite("[memory]\nmaxmemory = 1", "port", "1") ==
          "[memory]\nmaxmemory = 1\n\n" + marker + "[network]\nport = 1\n");
    CHECK(Rewrite("[network]\ntimeout = 1 # t\n\n[log]\n", "port", "1") ==
          "[network]\ntimeout = 1 # t\n" + marker + "port = 1\n\n[log]\n");
    CHECK(Rewrite("[ network ] # n\n[log]\n", "port", "1") ==
          "[ network ] # n\n" + marker + "port = 1\n[log]\n");
    CHECK(Rewrite("network.timeout = 1\n[log]\n", "port", "1") ==
          marker + "network.port = 1\nnetwork.timeout = 1\n[log]\n");
  }

  TEST_CASE("a table that nothing can be added to is an error and not a broken file") {
    CHECK(Rewrite("network = {\ttimeout = 1 }\n", "port", "1").starts_with("error: "));
  }
}

}  // namespace
}  // namespace terrace::config
