// ValueWarmer: brings all values that are away back into memory, in the order of the tables: blocks are read ahead and verified
// once (storage/value_cursor.h). What has been read in, overwritten or removed meanwhile is passed over.
//
// A value that cannot be read is marked, and the walk goes on behind it. Of a table whose keys cannot be read it stops.
//
// Threads: Warm by any, each another part, out; the databases are in use.
#pragma once

#include <atomic>
#include <functional>

#include "base/status.h"
#include "engine/residency.h"

namespace terrace::engine {

class ValueWarmer {
 public:
  explicit ValueWarmer(Residency& residency) : residency_(residency) {}

  /// Part `part` of `parts` equal ranges of hash space, until the end or until go_on() says false: it is asked some thousand
  /// times a second at most, while nothing is held, and may wait.
  Status Warm(unsigned part, unsigned parts, Participant& self, const std::function<bool()>& go_on);

 private:
  class Part;
  Residency& residency_;
};

}  // namespace terrace::engine
