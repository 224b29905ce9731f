// Options: every setting as a plain typed value with its default; what the rest of the server reads.
//
// How a setting is called in a file, what it allows, whether it may change while the server runs and whether
// it has an effect yet stands in setting_table.h: one row there for one field here. Fields carry their unit
// in the name
// (_bytes, _s, _ms, _us, _percent); without a unit the name is Redis' own with underscores.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace terrace::config {

/// Whom to drop when `maxmemory` is reached.
enum class MaxmemoryPolicy : uint8_t {
  kVolatileLru,
  kVolatileLfu,
  kVolatileRandom,
  kVolatileTtl,
  kAllkeysLru,
  kAllkeysLfu,
  kAllkeysRandom,
  kNoEviction,
};

enum class LogLevel : uint8_t { kDebug, kVerbose, kNotice, kWarning, kNothing };
/// What BGSAVE and SAVE of a server with appendonly make: a checkpoint, or a dump besides.
enum class SaveFormat : uint8_t { kTables, kRdb };
enum class Appendfsync : uint8_t { kEverySecond, kAlways, kNo };
enum class StorageMode : uint8_t { kMemory, kDatabase };
/// Who may use a guarded command: nobody, anybody, or connections from this machine.
enum class CommandAccess : uint8_t { kNo, kYes, kLocal };
enum class SanitizeDumpPayload : uint8_t { kNo, kYes, kClients };
enum class DisklessLoad : uint8_t { kDisabled, kOnEmptyDb, kSwapDb };
enum class OomScoreAdj : uint8_t { kNo, kRelative, kAbsolute };
enum class Supervised : uint8_t { kNo, kUpstart, kSystemd, kAuto };
enum class AclPubsubDefault : uint8_t { kAllChannels, kResetChannels };
enum class TlsAuthClients : uint8_t { kNo, kYes, kOptional };
enum class EndpointType : uint8_t { kIp, kHostname, kUnknown };
enum class PropagationError : uint8_t { kIgnore, kPanic, kPanicOnReplicas };
/// syslog's facilities user and local0..local7.
enum class SyslogFacility : uint8_t {
  kUser,
  kLocal0,
  kLocal1,
  kLocal2,
  kLocal3,
  kLocal4,
  kLocal5,
  kLocal6,
  kLocal7
};

/// What a signal to stop does, as a set of bits.
enum ShutdownFlag : uint8_t {
  kShutdownDefault = 0,
  kShutdownSave = 1,
  kShutdownNoSave = 2,
  kShutdownNow = 4,
  kShutdownForce = 8,
};

/// A client whose pending replies pass `hard_bytes`, or stay over `soft_bytes` for `soft_s` seconds, is
/// closed. 0 switches a limit off.
struct OutputBufferLimit {
  uint64_t hard_bytes = 0;
  uint64_t soft_bytes = 0;
  int64_t soft_s = 0;
  bool operator==(const OutputBufferLimit&) const = default;
};

/// The three classes of clients that `client-output-buffer-limit` knows.
struct OutputBufferLimits {
  OutputBufferLimit normal;
  OutputBufferLimit replica{256 * kMiB, 64 * kMiB, 60};
  OutputBufferLimit pubsub{32 * kMiB, 8 * kMiB, 60};
  bool operator==(const OutputBufferLimits&) const = default;
};

/// A number of bytes, or a share of `maxmemory`. At most one of the two is not 0.
struct BytesOrPercent {
  uint64_t bytes = 0;
  int percent = 0;
  /// The limit in bytes when `whole_bytes` is the whole; a share of no limit is no limit (0).
  uint64_t Of(uint64_t whole_bytes) const {
    return percent == 0 ? bytes : whole_bytes / 100 * percent;
  }
  bool operator==(const BytesOrPercent&) const = default;
};

/// `save 300 100`: a snapshot when at least `changes` happened in the last `seconds`.
struct SavePoint {
  int64_t seconds = 0;
  int64_t changes = 0;
  bool operator==(const SavePoint&) const = default;
};

/// What the kernel's OOM score is shifted by: the leader, a replica, a background child.
struct OomScoreAdjValues {
  int master = 0;
  int replica = 200;
  int background = 800;
  bool operator==(const OomScoreAdjValues&) const = default;
};

struct Options {
  // network
  int64_t threads = 0;  ///< workers; 0: as many as the CPUs allowed to this process
  std::vector<std::string> bind = {
      "*", "-::*"};            ///< '-' in front: no complaint if the address does not exist
  int64_t port = 6379;         ///< 0: no TCP
  std::string unixsocket;      ///< path; empty: none
  int64_t unixsocketperm = 0;  ///< mode bits; 0: as the umask leaves them
  bool protected_mode = true;
  int64_t tcp_backlog = 511;
  int64_t tcp_keepalive_s = 300;
  int64_t timeout_s = 0;
  std::string bind_source_addr;
  int64_t socket_mark_id = 0;
  int64_t max_new_connections_per_cycle = 10;

