// Open files: every client takes a descriptor, so `maxclients` and the system's limit on descriptors go together.
#pragma once

#include <cstdint>

#include "server/config/options.h"

namespace terrace::server {

/// Raises the limit so that `clients` fit beside what `workers` threads need for themselves. Returns how many clients
/// fit: `clients`, or fewer if the system does not let us have more; 0 if there is no room for a single one.
uint64_t MakeRoomForClients(uint64_t clients, unsigned workers);

/// The same for a server that is about to start; lowers `maxclients` to what fits and logs what was done. False if
/// the server cannot run at all.
bool FitMaxclients(config::Options& options);

}  // namespace terrace::server
