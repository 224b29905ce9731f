// CLIENT PAUSE: for a while writes, or all commands, are held up instead of run; their sessions park them. Nothing
// changes by itself meanwhile: keys that are due are hidden and stay.
//
// Threads: a worker's, which is in. Each function holds everybody out for a moment, so that a pause has begun
// everywhere when it is announced.
#pragma once

#include <cstdint>

namespace terrace::server {

class Worker;

enum class PauseScope : uint8_t { kWrites, kAll };

/// Of two pauses the longer end and the wider scope hold.
void PauseClients(Worker& worker, uint64_t end_ms, PauseScope scope);
/// Ends the pause; all workers run what they parked.
void UnpauseClients(Worker& worker);
/// The same if its time has come.
void UnpauseIfOver(Worker& worker);

}  // namespace terrace::server
