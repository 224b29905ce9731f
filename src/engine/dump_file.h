// All databases as one RDB file, and back (rdb/file_writer.h, rdb/file_reader.h).
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "engine/databases.h"
#include "engine/unit.h"
#include "rdb/file_reader.h"

namespace terrace::engine {

/// What the eviction policy in force has a file remember of a key's past.
enum class KeptAccess : uint8_t { kNone, kIdle, kFrequency };

/// The version of RDB a reader of all keys must know. In an exclusive section.
uint16_t RdbVersionFor(const Databases& databases);

/// Writes every key of the unit's databases, as they are at its time. In an exclusive section. The caller ends the
/// file; an error names a key whose value cannot be read.
Status WriteDump(const Unit& unit, KeptAccess kept, rdb::FileWriter& writer);

/// The keyspaces that a file describes, built beside those in use: a file that turns out to be damaged in its last byte
/// has changed nothing.
class DumpLoader final : public rdb::FileTaker {
 public:
  /// Keys whose deadline has passed are left out, as by a server that is nobody's follower. `unit` names the databases, the
  /// settings, the time and the participant, which stays in (or holds the exclusive section) while this loads.
  explicit DumpLoader(Unit& unit);

  Status TakeDatabase(uint64_t db) override;
  Status TakeKey(Bytes key, const rdb::KeyFacts& facts,
                 const rdb::PayloadBody& body) override TERRACE_NO_THREAD_SAFETY_ANALYSIS;
  Status TakeFunctions(Bytes source) override;

  /// The keyspace of database `db` as the file has it, to be put in the place of the one in use.
  std::unique_ptr<Keyspace> Take(unsigned db);

  /// In an exclusive section, instead of Take: adds what was loaded to the databases in use. A key that is there already
  /// is replaced, or, unless `replace`, reported before anything is changed.
  Status AddTo(bool replace);

 private:
  Keyspace& Loading(unsigned db);
  void Grow(Keyspace& keyspace);

  Unit& unit_;
  Databases& databases_;
  std::vector<std::unique_ptr<Keyspace>> loaded_;
  unsigned db_ = 0;
};

}  // namespace terrace::engine
