#include "server/config/command_line.h"

#include <optional>

#include "server/config/setting_table.h"
#include "server/config/setting_value.h"

namespace terrace::config {
namespace {

constexpr char kPlace[] = "command line";

std::optional<UnknownNames> UnknownNamesOf(Bytes word) {
  if (word == "warn") return UnknownNames::kWarn;
  if (word == "error") return UnknownNames::kRefuse;
  return std::nullopt;
}

bool IsFlag(const std::string& argument) {
  return argument.size() > 2 && argument.starts_with("--");
}

class Parser {
 public:
  Parser(std::span<const std::string> arguments, UnknownNames unknown) : rest_(arguments) {
    line_.unknown = unknown;
  }

  StatusOr<CommandLine> Parse() {
    if (!rest_.empty() && rest_.front() == "healthcheck") {
      line_.mode = Mode::kHealthcheck;
      rest_ = rest_.subspan(1);
    }
    // Read ahead of everything else, because it decides about names in front of it too.
    if (Status status = FindUnknownPolicy(); !status.ok()) return Unexpected{status};
    while (!rest_.empty()) {
      std::string argument = Take();
      Status status = IsFlag(argument) ? ParseFlag(argument.substr(2)) : ParseBare(argument);
      if (!status.ok()) return Unexpected{status};
    }
    return std::move(line_);
  }

 private:
  std::string Take() {
    std::string word = rest_.front();
    rest_ = rest_.subspan(1);
    return word;
  }
  bool AtFlagOrEnd() const { return rest_.empty() || IsFlag(rest_.front()); }

  Status FindUnknownPolicy() {
    for (size_t i = 0; i < rest_.size(); ++i) {
      std::string word;
      if (rest_[i].starts_with("--config-unknown=")) {
        word = rest_[i].substr(rest_[i].find('=') + 1);
      } else if (rest_[i] == "--config-unknown") {
        word = i + 1 < rest_.size() ? rest_[i + 1] : "";
      } else {
        continue;
      }
      auto policy = UnknownNamesOf(word);
      if (!policy)
        return Error("--config-unknown is \"" + word + "\", but it must be warn or error");
      line_.unknown = *policy;
    }
    return Status::Ok();
  }

  Status ParseBare(const std::string& argument) {
    if (argument == "-h") return SetMode(Mode::kHelp);
    if (argument == "-v") return SetMode(Mode::kVersion);
    if (argument == "-") {
      line_.reads_stdin = true;
      return Status::Ok();
    }
    if (argument.empty() || argument.starts_with("-"))
      return Error("cannot make sense of \"" + argument + "\"");
    return SetConfigFile(argument);
  }

  Status ParseFlag(const std::string& flag) {
    size_t equals = flag.find('=');
    std::string name = flag.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = flag.substr(equals + 1);
    if (name == "help") return SetMode(Mode::kHelp);
    if (name == "version") return SetMode(Mode::kVersion);
    if (name == "sample-config") return SetMode(Mode::kSampleConfig);
    if (name == "config-unknown")
      return TakeValue(name, value, nullptr);  // FindUnknownPolicy read it
    if (name == "config" || name == "check-config") return ParseConfigFlag(name, value);
    if (name == "import") return TakeValue(name, value, &line_.import_file);
    if (line_.mode == Mode::kHealthcheck && name == "host")
      return TakeValue(name, value, &line_.health_host);
    if (line_.mode == Mode::kHealthcheck && name == "password")
      return ParseSetting("requirepass", flag, value);
    return ParseSetting(name, flag, value);
  }

  Status ParseConfigFlag(const std::string& name, const std::optional<std::string>& value) {
    std::string path;
    if (Status status = TakeValue(name, value, &path); !status.ok()) return status;
    if (name == "check-config") {
      if (Status status = SetMode(Mode::kCheckConfig); !status.ok()) return status;
    }
    if (path == "-") return ParseBare(path);
    return SetConfigFile(path);
  }

