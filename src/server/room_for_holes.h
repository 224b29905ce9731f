// RoomForHoles: how much of `maxmemory` is left unused, so that a process whose heap has holes holds no more than about that.
//
//   0 ............... used ........... | kept free | lowered |   limit
//                                      least that was    a quarter at a time of what is
//                                      held beside it    too much all the same
//
// What the process holds beside what is used, as far as that does not come and go, is kept free from the beginning. If it is too
// much all the same, what may be used is lowered by a part of that, and given back as slowly: letting values go makes holes at
// first, and pages get empty only as the heap is mended. What there are no values for is not asked of them: every command would look
// for some.
//
// Threads: one.
#pragma once

#include <cstdint>

namespace terrace::server {

class RoomForHoles {
 public:
  /// Bytes, all of them.
  struct Memory {
    int64_t limit;
    int64_t used;
    int64_t resident;
    int64_t loose;  // what values take that can leave
  };

  /// Ten times a second: by how much less may be used.
  int64_t Look(const Memory& memory);
  /// There is no limit.
  void Forget() { least_beside_ = lowered_ = 0; }
  /// How much of that is because of what is too much.
  int64_t lowered() const { return lowered_; }

  /// Of the limit, how much more the process may hold: half of what is promised. To ask for less would cost values: the program
  /// and what the allocator needs besides are some hundredths, and letting values go makes holes at first.
  static constexpr int64_t kShareBeyond = 20;
  /// What is held beside what is used, of the limit, for which nothing is kept free.
  static constexpr int64_t kShareBeside = 32;
  /// The most, of the limit.
  static constexpr int64_t kShareMost = 4;

 private:
  // Of what is too much, each time: while a server is filled as fast as it takes it, holes come to a tenth of the limit in two
  // seconds.
  static constexpr int64_t kStepShare = 4;
  // How fast a low that was seen is forgotten, of the limit each time.
  static constexpr int64_t kShareForgotten = 256;

  int64_t least_beside_ = 0;  // the least of late that the process held beside what it used
  int64_t lowered_ = 0;
};

}  // namespace terrace::server
