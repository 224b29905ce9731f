// What CLIENT LIST and CLIENT KILL say and find out about connections.
//
// Threads: whoever looks at connections of other workers holds everybody out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "server/connection.h"
#include "server/worker.h"

namespace terrace::server {

/// As CLIENT LIST TYPE and the output buffer limits tell them apart. Nobody is a replica or master yet.
enum class ClientType : uint8_t { kNormal, kReplica, kPubSub, kMaster };

std::optional<ClientType> ParseClientType(Bytes name);
ClientType TypeOf(const Connection& connection);

/// "id=3 addr=127.0.0.1:5000 ... lib-ver=", without the line's end. `running` are the arguments of the command this
/// connection runs at the moment, if it does.
std::string ClientLine(const Connection& connection, uint64_t now_ms, Args running);

/// Calls `visit(connection)` for all connections of all workers.
template <typename Visit>
void ForEachConnection(const Parts& parts, Visit visit) {
  for (const auto& worker : parts.workers) {
    for (const auto& connection : worker->connections()) visit(*connection);
  }
}

}  // namespace terrace::server
