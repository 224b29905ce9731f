#include "resp/turn_arena.h"

#include <algorithm>

namespace terrace::resp {

namespace {

// With 256 KiB chunks a worker keeps 1 MiB for reads: a turn of a thousand pipelining connections, and about
// what a core's second-level cache holds.
constexpr size_t kChunksKept = 4;

}  // namespace

void TurnArena::Bump::Enter(size_t index) {
  current = index;
  start = next = chunks[index].memory.get();
  end = start + chunks[index].size;
}

void TurnArena::Bump::Advance(size_t at_least) {
  used_before += static_cast<size_t>(next - start);
  const size_t following = chunks.empty() ? 0 : current + 1;
  if (following == chunks.size() || chunks[following].size < at_least) {
    const size_t size = std::max(chunk_bytes, at_least);
    chunks.insert(chunks.begin() + static_cast<ptrdiff_t>(following),
                  Chunk{std::make_unique_for_overwrite<char[]>(size), size});
  }
  Enter(following);
}

void TurnArena::Bump::Rewind() {
  used_before = 0;
  if (chunks.empty()) return;
  // One huge request must not stay resident: outsized chunks go, whatever their place.
  std::erase_if(chunks, [this](const Chunk& chunk) { return chunk.size > chunk_bytes; });
  if (chunks.size() > kChunksKept) chunks.resize(kChunksKept);
  if (chunks.empty()) {
    next = end = start = nullptr;
  } else {
    Enter(0);
  }
}

void TurnArena::Reset() {
  reads_.Rewind();
  objects_.Rewind();
  adopted_.clear();
}

}  // namespace terrace::resp
