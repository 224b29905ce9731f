// Where a value ends. In a DUMP payload everything between the first byte and the footer is the value; in a file the next
// key follows at once, and only the value's own counts and lengths say where.
#pragma once

#include "rdb/byte_source.h"
#include "rdb/value_code.h"

namespace terrace::rdb {

/// Passes over one value of this code without making sense of its strings. The source fails if the value reaches past
/// its end, or if the code is none we read: TypeOf(code) tells which.
void SkipValue(ValueCode code, ByteSource& source);

/// Passes over a string of any form.
void SkipString(ByteSource& source);

}  // namespace terrace::rdb