  // clients
  int64_t maxclients = 10000;
  OutputBufferLimits client_output_buffer_limit;
  uint64_t client_query_buffer_limit_bytes = kGiB;
  uint64_t proto_max_bulk_len_bytes = 512 * kMiB;
  BytesOrPercent maxmemory_clients;
  int64_t tracking_table_max_keys = 1000000;

  // security
  std::string requirepass;
  std::string aclfile;
  int64_t acllog_max_len = 128;
  AclPubsubDefault acl_pubsub_default = AclPubsubDefault::kResetChannels;
  CommandAccess enable_debug_command = CommandAccess::kNo;
  CommandAccess enable_protected_configs = CommandAccess::kNo;
  CommandAccess enable_module_command = CommandAccess::kNo;
  SanitizeDumpPayload sanitize_dump_payload = SanitizeDumpPayload::kNo;
  bool hide_user_data_from_log = false;
  std::vector<std::string> user;            ///< one ACL rule line each, from the file only
  std::vector<std::string> rename_command;  ///< "OLD NEW" each, from the file only
  std::vector<std::string> loadmodule;

  // memory
  uint64_t maxmemory_bytes = 0;
  MaxmemoryPolicy maxmemory_policy = MaxmemoryPolicy::kNoEviction;
  int64_t maxmemory_samples = 5;
  int64_t maxmemory_eviction_tenacity = 10;
  int64_t lfu_log_factor = 10;
  int64_t lfu_decay_time_min = 1;
  bool lazyfree_lazy_eviction = false;
  bool lazyfree_lazy_expire = false;
  bool lazyfree_lazy_server_del = false;
  bool lazyfree_lazy_user_del = false;
  bool lazyfree_lazy_user_flush = false;
  bool activedefrag = false;
  uint64_t active_defrag_ignore_bytes = 100 * kMiB;
  int64_t active_defrag_threshold_lower_percent = 10;
  int64_t active_defrag_threshold_upper_percent = 100;
  int64_t active_defrag_cycle_min_percent = 1;
  int64_t active_defrag_cycle_max_percent = 25;
  int64_t active_defrag_max_scan_fields = 1000;
  bool jemalloc_bg_thread = true;
  bool huge_pages = true;

  // keyspace
  int64_t databases = 16;
  std::string notify_keyspace_events;  ///< the classes in Redis' own order, e.g. "AKE"; empty: off
  int64_t active_expire_effort = 1;
  int64_t hz = 10;
  bool dynamic_hz = true;
  bool activerehashing = true;

  // latency
  int64_t slowlog_log_slower_than_us = 10000;  ///< -1: off, 0: everything
  int64_t slowlog_max_len = 128;
  int64_t latency_monitor_threshold_ms = 0;  ///< 0: off
  bool latency_tracking = true;
  std::vector<double> latency_tracking_info_percentiles = {50, 99, 99.9};

  // encoding
  int64_t hash_max_listpack_entries = 512;
  uint64_t hash_max_listpack_value_bytes = 64;
  int64_t list_max_listpack_size = -2;  ///< > 0: entries; -1 .. -5: 4, 8, 16, 32, 64 KiB
  int64_t list_compress_depth = 0;
  int64_t set_max_intset_entries = 512;
  int64_t set_max_listpack_entries = 128;
  uint64_t set_max_listpack_value_bytes = 64;
  int64_t zset_max_listpack_entries = 128;
  uint64_t zset_max_listpack_value_bytes = 64;
  uint64_t hll_sparse_max_bytes = 3000;
  uint64_t stream_node_max_bytes = 4096;
  int64_t stream_node_max_entries = 100;

  // scripting
  int64_t busy_reply_threshold_ms = 5000;

  // log
  LogLevel loglevel = LogLevel::kNotice;
  std::string logfile;  ///< empty: standard output
  bool syslog_enabled = false;
  std::string syslog_ident = "terrace";
  SyslogFacility syslog_facility = SyslogFacility::kLocal0;
  bool crash_log_enabled = true;
  bool crash_memcheck_enabled = true;
  bool always_show_logo = false;

  // process
  std::string dir = ".";  ///< absolute after start
  std::string pidfile;
  bool daemonize = false;
  Supervised supervised = Supervised::kNo;
  bool set_proc_title = true;
  std::string proc_title_template = "{title} {listen-addr} {server-mode}";
  int64_t shutdown_timeout_s = 10;
  uint8_t shutdown_on_sigint = kShutdownDefault;   ///< ShutdownFlag bits
  uint8_t shutdown_on_sigterm = kShutdownDefault;  ///< ShutdownFlag bits
  OomScoreAdj oom_score_adj = OomScoreAdj::kNo;
  OomScoreAdjValues oom_score_adj_values;
  bool disable_thp = true;
  std::string ignore_warnings;
  std::string server_cpulist;
  std::string bio_cpulist;
  std::string aof_rewrite_cpulist;
  std::string bgsave_cpulist;
  int64_t io_threads = 1;
  bool io_threads_do_reads = false;
  std::string locale_collate;

