#include "resp/inline_request.h"

namespace terrace::resp {

namespace {

// Words are separated by what isspace() takes for a blank, but \v and \f do not end a word that has begun.
// (Redis' splitter does it so; a difference would only show in a client's log.)
bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool EndsWord(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char Escaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

/// Reads from `text`, which begins behind an opening double quote, up to behind the closing one.
bool ReadDoubleQuoted(const char*& text, const char* end, char*& out) {
  while (text != end) {
    if (*text == '"') {
      ++text;
      return true;
    }
    if (*text != '\\' || end - text < 2) {
      *out++ = *text++;
      continue;
    }
    if (text[1] == 'x' && end - text >= 4 && HexDigit(text[2]) >= 0 && HexDigit(text[3]) >= 0) {
      *out++ = static_cast<char>(HexDigit(text[2]) * 16 + HexDigit(text[3]));
      text += 4;
    } else {
      *out++ = Escaped(text[1]);
      text += 2;
    }
  }
  return false;
}

bool ReadSingleQuoted(const char*& text, const char* end, char*& out) {
  while (text != end) {
    if (*text == '\'') {
      ++text;
      return true;
    }
    if (*text == '\\' && end - text >= 2 && text[1] == '\'') ++text;
    *out++ = *text++;
  }
  return false;
}

/// Reads one word at `text` up to behind its last byte.
bool ReadWord(const char*& text, const char* end, char*& out) {
  while (text != end && !EndsWord(*text)) {
    const char c = *text;
    if (c != '"' && c != '\'') {
      *out++ = *text++;
      continue;
    }
    ++text;
    if (!(c == '"' ? ReadDoubleQuoted(text, end, out) : ReadSingleQuoted(text, end, out)))
      return false;
    return text == end || IsBlank(*text);
  }
  return true;
}

/// Quotes only ever join words, so this is at least their number.
size_t WordsMax(Bytes line) {
  size_t words = 0;
  bool blank = true;
  for (char c : line) {
    words += blank && !IsBlank(c) ? 1 : 0;
    blank = IsBlank(c);
  }
  return words;
}

}  // namespace

ptrdiff_t SplitInline(Bytes line, TurnArena& arena, const Bytes** argv) {
  Bytes* const words = arena.AllocateArray<Bytes>(WordsMax(line));
  char* out = static_cast<char*>(arena.Allocate(line.size(), 1));
  const char* text = line.data();
  const char* const end = text + line.size();
  ptrdiff_t count = 0;
  while (true) {
    while (text != end && IsBlank(*text)) ++text;
    if (text == end) break;
    char* const word = out;
    if (!ReadWord(text, end, out)) return -1;
    words[count++] = Bytes(word, static_cast<size_t>(out - word));
  }
  *argv = words;
  return count;
}

}  // namespace terrace::resp
