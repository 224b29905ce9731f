// Settings from the environment: TERRACE_MAXMEMORY=1gb, or TERRACE_REQUIREPASS_FILE=/run/secrets/password.
#pragma once

#include <span>
#include <string>

#include "server/config/assignment.h"
#include "server/config/config_files.h"

namespace terrace::config {

/// Reads the variables ("NAME=value") that begin with TERRACE_. The rest of the name is the setting's, in
/// capitals and with underscores; with _FILE behind it the value is the first line of that file. An empty
/// value says nothing. TERRACE_CONFIG and TERRACE_CONFIG_UNKNOWN belong to the command line and are passed
/// over, and so is what Kubernetes sets for a service called "terrace" (TERRACE_SERVICE_HOST,
/// TERRACE_PORT=tcp://...).
StatusOr<Reading> ReadEnvironment(std::span<const std::string> variables, UnknownNames unknown,
                                  const ConfigFiles& files);

/// The value of one variable, or "".
std::string EnvironmentValue(std::span<const std::string> variables, Bytes name);

/// "TERRACE_TCP_BACKLOG".
std::string EnvironmentName(const Setting& setting);

}  // namespace terrace::config
