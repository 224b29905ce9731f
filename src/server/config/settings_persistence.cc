// Topic: persistence.
#include "server/config/setting_table.h"
#include "server/config/special_values.h"

namespace terrace::config {
namespace {

constexpr EnumName kAppendfsync[] = {Named("everysec", Appendfsync::kEverySecond),
                                     Named("always", Appendfsync::kAlways),
                                     Named("no", Appendfsync::kNo)};

constexpr EnumName kSaveFormat[] = {Named("tables", SaveFormat::kTables),
                                    Named("rdb", SaveFormat::kRdb)};

// Settings of ways to write files that are not ours.
constexpr std::string_view kNothingAlike = "dumps, log and checkpoints are written in another way";

constexpr EnumName kStorageMode[] = {Named("memory", StorageMode::kMemory),
                                     Named("database", StorageMode::kDatabase)};

Setting NotYet(std::string_view name, Field field, std::string_view why, uint32_t flags = 0) {
  return {.name = name,
          .field = field,
          .why = why,
          .flags = flags,
          .state = State::kAcceptedWithoutEffect,
          .reason = kNothingAlike};
}

}  // namespace

std::span<const Setting> PersistenceSettings() {
  static const Setting rows[] = {
      {.name = "appendonly",
       .field = BoolField{&Options::appendonly},
       .why =
           "Write every change to a log on disk, in `dir`/terrace-data; a restart brings it back. "
           "Switched on later, a checkpoint of all data comes first."},
      {.name = "save",
       .field = SaveField(),
       .why = "After so many seconds with so many changes: write a dump, and at the end, too; with "
              "appendonly, make a checkpoint."},
      {.name = "save-format",
       .field = Enum<&Options::save_format>(kSaveFormat),
       .why = "What BGSAVE and SAVE make with appendonly: tables is a checkpoint, rdb a dump "
              "besides. Without appendonly they make a dump."},
      {.name = "dbfilename",
       .field = StringField{&Options::dbfilename, CheckFileName},
       .why = "File name of the dump in `dir`. A server that has no data yet begins with it.",
       .flags = kProtected},
      {.name = "rdbcompression",
       .field = BoolField{&Options::rdbcompression},
       .why = "Compress the dump."},
      NotYet("rdbchecksum", BoolField{&Options::rdbchecksum}, "Check the dump by a checksum.",
             kImmutable),
      NotYet("rdb-del-sync-files", BoolField{&Options::rdb_del_sync_files},
             "Remove snapshots made for replicas."),
      NotYet("rdb-save-incremental-fsync", BoolField{&Options::rdb_save_incremental_fsync},
             "Sync a snapshot piece by piece."),
      {.name = "stop-writes-on-bgsave-error",
       .field = BoolField{&Options::stop_writes_on_bgsave_error},
       .why =
           "Without appendonly: refuse changes that need room when there are save points and the "
           "last dump failed."},
      {.name = "appendfilename",
       .field = StringField{&Options::appendfilename},
       .why = "File name of a Redis' append only file. With appendonly a server that has no data "
              "yet begins with it.",
       .flags = kImmutable},
      {.name = "appenddirname",
       .field = StringField{&Options::appenddirname},
       .why = "Directory of a Redis' append only files, to begin with.",
       .flags = kImmutable},
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
      {.name = "checkpoint-image-bytes",
       .field = BytesField{&Options::checkpoint_image_bytes, 1},
       .why = "What a checkpoint or a dump may keep in memory of keys that change before it has "
              "come to them; beyond it writers wait for it.",
       .flags = kOurs},
      {.name = "wal-max-bytes",
       .field = BytesField{&Options::wal_max_bytes, 0, UINT64_MAX},
       .why = "A checkpoint is made in any case when the log behind the last one is this long; and "
              "what is kept of the log as repl-backlog-size goes when all of it is longer; 0: no "
              "limit.",
       .flags = kOurs},
      {.name = "aof-load-truncated",
       .field = BoolField{&Options::aof_load_truncated},
       .why = "Begin with a Redis' append only file that breaks off; what is not whole is left "
              "out."},
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
