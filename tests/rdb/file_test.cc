// RDB files: what a writer wrote, and what a reader says of files that are not as they should be.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "rdb/byte_sink.h"
#include "rdb/crc64.h"
#include "rdb/file_reader.h"
#include "rdb/file_writer.h"
#include "rdb/hex.h"
#include "rdb/string_codec.h"

namespace terrace::rdb {
namespace {

class Taken : public FileTaker {
 public:
  Status TakeDatabase(uint64_t db) override {
    if (db > 15) return Status::Error("database " + std::to_string(db));
    lines.push_back("db " + std::to_string(db));
    return Status::Ok();
  }
  Status TakeKey(Bytes key, const KeyFacts& facts, const PayloadBody& body) override {
    std::string line(key);
    if (facts.deadline_ms != 0) line += " until " + std::to_string(facts.deadline_ms);
    if (facts.idle_seconds) line += " idle " + std::to_string(*facts.idle_seconds);
    if (facts.frequency) line += " frequency " + std::to_string(*facts.frequency);
    line += " code " + std::to_string(static_cast<unsigned>(body.code)) + " bytes " +
            std::to_string(body.value.size());
    lines.push_back(line);
    return Status::Ok();
  }
  Status TakeFunctions(Bytes source) override {
    lines.push_back("functions " + std::string(source));
    return Status::Ok();
  }
  Status TakeModuleData(Bytes module) override {
    lines.push_back("module " + std::string(module));
    return Status::Ok();
  }
  void TakeSize(uint64_t keys) override { sizes.push_back(keys); }

