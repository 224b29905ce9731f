#include "types/stream_capture.h"

#include <algorithm>

#include "base/check.h"
#include "base/memory.h"

namespace terrace::types {

StreamCapture::StreamCapture(Stream stream, CaptureBytes* bytes)
    : bytes_(bytes), stream_(static_cast<Stream::Data*>(stream.value().data)) {
  TERRACE_CHECK(stream_->capture == nullptr);
  stream_->capture = this;
  nodes_.reserve(stream.nodes());
  stream.ForEachNode([this](const StreamNode& node, StreamId base) {
    nodes_.push_back({base, node.data(), false});
  });
  Count(nodes_.size() * sizeof(Shared));
}

StreamCapture::~StreamCapture() {
  Detach();
  for (const Shared& node : nodes_)
    if (node.left) StreamNode(node.data, node.base).Free();
  bytes_->Sub(counted_);
}

void StreamCapture::Count(uint64_t bytes) {
  counted_ += bytes;
  bytes_->Add(bytes);
}

void StreamCapture::Detach() {
  if (stream_ != nullptr) stream_->capture = nullptr;
  stream_ = nullptr;
}

void StreamCapture::Part() {
  if (stream_ == nullptr) return;
  for (auto at = stream_->nodes.First(); at; at.Next()) Stream::Unshare(*stream_, at);
  Detach();
}

bool StreamCapture::Leave(StreamId base, const void* data) {
  const auto at = std::lower_bound(nodes_.begin(), nodes_.end(), base,
                                   [](const Shared& node, StreamId id) { return node.base < id; });
  if (at == nodes_.end() || at->base != base || at->data != data || at->left) return false;
  at->left = true;
  Count(AllocationSize(StreamNode(at->data, base).bytes().size()));
  return true;
}

}  // namespace terrace::types
