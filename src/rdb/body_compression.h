// Bodies that were encoded in a hurry, under a lock, without compression; what a stock server would compress is compressed
// afterwards.
#pragma once

#include <string>

#include "base/bytes.h"
#include "rdb/value_code.h"

namespace terrace::rdb {

/// `body` (a value code, then the value) with its strings in the forms that PutString gives them, LZF included: the same
/// value. Views `body` where there is nothing to gain, otherwise `*room`. Bodies over 16 MiB that are no single string stay
/// as they are: they would be in memory twice.
Bytes CompressBody(Bytes body, std::string* room);

/// The same for some whole items, as an ItemsEncoder has put them for a value of this code: they go behind `out`.
void CompressItems(ValueCode code, Bytes items, std::string* out);

}  // namespace terrace::rdb
