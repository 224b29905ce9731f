#include "server/config/config_store.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/ascii.h"
#include "base/check.h"
#include "base/glob.h"
#include "server/config/redis_conf.h"
#include "server/config/setting_table.h"
#include "server/config/setting_value.h"
#include "server/config/toml_config.h"

namespace terrace::config {
namespace {

/// The line a client gets about one setting of its CONFIG SET.
Status SetFailed(Bytes name, const std::string& why) {
  return Status::Error("ERR CONFIG SET failed (possibly related to argument '" + std::string(name) +
                       "') - " + why);
}

bool HasWildcard(Bytes pattern) { return pattern.find_first_of("[*?") != Bytes::npos; }

/// How a setting that a pattern matches is called in the reply: as the request spells it, or by its name if a wildcard
/// found it; "" if none matches.
Bytes NameInReply(std::span<const Bytes> patterns, Bytes name, bool hidden) {
  for (Bytes pattern : patterns) {
    if (!HasWildcard(pattern)) {
      if (EqualsIgnoreCase(pattern, name)) return pattern;
    } else if (!hidden && GlobMatch(pattern, name, true)) {
      return name;
    }
  }
  return {};
}

bool MayChangeProtected(CommandAccess access, SetContext context) {
  return access == CommandAccess::kYes ||
         (access == CommandAccess::kLocal && context.from_this_machine);
}

bool SameValue(const Setting& setting, const Options& left, const Options& right) {
  return FormatValue(setting, left) == FormatValue(setting, right);
}

std::map<const Setting*, Origin> OriginsOf(const Provenances& provenances) {
  std::map<const Setting*, Origin> origins;
  for (const auto& [setting, provenance] : provenances) origins[setting] = provenance.origin;
  return origins;
}

}  // namespace

/// One pair of a CONFIG SET.
struct ConfigStore::Change {
  const Setting* setting;
  Bytes name;  ///< in the table's spelling: the name or the alias
  Bytes value;
};

ConfigStore::ConfigStore(Startup startup, const ConfigFiles& files)
    : files_(files),
      config_file_(std::move(startup.config_file)),
      form_(startup.form),
      options_(std::move(startup.options)),
      origins_(OriginsOf(startup.provenances)) {}

ConfigStore::ConfigStore(Options options) : ConfigStore(Startup{.options = std::move(options)}) {}

Options ConfigStore::Snapshot() const {
  MutexLock lock(mutex_);
  return options_;
}

std::vector<std::pair<std::string, std::string>> ConfigStore::Get(
    std::span<const Bytes> patterns) const {
  Options options = Snapshot();
  std::vector<std::pair<std::string, std::string>> found;
  for (const Setting& setting : AllSettings()) {
    if (setting.Has(kFileOnly)) continue;
    for (Bytes name : {setting.name, setting.alias}) {
      if (name.empty()) continue;
      const Bytes shown = NameInReply(patterns, name, setting.Has(kHidden));
      if (!shown.empty()) found.emplace_back(shown, FormatValue(setting, options));
    }
  }
  return found;
}

Status ConfigStore::FindChanges(std::span<const std::pair<Bytes, Bytes>> pairs,
                                const Options& before, SetContext context,
                                std::vector<Change>& changes) const {
  for (const auto& [given_name, value] : pairs) {
    const Setting* setting = FindSetting(given_name);
    if (setting == nullptr || setting->Has(kFileOnly)) {
      return Status::Error("ERR Unknown option or number of arguments for CONFIG SET - '" +
                           std::string(given_name) + "'");
    }
    Bytes name = EqualsIgnoreCase(given_name, setting->alias) ? setting->alias : setting->name;
    bool stays = setting->Has(kOurs) && FormatValue(*setting, before) == value;
    if (setting->Has(kImmutable) && !stays)
      return SetFailed(given_name, "can't set immutable config");
    if (setting->Has(kProtected) && !MayChangeProtected(before.enable_protected_configs, context)) {
      return SetFailed(given_name, "can't set protected config");
    }
    for (const Change& earlier : changes) {
      if (earlier.name == name) return SetFailed(given_name, "duplicate parameter");
    }
    changes.push_back({setting, name, value});
  }
  return Status::Ok();
}

bool ConfigStore::HasListener(const Setting& setting) const {
  return std::any_of(listeners_.begin(), listeners_.end(),
                     [&](const Listener& listener) { return listener.setting == &setting; });
}

/// What no parser can see: whether this server, in its present state, can follow.
Status ConfigStore::CheckChange(const Setting& setting, const Options& before,
                                Options& after) const {
  if (setting.name == "dir") {
    auto resolved = files_.ResolveDirectory(after.dir);
    if (!resolved.ok()) {
      int error_number = resolved.error().error_number();
      return Status::Error(error_number != 0 ? std::strerror(error_number)
                                             : resolved.error().message());
    }
    after.dir = std::move(*resolved);
  }
  if (SameValue(setting, before, after)) return Status::Ok();
  if (setting.state == State::kRefused && !setting.Has(kSettable) && !IsDefault(setting, after)) {
    return Status::Error(std::string(setting.reason));
  }
  if (setting.Has(kAppliedByListener) && !HasListener(setting)) {
    return Status::Error("this server cannot change it while it runs");
  }
  return Status::Ok();
}

Status ConfigStore::ParseChanges(std::span<const Change> changes, const Options& before,
                                 Options& after) const {
  for (const Change& change : changes) {
    std::string word(change.value);
    Status status = ParseValue(*change.setting, {&word, 1}, after);
    if (status.ok()) status = CheckChange(*change.setting, before, after);
    if (!status.ok()) return SetFailed(change.name, status.message());
  }
  return Status::Ok();
}

Status ConfigStore::CallListeners(std::span<const Change> changes, const Options& before,
                                  const Options& after) {
  std::vector<const Listener*> called;
  for (const Listener& listener : listeners_) {
    auto change = std::find_if(changes.begin(), changes.end(), [&](const Change& candidate) {
      return candidate.setting == listener.setting;
    });
    if (change == changes.end() || SameValue(*listener.setting, before, after)) continue;
    Status status = listener.call(before, after);
    if (!status.ok()) {
      // What already followed goes back; that it can is the listener's duty, since it stood there a moment
      // ago.
      for (auto undone = called.rbegin(); undone != called.rend(); ++undone)
        (void)(*undone)->call(after, before);
      return SetFailed(change->name, status.message());
    }
    called.push_back(&listener);
  }
  return Status::Ok();
}

Status ConfigStore::Set(std::span<const std::pair<Bytes, Bytes>> pairs, SetContext context) {
  MutexLock writing(writing_);
  const Options before = Snapshot();
  Options after = before;
  std::vector<Change> changes;
  if (Status status = FindChanges(pairs, before, context, changes); !status.ok()) return status;
  if (Status status = ParseChanges(changes, before, after); !status.ok()) return status;
  if (Status status = CallListeners(changes, before, after); !status.ok()) return status;
  MutexLock lock(mutex_);
  for (const Change& change : changes) {
    if (!SameValue(*change.setting, before, after)) origins_[change.setting] = Origin::kRuntime;
  }
  options_ = std::move(after);
  return Status::Ok();
}

void ConfigStore::OnChange(Bytes name, ChangeListener listener) {
  const Setting* setting = FindSetting(name);
  TERRACE_CHECK(setting != nullptr);
  MutexLock writing(writing_);
  listeners_.push_back({setting, std::move(listener)});
}

Origin ConfigStore::OriginOf(Bytes name) const {
  MutexLock lock(mutex_);
  auto found = origins_.find(FindSetting(name));
  return found == origins_.end() ? Origin::kDefault : found->second;
}

// CONFIG REWRITE. The file is read again, so that edits made to it meanwhile survive as far as they agree
// with the running values, and so that only what differs is touched.

StatusOr<Options> ConfigStore::OptionsOf(const std::string& text) const {
  auto reading = form_ == ConfigForm::kToml
                     ? ReadTomlConfig(text, config_file_, UnknownNames::kWarn)
                     : ReadRedisConf(text, config_file_, UnknownNames::kWarn, files_);
  if (!reading.ok()) return Unexpected{reading.error()};
  Options options;
  Provenances provenances;
  Status status = ApplyAssignments(reading->assignments, Origin::kFile, options, provenances);
  if (!status.ok()) return Unexpected{status};
  return options;
}

std::vector<const Setting*> ConfigStore::ToRewrite(const Options& now,
                                                   const Options& in_file) const {
  std::vector<const Setting*> settings;
  MutexLock lock(mutex_);
  for (const Setting& setting : AllSettings()) {
    if (setting.Has(kFileOnly) || setting.Has(kHidden) || SameValue(setting, now, in_file))
      continue;
    auto found = origins_.find(&setting);
    Origin origin = found == origins_.end() ? Origin::kDefault : found->second;
    bool secret = setting.Has(kSensitive) && origin == Origin::kEnvironment;
    // The running value of dir is absolute, which does not make the file's own spelling wrong.
    bool same_dir = setting.name == "dir" && origin <= Origin::kFile;
    // A start from this file would be refused; the value is gone with this process, as CONFIG SET's caller
    // was told.
    bool refused = setting.state == State::kRefused && !IsDefault(setting, now);
    if (!secret && !same_dir && !refused) settings.push_back(&setting);
  }
  return settings;
}

StatusOr<std::string> ConfigStore::RewrittenRedisConf(
    const std::string& text, const Options& now, std::span<const Setting* const> settings) const {
  RedisConfChanges changes;
  for (const Setting* setting : settings) changes[setting] = FormatRedisConf(*setting, now);
  std::string out = RewriteRedisConf(text, changes);
  auto reread = OptionsOf(out);
  if (!reread.ok()) return Unexpected{reread.error()};
  // An included file may have the last word on a setting; said at the end of this one, it has not.
  std::erase_if(changes,
                [&](const auto& change) { return SameValue(*change.first, now, *reread); });
  return changes.empty() ? out : RewriteRedisConf(out, changes, true);
}

StatusOr<std::string> ConfigStore::RewrittenToml(const std::string& text, const Options& now,
                                                 std::span<const Setting* const> settings) const {
  TomlChanges changes;
  for (const Setting* setting : settings) changes[setting] = FormatToml(*setting, now);
  return RewriteTomlConfig(text, config_file_, changes);
}

StatusOr<std::string> ConfigStore::RewrittenText(const Options& now) const {
  auto text = files_.Read(config_file_);
  if (!text.ok()) return Unexpected{text.error()};
  auto in_file = OptionsOf(*text);
  if (!in_file.ok()) return Unexpected{in_file.error()};
  std::vector<const Setting*> settings = ToRewrite(now, *in_file);
  auto out = form_ == ConfigForm::kToml ? RewrittenToml(*text, now, settings)
                                        : RewrittenRedisConf(*text, now, settings);
  if (!out.ok()) return out;
  auto reread = OptionsOf(*out);
  if (!reread.ok()) return Unexpected{reread.error()};
  for (const Setting* setting : settings) {
    if (SameValue(*setting, now, *reread)) continue;
    return Unexpected{
        Status::Error("cannot write " + std::string(setting->name) + " so that it reads back")};
  }
  return out;
}

Status ConfigStore::Rewrite() {
  if (config_file_.empty()) return Status::Error("ERR The server is running without a config file");
  MutexLock writing(writing_);
  const Options now = Snapshot();
  auto text = RewrittenText(now);
  Status status = text.ok() ? files_.Replace(config_file_, *text) : text.error();
  if (!status.ok())
    return Status::Error("ERR Rewriting config file: " + status.message(), status.error_number());
  MutexLock lock(mutex_);
  for (auto& [setting, origin] : origins_) {
    if (origin == Origin::kRuntime) origin = Origin::kFile;
  }
  return Status::Ok();
}

}  // namespace terrace::config