  Status ParseSetting(const std::string& name, const std::string& flag,
                      const std::optional<std::string>& value) {
    const Setting* setting = FindSetting(name);
    if (setting == nullptr) {
      if (!value) {
        while (!AtFlagOrEnd()) Take();
      }
      return OnUnknownName(line_.unknown, kPlace, "--" + name, DidYouMean(name), line_.reading);
    }
    Words words;
    if (value) {
      words.push_back(*value);
    } else if (TakesManyWords(*setting)) {
      while (!AtFlagOrEnd()) words.push_back(Take());
    } else if (!AtFlagOrEnd()) {
      words.push_back(Take());
    } else if (std::holds_alternative<BoolField>(setting->field)) {
      words.emplace_back("yes");
    }
    if (words.empty()) return Error("--" + flag + " needs a value: " + Allowed(*setting));
    line_.reading.assignments.push_back({setting, std::move(words), "--" + name, kPlace});
    return Status::Ok();
  }

  Status TakeValue(const std::string& name, const std::optional<std::string>& value,
                   std::string* out) {
    if (!value && AtFlagOrEnd()) return Error("--" + name + " needs a value");
    std::string word = value ? *value : Take();
    if (out != nullptr) *out = word;
    return Status::Ok();
  }

  Status SetConfigFile(const std::string& path) {
    if (!line_.config_file.empty()) {
      return Error("\"" + path + "\" is a second configuration file, after \"" + line_.config_file +
                   "\"");
    }
    line_.config_file = path;
    return Status::Ok();
  }

  Status SetMode(Mode mode) {
    if (line_.mode == Mode::kRun || mode == Mode::kHelp) line_.mode = mode;
    return Status::Ok();
  }

  static Status Error(const std::string& message) {
    return Status::Error(std::string(kPlace) + ": " + message);
  }

  std::span<const std::string> rest_;
  CommandLine line_;
};

}  // namespace

StatusOr<CommandLine> ParseCommandLine(std::span<const std::string> arguments,
                                       UnknownNames unknown) {
  return Parser(arguments, unknown).Parse();
}

std::string_view HelpText() {
  return R"(Usage: terrace-server [FILE] [--SETTING VALUE...]
       terrace-server healthcheck [FILE] [--host HOST] [--port PORT] [--password PASSWORD]

A cache server that speaks the Redis protocol.

  FILE                    configuration: *.toml is Terrace's own form (see --sample-config),
                          anything else is read as a redis.conf, - is one on standard input
  --config FILE           the same as FILE
  --check-config FILE     say whether the configuration is good, and do not start
  --config-unknown warn   warn about settings nobody knows instead of stopping
  --import FILE           begin with the data of a Redis: an RDB file, an append only file, or the
                          *.manifest of an append only directory. Only where there are no data yet
  --sample-config         print every setting with its default and what it is for
  --help, --version

Often used settings (all others work the same way, by Redis' names):
  --port 6379             TCP port; 0: none
  --bind 127.0.0.1 -::1   addresses to listen on
  --unixsocket PATH       Unix socket to listen on
  --threads 0             threads that serve clients; 0: as many as CPUs
  --maxmemory 2gb         memory the data may take; 0: no limit
  --maxmemory-policy allkeys-lru
  --requirepass PASSWORD  better: the variable TERRACE_REQUIREPASS_FILE=/path/of/secret
  --maxclients 10000      connections at the same time
  --loglevel notice       debug, verbose, notice, warning, nothing

A flag wins over the environment (TERRACE_PORT=7000, TERRACE_MAXMEMORY=2gb ...),
the environment over the file, the file over the default.

Examples:
  terrace-server --port 7000 --threads 4
  terrace-server /etc/terrace.toml
  terrace-server /etc/redis/redis.conf --save "" --appendonly no
)";
}

}  // namespace terrace::config
