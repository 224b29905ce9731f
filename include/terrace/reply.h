// What a command answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terrace {

struct Reply {
  enum class Type : uint8_t {
    kNil,
    kStatus,   // "OK", in `text`
    kError,    // code and text, "WRONGTYPE Operation against ...", in `text`
    kString,   // in `text`; may hold any bytes
    kInteger,  // in `integer`; also booleans (0 or 1)
    kDouble,   // in `number`
    kArray,    // in `elements`; sets, too
    kMap,      // key, value, key, value ... in `elements`
  };

  Type type = Type::kNil;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  std::vector<Reply> elements;

  bool ok() const { return type != Type::kError; }
  bool is_nil() const { return type == Type::kNil; }
};

}  // namespace terrace
