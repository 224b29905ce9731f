// An engine that knows all commands, a stream as it makes them, and what it holds: for what applies a stream to another one.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "commands/support/engine_fixture.h"
#include "exec/collection_traffic.h"
#include "exec/families.h"

namespace terrace::testing {

constexpr unsigned kStreamDatabases = 3;

// All there are, so that a command which writes cannot be forgotten.
inline std::vector<std::span<const commands::CommandSpec>> AllFamilies() {
  auto families = commands::DataFamilies();
  families.insert(families.end(),
                  {exec::TransactionCommands(), exec::KeyspaceCommands(), exec::SelectCommands()});
  return families;
}

struct StreamEngine : EngineFixture {
  StreamEngine() : EngineFixture(AllFamilies(), kStreamDatabases) {}

  std::map<std::string, std::string> Contents() {
    std::map<std::string, std::string> contents;
    for (unsigned db = 0; db < kStreamDatabases; ++db) {
      databases.Get(db).ForEach([&](const engine::Entry& entry) {
        contents[std::to_string(db) + " " + std::string(entry.key())] = Describe(entry);
      });
    }
    return contents;
  }
  std::string Stream() {
    std::string stream;
    REQUIRE(log.Read(1, SIZE_MAX, &stream));
    return stream;
  }
};

inline std::string Encode(const std::vector<std::string>& words) {
  std::string wire = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words)
    wire += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return wire;
}

}  // namespace terrace::testing
