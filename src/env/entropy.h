#pragma once

#include <cstddef>
#include <string>

namespace terrace {

/// Bytes nobody can guess, from the kernel.
void FillWithEntropy(void* out, size_t size);
/// 40 lower-case hex characters: run ids and replication ids.
std::string RandomHexId();

}  // namespace terrace
