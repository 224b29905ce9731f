// terrace.toml: our own form, [section] key = value with TOML's types.
#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "server/config/assignment.h"

namespace terrace::config {

/// Reads the text of a file called `file_name`. A value of the wrong TOML type is refused here, with line and
/// column.
StatusOr<Reading> ReadTomlConfig(Bytes text, const std::string& file_name, UnknownNames unknown);

/// What each setting is to say from now on: the text behind '='.
using TomlChanges = std::map<const Setting*, std::string>;

/// The text with the values of `changes` changed in place and everything else as it was. A key that is not
/// there yet is added to its table, under a marker. The result reads back as asked, or there is an error.
StatusOr<std::string> RewriteTomlConfig(Bytes text, const std::string& file_name,
                                        const TomlChanges& changes);

}  // namespace terrace::config
