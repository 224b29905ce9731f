// The RDB file on disk: written beside its name and renamed when it is whole, so that the file of that name is always a
// whole one.
#pragma once

#include <string>

#include "base/status.h"
#include "engine/dump_file.h"

namespace terrace::server {

/// In an exclusive section. On failure the file that was there is as it was.
Status SaveDump(const std::string& path, const engine::Unit& unit, engine::KeptAccess kept);

/// Reads a whole file.
Status LoadDump(const std::string& path, rdb::FileTaker& taker);

}  // namespace terrace::server
