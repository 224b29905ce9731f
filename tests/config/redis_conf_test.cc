#include "server/config/redis_conf.h"

#include <doctest/doctest.h>

#include "config/memory_files.h"
#include "server/config/setting_table.h"
#include "server/config/setting_value.h"

namespace terrace::config {
namespace {

StatusOr<Options> Load(Bytes text, const MemoryFiles& files = {}) {
  auto reading = ReadRedisConf(text, "redis.conf", UnknownNames::kRefuse, files);
  if (!reading.ok()) return Unexpected{reading.error()};
  Options options;
  Provenances provenances;
  Status status = ApplyAssignments(reading->assignments, Origin::kFile, options, provenances);
  if (!status.ok()) return Unexpected{status};
  return options;
}

std::string ErrorOf(Bytes text, const MemoryFiles& files = {}) {
  auto options = Load(text, files);
  return options.ok() ? "" : options.error().message();
}

TEST_SUITE("config/redis_conf") {
  TEST_CASE("words are parted by blanks and may be quoted in two ways") {
    CHECK(SplitRedisWords("a  b\tc ") == Words{"a", "b", "c"});
    CHECK(SplitRedisWords(R"(a "b c" 'd e' "")") == Words{"a", "b c", "d e", ""});
    CHECK(SplitRedisWords(R"("\n\x41\"\\" '\'\n')") == Words{"\nA\"\\", "'\\n"});
    CHECK(SplitRedisWords(R"("\x4")") == Words{"x4"});
    CHECK_FALSE(SplitRedisWords(R"(a "b)").has_value());
    CHECK_FALSE(SplitRedisWords(R"(a 'b)").has_value());
    CHECK_FALSE(SplitRedisWords(R"(a "b"c)").has_value());
  }

  TEST_CASE("a file sets what it names and leaves the rest") {
    auto options = Load(
        "# comment\n"
        "   # another\n"
        "\n"
        "port 7000\r\n"
        "BIND 127.0.0.1 ::1\n"
        "maxmemory 100mb\n"
        "maxmemory-policy allkeys-lru\n"
        "requirepass \"a \\\"b\\\"\"\n"
        "slave-priority 7\n"
        "list-max-ziplist-entries 512\n"
        "client-output-buffer-limit normal 1mb 0 0\n"
        "client-output-buffer-limit replica 2mb 0 0\n");
    REQUIRE(options.ok());
    CHECK(options->port == 7000);
    CHECK(options->bind == std::vector<std::string>{"127.0.0.1", "::1"});
    CHECK(options->maxmemory_bytes == 100 * kMiB);
    CHECK(options->maxmemory_policy == MaxmemoryPolicy::kAllkeysLru);
    CHECK(options->requirepass == "a \"b\"");
    CHECK(options->replica_priority == 7);
    CHECK(options->client_output_buffer_limit.normal.hard_bytes == kMiB);
    CHECK(options->client_output_buffer_limit.replica.hard_bytes == 2 * kMiB);
    CHECK(options->databases == 16);
  }

  TEST_CASE("save lines add up until an empty one starts over") {
    CHECK(Load("save 3600 1\nsave 300 10\n")->save == std::vector<SavePoint>{{3600, 1}, {300, 10}});
    CHECK(Load("save \"3600 1 300 10\"\n")->save == std::vector<SavePoint>{{3600, 1}, {300, 10}});
    CHECK(Load("save 3600 1\nsave \"\"\nsave 5 5\n")->save == std::vector<SavePoint>{{5, 5}});
    CHECK(Load("save \"\"\n")->save.empty());
  }

  TEST_CASE("an error says where, what was read and what is allowed") {
    CHECK(ErrorOf("port 1\nport 99999\n") ==
          "redis.conf:2: port is \"99999\", but it must be an integer between 0 and 65535");
    CHECK(ErrorOf("\n\nmaxmemory lots\n") ==
          "redis.conf:3: maxmemory is \"lots\", but it must be a number of bytes between 0 and "
          "18446744073709551615 "
          "(1k is 1000, 1kb is 1024)");
    CHECK(ErrorOf("save 60\n") ==
          "redis.conf:1: save is \"60\", but it must be pairs of seconds and changes such as "
          "\"3600 1\", or "
          "nothing");
    CHECK(ErrorOf("timeout 1 2\n") ==
          "redis.conf:1: timeout is \"1 2\", but it must be an integer between 0 and 2147483647");
    CHECK(ErrorOf("notify-keyspace-events q\n") ==
          "redis.conf:1: notify-keyspace-events is \"q\": Invalid event class character. Use "
          "'Ag$lshzxeKEtmdn'.");
    CHECK(ErrorOf("maxmemori 1\n") ==
          "redis.conf:1: there is no setting \"maxmemori\"; did you mean \"maxmemory\"?");
    CHECK(ErrorOf("dir \"/a\n") ==
          "redis.conf:1: a quote is not closed, or something follows a closing quote without a "
          "blank");
    CHECK(ErrorOf("requirepass s3cret and more\n") ==
          "redis.conf:1: requirepass is not valid, but it must be one text");
  }

  TEST_CASE("an unknown name may be no more than a warning") {
    MemoryFiles files;
    auto reading = ReadRedisConf("maxmemori 1\nport 7\n", "redis.conf", UnknownNames::kWarn, files);
    REQUIRE(reading.ok());
    CHECK(reading->assignments.size() == 1);
    REQUIRE(reading->warnings.size() == 1);
    CHECK(reading->warnings[0] ==
          "redis.conf:1: there is no setting \"maxmemori\"; did you mean \"maxmemory\"? (ignored)");
  }

  TEST_CASE("included files are read where they are named, by pattern too") {
    MemoryFiles files;
    files.files = {{"conf.d/a.conf", "port 1\ntimeout 1\n"},
                   {"conf.d/b.conf", "port 2\n"},
                   {"more.conf", "port x\n"}};
    auto options = Load("port 9\ninclude conf.d/*.conf\ntimeout 3\ninclude none/*.conf\n", files);
    REQUIRE(options.ok());
    CHECK(options->port == 2);
    CHECK(options->timeout_s == 3);
    CHECK(ErrorOf("include more.conf\n", files).starts_with("more.conf:1: port is \"x\""));
    CHECK(ErrorOf("include missing.conf\n", files)
              .starts_with("redis.conf:1: cannot open missing.conf"));
  }

  TEST_CASE("files that include each other end in an error") {
    MemoryFiles files;
    files.files = {{"a", "include b\n"}, {"b", "include a\n"}};
    CHECK(ErrorOf("include a\n", files).find("nested too deeply") != std::string::npos);
  }

  TEST_CASE("a rewrite changes lines in place and keeps everything else") {
    Options now;
    now.port = 7001;
    now.maxmemory_bytes = 2 * kGiB;
    now.save = {{60, 1}, {30, 2}};
    RedisConfChanges changes;
    for (Bytes name : {"port", "maxmemory", "save"}) {
      changes[FindSetting(name)] = FormatRedisConf(*FindSetting(name), now);
    }
    CHECK(RewriteRedisConf("# head\nsave 1 1\nPORT 7000\n\n# tail\nsave 2 2\ntimeout 3", changes) ==
          "# head\nsave 60 1\nsave 30 2\nport 7001\n\n# tail\ntimeout 3\n\n# Written by CONFIG "
          "REWRITE\nmaxmemory 2gb\n");
  }

  TEST_CASE("a second rewrite adds under the marker of the first") {
    Options now;
    now.port = 1;
    RedisConfChanges changes{{FindSetting("port"), FormatRedisConf(*FindSetting("port"), now)}};
    std::string once = RewriteRedisConf("", changes);
    CHECK(once == "# Written by CONFIG REWRITE\nport 1\n");
    CHECK(RewriteRedisConf(once, {{FindSetting("timeout"), {"timeout 5"}}}) ==
          once + "timeout 5\n");
  }

  TEST_CASE("any text survives quoting") {
    std::string nasty;
    for (int c = 0; c < 256; ++c) nasty += static_cast<char>(c);
    auto words = SplitRedisWords("requirepass " + QuoteRedisConf(nasty));
    REQUIRE(words.has_value());
    CHECK(words->at(1) == nasty);
  }
}

}  // namespace
}  // namespace terrace::config
