// TERRACE_SANITIZED: whether a sanitizer is compiled in, which brings an allocator of its own.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TERRACE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define TERRACE_SANITIZED 1
#endif
#endif
#ifndef TERRACE_SANITIZED
#define TERRACE_SANITIZED 0
#endif
