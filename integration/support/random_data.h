// Random values of every type that a Redis 7.0 has, as commands: the same for the same seed.
#pragma once

#include <cstdint>

#include "support/client.h"

namespace terrace::integration {

/// About `keys` keys in four databases; the client is in database 0 afterwards. Deadlines are far away.
void WriteRandomData(Client& client, uint64_t seed, int keys);

}  // namespace terrace::integration
