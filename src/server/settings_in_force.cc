#include "server/settings_in_force.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <algorithm>

#include "server/log.h"
#include "server/open_files.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

engine::EvictionPolicy PolicyOf(config::MaxmemoryPolicy policy) {
  using From = config::MaxmemoryPolicy;
  using To = engine::EvictionPolicy;
  switch (policy) {
    case From::kVolatileLru:
      return To::kVolatileLru;
    case From::kVolatileLfu:
      return To::kVolatileLfu;
    case From::kVolatileRandom:
      return To::kVolatileRandom;
    case From::kVolatileTtl:
      return To::kVolatileTtl;
    case From::kAllkeysLru:
      return To::kAllKeysLru;
    case From::kAllkeysLfu:
      return To::kAllKeysLfu;
    case From::kAllkeysRandom:
      return To::kAllKeysRandom;
    case From::kNoEviction:
      return To::kNoEviction;
  }
  return To::kNoEviction;
}

// 0: no limit. A smaller one than this would leave no client, not even the one that could set another.
uint64_t ClientMemoryMax(const config::Options& options) {
  constexpr uint64_t kLeast = 128 * kKiB;
  const config::BytesOrPercent& wanted = options.maxmemory_clients;
  const uint64_t bytes = wanted.percent != 0
                             ? options.maxmemory_bytes / 100 * static_cast<uint64_t>(wanted.percent)
                             : wanted.bytes;
  return bytes == 0 ? 0 : std::clamp<uint64_t>(bytes, kLeast, INT64_MAX);
}

// The system may not let us have as many connections as are asked for.
Status FollowMaxclients(const config::Options& options, Parts& parts) {
  const auto wanted = static_cast<uint64_t>(options.maxclients);
  const uint64_t fit = MakeRoomForClients(wanted, static_cast<unsigned>(parts.workers.size()));
  if (fit < wanted) {
    return Status::Error(
        "The operating system is not able to handle the specified number of clients, try with " +
        std::to_string(fit));
  }
  ApplySettings(options, parts);
  return Status::Ok();
}

Status FollowDir(const config::Options& options) {
  if (::chdir(options.dir.c_str()) != 0) return Status::Error(std::strerror(errno), errno);
  return Status::Ok();
}

}  // namespace

