// Carries settings from the configuration to those who read them on every command: at start, and whenever CONFIG SET
// changes one.
#pragma once

#include "server/parts.h"

namespace terrace::server {

/// Copies every effective setting into the parts that read it.
void ApplySettings(const config::Options& options, Parts& parts);
/// Applies them again whenever one changes.
void FollowSettings(Parts& parts);

}  // namespace terrace::server
