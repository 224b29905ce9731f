// Which folder of src/ may include which: the picture of docs/ARCHITECTURE.md as a table that a test can
// read.
//
// A reader can stop at a folder's edge only while the arrows point down. When this test speaks, the usual
// answer is that a type wants to move to a lower folder; if the arrow is really right, change the table below
// and say why in the commit.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace terrace::layering {

/// From a folder to the folders it may include, apart from itself and what everybody may include.
using Table = std::map<std::string, std::set<std::string>, std::less<>>;

/// Small tools and the door to clock, disk and entropy: open to every folder above them.
inline const std::set<std::string> kOpenToAll = {"base", "env"};

inline const Table kAllowed = {
    {"base", {}},
    {"env", {"base"}},
    {"types", {}},
    {"resp", {}},
    {"pubsub", {}},
    {"net", {}},
    {"storage", {}},
    {"rdb", {"types"}},
    {"engine", {"storage", "rdb", "types"}},
    {"commands", {"engine", "resp", "pubsub", "rdb", "types"}},
    {"exec", {"commands", "engine", "pubsub", "resp"}},
    {"http", {"exec", "net"}},
    {"replication", {"exec", "engine", "storage", "rdb", "net"}},
    {"server",
     {"types", "resp", "pubsub", "net", "storage", "rdb", "engine", "commands", "exec", "http",
      "replication"}},
    {"tools",
     {"types", "resp", "pubsub", "net", "storage", "rdb", "engine", "commands", "exec", "http",
      "replication", "server"}},
};

/// The names in the #include lines of `text`, in order: `engine/shard.h`, `uv.h`, `string`.
std::vector<std::string> IncludedNames(std::string_view text);

/// What `path` (relative to the checkout: src/engine/shard.h, include/terrace/options.h) may not include, one
/// sentence per line.
std::vector<std::string> Objections(std::string_view path, std::string_view text);

/// The objections to every .h and .cc under src/ and include/ of the checkout; `files_read` counts them.
std::vector<std::string> CheckTree(const std::filesystem::path& checkout, size_t* files_read);

}  // namespace terrace::layering
