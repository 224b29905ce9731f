// How a list is cut into pieces: the settings as one operation sees them, and what follows from them.
//
//   node_size   1, 2, ...   so many elements a node, and no more than 8 KiB of them
//               -1 .. -5    4, 8, 16, 32, 64 KiB a node, however many elements that are
//
// An element larger than any node may be stands alone, outside of any listpack ("plain").
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/bytes.h"
#include "types/encoding_limits.h"

namespace terrace::types {

enum class ListEnd : uint8_t { kHead, kTail };

constexpr ListEnd Opposite(ListEnd end) {
  return end == ListEnd::kHead ? ListEnd::kTail : ListEnd::kHead;
}

struct ListLimits {
  int64_t node_size = -2;
  /// Nodes at either end that are never compressed; 0: none is anywhere.
  int64_t compress_depth = 0;
  /// Elements of so many bytes are plain, too, though a node might hold them; 0: none.
  uint64_t plain_bytes = 0;

  static ListLimits From(const EncodingLimits& settings) {
    return {.node_size = settings.list_listpack_size.load(std::memory_order_relaxed),
            .compress_depth = settings.list_compress_depth.load(std::memory_order_relaxed),
            .plain_bytes = settings.list_plain_bytes.load(std::memory_order_relaxed)};
  }

  size_t NodeBytesMax() const {
    if (node_size >= 0) return kCountedNodeBytesMax;
    return (4 * kKiB) << (std::min<int64_t>(-node_size, 5) - 1);
  }
  size_t NodeElementsMax() const {
    if (node_size < 0) return std::numeric_limits<uint32_t>::max();
    return static_cast<size_t>(std::clamp<int64_t>(node_size, 1, kNodeElementsMax));
  }
  bool NodeFits(size_t bytes, size_t elements) const {
    return bytes <= NodeBytesMax() && elements <= NodeElementsMax();
  }
  bool IsPlain(size_t element_bytes) const {
    return element_bytes > NodeBytesMax() || (plain_bytes != 0 && element_bytes >= plain_bytes);
  }

 private:
  static constexpr size_t kCountedNodeBytesMax = 8 * kKiB;
  static constexpr int64_t kNodeElementsMax = 32767;
};

}  // namespace terrace::types
