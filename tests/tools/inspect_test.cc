// terrace-inspect, run as a person runs it who has found a damaged file.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "base/numbers.h"
#include "rdb/file_writer.h"
#include "storage/log_reader.h"
#include "storage/segment_set.h"
#include "tools/inspect_run.h"

namespace terrace::tools {
namespace {

std::string Request(const std::vector<std::string>& parts) {
  std::string text = "*" + std::to_string(parts.size()) + "\r\n";
  for (const std::string& part : parts)
    text += "$" + std::to_string(part.size()) + "\r\n" + part + "\r\n";
  return text;
}

// A folder with a log of one segment: three batches, each synced before the next.
class Log {
 public:
  Log() {
    auto set = storage::SegmentSet::Open(SystemFiles(), folder_.path(), {.first_offset = 100});
    REQUIRE(set.ok());
    const auto writer = (*set)->StartSegment(std::string(40, 'a'));
    REQUIRE(writer.ok());
    for (const auto& batch :
         {Request({"SELECT", "0"}), Request({"SET", "key", std::string(100, 'v')}),
          Request({"ZADD", "z", "1", "a", "2", "b"}) + Request({"PING"})}) {
      frames_.push_back((*writer)->file_bytes());
      offsets_.push_back((*writer)->next_offset());
      REQUIRE((*writer)->Append(batch).ok());
      REQUIRE((*writer)->Sync().ok());
    }
    path_ = (*writer)->path();
  }

  const std::string& path() const { return path_; }
  std::string beside(const std::string& name) const { return folder_.PathOf(name); }
  uint64_t frame(size_t i) const { return frames_[i]; }
  uint64_t offset(size_t i) const { return offsets_[i]; }
  void Flip(uint64_t at) {
    std::string bytes = ReadFile(path_);
    bytes.at(at) = static_cast<char>(bytes[at] ^ 1);
    WriteFile(path_, bytes);
  }

