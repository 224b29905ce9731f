#include "types/list_capture.h"

#include "base/check.h"

namespace terrace::types {

ListCapture::ListCapture(Quicklist list, CaptureBytes* bytes) : bytes_(bytes), quicklist_(list) {
  TERRACE_CHECK(list.rep_->capture == nullptr);
  list.rep_->capture = this;
  nodes_.reserve(list.Nodes());
  for (size_t i = 0; i < list.Nodes(); ++i) {
    Quicklist::Node& node = list.At(i);
    node.captured = true;
    nodes_.push_back(node);
  }
  Count(nodes_.size() * sizeof(Quicklist::Node));
}

ListCapture::~ListCapture() {
  Detach();
  for (const Quicklist::Node& node : left_) Quicklist::FreeNode(node);
  bytes_->Sub(counted_);
}

void ListCapture::Count(uint64_t bytes) {
  counted_ += bytes;
  bytes_->Add(bytes);
}

size_t ListCapture::raw_bytes() const {
  size_t bytes = 0;
  for (const Quicklist::Node& node : nodes_) bytes += Quicklist::RawBytes(node);
  return bytes;
}

void ListCapture::Detach() {
  if (list_) quicklist_.rep_->capture = nullptr;
  list_ = false;
}

void ListCapture::Part() {
  if (!list_) return;
  for (size_t i = 0; i < quicklist_.Nodes(); ++i) quicklist_.Unshare(&quicklist_.At(i));
  Detach();
}

void ListCapture::Leave(const Quicklist::Node& node) {
  left_.push_back(node);
  Count(Quicklist::HeldBytes(node) + sizeof node);
}

}  // namespace terrace::types
