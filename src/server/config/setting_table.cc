#include "server/config/setting_table.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/ascii.h"

namespace terrace::config {
namespace {

struct Topic {
  std::string_view section;
  std::span<const Setting> (*rows)();
};

constexpr Topic kTopics[] = {
    {"network", NetworkSettings},
    {"clients", ClientSettings},
    {"security", SecuritySettings},
    {"memory", MemorySettings},
    {"keyspace", KeyspaceSettings},
    {"latency", LatencySettings},
    {"encoding", EncodingSettings},
    {"log", LogSettings},
    {"process", ProcessSettings},
    {"persistence", PersistenceSettings},
    {"replication", ReplicationSettings},
    {"cluster", ClusterSettings},
    {"tls", TlsSettings},
    {"scripting", ScriptingSettings},
    {"debug", DebugSettings},
};

/// The form in which names are compared: lower case; with `underscores` also '-' and '_' alike.
std::string Folded(Bytes name, bool underscores) {
  std::string folded(name);
  for (char& c : folded) {
    c = ToLower(c);
    if (underscores && c == '-') c = '_';
  }
  return folded;
}

struct Table {
  std::vector<Setting> settings;
  std::map<std::string, const Setting*, std::less<>> by_name;
  std::map<std::string, const Setting*, std::less<>> by_toml_key;
  // What may be suggested to somebody who mistyped.
  std::vector<std::string> names;
  std::vector<std::string> toml_keys;
};

Table BuildTable() {
  Table table;
  for (const Topic& topic : kTopics) {
    for (const Setting& row : topic.rows()) {
      table.settings.push_back(row);
      table.settings.back().section = topic.section;
    }
  }
  for (const Setting& setting : table.settings) {
    table.by_name.emplace(setting.name, &setting);
    if (!setting.alias.empty()) table.by_name.emplace(setting.alias, &setting);
    table.by_toml_key.emplace(TomlKey(setting), &setting);
  }
  for (const auto& [name, setting] : table.by_name) {
    if (!setting->Has(kHidden)) table.names.push_back(name);
  }
  for (const auto& [key, setting] : table.by_toml_key) {
    if (!setting->Has(kHidden)) table.toml_keys.push_back(key);
  }
  return table;
}

const Table& TheTable() {
  static const Table table = BuildTable();
  return table;
}

/// Insertions, deletions and replacements that turn one word into the other.
size_t EditDistance(Bytes source, Bytes target) {
  std::vector<size_t> row(target.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= source.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= target.size(); ++j) {
      size_t above = row[j];
      size_t replaced = diagonal + (source[i - 1] == target[j - 1] ? 0 : 1);
      row[j] = std::min({above + 1, row[j - 1] + 1, replaced});
      diagonal = above;
    }
  }
  return row.back();
}

std::string Suggestion(Bytes name, std::span<const std::string> candidates) {
  std::string nearest = NearestName(name, candidates);
  return nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?";
}

}  // namespace

std::span<const Setting> AllSettings() { return TheTable().settings; }

const Setting* FindSetting(Bytes name) {
  const Table& table = TheTable();
  auto found = table.by_name.find(Folded(name, false));
  return found == table.by_name.end() ? nullptr : found->second;
}

const Setting* FindTomlSetting(Bytes section, Bytes key) {
  const Table& table = TheTable();
  auto found = table.by_toml_key.find(Folded(section, true) + "." + Folded(key, true));
  return found == table.by_toml_key.end() ? nullptr : found->second;
}

bool IsSection(Bytes section) {
  return std::any_of(std::begin(kTopics), std::end(kTopics),
                     [&](const Topic& topic) { return topic.section == section; });
}

std::string TomlKey(const Setting& setting) {
  return std::string(setting.section) + "." + Folded(setting.name, true);
}

std::string NearestName(Bytes name, std::span<const std::string> candidates) {
  constexpr size_t kNameBytesMax = 100;  // longer than any name; bounds the work on hostile input
  if (name.size() > kNameBytesMax) return "";
  std::string wanted = Folded(name, false);
  std::string nearest;
  size_t fewest = 2 + wanted.size() / 5;  // one slip in five letters is still a typing mistake
  for (const std::string& candidate : candidates) {
    size_t lengths_apart =
        std::max(wanted.size(), candidate.size()) - std::min(wanted.size(), candidate.size());
    if (lengths_apart > fewest) continue;
    size_t distance = EditDistance(wanted, candidate);
    if (distance < fewest || (distance == fewest && nearest.empty())) {
      fewest = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string DidYouMean(Bytes name) { return Suggestion(name, TheTable().names); }

std::string DidYouMeanToml(Bytes key) {
  const std::vector<std::string>& candidates = TheTable().toml_keys;
  std::string wanted = Folded(key, true);
  // The right key in the wrong table is the commonest mistake and far away in letters.
  std::string ending = "." + wanted.substr(wanted.rfind('.') + 1);
  for (const std::string& candidate : candidates) {
    if (candidate.ends_with(ending)) return "; did you mean \"" + candidate + "\"?";
  }
  return Suggestion(wanted, candidates);
}

}  // namespace terrace::config
