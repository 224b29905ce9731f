#include "server/config/environment.h"

#include <map>

#include "base/ascii.h"
#include "server/config/setting_table.h"

namespace terrace::config {
namespace {

constexpr Bytes kPrefix = "TERRACE_";
constexpr Bytes kFileSuffix = "_FILE";

std::string NameOf(Bytes setting_name) {
  std::string name(kPrefix);
  for (char c : setting_name) name += c == '-' ? '_' : ToUpper(c);
  return name;
}

using NameMap = std::map<std::string, const Setting*, std::less<>>;

NameMap BuildNames() {
  NameMap names;
  for (const Setting& setting : AllSettings()) {
    names.emplace(NameOf(setting.name), &setting);
    if (!setting.alias.empty()) names.emplace(NameOf(setting.alias), &setting);
  }
  return names;
}

const Setting* FindByVariable(Bytes name) {
  static const NameMap names = BuildNames();
  auto found = names.find(name);
  return found == names.end() ? nullptr : found->second;
}

/// What Kubernetes puts into the environment of a pod that can reach a service called "terrace".
bool IsFromKubernetes(Bytes name, Bytes value) {
  return name.starts_with("TERRACE_SERVICE_") || name.starts_with("TERRACE_PORT_") ||
         (name == "TERRACE_PORT" && (value.starts_with("tcp://") || value.starts_with("udp://")));
}

std::string Hint(Bytes name) {
  std::string plain;
  for (char c : name.substr(kPrefix.size())) plain += c == '_' ? '-' : ToLower(c);
  return DidYouMean(plain);
}

std::string FirstLine(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

class Reader {
 public:
  Reader(UnknownNames unknown, const ConfigFiles& files) : unknown_(unknown), files_(files) {}

  Status ReadVariable(const std::string& variable) {
    size_t equals = variable.find('=');
    std::string name = variable.substr(0, equals);
    if (equals == std::string::npos || !name.starts_with(kPrefix)) return Status::Ok();
    std::string value = variable.substr(equals + 1);
    bool ours = name != "TERRACE_CONFIG" && name != "TERRACE_CONFIG_UNKNOWN";
    if (!ours || value.empty() || IsFromKubernetes(name, value)) return Status::Ok();
    if (const Setting* setting = FindByVariable(name)) return Add(setting, name, std::move(value));
    if (!name.ends_with(kFileSuffix))
      return OnUnknownName(unknown_, "environment", name, Hint(name), reading_);
    const Setting* setting =
        FindByVariable(Bytes(name).substr(0, name.size() - kFileSuffix.size()));
    if (setting == nullptr)
      return OnUnknownName(unknown_, "environment", name, Hint(name), reading_);
    auto text = files_.Read(value);
    if (!text.ok()) return Status(text.error()).WithContext("environment: " + name);
    return Add(setting, name, FirstLine(*text));
  }

  Reading TakeReading() { return std::move(reading_); }

 private:
  Status Add(const Setting* setting, const std::string& name, std::string value) {
    auto [first, added] = seen_.emplace(setting, name);
    if (!added)
      return Status::Error("environment: " + first->second + " and " + name +
                           " are both set; keep one");
    reading_.assignments.push_back({setting, {std::move(value)}, name, "environment"});
    return Status::Ok();
  }

  UnknownNames unknown_;
  const ConfigFiles& files_;
  Reading reading_;
  std::map<const Setting*, std::string> seen_;
};

}  // namespace

std::string EnvironmentName(const Setting& setting) { return NameOf(setting.name); }

std::string EnvironmentValue(std::span<const std::string> variables, Bytes name) {
  for (const std::string& variable : variables) {
    if (variable.size() > name.size() && variable.starts_with(name) &&
        variable[name.size()] == '=') {
      return variable.substr(name.size() + 1);
    }
  }
  return "";
}

StatusOr<Reading> ReadEnvironment(std::span<const std::string> variables, UnknownNames unknown,
                                  const ConfigFiles& files) {
  Reader reader(unknown, files);
  for (const std::string& variable : variables) {
    if (Status status = reader.ReadVariable(variable); !status.ok()) return Unexpected{status};
  }
  return reader.TakeReading();
}

}  // namespace terrace::config
