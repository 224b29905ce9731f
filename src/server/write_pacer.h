// WritePacer: in database mode, looks how much of what is in memory cannot leave it, and tells the brake of the writers
// (engine/write_brake.h), which slows them down and says when a checkpoint should begin.
//
// Threads: that of who makes checkpoints, a participant that is out and holds no lock; but for `brake`, any.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "engine/participants.h"
#include "server/parts.h"

namespace terrace::server {

class WritePacer {
 public:
  explicit WritePacer(Parts& parts) : parts_(parts) {}

  /// Looks, unless it has just looked.
  void Look(engine::Participant& self);
  /// A checkpoint is in force: what it has captured may leave.
  void CheckpointDone(engine::Participant& self, uint64_t bytes, uint64_t ms);
  /// What old images may take before writers wait.
  uint64_t ImageBytesMax(uint64_t otherwise) const;

 private:
  bool applies() const;
  void LookNow(engine::Participant& self);

  // What a disk is taken to be able to, before it has shown.
  static constexpr double kDrainPerSecond = 64.0 * kMiB;

  Parts& parts_;
  Random random_{0x7061636572};
  uint64_t looked_ns_ = 0;
  double fixed_bytes_ = -1;  // what is no value, and stays; -1: not known yet
  double drain_per_s_ = kDrainPerSecond;
};

}  // namespace terrace::server