void ApplySettings(const config::Options& options, Parts& parts) {
  Limits& limits = parts.limits;
  limits.clients_max = static_cast<uint64_t>(options.maxclients);
  limits.query_buffer_max = options.client_query_buffer_limit_bytes;
  limits.bulk_bytes_max = options.proto_max_bulk_len_bytes;
  limits.idle_timeout_s = static_cast<uint32_t>(options.timeout_s);
  limits.keepalive_s = static_cast<uint32_t>(options.tcp_keepalive_s);
  limits.slow_log_ns = options.slowlog_log_slower_than_us < 0
                           ? UINT64_MAX
                           : static_cast<uint64_t>(options.slowlog_log_slower_than_us) * 1000;
  const auto monitor_ms = static_cast<uint64_t>(options.latency_monitor_threshold_ms);
  parts.run.latency.set_threshold_ms(monitor_ms);
  limits.slow_command_ns =
      std::min(limits.slow_log_ns.load(), monitor_ms == 0 ? UINT64_MAX : monitor_ms * 1'000'000);
  limits.latency_tracking = options.latency_tracking;
  for (auto& worker : parts.workers)
    worker->executor().stats().set_keeps_histograms(options.latency_tracking);
  limits.password_set = !options.requirepass.empty();
  limits.protected_mode = options.protected_mode;
  limits.log_growth_percent = static_cast<uint64_t>(options.auto_aof_rewrite_percentage);
  limits.log_growth_bytes = options.auto_aof_rewrite_min_size_bytes;
  limits.image_bytes = options.checkpoint_image_bytes;
  limits.log_bytes_max = options.wal_max_bytes == 0 ? UINT64_MAX : options.wal_max_bytes;
  parts.run.load.set_key_delay_us(options.key_load_delay_us);
  limits.set_save_points(options.save);
  limits.set_output(options.client_output_buffer_limit);

  engine::EngineSettings& engine = parts.engine_settings;
  engine.notify_flags = engine::ParseNotifyFlags(options.notify_keyspace_events).value_or(0);
  engine.lfu = options.maxmemory_policy == config::MaxmemoryPolicy::kAllkeysLfu ||
               options.maxmemory_policy == config::MaxmemoryPolicy::kVolatileLfu;
  const bool lru = options.maxmemory_policy == config::MaxmemoryPolicy::kAllkeysLru ||
                   options.maxmemory_policy == config::MaxmemoryPolicy::kVolatileLru;
  engine.shares_integers = options.maxmemory_bytes == 0 || !(lru || engine.lfu);
  engine.lfu_log_factor = static_cast<uint32_t>(options.lfu_log_factor);
  engine.lfu_decay_minutes = static_cast<uint32_t>(options.lfu_decay_time_min);
  engine.lazy_expire = options.lazyfree_lazy_expire;
  engine.lazy_user_del = options.lazyfree_lazy_user_del;
  engine.string_bytes_max = options.proto_max_bulk_len_bytes;
  types::EncodingLimits& encoding = engine.encoding;
  encoding.hash_listpack_entries = options.hash_max_listpack_entries;
  encoding.hash_listpack_value_bytes = options.hash_max_listpack_value_bytes;
  encoding.list_listpack_size = options.list_max_listpack_size;
  encoding.list_compress_depth = options.list_compress_depth;
  encoding.set_intset_entries = options.set_max_intset_entries;
  encoding.set_listpack_entries = options.set_max_listpack_entries;
  encoding.set_listpack_value_bytes = options.set_max_listpack_value_bytes;
  encoding.zset_listpack_entries = options.zset_max_listpack_entries;
  encoding.zset_listpack_value_bytes = options.zset_max_listpack_value_bytes;
  encoding.hll_sparse_bytes = options.hll_sparse_max_bytes;
  encoding.stream_node_bytes = options.stream_node_max_bytes;
  encoding.stream_node_entries = options.stream_node_max_entries;

  parts.client_memory.set_limit(ClientMemoryMax(options));
  // More than any machine has is no limit; as a negative number it would be one that nothing fits under.
  parts.eviction.memory_max =
      static_cast<int64_t>(std::min<uint64_t>(options.maxmemory_bytes, INT64_MAX));
  parts.databases.reaper().LimitTo(options.maxmemory_bytes);
  parts.eviction.policy = PolicyOf(options.maxmemory_policy);
  parts.eviction.values_only = options.storage_mode == config::StorageMode::kDatabase;
  options.maxmemory_bytes != 0 && parts.eviction.values_only ? parts.gates.Close(exec::kGateBrake)
                                                             : parts.gates.Open(exec::kGateBrake);
  parts.eviction.samples = static_cast<uint32_t>(options.maxmemory_samples);
  options.maxmemory_bytes != 0 ? parts.gates.Close(exec::kGateMaxMemory)
                               : parts.gates.Open(exec::kGateMaxMemory);

  parts.slow_log.set_items_max(static_cast<size_t>(options.slowlog_max_len));
  SetLogLevel(options.loglevel);
}

void FollowSettings(Parts& parts) {
  constexpr const char* kFollowed[] = {"client-query-buffer-limit",
                                       "proto-max-bulk-len",
                                       "timeout",
                                       "tcp-keepalive",
                                       "slowlog-log-slower-than",
                                       "slowlog-max-len",
                                       "latency-monitor-threshold",
                                       "latency-tracking",
                                       "requirepass",
                                       "protected-mode",
                                       "auto-aof-rewrite-percentage",
                                       "auto-aof-rewrite-min-size",
                                       "checkpoint-image-bytes",
                                       "wal-max-bytes",
                                       "key-load-delay",
                                       "save",
                                       "client-output-buffer-limit",
                                       "notify-keyspace-events",
                                       "maxmemory",
                                       "maxmemory-clients",
                                       "maxmemory-policy",
                                       "maxmemory-samples",
                                       "lfu-log-factor",
                                       "lfu-decay-time",
                                       "lazyfree-lazy-expire",
                                       "lazyfree-lazy-user-del",
                                       "loglevel",
                                       "hash-max-listpack-entries",
                                       "hash-max-listpack-value",
                                       "list-max-listpack-size",
                                       "list-compress-depth",
                                       "set-max-intset-entries",
                                       "set-max-listpack-entries",
                                       "set-max-listpack-value",
                                       "zset-max-listpack-entries",
                                       "zset-max-listpack-value",
                                       "hll-sparse-max-bytes",
                                       "stream-node-max-bytes",
                                       "stream-node-max-entries"};
  for (const char* name : kFollowed) {
    parts.config.OnChange(name, [&parts](const config::Options&, const config::Options& after) {
      ApplySettings(after, parts);
      return Status::Ok();
    });
  }
  parts.config.OnChange("maxclients",
                        [&parts](const config::Options&, const config::Options& after) {
                          return FollowMaxclients(after, parts);
                        });
  parts.config.OnChange(
      "dir", [](const config::Options&, const config::Options& after) { return FollowDir(after); });
}

}  // namespace terrace::server
