#include "support/random_data.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace terrace::integration {
namespace {

using Words = std::vector<std::string>;

class Writer {
 public:
  Writer(Client& client, uint64_t seed) : client_(client), random_(seed) {}

  void Write(const std::string& key) {
    Do({"DEL", key, key + ":numbers"});
    switch (Below(8)) {
      case 0:
        return Do({"SET", key, Text(Below(4) == 0 ? 100'000 : 200)});
      case 1:
        return Do({"SET", key, std::to_string(static_cast<int64_t>(random_()))});
      case 2:
        return Fill({"RPUSH", key}, [this](Words* words) { words->push_back(Element()); });
      case 3:
        return Fill({"SADD", key}, [this](Words* words) { words->push_back(Element()); });
      case 4:
        return Fill({"HSET", key}, [this](Words* words) {
          words->push_back(Element());
          words->push_back(Element());
        });
      case 5:
        return Fill({"ZADD", key}, [this](Words* words) {
          words->push_back(Score());
          words->push_back(Element());
        });
      case 6:
        return Fill({"PFADD", key}, [this](Words* words) { words->push_back(Text(20)); });
      default:
        return Stream(key);
    }
  }
  void GiveDeadline(const std::string& key) {
    if (Below(4) == 0) Do({"PEXPIREAT", key, std::to_string(4'000'000'000'000 + Below(1'000'000))});
  }
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  void Do(const Words& words) {
    const std::string reply = client_.RunList(words);
    CHECK_MESSAGE(!reply.starts_with("-"), words[0], ": ", reply);
  }

 private:
  std::string Text(uint64_t bytes_max) {
    std::string text(Below(bytes_max), '\0');
    const bool repeats = Below(2) == 0;
    for (char& c : text) c = static_cast<char>(repeats ? 'a' + Below(2) : Below(256));
    return text;
  }
  std::string Element() {
    return Below(2) == 0 ? std::to_string(static_cast<int64_t>(Below(100'000)) - 50'000)
                         : Text(Below(8) == 0 ? 300 : 30);
  }
  std::string Score() {
    switch (Below(6)) {
      case 0:
        return "-inf";
      case 1:
        return std::to_string(Below(1000));
      default:
        return std::to_string(static_cast<double>(Below(1'000'000'007)) / 1013.0);
    }
  }
  // Of one kind of number or text: sets of numbers alone have an encoding of their own.
  template <typename Add>
  void Fill(Words words, Add add) {
    const size_t count = 1 + Below(Below(5) == 0 ? 700 : 20);
    for (size_t i = 0; i < count; ++i) add(&words);
    Do(words);
    if (words[0] == "SADD") Do({"SADD", words[1] + ":numbers", std::to_string(Below(1 << 20))});
  }
  void Stream(const std::string& key) {
    const uint64_t entries = 1 + Below(150);
    for (uint64_t i = 1; i <= entries; ++i)
      Do({"XADD", key, std::to_string(i) + "-" + std::to_string(Below(9) + 1), Text(10), Text(40),
          "same", "field"});
    Do({"XDEL", key, "1-1", "2-2", "3-3"});
    Do({"XGROUP", "CREATE", key, "group", "0"});
    Do({"XREADGROUP", "GROUP", "group", "someone", "COUNT", std::to_string(Below(20) + 1),
        "STREAMS", key, ">"});
    Do({"XGROUP", "CREATECONSUMER", key, "group", "idle"});
    if (Below(3) == 0) Do({"XTRIM", key, "MAXLEN", std::to_string(Below(entries) + 1)});
  }

  Client& client_;
  std::mt19937_64 random_;
};

}  // namespace

void WriteRandomData(Client& client, uint64_t seed, int keys) {
  Writer writer(client, seed);
  for (const char* db : {"0", "3", "7", "15"}) {
    writer.Do({"SELECT", db});
    for (int i = 0; i < keys / 4; ++i) {
      const std::string key = "key:" + std::to_string(i);
      writer.Write(key);
      writer.GiveDeadline(key);
    }
  }
  writer.Do({"SELECT", "0"});
}

}  // namespace terrace::integration
