// Topic: persistence.
#include "server/config/setting_table.h"
#include "server/config/special_values.h"

namespace terrace::config {
namespace {

constexpr EnumName kAppendfsync[] = {Named("everysec", Appendfsync::kEverySecond),
                                     Named("always", Appendfsync::kAlways),
                                     Named("no", Appendfsync::kNo)};

constexpr EnumName kStorageMode[] = {Named("memory", StorageMode::kMemory),
                                     Named("database", StorageMode::kDatabase)};

constexpr std::string_view kNoSnapshots =
    "this version writes no RDB files; appendonly keeps every change";

Setting NotYet(std::string_view name, Field field, std::string_view why, uint32_t flags = 0) {
  return {.name = name,
          .field = field,
          .why = why,
          .flags = flags,
          .state = State::kAcceptedWithoutEffect,
          .reason = kNoSnapshots};
}

}  // namespace

std::span<const Setting> PersistenceSettings() {
  static const Setting rows[] = {
      {.name = "appendonly",
       .field = BoolField{&Options::appendonly},
       .why =
           "Write every change to a log on disk, in `dir`/terrace-data; a restart brings it back. "
           "CONFIG SET is for the next start."},
      NotYet("save", SaveField(), "Write a snapshot after so many seconds with so many changes."),
      NotYet("dbfilename", StringField{&Options::dbfilename, CheckFileName},
             "File name of the snapshot.", kProtected),
      NotYet("rdbcompression", BoolField{&Options::rdbcompression}, "Compress the snapshot."),
      NotYet("rdbchecksum", BoolField{&Options::rdbchecksum}, "Check the snapshot by a checksum.",
             kImmutable),
      NotYet("rdb-del-sync-files", BoolField{&Options::rdb_del_sync_files},
             "Remove snapshots made for replicas."),
      NotYet("rdb-save-incremental-fsync", BoolField{&Options::rdb_save_incremental_fsync},
             "Sync a snapshot piece by piece."),
      NotYet("stop-writes-on-bgsave-error", BoolField{&Options::stop_writes_on_bgsave_error},
             "Refuse writes after a snapshot failed."),
      NotYet("appendfilename", StringField{&Options::appendfilename}, "File name of the log.",
             kImmutable),
      NotYet("appenddirname", StringField{&Options::appenddirname}, "Directory of the log.",
             kImmutable),
      {.name = "appendfsync",
       .field = Enum<&Options::appendfsync>(kAppendfsync),
       .why = "When the log is synced, and so what a power cut may take: everysec, always, no."},
      {.name = "storage-mode",
       .field = Enum<&Options::storage_mode>(kStorageMode),
       .why = "memory: all values are there, and maxmemory bounds the data; database: maxmemory "
              "bounds "
              "what of them is in memory, the rest is on the disk. Needs appendonly.",
       .flags = kImmutable},
      NotYet("no-appendfsync-on-rewrite", BoolField{&Options::no_appendfsync_on_rewrite},
             "Do not sync the log while it is rewritten."),
      {.name = "auto-aof-rewrite-percentage",
       .field = IntegerField{&Options::auto_aof_rewrite_percentage, 0, kIntMax},
       .why = "A checkpoint is made when the log behind the last one is this long, in percent of "
              "the tables; 0: none by itself."},
      {.name = "auto-aof-rewrite-min-size",
       .field = BytesField{&Options::auto_aof_rewrite_min_size_bytes},
       .why = "... and at least this long."},
      NotYet("aof-load-truncated", BoolField{&Options::aof_load_truncated},
             "Start from a log that breaks off."),
      NotYet("aof-use-rdb-preamble", BoolField{&Options::aof_use_rdb_preamble},
             "Begin a rewritten log by a snapshot."),
      NotYet("aof-timestamp-enabled", BoolField{&Options::aof_timestamp_enabled},
             "Write the time into the log."),
      NotYet("aof-disable-auto-gc", BoolField{&Options::aof_disable_auto_gc},
             "Keep logs that are no longer needed."),
      NotYet("aof-rewrite-incremental-fsync", BoolField{&Options::aof_rewrite_incremental_fsync},
             "Sync a rewritten log piece by piece."),
  };
  return rows;
}

}  // namespace terrace::config
