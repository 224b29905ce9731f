// ImageGate: keeps writers waiting while a checkpoint or a dump keeps as many images of what they have changed as it may
// (engine/image_budget.h).
//
// Threads: Pace by who makes them; the gate may be closed by any.
#pragma once

#include <cstdint>

#include "engine/image_budget.h"
#include "server/parts.h"

namespace terrace::server {

class ImageGate {
 public:
  explicit ImageGate(Parts& parts);
  ImageGate(const ImageGate&) = delete;
  ImageGate& operator=(const ImageGate&) = delete;

  engine::ImageBudget& budget() { return budget_; }
  /// Between two steps, and behind the last: opens or closes as the bytes are.
  void Pace(uint64_t image_bytes, uint64_t bytes_max);

 private:
  Parts& parts_;
  engine::ImageBudget budget_;
};

}  // namespace terrace::server
