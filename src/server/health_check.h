// HealthCheck: what `terrace-server healthcheck` does, for containers and service managers: ask a running server
// whether it serves.
#pragma once

#include "base/status.h"
#include "server/config/startup.h"

namespace terrace::server {

/// Ok if the server answers PING; also if it wants another password or is still loading, for then it lives and a
/// restart would not help.
Status CheckHealth(const config::HealthTarget& target);

}  // namespace terrace::server
