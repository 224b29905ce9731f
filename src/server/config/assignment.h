// Assignment: one "name = value" that somebody wrote somewhere. Every reader (redis.conf, TOML, environment,
// command line) turns its text into assignments; here they are checked and put into Options.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "server/config/setting.h"

namespace terrace::config {

/// Where a value came from; a later one wins.
enum class Origin : uint8_t { kDefault, kFile, kEnvironment, kFlag, kRuntime };
/// "default", "file", "environment", "flag", "runtime".
std::string_view OriginName(Origin origin);

struct Assignment {
  const Setting* setting;
  Words words;
  std::string label;  ///< the name as it was written
  std::string place;  ///< "redis.conf:12", "terrace.toml:3:8", "command line"
};

/// What a reader made of its text.
struct Reading {
  std::vector<Assignment> assignments;
  std::vector<std::string> warnings;
};

/// What becomes of a name nobody knows.
enum class UnknownNames : uint8_t { kRefuse, kWarn };

/// Notes an unknown name as a warning, or returns it as the error that it is. `hint` comes from DidYouMean.
Status OnUnknownName(UnknownNames policy, const std::string& place, Bytes name,
                     const std::string& hint, Reading& reading);

/// "redis.conf:3: port is "x", but it must be an integer between 0 and 65535"; a sensitive value is not
/// repeated.
std::string Complaint(const Assignment& assignment, const std::string& allowed);

/// Where the value that counts was written.
struct Provenance {
  Origin origin = Origin::kDefault;
  std::string place;
};
using Provenances = std::map<const Setting*, Provenance>;

/// Puts the assignments of one source into `options`. Of several lines for one setting the last counts,
/// except for settings with a line per item, whose lines add up; the first of a source replaces what sources
/// before it said.
Status ApplyAssignments(std::span<const Assignment> assignments, Origin origin, Options& options,
                        Provenances& provenances);

/// Why a start with these options would not do what they say: an error for the first refused setting, else
/// one warning for each setting that differs from its default without having an effect.
Status CheckStates(const Options& options, const Provenances& provenances,
                   std::vector<std::string>& warnings);

}  // namespace terrace::config
