// The setting table: every setting there is, by Redis' name, in the order of the sample file.
//
// To add a setting: a field in options.h, a row in the topic's settings_*.cc, and `terrace-server
// --sample-config > conf/terrace.toml`. To give an accepted or refused setting its effect: change `.state` in
// its row, nowhere else.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "server/config/setting.h"

namespace terrace::config {

/// All rows, section by section.
std::span<const Setting> AllSettings();

/// The setting of that name or alias, whatever the case; null if there is none.
const Setting* FindSetting(Bytes name);

/// The setting of a TOML key, e.g. ("network", "tcp_backlog"); dashes count as underscores.
const Setting* FindTomlSetting(Bytes section, Bytes key);

/// Whether any setting stands in that TOML table.
bool IsSection(Bytes section);

/// "network.tcp_backlog".
std::string TomlKey(const Setting& setting);

/// The candidate that takes the fewest edits to become `name`, if it takes few enough to be a typing mistake;
/// else "".
std::string NearestName(Bytes name, std::span<const std::string> candidates);

/// `; did you mean "port"?` for a name nobody knows, or "".
std::string DidYouMean(Bytes name);
/// The same over TOML keys.
std::string DidYouMeanToml(Bytes key);

// One function per topic file.
std::span<const Setting> NetworkSettings();
std::span<const Setting> ClientSettings();
std::span<const Setting> SecuritySettings();
std::span<const Setting> MemorySettings();
std::span<const Setting> KeyspaceSettings();
std::span<const Setting> LatencySettings();
std::span<const Setting> EncodingSettings();
std::span<const Setting> LogSettings();
std::span<const Setting> ProcessSettings();
std::span<const Setting> PersistenceSettings();
std::span<const Setting> ReplicationSettings();
std::span<const Setting> ClusterSettings();
std::span<const Setting> TlsSettings();
std::span<const Setting> ScriptingSettings();
std::span<const Setting> DebugSettings();

}  // namespace terrace::config