  // persistence
  std::string dbfilename = "dump.rdb";
  SaveFormat save_format = SaveFormat::kTables;
  std::vector<SavePoint> save;
  bool rdbcompression = true;
  bool rdbchecksum = true;
  bool rdb_del_sync_files = false;
  bool rdb_save_incremental_fsync = true;
  bool stop_writes_on_bgsave_error = true;
  bool appendonly = false;
  std::string appendfilename = "appendonly.aof";
  std::string appenddirname = "appendonlydir";
  Appendfsync appendfsync = Appendfsync::kEverySecond;
  StorageMode storage_mode = StorageMode::kMemory;
  bool no_appendfsync_on_rewrite = false;
  int64_t auto_aof_rewrite_percentage = 100;
  uint64_t auto_aof_rewrite_min_size_bytes = 64 * kMiB;
  uint64_t checkpoint_image_bytes = 64 * kMiB;
  uint64_t wal_max_bytes = kGiB;
  bool aof_load_truncated = true;
  bool aof_use_rdb_preamble = true;
  bool aof_timestamp_enabled = false;
  bool aof_disable_auto_gc = false;
  bool aof_rewrite_incremental_fsync = true;

  // replication
  std::string replicaof;  ///< "host port"; empty: a leader
  std::string masteruser;
  std::string masterauth;
  bool replica_serve_stale_data = true;
  bool replica_read_only = true;
  int64_t replica_priority = 100;
  bool replica_announced = true;
  std::string replica_announce_ip;
  int64_t replica_announce_port = 0;
  bool replica_ignore_maxmemory = true;
  bool replica_ignore_disk_write_errors = false;
  bool replica_lazy_flush = false;
  int64_t repl_ping_replica_period_s = 10;
  int64_t repl_timeout_s = 60;
  bool repl_disable_tcp_nodelay = false;
  uint64_t repl_backlog_size_bytes = kMiB;
  int64_t repl_backlog_ttl_s = 3600;
  bool repl_diskless_sync = true;
  int64_t repl_diskless_sync_delay_s = 5;
  int64_t repl_diskless_sync_max_replicas = 0;
  DisklessLoad repl_diskless_load = DisklessLoad::kDisabled;
  int64_t min_replicas_to_write = 0;
  int64_t min_replicas_max_lag_s = 10;
  PropagationError propagation_error_behavior = PropagationError::kIgnore;

  // cluster
  bool cluster_enabled = false;
  std::string cluster_config_file = "nodes.conf";
  int64_t cluster_node_timeout_ms = 15000;
  int64_t cluster_port = 0;
  int64_t cluster_migration_barrier = 1;
  int64_t cluster_replica_validity_factor = 10;
  bool cluster_replica_no_failover = false;
  bool cluster_require_full_coverage = true;
  bool cluster_allow_replica_migration = true;
  bool cluster_allow_reads_when_down = false;
  bool cluster_allow_pubsubshard_when_down = true;
  uint64_t cluster_link_sendbuf_limit_bytes = 0;
  std::string cluster_announce_ip;
  std::string cluster_announce_hostname;
  std::string cluster_announce_human_nodename;
  int64_t cluster_announce_port = 0;
  int64_t cluster_announce_tls_port = 0;
  int64_t cluster_announce_bus_port = 0;
  EndpointType cluster_preferred_endpoint_type = EndpointType::kIp;

  // tls
  int64_t tls_port = 0;
  int64_t max_new_tls_connections_per_cycle = 1;
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_key_file_pass;
  std::string tls_client_cert_file;
  std::string tls_client_key_file;
  std::string tls_client_key_file_pass;
  std::string tls_dh_params_file;
  std::string tls_ca_cert_file;
  std::string tls_ca_cert_dir;
  TlsAuthClients tls_auth_clients = TlsAuthClients::kYes;
  bool tls_replication = false;
  bool tls_cluster = false;
  std::string tls_protocols;
  std::string tls_ciphers;
  std::string tls_ciphersuites;
  bool tls_prefer_server_ciphers = false;
  bool tls_session_caching = true;
  int64_t tls_session_cache_size = 20480;
  int64_t tls_session_cache_timeout_s = 300;

  // debug: Redis' own test suite sets these; they are shown only when asked for by their whole name
  int64_t key_load_delay_us = 0;
  int64_t rdb_key_save_delay_us = 0;
  uint64_t loading_process_events_interval_bytes = 2 * kMiB;
  bool use_exit_on_panic = false;
  int64_t watchdog_period_ms = 0;
};

}  // namespace terrace::config
