// CheckpointLoader: the databases as the tables in force have them. What the log has brought since then is applied behind it,
// from the offset of ManifestState::checkpoint on.
//
// Values come into memory or stay away (engine/residency.h) but for those that lie beside their keys, and hashes whose fields
// have deadlines: the first of these is in the entry. Keys whose deadline has passed come, too: the log that follows may still name them, and
// whoever leads deletes them with a DEL of its own.
//
// Threads: LoadPart by any, each another part; nobody else changes the databases meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "engine/databases.h"
#include "env/file_system.h"
#include "storage/manifest.h"
#include "storage/table_reader.h"
#include "types/encoding_limits.h"

namespace terrace::engine {

/// Whether a loader brings values, too.
enum class LoadValues : uint8_t { kAll, kNone };

class CheckpointLoader {
 public:
  /// `databases` are empty and were made with the manifest's hash key; they get their spaces here. All outlive the loader.
  static StatusOr<std::unique_ptr<CheckpointLoader>> Open(FileSystem& files,
                                                          const storage::Manifest& manifest,
                                                          Databases& databases,
                                                          const types::EncodingLimits& limits,
                                                          LoadValues values = LoadValues::kAll);

  /// Before LoadPart: told of so many more keys, on the thread that has them, which is out; false: nobody wants them any more.
  void set_go_on(std::function<bool(uint64_t keys)> go_on) { go_on_ = std::move(go_on); }

  /// Every key of part `part` of `parts` equal ranges of hash space. The caller is out. An error names file and offset;
  /// then what has been loaded is good for nothing.
  Status LoadPart(unsigned part, unsigned parts, Participant& self);

  /// Where the log goes on behind these tables.
  uint64_t log_offset() const { return log_offset_; }
  uint64_t keys() const { return keys_.load(std::memory_order_relaxed); }
  /// Of keys and values that were read, as they lie in tables.
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  /// The earliest deadline there is, UINT64_MAX without any: when somebody has to look.
  uint64_t next_due_ms() const { return next_due_ms_.load(std::memory_order_relaxed); }

 private:
  class Part;

  CheckpointLoader(Databases& databases, const types::EncodingLimits& limits, LoadValues values)
      : databases_(databases), limits_(limits), load_values_(values) {}

  Databases& databases_;
  const types::EncodingLimits& limits_;
  const LoadValues load_values_;
  std::function<bool(uint64_t keys)> go_on_;
  uint64_t log_offset_ = 0;
  std::vector<storage::DatabaseSpace> spaces_;
  std::vector<std::unique_ptr<storage::TableReader>> readers_;
  std::vector<const storage::TableReader*> tables_;  // newest first
  std::atomic<uint64_t> keys_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> next_due_ms_{UINT64_MAX};
};

}  // namespace terrace::engine
