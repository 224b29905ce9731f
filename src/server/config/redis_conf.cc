#include "server/config/redis_conf.h"

#include <set>

#include "base/ascii.h"
#include "server/config/setting_table.h"

namespace terrace::config {
namespace {

constexpr Bytes kMarker = "# Written by CONFIG REWRITE";

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

std::optional<int> HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = ToLower(c);
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

char Unescaped(char c) {
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

/// Reads words off the front of a line.
class WordReader {
 public:
  explicit WordReader(Bytes line) : rest_(line) {}

  bool AtEnd() {
    while (!rest_.empty() && IsBlank(rest_.front())) rest_.remove_prefix(1);
    return rest_.empty();
  }

  std::optional<std::string> Next() {
    std::string word;
    while (!rest_.empty() && !IsBlank(rest_.front())) {
      char c = Take();
      if (c != '"' && c != '\'') {
        word += c;
        continue;
      }
      bool closed = c == '"' ? ReadDoubleQuoted(word) : ReadSingleQuoted(word);
      if (!closed || (!rest_.empty() && !IsBlank(rest_.front()))) return std::nullopt;
    }
    return word;
  }

 private:
  char Take() {
    char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  bool ReadDoubleQuoted(std::string& word) {
    while (!rest_.empty()) {
      char c = Take();
      if (c == '"') return true;
      if (c != '\\' || rest_.empty()) {
        word += c;
        continue;
      }
      auto high = rest_.size() >= 3 && rest_[0] == 'x' ? HexValue(rest_[1]) : std::nullopt;
      auto low = high ? HexValue(rest_[2]) : std::nullopt;
      if (low) {
        word += static_cast<char>(*high * 16 + *low);
        rest_.remove_prefix(3);
      } else {
        word += Unescaped(Take());
      }
    }
    return false;
  }

  bool ReadSingleQuoted(std::string& word) {
    while (!rest_.empty()) {
      char c = Take();
      if (c == '\'') return true;
      if (c == '\\' && !rest_.empty() && rest_.front() == '\'') c = Take();
      word += c;
    }
    return false;
  }

  Bytes rest_;
};

/// Calls `visit(line, number)` for each line without its end, until it fails.
template <typename Visit>
Status EachLine(Bytes text, Visit visit) {
  for (size_t number = 1; !text.empty(); ++number) {
    size_t end = text.find('\n');
    Bytes line = text.substr(0, end);
    text.remove_prefix(end == Bytes::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (Status status = visit(line, number); !status.ok()) return status;
  }
  return Status::Ok();
}

/// Whether the line says nothing: blank, or a comment.
bool IsSilent(Bytes line) {
  size_t begin = 0;
  while (begin < line.size() && IsBlank(line[begin])) ++begin;
  return begin == line.size() || line[begin] == '#';
}

/// Names that Redis itself accepts and ignores.
bool IsForgotten(Bytes name) {
  return EqualsIgnoreCase(name, "list-max-ziplist-entries") ||
         EqualsIgnoreCase(name, "list-max-ziplist-value");
}

class Reader {
 public:
  Reader(UnknownNames unknown, const ConfigFiles& files) : unknown_(unknown), files_(files) {}

  Status ReadText(Bytes text, const std::string& file_name, int depth) {
    return EachLine(text, [&](Bytes line, size_t number) {
      return IsSilent(line) ? Status::Ok() : ReadLine(line, file_name, number, depth);
    });
  }

  Reading TakeReading() { return std::move(reading_); }

 private:
  Status ReadLine(Bytes line, const std::string& file_name, size_t number, int depth) {
    std::string place = file_name + ":" + std::to_string(number);
    auto words = SplitRedisWords(line);
    if (!words) {
      return Status::Error(
          place + ": a quote is not closed, or something follows a closing quote without a blank");
    }
    std::string name = std::move(words->front());
    words->erase(words->begin());
    if (EqualsIgnoreCase(name, "include")) return Include(*words, place, depth);
    if (IsForgotten(name)) return Status::Ok();
    const Setting* setting = FindSetting(name);
    if (setting == nullptr) return OnUnknownName(unknown_, place, name, DidYouMean(name), reading_);
    reading_.assignments.push_back({setting, std::move(*words), name, place});
    return Status::Ok();
  }

  Status Include(const Words& words, const std::string& place, int depth) {
    constexpr int kDepthMax = 16;
    constexpr size_t kFilesMax = 1000;
    if (words.size() != 1) return Status::Error(place + ": include takes one path or pattern");
    if (depth == kDepthMax)
      return Status::Error(place + ": includes are nested too deeply; do they form a circle?");
    for (const std::string& path : files_.Glob(words.front())) {
      if (++files_read_ > kFilesMax) return Status::Error(place + ": too many files are included");
      auto text = files_.Read(path);
      if (!text.ok()) return Status(text.error()).WithContext(place);
      if (Status status = ReadText(*text, path, depth + 1); !status.ok()) return status;
    }
    return Status::Ok();
  }

  UnknownNames unknown_;
  const ConfigFiles& files_;
  Reading reading_;
  size_t files_read_ = 0;
};

const Setting* SettingOfLine(Bytes line) {
  if (IsSilent(line)) return nullptr;
  auto words = SplitRedisWords(line);
  return words ? FindSetting(words->front()) : nullptr;
}

void AddLines(const std::vector<std::string>& lines, std::string& out) {
  for (const std::string& line : lines) out += line + "\n";
}

}  // namespace

std::optional<Words> SplitRedisWords(Bytes line) {
  WordReader reader(line);
  Words words;
  while (!reader.AtEnd()) {
    auto word = reader.Next();
    if (!word) return std::nullopt;
    words.push_back(std::move(*word));
  }
  return words;
}

StatusOr<Reading> ReadRedisConf(Bytes text, const std::string& file_name, UnknownNames unknown,
                                const ConfigFiles& files) {
  Reader reader(unknown, files);
  if (Status status = reader.ReadText(text, file_name, 0); !status.ok()) return Unexpected{status};
  return reader.TakeReading();
}

std::string RewriteRedisConf(Bytes text, const RedisConfChanges& changes, bool append_all) {
  std::string out;
  std::set<const Setting*> written;
  bool marked = false;
  (void)EachLine(text, [&](Bytes line, size_t) {
    marked = marked || line == kMarker;
    const Setting* setting = SettingOfLine(line);
    auto change = changes.find(setting);
    if (setting == nullptr || change == changes.end()) {
      out += std::string(line) + "\n";
    } else if (!append_all && written.insert(setting).second) {
      AddLines(change->second, out);
    }
    return Status::Ok();
  });
  for (const auto& [setting, lines] : changes) {
    if (written.count(setting) != 0) continue;
    if (!marked) out += std::string(out.empty() ? "" : "\n") + std::string(kMarker) + "\n";
    marked = true;
    AddLines(lines, out);
  }
  return out;
}

}  // namespace terrace::config
