// A key by name, to be locked: what a command's key is for an executor.
#pragma once

#include "engine/databases.h"
#include "engine/key_locks.h"

namespace terrace::testing {

/// CONTRACT: `key` outlives it.
inline engine::KeyRef RefOf(engine::Databases& databases, unsigned db, Bytes key) {
  engine::KeyRef ref;
  ref.key = key;
  ref.hash = databases.HashOf(key);
  ref.keyspace = &databases.Get(db);
  ref.db = db;
  return ref;
}

}  // namespace terrace::testing
