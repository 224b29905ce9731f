// A keyspace takes another's place under a database's number. Watches, and the clients that wait, stay with the number and
// not with the keyspace that moves. All of it in exclusive sections.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/databases.h"

namespace terrace::exec {

/// The keyspace `gone` is replaced by `comes` (nullptr: by nothing) under the watches on its keys. A watch breaks if its
/// key was there or will be, but for keys that are due: that one such key goes, comes or is exchanged for another is no
/// change.
void BreakWatches(engine::Keyspace& gone, engine::Keyspace* comes, uint64_t now_ms);

/// Watches and waiting clients of the keys of `from` are those of `to` from now on.
void MoveInterest(engine::Keyspace& from, engine::Keyspace& to);

/// `comes` becomes database `db`; what was there is freed once nobody can hold a pointer into it.
void ReplaceKeyspace(engine::Databases& databases, unsigned db,
                     std::unique_ptr<engine::Keyspace> comes, uint64_t now_ms);

}  // namespace terrace::exec
