// redis.conf: "name word word ...", one setting a line, '#' comments, quotes, and `include`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "server/config/assignment.h"
#include "server/config/config_files.h"

namespace terrace::config {

/// The words of a line: parted by blanks; "..." knows \n \r \t \a \b \xHH and \-anything, '...' only \'; a
/// closing quote is followed by a blank or the end. Empty if a quote is not closed.
std::optional<Words> SplitRedisWords(Bytes line);

/// Reads the text of a file called `file_name`. Included files are read where they are named; relative paths
/// are seen from the directory the server was started in, as Redis does.
StatusOr<Reading> ReadRedisConf(Bytes text, const std::string& file_name, UnknownNames unknown,
                                const ConfigFiles& files);

/// The lines that a setting is to have from now on.
using RedisConfChanges = std::map<const Setting*, std::vector<std::string>>;

/// The text with the settings of `changes` changed and everything else, comments and order too, as it was.
/// The lines of a setting go where its first line was, or, `append`ed, to the end under a marker.
std::string RewriteRedisConf(Bytes text, const RedisConfChanges& changes, bool append_all = false);

}  // namespace terrace::config
