// NoSubscribers: for an executor whose messages nobody can receive: of an embedder, and of a log that is applied once more.
#pragma once

#include "commands/context.h"

namespace terrace::exec {

class NoSubscribers final : public commands::Publisher {
 public:
  uint64_t Publish(pubsub::Kind, Bytes, Bytes) override { return 0; }
};

}  // namespace terrace::exec
