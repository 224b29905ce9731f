#include "exec/owned_request.h"

#include <cstring>

namespace terrace::exec {

OwnedRequest::OwnedRequest(const commands::Command* command, Args args, Bytes raw)
    : command_(command), raw_(raw) {
  size_t bytes = 0;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args.BlobOf(i) == nullptr) bytes += args[i].size();
  }
  bytes_size_ = bytes;  // blobs are added below
  bytes_.reset(
      new char[bytes + 1]);  // never empty: an empty argument still needs a place of its own
  views_.reserve(args.size());
  char* next = bytes_.get();
  for (size_t i = 0; i < args.size(); ++i) {
    if (Blob* blob = args.BlobOf(i)) {
      owners_.push_back(BlobRef::Share(blob));
      bytes_size_ += blob->allocated_bytes();
      blobs_.push_back({static_cast<uint32_t>(i), blob});
      views_.push_back(args[i]);
      continue;
    }
    if (!args[i].empty()) std::memcpy(next, args[i].data(), args[i].size());
    views_.push_back(Bytes(next, args[i].size()));
    next += args[i].size();
  }
}

}  // namespace terrace::exec
