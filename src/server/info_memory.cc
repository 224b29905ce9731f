// INFO's section Memory.
#include <sys/sysinfo.h>

#include <cinttypes>

#include "base/memory.h"
#include "server/info.h"
#include "server/text.h"

namespace terrace::server {
namespace {

uint64_t SystemMemory() {
  struct sysinfo info;
  return sysinfo(&info) == 0 ? static_cast<uint64_t>(info.totalram) * info.mem_unit : 0;
}

// "name:123\r\nname_human:123B\r\n"
void Amount(std::string* out, const char* name, uint64_t bytes) {
  AppendFormat(out, "%s:%" PRIu64 "\r\n%s_human:%s\r\n", name, bytes, name,
               HumanBytes(bytes).c_str());
}

const char* PolicyName(config::MaxmemoryPolicy policy) {
  using config::MaxmemoryPolicy;
  switch (policy) {
    case MaxmemoryPolicy::kVolatileLru:
      return "volatile-lru";
    case MaxmemoryPolicy::kVolatileLfu:
      return "volatile-lfu";
    case MaxmemoryPolicy::kVolatileRandom:
      return "volatile-random";
    case MaxmemoryPolicy::kVolatileTtl:
      return "volatile-ttl";
    case MaxmemoryPolicy::kAllkeysLru:
      return "allkeys-lru";
    case MaxmemoryPolicy::kAllkeysLfu:
      return "allkeys-lfu";
    case MaxmemoryPolicy::kAllkeysRandom:
      return "allkeys-random";
    case MaxmemoryPolicy::kNoEviction:
      return "noeviction";
  }
  return "noeviction";
}

// Scripts and functions: there are none.
void ScriptMemory(std::string* out) {
  *out +=
      "used_memory_lua:0\r\nused_memory_vm_eval:0\r\nused_memory_lua_human:0B\r\nused_memory_"
      "scripts_eval:0\r\n"
      "number_of_cached_scripts:0\r\nnumber_of_functions:0\r\nnumber_of_libraries:0\r\nused_memory_"
      "vm_functions:0\r\n"
      "used_memory_vm_total:0\r\nused_memory_vm_total_human:0B\r\nused_memory_functions:0\r\nused_"
      "memory_scripts:0\r\n"
      "used_memory_scripts_human:0B\r\n";
}

void AllocatorRatios(const MemoryReport& memory, std::string* out) {
  AppendFormat(out, "allocator_frag_ratio:%.2f\r\nallocator_frag_bytes:%" PRId64 "\r\n",
               memory.fragmentation(), memory.fragmentation_bytes());
  AppendFormat(out, "allocator_rss_ratio:1.00\r\nallocator_rss_bytes:0\r\n");
  AppendFormat(out, "rss_overhead_ratio:1.00\r\nrss_overhead_bytes:0\r\n");
  AppendFormat(out, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%" PRId64 "\r\n",
               memory.fragmentation(), memory.fragmentation_bytes());
}

}  // namespace

void InfoMemory(InfoSource& source, std::string* out) {
  const MemoryReport& memory = source.memory();
  Amount(out, "used_memory", memory.used);
  Amount(out, "used_memory_rss", memory.resident);
  Amount(out, "used_memory_peak", memory.peak);
  AppendFormat(out, "used_memory_peak_perc:%.2f%%\r\n",
               100 * Ratio(static_cast<double>(memory.used), static_cast<double>(memory.peak)));
  AppendFormat(out, "used_memory_overhead:%" PRIu64 "\r\nused_memory_startup:%" PRIu64 "\r\n",
               memory.overhead(), memory.startup);
  AppendFormat(out, "used_memory_dataset:%" PRIu64 "\r\nused_memory_dataset_perc:%.2f%%\r\n",
               memory.dataset(), memory.dataset_percent());
  AppendFormat(out, "allocator_allocated:%" PRIu64 "\r\nallocator_active:%" PRIu64 "\r\n",
               memory.used, memory.resident);
  AppendFormat(out, "allocator_resident:%" PRIu64 "\r\nallocator_muzzy:0\r\n", memory.resident);
  Amount(out, "total_system_memory", SystemMemory());
  ScriptMemory(out);
  Amount(out, "maxmemory", source.options.maxmemory_bytes);
  AppendFormat(out, "maxmemory_policy:%s\r\n", PolicyName(source.options.maxmemory_policy));
  AllocatorRatios(memory, out);
  AppendFormat(out,
               "mem_not_counted_for_evict:%" PRIu64 "\r\nmem_replication_backlog:%" PRIu64 "\r\n",
               memory.log, memory.log);
  AppendFormat(out, "mem_total_replication_buffers:%" PRIu64 "\r\nmem_clients_slaves:0\r\n",
               memory.log);
  AppendFormat(out, "mem_clients_normal:%" PRIu64 "\r\nmem_cluster_links:0\r\nmem_aof_buffer:0\r\n",
               memory.clients);
  AppendFormat(out, "mem_allocator:%s\r\nmem_overhead_db_hashtable_rehashing:0\r\n",
               AllocatorName());
  const engine::Reaper& reaper = source.executor.env().databases.reaper();
  AppendFormat(out,
               "active_defrag_running:0\r\nlazyfree_pending_objects:%" PRIu64
               "\r\nlazyfree_pending_bytes:%" PRIu64 "\r\nlazyfreed_objects:%" PRIu64 "\r\n",
               reaper.entries_waiting(), reaper.collection_bytes() + reaper.keyspace_bytes(),
               reaper.entries_freed());
  AppendFormat(out, "mem_huge_pages:%" PRIu64 "\r\n", source.parts.heap.huge_bytes());
}

}  // namespace terrace::server
