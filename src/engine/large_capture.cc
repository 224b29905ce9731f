#include "engine/large_capture.h"

#include <utility>

#include "base/check.h"
#include "engine/large_nodes.h"
#include "engine/large_table.h"
#include "types/items.h"

namespace terrace::engine {

LargeCapture::~LargeCapture() { TERRACE_CHECK(entry_ == nullptr); }

bool LargeCapture::Takes(const Entry& entry, const Limits& limits) {
  if (!IsCollection(entry.encoding())) return false;
  const types::Value value = entry.collection();
  switch (value.encoding) {
    case Encoding::kQuicklist:
      return types::Quicklist(value.data).Nodes() > limits.nodes;
    case Encoding::kStream:
      return types::Stream(value).nodes() > limits.nodes;
    default:
      return types::TableCapture::Takes(value.encoding) &&
             (types::CountItems(value) > limits.items ||
              types::MemoryEstimate(value) > limits.bytes);
  }
}

std::unique_ptr<LargeCapture> LargeCapture::Begin(Keyspace& keyspace, uint64_t hash,
                                                  const Entry& entry,
                                                  const rdb::EncodeOptions& options,
                                                  types::CaptureBytes* bytes) {
  switch (entry.encoding()) {
    case Encoding::kQuicklist:
      return std::make_unique<LargeList>(keyspace, hash, entry, options, bytes);
    case Encoding::kStream:
      return std::make_unique<LargeStream>(keyspace, hash, entry, options, bytes);
    default:
      return std::make_unique<LargeTable>(keyspace, hash, entry, options, bytes);
  }
}

// The buffers change places, so that soon neither has to grow under a lock.
void LargeCapture::TakePiece(std::string* piece) {
  piece->clear();
  piece->swap(encoded_);
}

Entry* LargeCapture::ReleaseEntry() { return std::exchange(entry_, nullptr); }

}  // namespace terrace::engine
