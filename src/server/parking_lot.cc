#include "server/parking_lot.h"

namespace terrace::server {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
// How long until a wait is looked at again that somebody was about to serve when its time was over.
constexpr uint64_t kRetryNs = kNsPerMs;

}  // namespace

bool ParkingLot::Add(const SharedWait& wait) {
  if (wait->deadline_ns == 0) return false;
  const auto place = timeouts_.emplace(std::pair(wait->deadline_ns, wait->number), wait).first;
  deadlines_.emplace(wait->number, wait->deadline_ns);
  return place == timeouts_.begin();
}

void ParkingLot::Remove(const exec::Wait& wait) {
  const auto found = deadlines_.find(wait.number);
  if (found == deadlines_.end()) return;
  timeouts_.erase({found->second, wait.number});
  deadlines_.erase(found);
}

ParkingLot::SharedWait ParkingLot::TakeTimedOut(uint64_t now_ns) {
  while (!timeouts_.empty() && timeouts_.begin()->first.first <= now_ns) {
    const SharedWait wait = timeouts_.begin()->second;
    Remove(*wait);
    const auto end =
        wait->anew_in_time ? exec::Wait::State::kRestarted : exec::Wait::State::kTimedOut;
    if (wait->TryEnd(end)) return wait;
    // Who has claimed it may find nothing for it and leave it to us again; any other end is on its way here.
    if (wait->state() != exec::Wait::State::kClaimed &&
        wait->state() != exec::Wait::State::kWaiting)
      continue;
    timeouts_.emplace(std::pair(now_ns + kRetryNs, wait->number), wait);
    deadlines_.emplace(wait->number, now_ns + kRetryNs);
  }
  return nullptr;
}

uint64_t ParkingLot::NextMs(uint64_t now_ns) const {
  if (timeouts_.empty()) return 0;
  const uint64_t deadline = timeouts_.begin()->first.first;
  return deadline <= now_ns ? 1 : (deadline - now_ns + kNsPerMs - 1) / kNsPerMs;
}

}  // namespace terrace::server
