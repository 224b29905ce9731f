#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace terrace {

void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "terrace: check failed: %s (%s:%d)\n", expression, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace terrace
