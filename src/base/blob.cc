#include "base/blob.h"

#include <cstring>

namespace terrace {

BlobRef BlobRef::Copy(Bytes bytes) {
  Blob* blob = Blob::New(bytes.size());
  if (!bytes.empty()) std::memcpy(blob->data(), bytes.data(), bytes.size());
  return Adopt(blob);
}

}  // namespace terrace
