// Assertions. TERRACE_CHECK stays on in release and guards the edges (disk, threads, protocol state);
// TERRACE_DCHECK is for inner loops and vanishes with NDEBUG. Both stop the process: after a broken
// invariant nothing we would do to the data can be trusted.
#pragma once

namespace terrace {
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);
}  // namespace terrace

#define TERRACE_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::terrace::CheckFailed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define TERRACE_DCHECK(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#else
#define TERRACE_DCHECK(condition) TERRACE_CHECK(condition)
#endif

#define TERRACE_LIKELY(x) __builtin_expect(!!(x), 1)
#define TERRACE_UNLIKELY(x) __builtin_expect(!!(x), 0)
