// Topics: replication, cluster.
#include "server/config/setting_table.h"
#include "server/config/special_values.h"

namespace terrace::config {
namespace {

constexpr EnumName kDisklessLoad[] = {Named("disabled", DisklessLoad::kDisabled),
                                      Named("on-empty-db", DisklessLoad::kOnEmptyDb),
                                      Named("swapdb", DisklessLoad::kSwapDb)};
constexpr EnumName kPropagationError[] = {
    Named("ignore", PropagationError::kIgnore), Named("panic", PropagationError::kPanic),
    Named("panic-on-replicas", PropagationError::kPanicOnReplicas)};
constexpr EnumName kEndpointType[] = {Named("ip", EndpointType::kIp),
                                      Named("hostname", EndpointType::kHostname),
                                      Named("unknown-endpoint", EndpointType::kUnknown)};

Setting NoReplication(std::string_view name, Field field, std::string_view why,
                      std::string_view alias = {}, uint32_t flags = 0) {
  return {.name = name,
          .alias = alias,
          .field = field,
          .why = why,
          .flags = flags,
          .state = State::kAcceptedWithoutEffect,
          .reason = "this version does not replicate"};
}

Setting NoCluster(std::string_view name, Field field, std::string_view why, uint32_t flags = 0,
                  std::string_view alias = {}) {
  return {.name = name,
          .alias = alias,
          .field = field,
          .why = why,
          .flags = flags,
          .state = State::kAcceptedWithoutEffect,
          .reason = "this version is no cluster node"};
}

}  // namespace

std::span<const Setting> ReplicationSettings() {
  static const Setting rows[] = {
      {.name = "replicaof",
       .alias = "slaveof",
       .field = ReplicaOfField(),
       .why = "Host and port of the server to follow.",
       .flags = kImmutable,
       .state = State::kRefused,
       .reason = "this version does not replicate, and would serve an empty copy"},
      {.name = "min-replicas-to-write",
       .alias = "min-slaves-to-write",
       .field = IntegerField{&Options::min_replicas_to_write, 0, kIntMax},
       .why = "Refuse writes with fewer replicas than this; 0: never.",
       .flags = kSettable,
       .state = State::kRefused,
       .reason = "this version does not replicate, so no write would have a second copy"},
      NoReplication("min-replicas-max-lag",
                    IntegerField{&Options::min_replicas_max_lag_s, 0, kIntMax},
                    "... that spoke within so many seconds.", "min-slaves-max-lag"),
      NoReplication("masteruser", StringField{&Options::masteruser},
                    "User name at the server to follow.", {}, kSensitive),
      NoReplication("masterauth", StringField{&Options::masterauth},
                    "Password at the server to follow.", {}, kSensitive),
      NoReplication("replica-serve-stale-data", BoolField{&Options::replica_serve_stale_data},
                    "Answer while cut off from the leader.", "slave-serve-stale-data"),
      NoReplication("replica-read-only", BoolField{&Options::replica_read_only},
                    "Refuse writes on a replica.", "slave-read-only"),
      NoReplication("replica-priority", IntegerField{&Options::replica_priority, 0, kIntMax},
                    "Order in which Sentinel promotes replicas.", "slave-priority"),
      NoReplication("replica-announced", BoolField{&Options::replica_announced},
                    "Let Sentinel list this replica."),
      NoReplication("replica-announce-ip", StringField{&Options::replica_announce_ip},
                    "Address to announce.", "slave-announce-ip"),
      NoReplication("replica-announce-port",
                    IntegerField{&Options::replica_announce_port, 0, 65535}, "Port to announce.",
                    "slave-announce-port"),
      NoReplication("replica-ignore-maxmemory", BoolField{&Options::replica_ignore_maxmemory},
                    "Leave eviction to the leader.", "slave-ignore-maxmemory"),
      NoReplication("replica-ignore-disk-write-errors",
                    BoolField{&Options::replica_ignore_disk_write_errors},
                    "Go on when a replica's disk fails."),
      NoReplication("replica-lazy-flush", BoolField{&Options::replica_lazy_flush},
                    "Empty a replica in the background before a full sync.", "slave-lazy-flush"),
      NoReplication("repl-ping-replica-period",
                    IntegerField{&Options::repl_ping_replica_period_s, 1, kIntMax},
                    "Seconds between two signs of life.", "repl-ping-slave-period"),
      NoReplication("repl-timeout", IntegerField{&Options::repl_timeout_s, 1, kIntMax},
                    "Seconds of silence after which a link is given up."),
      NoReplication("repl-disable-tcp-nodelay", BoolField{&Options::repl_disable_tcp_nodelay},
                    "Fewer and larger packets to replicas."),
      {.name = "repl-backlog-size",
       .field = BytesField{&Options::repl_backlog_size_bytes, 1},
       .why =
           "With appendonly, what is kept of the log though a checkpoint has it, for replicas that "
           "were cut off: at least so much, in whole files."},
      NoReplication("repl-backlog-ttl", IntegerField{&Options::repl_backlog_ttl_s, 0, kLongMax},
                    "Seconds they are kept without any replica; 0: for ever."),
      NoReplication("repl-diskless-sync", BoolField{&Options::repl_diskless_sync},
                    "Send a full sync without a file in between."),
      NoReplication("repl-diskless-sync-delay",
                    IntegerField{&Options::repl_diskless_sync_delay_s, 0, kIntMax},
                    "Seconds to wait for more replicas before a full sync."),
      NoReplication("repl-diskless-sync-max-replicas",
                    IntegerField{&Options::repl_diskless_sync_max_replicas, 0, kIntMax},
                    "Replicas that are enough not to wait; 0: always wait."),
      NoReplication("repl-diskless-load", Enum<&Options::repl_diskless_load>(kDisklessLoad),
                    "Load a full sync without a file: disabled, on-empty-db, swapdb."),
      NoReplication("propagation-error-behavior",
                    Enum<&Options::propagation_error_behavior>(kPropagationError),
                    "When a replica cannot do what it is told: ignore, panic, panic-on-replicas."),
  };
  return rows;
}

std::span<const Setting> ClusterSettings() {
  static const Setting rows[] = {
      {.name = "cluster-enabled",
       .field = BoolField{&Options::cluster_enabled},
       .why = "Be a node of a cluster.",
       .flags = kImmutable,
       .state = State::kRefused,
       .reason = "this version is no cluster node"},
      NoCluster("cluster-config-file", StringField{&Options::cluster_config_file},
                "File the node keeps for itself.", kImmutable),
      NoCluster("cluster-node-timeout",
                IntegerField{&Options::cluster_node_timeout_ms, 0, kLongMax},
                "Milliseconds after which a silent node counts as lost."),
      NoCluster("cluster-port", IntegerField{&Options::cluster_port, 0, 65535},
                "Port between nodes; 0: port + 10000.", kImmutable),
      NoCluster("cluster-migration-barrier",
                IntegerField{&Options::cluster_migration_barrier, 0, kIntMax},
                "Replicas a leader keeps before it lends one."),
      NoCluster("cluster-replica-validity-factor",
                IntegerField{&Options::cluster_replica_validity_factor, 0, kIntMax},
                "How old a replica's data may be for a promotion.", 0,
                "cluster-slave-validity-factor"),
      NoCluster("cluster-replica-no-failover", BoolField{&Options::cluster_replica_no_failover},
                "Never promote this replica.", 0, "cluster-slave-no-failover"),
      NoCluster("cluster-require-full-coverage", BoolField{&Options::cluster_require_full_coverage},
                "Stop serving while any slot has no node."),
      NoCluster("cluster-allow-replica-migration",
                BoolField{&Options::cluster_allow_replica_migration},
                "Lend replicas to leaders without one."),
      NoCluster("cluster-allow-reads-when-down", BoolField{&Options::cluster_allow_reads_when_down},
                "Read while the cluster is down."),
      NoCluster("cluster-allow-pubsubshard-when-down",
                BoolField{&Options::cluster_allow_pubsubshard_when_down},
                "Sharded pub/sub while the cluster is down."),
      NoCluster("cluster-link-sendbuf-limit",
                BytesField{&Options::cluster_link_sendbuf_limit_bytes, 0, UINT64_MAX},
                "Buffer of a link between nodes; 0: no limit."),
      NoCluster("cluster-announce-ip", StringField{&Options::cluster_announce_ip},
                "Address to announce."),
      NoCluster("cluster-announce-hostname",
                StringField{&Options::cluster_announce_hostname, CheckHostname},
                "Host name to announce."),
      NoCluster("cluster-announce-human-nodename",
                StringField{&Options::cluster_announce_human_nodename}, "Name of the node in logs.",
                kOurs),
      NoCluster("cluster-announce-port", IntegerField{&Options::cluster_announce_port, 0, 65535},
                "Port to announce."),
      NoCluster("cluster-announce-tls-port",
                IntegerField{&Options::cluster_announce_tls_port, 0, 65535},
                "TLS port to announce."),
      NoCluster("cluster-announce-bus-port",
                IntegerField{&Options::cluster_announce_bus_port, 0, 65535},
                "Port between nodes to announce."),
      NoCluster("cluster-preferred-endpoint-type",
                Enum<&Options::cluster_preferred_endpoint_type>(kEndpointType),
                "What clients are sent to: ip, hostname, unknown-endpoint."),
  };
  return rows;
}

}  // namespace terrace::config
