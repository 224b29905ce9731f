// Compaction: all tables become one run, without what newer records hide, tombstones, and dropped spaces. Every run more
// is one more table to look into, and what is overwritten or dropped takes space until it is left behind here.
//
// It reads and writes all there is: simple, and enough as long as that is done seldom (runs_max). To do it a range of hash
// space at a time is what tables were sorted and split for.
//
// Threads: any, beside checkpoints; one compaction of a directory at a time.
#pragma once

#include <cstdint>
#include <functional>

#include "base/status.h"
#include "env/file_system.h"
#include "storage/manifest.h"

namespace terrace::storage {

struct CompactionOptions {
  uint64_t table_bytes_max = 256 * kMiB;
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

/// An error leaves the tables in force that were. Files that nobody needs afterwards are the caller's to remove
/// (Manifest::RemoveUnknownFiles), either way.
StatusOr<CompactionStats> CompactAll(FileSystem& files, Manifest& manifest,
                                     const CompactionOptions& options = {});

/// Takes out the tables in which only dropped spaces have records, and the dropped spaces that no table can have.
void ForgetDeadSpaces(ManifestState* state);

}  // namespace terrace::storage
