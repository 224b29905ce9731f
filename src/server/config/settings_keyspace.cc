// Topics: keyspace, latency, encoding.
#include "server/config/setting_table.h"
#include "server/config/special_values.h"

namespace terrace::config {

std::span<const Setting> KeyspaceSettings() {
  static const Setting rows[] = {
      {.name = "databases",
       .field = IntegerField{&Options::databases, 1, kIntMax},
       .why = "Databases for SELECT, numbered from 0.",
       .flags = kImmutable},
      {.name = "notify-keyspace-events",
       .field = StringField{&Options::notify_keyspace_events, NormalizeNotifyEvents},
       .why = "Changes told by pub/sub: K and/or E (channel per key, per event) and classes "
              "g$lshzxetdmn, A "
              "for most; "
              "empty: none."},
      {.name = "active-expire-effort",
       .field = IntegerField{&Options::active_expire_effort, 1, 10},
       .why = "How hard to look for expired keys.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "expired keys are found by their deadline, not by looking"},
      {.name = "hz",
       .field =
           IntegerField{
               .field = &Options::hz, .min = 0, .max = kIntMax, .lowest = 1, .highest = 500},
       .why = "Rounds of background work a second.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "background work runs when it is due"},
      {.name = "dynamic-hz",
       .field = BoolField{&Options::dynamic_hz},
       .why = "More rounds with more clients.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "background work runs when it is due"},
      {.name = "activerehashing",
       .field = BoolField{&Options::activerehashing},
       .why = "Grow tables in idle time too.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "the keyspace always grows in small steps"},
  };
  return rows;
}

std::span<const Setting> LatencySettings() {
  static const Setting rows[] = {
      {.name = "slowlog-log-slower-than",
       .field = IntegerField{&Options::slowlog_log_slower_than_us, -1, kLongMax},
       .why = "Microseconds from which SLOWLOG keeps a command; 0: every one, -1: none."},
      {.name = "slowlog-max-len",
       .field = IntegerField{&Options::slowlog_max_len, 0, kLongMax},
       .why = "Commands SLOWLOG keeps."},
      {.name = "latency-monitor-threshold",
       .field = IntegerField{&Options::latency_monitor_threshold_ms, 0, kLongMax},
       .why = "Milliseconds from which LATENCY keeps an event; 0: off."},
      {.name = "latency-tracking",
       .field = BoolField{&Options::latency_tracking},
       .why = "Keep a latency histogram for each command."},
      {.name = "latency-tracking-info-percentiles",
       .field = PercentilesField(),
       .why = "Percentiles that INFO latencystats shows."},
  };
  return rows;
}

std::span<const Setting> EncodingSettings() {
  static const Setting rows[] = {
      {.name = "hash-max-listpack-entries",
       .alias = "hash-max-ziplist-entries",
       .field = IntegerField{&Options::hash_max_listpack_entries, 0, kLongMax},
       .why = "Hashes up to so many fields are kept packed."},
      {.name = "hash-max-listpack-value",
       .alias = "hash-max-ziplist-value",
       .field = BytesField{&Options::hash_max_listpack_value_bytes},
       .why = "... whose fields and values are no longer than this."},
      {.name = "list-max-listpack-size",
       .alias = "list-max-ziplist-size",
       .field = IntegerField{&Options::list_max_listpack_size, kIntMin, kIntMax},
       .why = "Size of one node of a list: entries, or -1 to -5 for 4, 8, 16, 32, 64 kb."},
      {.name = "list-compress-depth",
       .field = IntegerField{&Options::list_compress_depth, 0, kIntMax},
       .why = "Nodes at both ends of a list that stay uncompressed; 0: all."},
      {.name = "set-max-intset-entries",
       .field = IntegerField{&Options::set_max_intset_entries, 0, kLongMax},
       .why = "Sets of integers up to so many are kept packed."},
      {.name = "set-max-listpack-entries",
       .field = IntegerField{&Options::set_max_listpack_entries, 0, kLongMax},
       .why = "Other sets up to so many members are kept packed.",
       .flags = kOurs},
      {.name = "set-max-listpack-value",
       .field = BytesField{&Options::set_max_listpack_value_bytes},
       .why = "... whose members are no longer than this.",
       .flags = kOurs},
      {.name = "zset-max-listpack-entries",
       .alias = "zset-max-ziplist-entries",
       .field = IntegerField{&Options::zset_max_listpack_entries, 0, kLongMax},
       .why = "Sorted sets up to so many members are kept packed."},
      {.name = "zset-max-listpack-value",
       .alias = "zset-max-ziplist-value",
       .field = BytesField{&Options::zset_max_listpack_value_bytes},
       .why = "... whose members are no longer than this."},
      {.name = "hll-sparse-max-bytes",
       .field = BytesField{&Options::hll_sparse_max_bytes},
       .why = "HyperLogLogs up to this size are kept sparse."},
      {.name = "stream-node-max-bytes",
       .field = BytesField{&Options::stream_node_max_bytes},
       .why = "Size of one node of a stream; 0: no limit."},
      {.name = "stream-node-max-entries",
       .field = IntegerField{&Options::stream_node_max_entries, 0, kLongMax},
       .why = "Entries of one node of a stream; 0: no limit."},
  };
  return rows;
}

}  // namespace terrace::config
