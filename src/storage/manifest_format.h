// The manifest: which tables make up the database, and up to where in the log they do.
//
// One whole file, replaced by a durable rename. Why not a log of edits: an install happens once a checkpoint or compaction,
// some seconds apart at the least, and syncs whole tables anyway; a thousand tables are 80 KB. In exchange there is no torn
// tail to tell from damage, no rewriting of a log that has grown, no second file that says which log is meant, and after a
// failed write the old file is simply still there.
//
//   manifest   0  magic       8  "TRCMAN\0\1"
//              8  version     4
//             12  crc         4  crc32c of all other bytes of the file
//             16  size        8  of the whole file
//             24  generation  8  how many manifests there have been
//             32  directory  16  id of the data directory; files from elsewhere do not belong here
//             48  hash key   16  secret; it orders everything, so it cannot change while there are tables
//             64  next file   8  number of the next table
//             72  next space  4
//             76  selected    4  database the stream had selected at the checkpoint; 0xffffffff: none
//             80  checkpoint  8  S: the tables hold all that the log did before this offset
//             88  history    40  id of the stream's history at S,
//            128  second     40  the one before that, valid up to
//            168  up to       8  this offset; 0xffff...: there is none
//            176  tables      4  how many of each follow, in this order
//            180  databases   4
//            184  dropped     4
//            188  zero        4
//
//   table      0  number      8                   database  0  number  4  of SELECT
//              8  size        8  of the file                 4  space   4
//             16  run         8
//             24  records     8                   dropped   0  space   4
//             32  tombstones  8
//             40  smallest   12  space, hash
//             52  largest    12
//             64  log offset  8
//             72  dead bytes  8
//
// All numbers are little-endian.
//
// Invariants
//   M1  Table numbers ascend, and are below `next file`: a number names one table for ever.
//   M2  Of two records of a key the one in the higher run counts. Tables of one run have no position in common.
//   M3  Every space is below `next space`, and belongs to one database or is dropped: what tables still hold of a dropped
//       one is dead. A database without a space is empty, and gets one when it is first written.
//   M4  A manifest is valid iff magic, version, size and crc are right and M1 to M3 hold. There is no other to fall back on:
//       an older one's tables may be gone, and the log since then is not behind it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/siphash.h"
#include "base/status.h"
#include "storage/history_id.h"
#include "storage/table_format.h"

namespace terrace::storage {

constexpr uint32_t kManifestVersion = 1;
constexpr Bytes kManifestMagic{"TRCMAN\0\1", 8};
constexpr size_t kManifestHeadBytes = 192;
constexpr size_t kManifestTableBytes = 80;
constexpr size_t kManifestCrcAt = 12;
// Far more than a directory of files is good for. It bounds what a reader takes into memory.
constexpr size_t kManifestTablesMax = 1'000'000;
constexpr uint64_t kManifestBytesMax = 128 * kMiB;
constexpr uint32_t kNoDatabase = UINT32_MAX;
constexpr uint64_t kNoOffset = UINT64_MAX;

struct TableEntry {
  uint64_t number = 0;
  uint64_t file_bytes = 0;
  uint64_t run = 0;
  uint64_t records = 0;
  uint64_t tombstones = 0;
  Position smallest;
  Position largest;
  uint64_t log_offset = 0;
  uint64_t dead_bytes = 0;  // an estimate of what newer tables have overwritten
  bool operator==(const TableEntry&) const = default;

  static TableEntry Of(const TableFacts& facts, uint64_t run);
};

/// Where in the stream the checkpoint was cut, and what one must know to go on from there.
struct CheckpointMark {
  uint64_t log_offset = 0;
  uint32_t selected_db = kNoDatabase;
  std::string history = std::string(kHistoryIdBytes, '0');
  std::string second_history = std::string(kHistoryIdBytes, '0');
  uint64_t second_history_end = kNoOffset;
  bool operator==(const CheckpointMark&) const = default;
};

struct DatabaseSpace {
  uint32_t database = 0;
  uint32_t space = 0;
  bool operator==(const DatabaseSpace&) const = default;
};

using DirectoryId = std::array<uint8_t, 16>;

struct ManifestState {
  uint64_t generation = 0;
  DirectoryId directory_id = {};
  HashKey hash_key;
  uint64_t next_file_number = 1;
  uint32_t next_space = 0;
  CheckpointMark checkpoint;
  std::vector<TableEntry> tables;        // by number
  std::vector<DatabaseSpace> databases;  // by database
  std::vector<uint32_t> dropped_spaces;  // ascending
};
bool operator==(const ManifestState& a, const ManifestState& b);

/// Ok if M1 to M3 hold and all of it can be written.
Status CheckManifest(const ManifestState& state);

/// CONTRACT: CheckManifest is content.
std::string EncodeManifest(const ManifestState& state);
/// An error says "offset n: what".
StatusOr<ManifestState> DecodeManifest(Bytes file);
/// The checksum that belongs into `file`, which has a whole head.
uint32_t ManifestCrc(Bytes file);

}  // namespace terrace::storage
