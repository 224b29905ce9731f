// Up to what size collections are kept in their compact forms: Redis' settings, changed at run time by CONFIG SET and read
// relaxed. A collection is converted when it is changed, never because a limit changed.
#pragma once

#include <atomic>
#include <cstdint>

namespace terrace::types {

struct EncodingLimits {
  std::atomic<int64_t> hash_listpack_entries{512};
  std::atomic<uint64_t> hash_listpack_value_bytes{64};
  std::atomic<int64_t> list_listpack_size{
      -2};  // > 0: entries a node; -1 .. -5: 4, 8, 16, 32, 64 KiB a node
  std::atomic<int64_t> list_compress_depth{0};
  std::atomic<uint64_t> list_plain_bytes{
      0};  // > 0: elements of so many bytes stand alone (DEBUG, for tests)
  std::atomic<int64_t> set_intset_entries{512};
  std::atomic<int64_t> set_listpack_entries{128};
  std::atomic<uint64_t> set_listpack_value_bytes{64};
  std::atomic<int64_t> zset_listpack_entries{128};
  std::atomic<uint64_t> zset_listpack_value_bytes{64};
  std::atomic<uint64_t> hll_sparse_bytes{3000};
  std::atomic<uint64_t> stream_node_bytes{4096};
  std::atomic<int64_t> stream_node_entries{100};
};

}  // namespace terrace::types
