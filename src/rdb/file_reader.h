// Reads an RDB file of any version from 1 to 12, as a stock server or FileWriter wrote it. The file may be damaged or come
// from an attacker: nothing is believed before it has been checked, and what is wrong is said with its offset.
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "rdb/dump_payload.h"
#include "rdb/file_writer.h"

namespace terrace::rdb {

/// Takes what a file holds as it is read. Views are good during the call. A failure ends the reading, and comes back with
/// the offset in front.
class FileTaker {
 public:
  virtual ~FileTaker() = default;

  /// Keys that follow are of this database.
  virtual Status TakeDatabase(uint64_t db) = 0;
  virtual Status TakeKey(Bytes key, const KeyFacts& facts, const PayloadBody& body) = 0;
  /// A library of functions, as its source.
  virtual Status TakeFunctions(Bytes source) = 0;
  /// What a module keeps beside its keys; nobody without the module can tell what it means.
  virtual Status TakeModuleData(Bytes module) = 0;
  /// How many keys of the database are to come: a hint, and nothing says that it is right.
  virtual void TakeSize(uint64_t /*keys*/) {}
};

/// CONTRACT: `file` begins with an RDB file; `*length`, if it is wanted, is where that ends. What was taken before a failure
/// is worth nothing: that goes for a wrong checksum, which is found last.
Status ReadFile(Bytes file, FileTaker& taker, size_t* length = nullptr);

}  // namespace terrace::rdb
