#include "server/image_gate.h"

#include "server/worker.h"

namespace terrace::server {

ImageGate::ImageGate(Parts& parts) : parts_(parts) {
  budget_.full = [this] { parts_.gates.Close(exec::kGateImages); };
}

void ImageGate::Pace(uint64_t image_bytes, uint64_t bytes_max) {
  budget_.bytes_max.store(bytes_max, std::memory_order_relaxed);
  if (image_bytes > bytes_max) return parts_.gates.Close(exec::kGateImages);
  // Closed for one that somebody adds just now, it is closed again for his next.
  if ((parts_.gates.closed.load(std::memory_order_relaxed) & exec::kGateImages) == 0) return;
  parts_.gates.Open(exec::kGateImages);
  for (auto& worker : parts_.workers) worker->Raise(Signal::kUnpark);
}

}  // namespace terrace::server
