// AofManifest: which files a Redis append only directory consists of. One line for each:
//
//   file appendonly.aof.1.base.rdb seq 1 type b      the data once, as RDB or as commands; at most one
//   file appendonly.aof.1.incr.aof seq 1 type i      the commands since, in this order
//   file appendonly.aof.0.incr.aof seq 0 type h      no longer needed
//
// A name with blanks stands in quotes. Lines that begin with '#' say nothing.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace terrace::server {

struct AofManifest {
  std::string base;  // empty: none
  std::vector<std::string> increments;
};

/// Names, not paths. An error names the line.
StatusOr<AofManifest> ParseAofManifest(Bytes text);

}  // namespace terrace::server
