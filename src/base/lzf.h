// LZF, the compression of RDB files and of what lies deep inside a long list. A compressed run is a sequence of
//
//   000nnnnn                       literals: n + 1 bytes follow                       1..32
//   nnndddddd... as two bytes      nnnddddd dddddddd: copy n + 2 bytes (n = 1..6)     3..8
//   111ddddd  m  dddddddd          copy m + 9 bytes                                   9..264
//
// where a copy starts d + 1 bytes back (1..8192) and may reach into what it writes itself. There is no header
// and no end mark: both lengths come from outside.
#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace terrace {

/// No compressed run grows by more than this factor: three bytes give at most 264.
constexpr size_t kLzfExpansionMax = 88;

/// Compresses `input` into at most `out_bytes_max` bytes at `out`. Returns how many, or 0 when they do not
/// suffice.
size_t LzfCompress(Bytes input, char* out, size_t out_bytes_max);

/// Fills exactly `out_bytes` bytes at `out`; false when `compressed` is damaged or stands for another length.
/// Never reads or writes outside, whatever the input.
[[nodiscard]] bool LzfDecompress(Bytes compressed, char* out, size_t out_bytes);

}  // namespace terrace
