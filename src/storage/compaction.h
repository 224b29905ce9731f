// Compaction: tables that overlap become one run, without what newer records hide, tombstones, and dropped spaces. Every run
// more is one more table to look into, and what is overwritten or dropped takes space until it is left behind here. Of a group
// the newest runs may be merged alone; then tombstones stay, as older runs may have what they hide.
//
//   run 3    [ table ][ table ][   table   ]          tables end at the bounds of parts of hash space (RunWriter), so most
//   run 2    [ table ][ table ][   table   ]          groups are one part wide: what is read, written and needed of the disk
//   run 1    [ table ][      table         ]          at a time stays small
//            '-------''--------------------'
//              group          group
//
// Threads: any, beside checkpoints; one compaction of a directory at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/status.h"
#include "env/file_system.h"
#include "storage/manifest.h"

namespace terrace::storage {

/// Tables that must be compacted together, since their ranges overlap.
struct TableGroup {
  std::vector<TableEntry> tables;
  size_t runs = 0;
  uint64_t bytes = 0;
  uint64_t dead_bytes = 0;
  bool has_oldest = true;  // no older table overlaps it
};
/// All tables, in groups by position.
std::vector<TableGroup> GroupsOf(const ManifestState& state);

/// The most runs that overlap somewhere.
size_t MostRuns(const ManifestState& state);
/// The tables of the group's newest runs that are about of a size: at least `runs_min` of them, and on as long as the next one is
/// no larger than all that are taken already. So what is large is written again only when much has come, and a run takes
/// part in few merges: their number grows with the logarithm of the data's size.
TableGroup NewestRuns(const TableGroup& group, size_t runs_min);

/// RunWriter's partition_bits for so many bytes of tables: parts of 128 to 256 MiB, at most 256 of them.
unsigned PartitionBitsFor(uint64_t table_bytes);

struct CompactionOptions {
  uint64_t table_bytes_max = 256 * kMiB;
  unsigned partition_bits = 0;
  /// Asked now and then, with the bytes that were written so far. May take its time, so that the disk is left to others;
  /// false ends the compaction, which is an error then and has changed nothing.
  std::function<bool(uint64_t bytes)> go_on = {};
};

struct CompactionStats {
  uint64_t tables_before = 0;
  uint64_t bytes_before = 0;
  uint64_t tables = 0;
  uint64_t bytes = 0;
  uint64_t records = 0;
};

/// How many runs the tables make up.
size_t CountRuns(const ManifestState& state);

/// `group`: one of GroupsOf, of tables that are in force, or NewestRuns of one. An error leaves the tables in force that were. Files that nobody
/// needs afterwards are the caller's to remove (Manifest::RemoveUnknownFiles), either way.
StatusOr<CompactionStats> CompactGroup(FileSystem& files, Manifest& manifest,
                                       const TableGroup& group,
                                       const CompactionOptions& options = {});
/// All tables as one group.
StatusOr<CompactionStats> CompactAll(FileSystem& files, Manifest& manifest,
                                     const CompactionOptions& options = {});

/// Takes out the tables in which only dropped spaces have records, and the dropped spaces that no table can have.
void ForgetDeadSpaces(ManifestState* state);

}  // namespace terrace::storage