 private:
  Folder folder_;
  std::string path_;
  std::vector<uint64_t> frames_;
  std::vector<uint64_t> offsets_;
};

TEST_SUITE("tools/inspect") {
  TEST_CASE("a sound segment is printed frame by frame") {
    const Log log;
    const Finished run = Inspect("segment " + log.path());
    CAPTURE(run.output);
    CHECK(run.code == 0);
    CHECK(Has(run.output, "log segment, version 1\n  history   " + std::string(40, 'a') +
                              "\n  start     100\n  previous  none\n"));
    CHECK(Has(run.output, "        80          100      23           100   ok  SELECT 0\n"));
    CHECK(Has(run.output,
              "       127          123     130           123   ok  SET key "
              "vvvvvvvvvvvvvvvvvvvvvvvv...\n"));
    CHECK(Has(run.output, "  ok  ZADD z 1 a ...\n"));
    CHECK(run.output.ends_with("3 frames, log offsets 100 to 316\nfine\n"));
  }

  TEST_CASE("a damaged segment is named, and the part before is saved") {
    Log log;
    log.Flip(log.frame(1) + 50);
    const std::string out = log.beside("out.log");
    Finished run = Inspect("segment " + log.path());
    CAPTURE(run.output);
    CHECK(run.code == 1);
    CHECK(
        Has(run.output, "  bad  a frame's checksum is wrong\n1 frames, log offsets 100 to 123\n"));
    CHECK(Has(run.output, "damaged: " + log.path() + " is damaged at byte 127, log offset 123"));

    run = Inspect("segment " + log.path() + " --repair " + out);
    CHECK(run.code == 0);
    CHECK(Has(run.output, "wrote " + out + ": the first 127 bytes, up to log offset 123\n"));
    CHECK(Has(run.output, "left out: " + std::to_string(ReadFile(log.path()).size() - 127) +
                              " bytes from byte 127 on\n"));
    CHECK(ReadFile(out) == ReadFile(log.path()).substr(0, 127));
    CHECK(Inspect("segment " + out).code == 0);
    // What is there already is not written over.
    run = Inspect("segment " + log.path() + " --repair " + out);
    CHECK(run.code == 2);
    CHECK(Has(run.output, "cannot create " + out + ": File exists"));
    // In place of the damaged one the log opens again.
    CHECK_FALSE(storage::SegmentSet::Open(SystemFiles(), log.beside(""), {}).ok());
    std::filesystem::rename(out, log.path());
    const auto set = storage::SegmentSet::Open(SystemFiles(), log.beside(""), {});
    REQUIRE(set.ok());
    CHECK((*set)->next_offset() == 123);
  }

  TEST_CASE("a torn tail is no damage") {
    const Log log;
    const std::string bytes = ReadFile(log.path());
    WriteFile(log.path(), bytes.substr(0, log.frame(2) + 30));
    Finished run = Inspect("segment " + log.path());
    CAPTURE(run.output);
    CHECK(run.code == 0);
    CHECK(Has(run.output, "2 frames, log offsets 100 to " + std::to_string(log.offset(2))));
    CHECK(Has(run.output, "torn tail: " + log.path() + " has a torn tail at byte " +
                              std::to_string(log.frame(2))));
    run = Inspect("segment " + log.path() + " --repair " + log.beside("out.log"));
    CHECK(run.code == 0);
    CHECK(Has(run.output, "left out: 30 bytes"));
  }

  TEST_CASE("without a header nothing can be saved") {
    Log log;
    log.Flip(60);
    const Finished run = Inspect("segment " + log.path() + " --repair " + log.beside("out.log"));
    CAPTURE(run.output);
    CHECK(run.code == 1);
    CHECK(Has(run.output, "damaged: " + log.path() + ": the checksum of the header is wrong"));
    CHECK(Has(run.output, "nothing can be saved"));
    CHECK_FALSE(std::filesystem::exists(log.beside("out.log")));
  }

  TEST_CASE("bytes that are no command, or begin within one, are shown as they are") {
    const Log log;
    const std::string path = log.beside("other");
    std::filesystem::create_directory(path);
    auto set = storage::SegmentSet::Open(SystemFiles(), path, {});
    REQUIRE(set.ok());
    const auto writer = (*set)->StartSegment(std::string(40, '\x1b'));
    REQUIRE(writer.ok());
    REQUIRE((*writer)->Append("lue\r\n*1\r\n").ok());
    REQUIRE((*writer)->Append("*2\r\n$3\r\nab").ok());
    REQUIRE((*writer)->Append("*18446744073709551615\r\n$18446744073709551615\r\nx").ok());
    REQUIRE((*writer)->Append("*0\r\n").ok());
    REQUIRE((*writer)->Append(std::string(storage::kFrameBodyBytesMax + 1, 'y')).ok());
    REQUIRE((*writer)->Sync().ok());
    REQUIRE((*writer)->Mark().ok());
    const Finished run = Inspect("segment " + (*writer)->path());
    CAPTURE(run.output);
    CHECK(run.code == 0);
    CHECK(Has(run.output, "ok  \"lue\\x0d\\x0a*1\\x0d\\x0a\"\n"));
    CHECK(Has(run.output, "ok  ab\n"));
    CHECK(Has(run.output, "ok  x ...\n"));
    CHECK(Has(run.output, "ok  \"*0\\x0d\\x0a\"\n"));
    CHECK(Has(run.output, " 262144+ "));
    CHECK(Has(run.output, "ok  (mark)\n"));
    CHECK_FALSE(Has(run.output, "\x1b"));
  }

  TEST_CASE("a dump is printed key by key") {
    const Log log;
    std::string dump;
    rdb::FileWriter writer([&](Bytes bytes) {
      dump += bytes;
      return true;
    });
    writer.SelectDatabase(3, 2, 1);
    writer.Key("counter", {}, rdb::EncodeStringValue(42));
    writer.Key("with\ntime", {.deadline_ms = 1'700'000'000'000}, rdb::EncodeStringValue("text"));
    REQUIRE(writer.Finish());
    const std::string path = log.beside("dump.rdb");
    WriteFile(path, dump);
    Finished run = Inspect("rdb " + path);
    CAPTURE(run.output);
    CHECK(run.code == 0);
    CHECK(Has(run.output,
              "RDB file, " + std::to_string(dump.size()) + " bytes, begins with REDIS0010\n"));
    CHECK(Has(run.output, "   3 string              2                -  counter\n"));
    CHECK(Has(run.output, "   3 string              5    1700000000000  with\\x0atime\n"));
    CHECK(run.output.ends_with("string: 2\nfine\n"));
    WriteFile(path, dump + "*1\r\n");
    run = Inspect("rdb " + path);
    CHECK(run.code == 0);
    CHECK(run.output.ends_with("ends at offset " + std::to_string(dump.size()) +
                               "; 4 bytes behind that are not looked at\nfine\n"));
    dump[dump.size() - 1] = static_cast<char>(dump.back() ^ 1);
    WriteFile(path, dump);
    run = Inspect("rdb " + path);
    CHECK(run.code == 1);
    CHECK(Has(run.output, "the checksum is wrong"));
  }

  TEST_CASE("it explains itself, and says so when it is not understood") {
    const Finished help = Inspect("--help");
    CHECK(help.code == 0);
    CHECK(Has(help.output, "terrace-inspect segment FILE [--repair OUT]\n"));
    for (const std::string kind : {"table", "manifest", "rdb"})
      CHECK(Has(help.output, "terrace-inspect " + kind + " FILE\n"));
    CHECK(std::count(help.output.begin(), help.output.end(), '\n') < 24);  // lines of a terminal
    for (const char* arguments :
         {"", "segment", "nothing FILE", "segment --help", "segment a --repair", "segment a b",
          "table", "table a b", "manifest", "manifest a b", "rdb a b", "--help segment"}) {
      CAPTURE(std::string(arguments));
      const Finished run = Inspect(arguments);
      CHECK(run.code == 2);
      CHECK(run.output == help.output);
    }
    for (const std::string kind : {"segment", "table", "manifest", "rdb"}) {
      CAPTURE(kind);
      const Finished missing = Inspect(kind + " /nowhere/at/all");
      CHECK(missing.code == 2);
      CHECK(missing.output ==
            "terrace-inspect: cannot open /nowhere/at/all: No such file or directory\n");
      CHECK(Inspect(kind + " /").code == 2);
    }
  }
}

}  // namespace
}  // namespace terrace::tools
