// crc32c (Castagnoli): the checksum of everything we store. By the processor's own instruction where there is one, about
// a third of a cycle a byte; by tables elsewhere.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace terrace {

/// The checksum of `data`; `before` is that of the bytes before it: Crc32c(b, Crc32c(a)) is the checksum of a and b.
uint32_t Crc32c(Bytes data, uint32_t before = 0);

/// The two ways it is found. They agree; Crc32c takes the faster one.
uint32_t Crc32cByTable(Bytes data, uint32_t before = 0);
/// CONTRACT: the processor has the instruction.
uint32_t Crc32cByInstruction(Bytes data, uint32_t before = 0);
bool HasCrc32cInstruction();

}  // namespace terrace
