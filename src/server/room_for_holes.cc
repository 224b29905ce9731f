#include "server/room_for_holes.h"

#include <algorithm>

namespace terrace::server {

int64_t RoomForHoles::Look(const Memory& memory) {
  const int64_t limit = memory.limit;
  const int64_t beside = std::max<int64_t>(memory.resident - memory.used, 0);
  least_beside_ = std::min(beside, least_beside_ + limit / kShareForgotten);
  const int64_t most = std::min(limit / kShareMost, memory.loose);
  const int64_t step = (memory.resident - (limit + limit / kShareBeyond)) / kStepShare;
  lowered_ = std::clamp<int64_t>(lowered_ + step, 0, most);
  const int64_t kept_free = std::max<int64_t>(least_beside_ - limit / kShareBeside, 0);
  return std::min(kept_free + lowered_, most);
}

}  // namespace terrace::server
