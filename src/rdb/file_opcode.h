// What stands in an RDB file where a value code may stand, too.
#pragma once

#include <cstdint>

namespace terrace::rdb {

enum class FileOpcode : uint8_t {
  kSlotInfo = 244,
  kFunction = 245,
  kFunctionPreGa = 246,
  kModuleAux = 247,
  kIdle = 248,
  kFrequency = 249,
  kNote = 250,
  kSizes = 251,
  kDeadlineMs = 252,
  kDeadlineSeconds = 253,
  kDatabase = 254,
  kEnd = 255,
};

}  // namespace terrace::rdb
