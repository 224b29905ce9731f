// ImportSource: what of a Redis' files becomes the data of a server that has none of its own yet:
//
//   --import FILE                        whatever it is; refused if there are data already
//   appendonly yes, and no data so far   dir/appenddirname/appendfilename.manifest
//                                        or dir/appendfilename, as Redis 6 has it
//                                        or dir/dbfilename
//   appendonly no                        dir/dbfilename
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "server/config/options.h"
#include "server/data_directory.h"

namespace terrace::server {

struct ImportSource {
  enum class Form {
    kDump,      // an RDB file
    kLog,       // an append only file, which may begin with an RDB file
    kManifest,  // of a directory of such files
  };
  Form form = Form::kDump;
  std::string path;
};

/// None: there is nothing to import, or data that come first. `import_file` is what --import said, empty: nothing. `data`
/// may be nullptr.
StatusOr<std::optional<ImportSource>> FindImport(const config::Options& options,
                                                 const std::string& import_file,
                                                 const DataDirectory* data);

}  // namespace terrace::server
