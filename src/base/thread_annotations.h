// Clang's thread-safety attributes under our names; empty under gcc. A capability is a lock or a role ("we are on
// this worker's thread"). -Wthread-safety is on in the clang preset.
#pragma once

#if defined(__clang__)
#define TERRACE_TSA(x) __attribute__((x))
#else
#define TERRACE_TSA(x)
#endif

#define TERRACE_CAPABILITY(name) TERRACE_TSA(capability(name))
#define TERRACE_SCOPED_CAPABILITY TERRACE_TSA(scoped_lockable)
#define TERRACE_GUARDED_BY(x) TERRACE_TSA(guarded_by(x))
#define TERRACE_PT_GUARDED_BY(x) TERRACE_TSA(pt_guarded_by(x))
#define TERRACE_REQUIRES(...) TERRACE_TSA(requires_capability(__VA_ARGS__))
#define TERRACE_REQUIRES_SHARED(...) TERRACE_TSA(requires_shared_capability(__VA_ARGS__))
#define TERRACE_ACQUIRE(...) TERRACE_TSA(acquire_capability(__VA_ARGS__))
#define TERRACE_RELEASE(...) TERRACE_TSA(release_capability(__VA_ARGS__))
#define TERRACE_TRY_ACQUIRE(...) TERRACE_TSA(try_acquire_capability(__VA_ARGS__))
#define TERRACE_EXCLUDES(...) TERRACE_TSA(locks_excluded(__VA_ARGS__))
#define TERRACE_ASSERT_CAPABILITY(x) TERRACE_TSA(assert_capability(x))
#define TERRACE_RETURN_CAPABILITY(x) TERRACE_TSA(lock_returned(x))
#define TERRACE_NO_THREAD_SAFETY_ANALYSIS TERRACE_TSA(no_thread_safety_analysis)
