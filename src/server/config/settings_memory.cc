// Topic: memory.
#include "server/config/setting_table.h"
#include "server/config/special_values.h"

namespace terrace::config {
namespace {

constexpr EnumName kPolicies[] = {Named("volatile-lru", MaxmemoryPolicy::kVolatileLru),
                                  Named("volatile-lfu", MaxmemoryPolicy::kVolatileLfu),
                                  Named("volatile-random", MaxmemoryPolicy::kVolatileRandom),
                                  Named("volatile-ttl", MaxmemoryPolicy::kVolatileTtl),
                                  Named("allkeys-lru", MaxmemoryPolicy::kAllkeysLru),
                                  Named("allkeys-lfu", MaxmemoryPolicy::kAllkeysLfu),
                                  Named("allkeys-random", MaxmemoryPolicy::kAllkeysRandom),
                                  Named("noeviction", MaxmemoryPolicy::kNoEviction)};

constexpr std::string_view kNoDefrag = "the allocator keeps itself compact, nothing is moved";
constexpr std::string_view kNoLazyFree = "large values are always freed in the background";

Setting LazyFree(std::string_view name, bool Options::*field, std::string_view why) {
  return {.name = name,
          .field = BoolField{field},
          .why = why,
          .state = State::kAcceptedWithoutEffect,
          .reason = kNoLazyFree};
}

Setting Defrag(std::string_view name, Field field, std::string_view why) {
  return {.name = name,
          .field = field,
          .why = why,
          .state = State::kAcceptedWithoutEffect,
          .reason = kNoDefrag};
}

}  // namespace

std::span<const Setting> MemorySettings() {
  static const Setting rows[] = {
      {.name = "maxmemory",
       .field = BytesField{&Options::maxmemory_bytes, 0, UINT64_MAX},
       .why = "Memory the data may take, e.g. \"2gb\"; beyond it keys are evicted or writes "
              "refused; 0: no "
              "limit."},
      {.name = "maxmemory-policy",
       .field = Enum<&Options::maxmemory_policy>(kPolicies),
       .why = "Whom to evict: volatile-* only keys with a TTL, allkeys-* any; by lru, lfu, random "
              "or ttl; or "
              "noeviction."},
      {.name = "maxmemory-samples",
       .field = IntegerField{&Options::maxmemory_samples, 1, kIntMax},
       .why = "Keys looked at for each eviction: more choose better and cost more."},
      {.name = "maxmemory-eviction-tenacity",
       .field = IntegerField{&Options::maxmemory_eviction_tenacity, 0, 100},
       .why = "How long one go of eviction may keep clients waiting.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "a write evicts what it needs itself"},
      {.name = "lfu-log-factor",
       .field = IntegerField{&Options::lfu_log_factor, 0, kIntMax},
       .why =
           "How many hits fill the counter of the lfu policies: 10 saturates at about a million."},
      {.name = "lfu-decay-time",
       .field = IntegerField{&Options::lfu_decay_time_min, 0, kIntMax},
       .why = "Minutes after which that counter loses one; 0: never."},
      LazyFree("lazyfree-lazy-eviction", &Options::lazyfree_lazy_eviction,
               "Free evicted values in the background."),
      LazyFree("lazyfree-lazy-expire", &Options::lazyfree_lazy_expire,
               "Free expired values in the background."),
      LazyFree("lazyfree-lazy-server-del", &Options::lazyfree_lazy_server_del,
               "Free overwritten values in the background."),
      LazyFree("lazyfree-lazy-user-del", &Options::lazyfree_lazy_user_del,
               "Let DEL behave as UNLINK."),
      LazyFree("lazyfree-lazy-user-flush", &Options::lazyfree_lazy_user_flush,
               "Let FLUSHALL and FLUSHDB behave as with ASYNC."),
      Defrag("activedefrag", BoolField{&Options::activedefrag},
             "Move values together to give memory back."),
      Defrag("active-defrag-ignore-bytes", BytesField{&Options::active_defrag_ignore_bytes, 1},
             "Waste below which nothing is moved."),
      Defrag("active-defrag-threshold-lower",
             IntegerField{&Options::active_defrag_threshold_lower_percent, 0, 1000},
             "Percent of waste to start at."),
      Defrag("active-defrag-threshold-upper",
             IntegerField{&Options::active_defrag_threshold_upper_percent, 0, 1000},
             "Percent of waste to work hardest at."),
      Defrag("active-defrag-cycle-min",
             IntegerField{&Options::active_defrag_cycle_min_percent, 1, 99},
             "Percent of a CPU at the start."),
      Defrag("active-defrag-cycle-max",
             IntegerField{&Options::active_defrag_cycle_max_percent, 1, 99},
             "Percent of a CPU at the hardest."),
      Defrag("active-defrag-max-scan-fields",
             IntegerField{&Options::active_defrag_max_scan_fields, 1, kLongMax},
             "Fields of a value moved at once."),
      {.name = "huge-pages",
       .field = BoolField{&Options::huge_pages},
       .why = "Move memory that has settled to huge pages, where the kernel can: faster, and takes "
              "no more of it.",
       .flags = kImmutable | kOurs},
      {.name = "jemalloc-bg-thread",
       .field = BoolField{&Options::jemalloc_bg_thread},
       .why = "Let the allocator give memory back from a thread of its own.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "the allocator is mimalloc"},
  };
  return rows;
}

}  // namespace terrace::config
