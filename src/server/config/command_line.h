// The command line, in our form and in Redis':
//
//   terrace-server --threads 4 --port=7000 --config conf/terrace.toml
//   terrace-server /etc/redis/redis.conf --port 7000 --save "" --client-output-buffer-limit normal 0 0 0
//   generate-config | terrace-server -
//   terrace-server healthcheck --port 7000
#pragma once

#include <span>
#include <string>

#include "server/config/assignment.h"

namespace terrace::config {

enum class Mode : uint8_t { kRun, kCheckConfig, kHelp, kVersion, kSampleConfig, kHealthcheck };

struct CommandLine {
  Mode mode = Mode::kRun;
  std::string config_file;   ///< as written; empty: none
  bool reads_stdin = false;  ///< "-": a redis.conf on standard input, after the file
  UnknownNames unknown = UnknownNames::kRefuse;
  std::string health_host;  ///< --host of healthcheck
  std::string import_file;  ///< --import, as written; empty: none
  Reading reading;
};

/// `arguments` without the program's name. A setting of one value takes one word, a setting of many (bind,
/// save, client-output-buffer-limit ...) takes words up to the next "--"; a yes-or-no setting at the end or
/// before another
/// "--" means yes. The first word that belongs to no flag is the configuration file.
/// `unknown` is the policy unless --config-unknown says otherwise.
StatusOr<CommandLine> ParseCommandLine(std::span<const std::string> arguments,
                                       UnknownNames unknown);

/// What --help prints.
std::string_view HelpText();

}  // namespace terrace::config
