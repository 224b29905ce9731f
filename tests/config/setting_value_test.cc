#include "server/config/setting_value.h"

#include <doctest/doctest.h>

#include "server/config/setting_table.h"
#include "server/config/special_values.h"

namespace terrace::config {
namespace {

/// What CONFIG GET shows after the word was read, or the error.
std::string Read(Bytes name, const std::string& word) {
  Options options;
  const Setting* setting = FindSetting(name);
  REQUIRE(setting != nullptr);
  Status status = ParseValue(*setting, {&word, 1}, options);
  return status.ok() ? FormatValue(*setting, options) : status.message();
}

TEST_SUITE("config/setting_value") {
  TEST_CASE("sizes take units of 1000 and 1024 in any case") {
    CHECK(ParseMemory("0") == 0);
    CHECK(ParseMemory("1k") == 1000);
    CHECK(ParseMemory("1kb") == 1024);
    CHECK(ParseMemory("100MB") == 100 * kMiB);
    CHECK(ParseMemory("2Gb") == 2 * kGiB);
    CHECK(ParseMemory("7b") == 7);
    CHECK(ParseMemory("007") == 7);
    for (Bytes wrong : {"", "mb", "-1", "1.5gb", "10%", "1 mb", "10xb"}) {
      CHECK_FALSE(ParseMemory(wrong).has_value());
    }
    for (Bytes large : {"99999999999999999999", "18446744073709551615k", "18446744073709551615"}) {
      CHECK(ParseMemory(large) == UINT64_MAX);
    }
    CHECK(FormatMemory(64 * kMiB) == "64mb");
    CHECK(FormatMemory(1000) == "1000");
    CHECK(FormatMemory(0) == "0");
  }

  TEST_CASE("a wrong value is refused in Redis' words") {
    CHECK(Read("port", "99999") == "argument must be between 0 and 65535 inclusive");
    CHECK(Read("port", "a") == "argument couldn't be parsed into an integer");
    CHECK(Read("slowlog-max-len", "05") == "argument couldn't be parsed into an integer");
    CHECK(Read("slowlog-log-slower-than", "-2") ==
          "argument must be between -1 and 9223372036854775807 inclusive");
    CHECK(Read("protected-mode", "maybe") == "argument must be 'yes' or 'no'");
    CHECK(Read("appendfsync", "x") ==
          "argument(s) must be one of the following: everysec, always, no");
    CHECK(Read("maxmemory", "1.5gb") == "argument must be a memory value");
    CHECK(Read("client-query-buffer-limit", "1") ==
          "argument must be between 1048576 and 9223372036854775807 inclusive");
    CHECK(Read("client-query-buffer-limit", "99999999999999999999") ==
          "argument must be between 1048576 and 9223372036854775807 inclusive");
    CHECK(Read("hash-max-listpack-value", "99999999999gb") ==
          "argument must be between 0 and 9223372036854775807 inclusive");
    CHECK(Read("hz", "-1") == "argument must be between 0 and 2147483647 inclusive");
    CHECK(Read("maxmemory-clients", "101%") == "percentage argument must be less or equal to 100");
    CHECK(Read("maxmemory-clients", "-5%") == "argument must be a memory or percent value");
    CHECK(Read("save", "3600 1 300") == "Invalid save parameters");
    CHECK(Read("save", "0 1") == "Invalid save parameters");
    CHECK(Read("save", " 10  1 ") == "Invalid save parameters");
    CHECK(Read("notify-keyspace-events", "q") ==
          "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    CHECK(Read("client-output-buffer-limit", "normal 1 2") ==
          "Wrong number of arguments in buffer limit configuration.");
    CHECK(Read("client-output-buffer-limit", "master 1 0 5") ==
          "Invalid client class specified in buffer limit configuration.");
    CHECK(Read("client-output-buffer-limit", "normal 1 0 -5") ==
          "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    CHECK(Read("bind", "1.2.3.4 \"x\"") == "Invalid bind address");
    CHECK(Read("oom-score-adj-values", "1 2") == "wrong number of arguments");
    CHECK(Read("latency-tracking-info-percentiles", "50 100.1") ==
          "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    CHECK(Read("shutdown-on-sigterm", "save nosave") ==
          "shutdown options SAVE and NOSAVE can't be used simultaneously");
    CHECK(Read("proc-title-template", "{bad}") ==
          "template format is invalid or contains unknown variables");
    CHECK(Read("dbfilename", "a/b") == "dbfilename can't be a path, just a filename");
    CHECK(Read("unixsocketperm", "0o770") == "argument couldn't be parsed as an octal number");
  }