  std::vector<std::string> lines;
  std::vector<uint64_t> sizes;
};

std::string Written(uint16_t version = kRdbVersionDefault) {
  std::string file;
  FileWriter writer(
      [&](Bytes bytes) {
        file.append(bytes);
        return true;
      },
      version);
  writer.Note("redis-ver", "7.4.0");
  writer.SelectDatabase(0, 3, 1);
  writer.Key("a", {}, EncodeStringValue("text"));
  writer.Key("b", {.deadline_ms = 1'700'000'000'123}, EncodeStringValue(int64_t{70'000}));
  writer.Key(std::string(100, 'k'), {.frequency = 7}, EncodeStringValue(std::string(1000, 'v')));
  writer.SelectDatabase(9, 1, 0);
  writer.Key("c", {.idle_seconds = 300}, EncodeStringValue(""));
  CHECK(writer.Finish());
  return file;
}

// Body with a magic in front and an end and checksum behind.
std::string File(const std::string& body, Bytes version = "0010") {
  std::string file = "REDIS" + std::string(version) + body + "\xff";
  ByteSink(&file).PutLittle(Crc64(file));
  return file;
}

std::string ErrorOf(const std::string& file) {
  Taken taken;
  return ReadFile(file, taken).message();
}

TEST_SUITE("rdb/file") {
  TEST_CASE("what was written is read, in order, with what is known of each key") {
    Taken taken;
    CHECK(ReadFile(Written(), taken).message() == "");
    CHECK(taken.lines ==
          std::vector<std::string>{
              "db 0", "a code 0 bytes 5", "b until 1700000000123 code 0 bytes 5",
              std::string(100, 'k') + " frequency 7 code 0 bytes " +
                  std::to_string(EncodeStringValue(std::string(1000, 'v')).size() - 1),
              "db 9", "c idle 300 code 0 bytes 1"});
  }

  TEST_CASE("a value in pieces, small and large ones, is the same as one that comes whole") {
    const std::string text(700'000, 't');
    const std::string body = EncodeStringValue(text, Compression::kNone);
    std::string files[2];
    for (std::string& file : files) {
      std::vector<size_t> sizes;
      FileWriter writer([&](Bytes bytes) {
        CHECK(!bytes.empty());
        sizes.push_back(bytes.size());
        file.append(bytes);
        return true;
      });
      writer.SelectDatabase(0, 2, 0);
      const KeyFacts facts{.deadline_ms = 1'700'000'000'123};
      if (&file == files) {
        writer.Key("long", facts, body);
      } else {
        writer.BeginKey("long", facts, ValueCode::kString);
        for (size_t at = 1, size = 1; at < body.size(); at += size, size = size * 3 / 2 + 1)
          writer.Value(Bytes(body).substr(at, size));
        writer.Value("");
      }
      writer.Key("short", {}, EncodeStringValue("text"));
      CHECK(writer.Finish());
      CHECK(sizes.size() > 2);
    }
    CHECK((files[0] == files[1]));
    Taken taken;
    CHECK(ReadFile(files[1], taken).message() == "");
    CHECK(taken.lines.size() == 3);
  }

  TEST_CASE("a file cut off anywhere is refused, and so is one with a byte changed") {
    const std::string whole = Written();
    for (size_t length = 0; length < whole.size(); ++length) {
      Taken taken;
      CAPTURE(length);
      CHECK(!ReadFile(whole.substr(0, length), taken).ok());
    }
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 1);
      Taken taken;
      CAPTURE(at);
      CHECK(!ReadFile(damaged, taken).ok());
    }
  }

  TEST_CASE("values of every layout end where the next key begins") {
    // Type, and a value: the payload vectors of stock servers, and hand-made ones of older layouts.
    const std::vector<std::string> values = {
        "00 c0fb",
        "00 c12c01",
        "00 c290eefeff",
        "00 c3 09 4040 016161 e03300 016161",
        "01 02 0161 0162",
        "02 02 0161 c005",
        "03 03 0161 0331 2e35 0162 fe 0163 fd",
        "04 01 0166 0176",
        "05 01 0161 000000000000f83f",
        "09 00",
        "0a 00",
        "0b 0e 02000000 03000000 0100 0200 2c01",
        "0c 00",
        "0d 00",
        "0e 02 00 00",
        "10 12 12000000 0400 8166 02 8176 02 816e 02 0a 01 ff",
        "11 1d 1d000000 0600 8163 02 842d696e66 05 8161 02 01 01 8162 02 83322e35 04 ff",
        "12 02 02 0b 0b000000 0100 826161 03 ff 01 03 616263",
        "14 00",
        "18 0000000000000000 02 05 0166 0176 00 0167 0177",
        "19 0000000000000000 03 616263",
        "0f 01 10 00000000000000050000000000000001 03 616263 01 05 01 01 0167 05 01"
        " 01 00000000000000050000000000000001 0000000000000000 01"
        " 01 0163 0000000000000000 01 00000000000000050000000000000001",
        "13 01 10 00000000000000050000000000000001 03 616263 02 06 00 05 01 00 00 02 01 0167 05 01 "
        "01"
        " 01 00000000000000050000000000000001 0000000000000000 01"
        " 01 0163 0000000000000000 01 00000000000000050000000000000001",
        "15 00 00 05 01 00 00 05 01 02 01 0167 05 01 81ffffffffffffffff 00 01 0163 "
        "0000000000000000 0000000000000000 00"};
    std::string body;
    for (const std::string& value : values) {
      const std::string bytes = FromHex(value);
      body += bytes.substr(0, 1) + "\x01k" + bytes.substr(1);
    }
    Taken taken;
    CHECK(ReadFile(File(body), taken).message() == "");
    REQUIRE(taken.lines.size() == values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const std::string bytes = FromHex(values[i]);
      CHECK(taken.lines[i] == "k code " + std::to_string(static_cast<uint8_t>(bytes[0])) +
                                  " bytes " + std::to_string(bytes.size() - 1));
    }
  }

  TEST_CASE("what stands between keys in files of old and new servers") {
    Taken taken;
    const std::string seconds = FromHex("fd 00105e5f");
    const std::string notes = FromHex("fa 0161 0162 fb 05 03 f4 01 02 03");
    CHECK(ReadFile(File(notes + seconds + FromHex("00 0161 0162")), taken).message() == "");
    CHECK(ReadFile("REDIS0003" + FromHex("fe 02 00 0161 0162 ff"), taken).message() ==
          "");  // before checksums
    CHECK(ReadFile("REDIS0009" + FromHex("00 0161 0162 ff 0000000000000000"), taken).message() ==
          "");  // none computed
    CHECK(ReadFile(File(FromHex("f5 03 6c6962")), taken).message() == "");
    CHECK(taken.lines == std::vector<std::string>{"a until 1600000000000 code 0 bytes 2", "db 2",
                                                  "a code 0 bytes 2", "a code 0 bytes 2",
                                                  "functions lib"});
    CHECK(taken.sizes == std::vector<uint64_t>{5});
  }

  TEST_CASE("what modules keep beside their keys is named and passed over") {
    // When (2), a signed and an unsigned number, a float, a double, a string.
    Taken taken;
    const std::string data = FromHex(
        "f7 81 45e25238df912c03 02 01 01 05 02 05 03 00000000 04 0000000000000000 05 0161 00");
    CHECK(ReadFile(File(data + FromHex("00 0161 0162")), taken).message() == "");
    CHECK(taken.lines == std::vector<std::string>{"module ReJSON-RL", "a code 0 bytes 2"});
  }

  TEST_CASE("a file may have something behind it, and says where it ends") {
    Taken taken;
    size_t length = 0;
    const std::string file = Written();
    CHECK(ReadFile(file + "*1\r\n", taken, &length).ok());
    CHECK(length == file.size());
  }

  TEST_CASE("a file that cannot be read says where and why") {
    CHECK(ErrorOf("") == "offset 0: no RDB file: it does not begin with REDIS and four digits");
    CHECK(ErrorOf("MAGIC0010") ==
          "offset 0: no RDB file: it does not begin with REDIS and four digits");
    CHECK(ErrorOf("REDISxxxx") ==
          "offset 0: no RDB file: it does not begin with REDIS and four digits");
    CHECK(ErrorOf("REDIS0000") ==
          "offset 0: no RDB file: it does not begin with REDIS and four digits");
    CHECK(ErrorOf("REDIS0099") == "offset 0: RDB version 99; versions 1 to 12 can be read");
    CHECK(ErrorOf(File(FromHex("1e 0361626301"))) ==
          "offset 9: key 'abc' is of type 30, which is not known here");
    // The id that RedisJSON's values have: "ReJSON-RL", version 3.
    CHECK(
        ErrorOf(File(FromHex("07 03616263 81 45e25238df912c03 00"))) ==
        "offset 9: key 'abc' is a value of the module 'ReJSON-RL', and there are no modules here");
    CHECK(ErrorOf(File(FromHex("06 0361626301"))) ==
          "offset 9: key 'abc' is of type 6, which is not known here");
    CHECK(ErrorOf(File(FromHex("f7 01 02 01 05 0361"))) ==
          "offset 9: the file ends, or is damaged, in what begins here");
    CHECK(ErrorOf(File(FromHex("f7 01 07"))) ==
          "offset 9: the file ends, or is damaged, in what begins here");
    CHECK(ErrorOf(File(FromHex("f6 01"))) ==
          "offset 9: functions as a release candidate of Redis 7.0 wrote them");
    CHECK(ErrorOf(File(FromHex("fe 10"))) == "offset 9: database 16");
    CHECK(ErrorOf("REDIS0010" + FromHex("02 0161 bfffffffff")) ==
          "offset 12: the value of key 'a' is damaged or cut off");
    CHECK(ErrorOf("REDIS0010" + FromHex("fa 0161")) ==
          "offset 9: the file ends, or is damaged, in what begins here");
    CHECK(ErrorOf("REDIS0010\xff") == "offset 10: the file ends before its checksum");
    std::string wrong = Written();
    wrong.back() = static_cast<char>(wrong.back() ^ 0x40);
    CHECK(ErrorOf(wrong).find("the checksum is wrong: the file is damaged") != std::string::npos);
  }

  TEST_CASE("a writer that cannot write says so at the end") {
    FileWriter writer([](Bytes) { return false; });
    writer.SelectDatabase(0, 1, 0);
    writer.Key("a", {}, EncodeStringValue("b"));
    CHECK(!writer.Finish());
    CHECK(!writer.ok());
  }

  TEST_CASE("noise is never read past its end") {
    Random random(20261121);
    for (int round = 0; round < 20'000; ++round) {
      std::string noise = "REDIS0010";
      const size_t length = random.Below(60);
      for (size_t i = 0; i < length; ++i) noise.push_back(static_cast<char>(random.Next()));
      Taken taken;
      CHECK(!ReadFile(noise, taken).ok());
    }
  }
}

}  // namespace
}  // namespace terrace::rdb
