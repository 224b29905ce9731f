#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace terrace {

/// A run of bytes owned by someone else. Whoever keeps it past the call copies it.
using Bytes = std::string_view;

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kGiB = 1024 * kMiB;

}  // namespace terrace
