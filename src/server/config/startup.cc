#include "server/config/startup.h"

#include "base/ascii.h"
#include "server/config/environment.h"
#include "server/config/redis_conf.h"
#include "server/config/setting_table.h"
#include "server/config/toml_config.h"

namespace terrace::config {
namespace {

/// Puts what a reader found on top of what is there.
Status Apply(StatusOr<Reading> reading, Origin origin, Startup& startup) {
  if (!reading.ok()) return reading.error();
  for (std::string& warning : reading->warnings) startup.warnings.push_back(std::move(warning));
  return ApplyAssignments(reading->assignments, origin, startup.options, startup.provenances);
}

Status ApplyFile(const std::string& path, UnknownNames unknown, const ConfigFiles& files,
                 Startup& startup) {
  auto text = files.Read(path);
  if (!text.ok()) return text.error();
  std::string name = path == "-" ? "standard input" : path;
  bool toml = FormOfFile(path) == ConfigForm::kToml;
  return Apply(
      toml ? ReadTomlConfig(*text, name, unknown) : ReadRedisConf(*text, name, unknown, files),
      Origin::kFile, startup);
}

Status ApplySources(const CommandLine& line, std::span<const std::string> variables,
                    const ConfigFiles& files, Startup& startup) {
  std::string file = line.config_file;
  if (file.empty() && !line.reads_stdin) file = EnvironmentValue(variables, "TERRACE_CONFIG");
  if (!file.empty()) {
    startup.config_file = files.Absolute(file);
    startup.form = FormOfFile(file);
    if (Status status = ApplyFile(file, line.unknown, files, startup); !status.ok()) return status;
  }
  if (line.reads_stdin) {
    if (Status status = ApplyFile("-", line.unknown, files, startup); !status.ok()) return status;
  }
  if (Status status =
          Apply(ReadEnvironment(variables, line.unknown, files), Origin::kEnvironment, startup);
      !status.ok()) {
    return status;
  }
  return Apply(line.reading, Origin::kFlag, startup);
}

Status ResolveDir(const ConfigFiles& files, Startup& startup) {
  auto resolved = files.ResolveDirectory(startup.options.dir);
  if (!resolved.ok()) {
    auto found = startup.provenances.find(FindSetting("dir"));
    std::string place = found == startup.provenances.end() ? "" : found->second.place + ": ";
    return Status(resolved.error()).WithContext(place + "dir");
  }
  startup.options.dir = std::move(*resolved);
  return Status::Ok();
}

/// The address a client on this machine reaches the server at.
std::string LocalAddress(const std::vector<std::string>& bind) {
  if (bind.empty()) return "127.0.0.1";
  std::string address = bind.front();
  if (address.starts_with("-")) address.erase(0, 1);
  if (address == "*" || address == "0.0.0.0") return "127.0.0.1";
  if (address == "::*" || address == "::") return "::1";
  return address;
}

HealthTarget TargetOf(const CommandLine& line, const Options& options) {
  HealthTarget target;
  target.host = line.health_host.empty() ? LocalAddress(options.bind) : line.health_host;
  target.port = options.port;
  if (options.port == 0 && line.health_host.empty()) target.unixsocket = options.unixsocket;
  target.password = options.requirepass;
  return target;
}

/// A server that nobody can reach is not what anybody means: Redis does not start either.
Status CheckReachable(const Options& options) {
  const bool listens = options.port != 0 && !options.bind.empty();
  if (listens || !options.unixsocket.empty()) return Status::Ok();
  return Status::Error(std::string("nothing to listen on: ") +
                       (options.port == 0 ? "port is 0" : "bind names no address") +
                       ", and there is no unixsocket");
}

bool OnlyPrints(Mode mode) {
  return mode == Mode::kHelp || mode == Mode::kVersion || mode == Mode::kSampleConfig;
}

}  // namespace

ConfigForm FormOfFile(Bytes path) {
  constexpr Bytes kEnding = ".toml";
  bool toml = path.size() > kEnding.size() &&
              EqualsIgnoreCase(path.substr(path.size() - kEnding.size()), kEnding);
  return toml ? ConfigForm::kToml : ConfigForm::kRedisConf;
}

StatusOr<Startup> ParseStartup(std::span<const std::string> arguments,
                               std::span<const std::string> variables, const ConfigFiles& files) {
  std::string policy = EnvironmentValue(variables, "TERRACE_CONFIG_UNKNOWN");
  auto line =
      ParseCommandLine(arguments, policy == "warn" ? UnknownNames::kWarn : UnknownNames::kRefuse);
  if (!line.ok()) return Unexpected{line.error()};
  Startup startup;
  startup.mode = line->mode;
  if (OnlyPrints(line->mode)) return startup;
  if (Status status = ApplySources(*line, variables, files, startup); !status.ok())
    return Unexpected{status};
  startup.health = TargetOf(*line, startup.options);
  if (!line->import_file.empty()) startup.import_file = files.Absolute(line->import_file);
  if (line->mode == Mode::kHealthcheck) return startup;
  if (Status status = ResolveDir(files, startup); !status.ok()) return Unexpected{status};
  if (Status status = CheckStates(startup.options, startup.provenances, startup.warnings);
      !status.ok()) {
    return Unexpected{status};
  }
  if (Status status = CheckReachable(startup.options); !status.ok()) return Unexpected{status};
  return startup;
}

StatusOr<Startup> ParseStartup(int argc, const char* const* argv, const char* const* environment) {
  std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  std::vector<std::string> variables;
  for (; *environment != nullptr; ++environment) variables.emplace_back(*environment);
  return ParseStartup(arguments, variables, DiskConfigFiles());
}

}  // namespace terrace::config
