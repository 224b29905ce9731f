#pragma once

#include <string>

namespace terrace::config {

/// conf/terrace.toml: every setting of the table, commented out at its default, with one line of why each.
std::string SampleToml();

}  // namespace terrace::config
