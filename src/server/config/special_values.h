// Values with a grammar of their own: how each is read from words and written back. One SpecialField for
// each.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/status.h"
#include "server/config/setting.h"

namespace terrace::config {

/// "100", "64k" (1000s), "64kb" (1024s), m, mb, g, gb and b in any case; nothing else, and no overflow.
std::optional<uint64_t> ParseMemory(Bytes text);
/// The shortest such text: "64mb", "1000".
std::string FormatMemory(uint64_t bytes);

SpecialField BindField();
SpecialField OutputBufferLimitField();
SpecialField MaxmemoryClientsField();
SpecialField PercentilesField();
SpecialField OomScoreAdjValuesField();
SpecialField SaveField();
SpecialField ReplicaOfField();
SpecialField ShutdownOnSigintField();
SpecialField ShutdownOnSigtermField();
SpecialField UserField();
SpecialField RenameCommandField();
SpecialField LoadmoduleField();

// For StringField::normalize.
Status NormalizeNotifyEvents(std::string& text);
Status CheckProcTitle(std::string& text);
Status CheckHostname(std::string& text);
Status CheckFileName(std::string& text);

}  // namespace terrace::config
