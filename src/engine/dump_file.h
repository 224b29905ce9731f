// All databases as one RDB file, and back (rdb/file_writer.h, rdb/file_reader.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "engine/databases.h"
#include "engine/unit.h"
#include "rdb/file_reader.h"

namespace terrace::engine {

/// What the eviction policy in force has a file remember of a key's past.
enum class KeptAccess : uint8_t { kNone, kIdle, kFrequency };

/// The version of RDB a reader of all keys must know; the caller is in, or has the exclusive section.
uint16_t RdbVersionFor(const Databases& databases);

/// What a file says of a key besides its value; `access` is its clock at `now_ms`.
rdb::KeyFacts FactsOf(uint64_t deadline_ms, uint32_t access, KeptAccess kept, uint64_t now_ms,
                      const LfuSettings& lfu);

/// Writes every key of the unit's databases, as they are at its time. In an exclusive section. The caller ends the
/// file; an error names a key whose value cannot be read.
Status WriteDump(const Unit& unit, KeptAccess kept, rdb::FileWriter& writer);

/// Keys whose deadline has passed: a server that is nobody's follower leaves them out, but not where commands follow that
/// were run on them.
enum class DueKeys : uint8_t { kLeaveOut, kKeep };

/// The keyspaces that a file describes, built beside those in use: a file that turns out to be damaged in its last byte
/// has changed nothing.
class DumpLoader final : public rdb::FileTaker {
 public:
  /// `unit` names the databases, the settings, the time and the participant, which is in (or holds the exclusive section)
  /// whenever a key is taken.
  explicit DumpLoader(Unit& unit, DueKeys due = DueKeys::kLeaveOut);

  Status TakeDatabase(uint64_t db) override;
  Status TakeKey(Bytes key, const rdb::KeyFacts& facts,
                 const rdb::PayloadBody& body) override TERRACE_NO_THREAD_SAFETY_ANALYSIS;
  Status TakeFunctions(Bytes source) override;
  Status TakeModuleData(Bytes module) override;
  void TakeSize(uint64_t keys) override { expected_ = keys; }

  uint64_t keys() const { return keys_; }
  /// Due keys that were left out.
  uint64_t keys_due() const { return keys_due_; }
  /// The modules whose data (other than keys, which are an error) were left out.
  const std::vector<std::string>& modules() const { return modules_; }

  /// The keyspace of database `db` as the file has it, to be put in the place of the one in use.
  std::unique_ptr<Keyspace> Take(unsigned db);

  /// In an exclusive section, instead of Take: adds what was loaded to the databases in use. A key that is there already
  /// is replaced, or, unless `replace`, reported before anything is changed.
  Status AddTo(bool replace);

 private:
  Keyspace& Loading(unsigned db);
  void Grow(Keyspace& keyspace);

  Unit& unit_;
  const DueKeys due_;
  Databases& databases_;
  std::vector<std::unique_ptr<Keyspace>> loaded_;
  unsigned db_ = 0;
  uint64_t expected_ = 0;  // keys of the database, as the file says
  uint64_t keys_ = 0;
  uint64_t keys_due_ = 0;
  std::vector<std::string> modules_;
};

}  // namespace terrace::engine
