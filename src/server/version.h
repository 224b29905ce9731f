// What we say we are: our own version, and the Redis version whose commands, fields and replies ours follow. Clients
// switch features by the latter, so it is digits and dots only.
#pragma once

namespace terrace::server {

inline constexpr char kTerraceVersion[] = TERRACE_VERSION;  // the project's, from CMake
inline constexpr char kRedisVersion[] = "7.4.0";

}  // namespace terrace::server