  TEST_CASE("values are shown in the form Redis shows them") {
    CHECK(Read("maxmemory", "100mb") == "104857600");
    CHECK(Read("maxmemory", "99999999999gb") == "18446744073709551615");
    CHECK(Read("hz", "0") == "1");
    CHECK(Read("hz", "100") == "100");
    CHECK(Read("hz", "1000") == "500");
    CHECK(Read("maxmemory-clients", "10%") == "10%");
    CHECK(Read("appendonly", "YES") == "yes");
    CHECK(Read("notify-keyspace-events", "KEA") == "AKE");
    CHECK(Read("notify-keyspace-events", "gxE") == "gxE");
    CHECK(Read("notify-keyspace-events", "mn$E") == "$nEm");
    CHECK(Read("save", "3600 1 300 100") == "3600 1 300 100");
    CHECK(Read("bind", "127.0.0.1 -::1") == "127.0.0.1 -::1");
    CHECK(Read("bind", "") == "");
    CHECK(Read("oom-score-adj", "relative") == "yes");
    CHECK(Read("shutdown-on-sigterm", "now save") == "save now");
    CHECK(Read("unixsocketperm", "770") == "770");
    CHECK(Read("latency-tracking-info-percentiles", "50 99.90") == "50 99.9");
    CHECK(Read("client-output-buffer-limit", "replica 1mb 0 5 NORMAL 1 2 3") ==
          "normal 1 2 3 slave 1048576 0 5 pubsub 33554432 8388608 60");
  }

  TEST_CASE("a failed value leaves the options as they were") {
    Options options;
    std::string words = "normal 1 1 1 pubsub x 0 0";
    CHECK_FALSE(ParseValue(*FindSetting("client-output-buffer-limit"), {&words, 1}, options).ok());
    CHECK(options.client_output_buffer_limit == OutputBufferLimits{});
  }

  TEST_CASE("a share of maxmemory follows maxmemory") {
    CHECK(BytesOrPercent{.percent = 5}.Of(1000) == 50);
    CHECK(BytesOrPercent{.percent = 5}.Of(0) == 0);
    CHECK(BytesOrPercent{.bytes = 7}.Of(1000) == 7);
  }

  TEST_CASE("every setting says what it is for, what it allows, and why it has no effect") {
    for (const Setting& setting : AllSettings()) {
      CAPTURE(setting.name);
      CHECK_FALSE(setting.why.empty());
      CHECK_FALSE(Allowed(setting).empty());
      CHECK((setting.state == State::kEffective) == setting.reason.empty());
      CHECK(FindSetting(setting.name) == &setting);
      CHECK((setting.alias.empty() || FindSetting(setting.alias) == &setting));
    }
  }

  TEST_CASE("every default value reads back as itself") {
    const Options defaults;
    for (const Setting& setting : AllSettings()) {
      CAPTURE(setting.name);
      CHECK(IsDefault(setting, defaults));
      if (setting.Has(kFileOnly)) continue;
      Options options;
      std::string text = FormatValue(setting, defaults);
      CHECK(ParseValue(setting, {&text, 1}, options).ok());
      CHECK(FormatValue(setting, options) == text);
    }
  }

  TEST_CASE("a name that is nearly right is guessed, one that is far off is not") {
    CHECK(DidYouMean("maxmemori") == "; did you mean \"maxmemory\"?");
    CHECK(DidYouMean("tcp-backlgo") == "; did you mean \"tcp-backlog\"?");
    CHECK(DidYouMean("hash-max-listpack-entrys") ==
          "; did you mean \"hash-max-listpack-entries\"?");
    CHECK(DidYouMean("colour-of-the-sky") == "");
    CHECK(DidYouMeanToml("network.maxmemory") == "; did you mean \"memory.maxmemory\"?");
    CHECK(DidYouMeanToml("port") == "; did you mean \"network.port\"?");
    CHECK(DidYouMeanToml("weather.rain") == "");
    CHECK(DidYouMeanToml("network.prt") == "; did you mean \"network.port\"?");
  }
}

}  // namespace
}  // namespace terrace::config
