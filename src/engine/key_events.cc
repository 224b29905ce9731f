#include "engine/key_events.h"

namespace terrace::engine {
namespace {

struct Letter {
  char letter;
  uint32_t flag;
};

constexpr Letter kLetters[] = {
    {'g', kNotifyGeneric},  {'$', kNotifyString},  {'l', kNotifyList},    {'s', kNotifySet},
    {'h', kNotifyHash},     {'z', kNotifyZset},    {'x', kNotifyExpired}, {'e', kNotifyEvicted},
    {'t', kNotifyStream},   {'d', kNotifyModule},  {'n', kNotifyNew},     {'K', kNotifyKeyspace},
    {'E', kNotifyKeyevent}, {'m', kNotifyKeyMiss},
};

}  // namespace

std::optional<uint32_t> ParseNotifyFlags(Bytes letters) {
  uint32_t flags = 0;
  for (const char c : letters) {
    uint32_t found = c == 'A' ? static_cast<uint32_t>(kNotifyAll) : 0;
    for (const Letter& entry : kLetters) {
      if (entry.letter == c) found = entry.flag;
    }
    if (found == 0) return std::nullopt;
    flags |= found;
  }
  return flags;
}

std::string FormatNotifyFlags(uint32_t flags) {
  std::string letters;
  const bool all = (flags & kNotifyAll) == kNotifyAll;
  if (all) letters.push_back('A');
  for (const Letter& entry : kLetters) {
    if ((flags & entry.flag) != 0 && !(all && (entry.flag & kNotifyAll) != 0))
      letters.push_back(entry.letter);
  }
  return letters;
}

}  // namespace terrace::engine
