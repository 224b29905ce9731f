#include "server/pause.h"

#include <algorithm>

#include "server/worker.h"

namespace terrace::server {
namespace {

void Unpause(Parts& parts) {
  parts.pause_end_ms.store(0);
  parts.engine_settings.paused.store(false);
  parts.gates.Open(exec::kGatePauseWrites | exec::kGatePauseAll);
  for (auto& worker : parts.workers) worker->Raise(Signal::kUnpark);
}

}  // namespace

void PauseClients(Worker& worker, uint64_t end_ms, PauseScope scope) {
  Parts& parts = worker.parts();
  worker.executor().Exclusive([&] {
    const uint64_t now_ms = parts.clock.WallMs();
    const uint64_t end = std::max(end_ms, parts.pause_end_ms.load());
    if (end <= now_ms) return;
    parts.pause_end_ms.store(end);
    parts.engine_settings.paused.store(true);
    parts.gates.Close(exec::kGatePauseWrites |
                      (scope == PauseScope::kAll ? exec::kGatePauseAll : 0u));
    worker.ArmPauseEnd(end - now_ms);
  });
}

void UnpauseClients(Worker& worker) {
  worker.executor().Exclusive([&] { Unpause(worker.parts()); });
}

void UnpauseIfOver(Worker& worker) {
  Parts& parts = worker.parts();
  const auto is_over = [&] {
    const uint64_t end = parts.pause_end_ms.load();
    return end != 0 && parts.clock.WallMs() >= end;
  };
  if (!is_over()) return;
  worker.executor().Exclusive([&] {
    // Meanwhile another worker may have ended it, or begun a new one.
    if (is_over()) Unpause(parts);
  });
}

}  // namespace terrace::server
