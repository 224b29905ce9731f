// SHA-1 (FIPS 180-4): for names and comparisons that other servers make with it, too; no longer for secrets.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace terrace {

using Sha1Digest = std::array<uint8_t, 20>;

Sha1Digest Sha1(Bytes data);

}  // namespace terrace
