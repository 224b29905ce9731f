#include "commands/context.h"

namespace terrace::commands {

// A handler asked with a copy of the key (or its keys repeat): compare the bytes.
engine::KeyRef& ReadContext::RefByName(Bytes key) {
  for (size_t i = 0; i < count_; ++i) {
    if (refs_[i].key == key) return refs_[i];
  }
  // The key table of the command does not name a key that its handler uses.
  TERRACE_CHECK(false && "a handler asked for a key that is not locked");
  return refs_[0];
}

}  // namespace terrace::commands
