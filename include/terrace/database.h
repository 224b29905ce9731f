// Terrace inside your process: the engine of the server without the server.
//
//   auto database = terrace::Database::Open({});
//   auto client = database->Connect();
//   client->Execute({"SET", "greeting", "hello"});
//   terrace::Reply reply = client->Execute({"GET", "greeting"});     // reply.text == "hello"
//
// Commands, replies and errors are those of the Redis protocol. Every data command works, MULTI, WATCH and SELECT
// included; commands about connections and the server (CLIENT, CONFIG, SUBSCRIBE ...) need the server.
//
// Threads: a Client is used by one thread at a time; any number of clients work at once on one Database. A background
// thread of the database removes keys that are due and lets the shards follow the load.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "terrace/reply.h"

namespace terrace {

struct DatabaseOptions {
  /// How many numbered databases SELECT knows.
  unsigned databases = 16;
  /// Bytes of memory after which writes that need more are refused with an OOM error; 0: no limit.
  int64_t memory_bytes_max = 0;
};

class Client {
 public:
  virtual ~Client() = default;
  /// Runs one command; arguments may hold any bytes.
  virtual Reply Execute(const std::vector<std::string_view>& arguments) = 0;
  Reply Execute(std::initializer_list<std::string_view> arguments) {
    return Execute(std::vector<std::string_view>(arguments));
  }
};

class Database {
 public:
  static std::unique_ptr<Database> Open(const DatabaseOptions& options);
  /// All clients must be gone.
  virtual ~Database() = default;

  /// A new client; nullptr when 60 of them are alive.
  virtual std::unique_ptr<Client> Connect() = 0;
};

}  // namespace terrace
