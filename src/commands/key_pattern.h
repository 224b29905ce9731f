// KeyPattern: a pattern of SORT, which makes of an element the name of a value elsewhere.
//
//   weight_*            the string at weight_<element>
//   object_*->price     the field "price" of the hash at object_<element>
//   #                   the element itself
//
// Only the first star stands for the element. An arrow counts behind the star and with something behind itself.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace terrace::commands {

class KeyPattern {
 public:
  /// Views into `text`, which must outlive it.
  explicit KeyPattern(Bytes text);

  bool is_element() const { return is_element_; }
  /// Without a star it leads nowhere: there is nothing that all elements could ask a fixed key for.
  bool has_star() const { return has_star_; }
  /// Whether keys have to be looked at for it.
  bool reads_keys() const { return has_star_ && !is_element_; }
  /// Of a hash; nullopt: the key's value itself.
  std::optional<Bytes> field() const { return field_; }
  /// The key's name for an element, written to `*name`.
  void NameFor(Bytes element, std::string* name) const;

 private:
  Bytes before_, behind_;
  std::optional<Bytes> field_;
  bool is_element_ = false;
  bool has_star_ = false;
};

}  // namespace terrace::commands
