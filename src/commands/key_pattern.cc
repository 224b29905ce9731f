#include "commands/key_pattern.h"

namespace terrace::commands {

KeyPattern::KeyPattern(Bytes text) : is_element_(text == "#") {
  const size_t star = text.find('*');
  if (star == Bytes::npos) return;
  has_star_ = true;
  before_ = text.substr(0, star);
  behind_ = text.substr(star + 1);
  constexpr Bytes kArrow = "->";
  const size_t arrow = behind_.find(kArrow);
  if (arrow == Bytes::npos || arrow + kArrow.size() == behind_.size()) return;
  field_ = behind_.substr(arrow + kArrow.size());
  behind_ = behind_.substr(0, arrow);
}

void KeyPattern::NameFor(Bytes element, std::string* name) const {
  name->assign(before_).append(element).append(behind_);
}

}  // namespace terrace::commands
