// Startup: all that was said before the server starts (defaults, file, environment, flags), as one result.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "server/config/assignment.h"
#include "server/config/command_line.h"
#include "server/config/config_files.h"
#include "server/config/options.h"

namespace terrace::config {

enum class ConfigForm : uint8_t { kToml, kRedisConf };

/// Whom `healthcheck` asks: the server that these settings describe.
struct HealthTarget {
  std::string host;  ///< used when `unixsocket` is empty
  int64_t port = 0;
  std::string unixsocket;
  std::string password;
};

struct Startup {
  Mode mode = Mode::kRun;
  Options options;
  std::string config_file;  ///< absolute; empty: started without one
  ConfigForm form = ConfigForm::kToml;
  Provenances provenances;
  std::vector<std::string> warnings;  ///< one line each, for the log
  HealthTarget health;
  std::string import_file;  ///< absolute; empty: none
};

/// What ".toml" at the end of the name tells.
ConfigForm FormOfFile(Bytes path);

/// Defaults, then the file, then the environment, then the flags. The error is one line for the terminal:
/// place, what was read, what is allowed. `arguments` come without the program's name, `variables` as
/// "NAME=value".
StatusOr<Startup> ParseStartup(std::span<const std::string> arguments,
                               std::span<const std::string> variables, const ConfigFiles& files);

/// The same for main().
StatusOr<Startup> ParseStartup(int argc, const char* const* argv, const char* const* environment);

}  // namespace terrace::config
