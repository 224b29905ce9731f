#include "server/config/setting_value.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "base/numbers.h"
#include "server/config/special_values.h"

namespace terrace::config {
namespace {

using WordSpan = std::span<const std::string>;

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

Status OutOfRange(const std::string& min, const std::string& max) {
  return Status::Error("argument must be between " + min + " and " + max + " inclusive");
}

std::string FormatOctal(uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + value % 8));
    value /= 8;
  } while (value != 0);
  return digits;
}

std::string FormatInBase(int64_t value, int base) {
  return base == 8 ? FormatOctal(static_cast<uint64_t>(value)) : FormatInt64(value);
}

std::optional<int64_t> ParseOctal(Bytes text) {
  constexpr size_t kDigitsMax = 10;
  if (text.empty() || text.size() > kDigitsMax || text.find_first_not_of("01234567") != Bytes::npos)
    return std::nullopt;
  int64_t value = 0;
  for (char digit : text) value = value * 8 + (digit - '0');
  return value;
}

Status ParseBool(const BoolField& field, const std::string& word, Options& options) {
  bool yes = EqualsIgnoreCase(word, "yes");
  if (!yes && !EqualsIgnoreCase(word, "no")) return Status::Error("argument must be 'yes' or 'no'");
  options.*field.field = yes;
  return Status::Ok();
}

Status ParseInteger(const IntegerField& field, const std::string& word, Options& options) {
  auto value = field.base == 8 ? ParseOctal(word) : ParseInt64(word);
  if (!value) {
    return Status::Error(field.base == 8 ? "argument couldn't be parsed as an octal number"
                                         : "argument couldn't be parsed into an integer");
  }
  if (*value < field.min || *value > field.max) {
    return OutOfRange(FormatInBase(field.min, field.base), FormatInBase(field.max, field.base));
  }
  options.*field.field = std::clamp(*value, field.lowest, field.highest);
  return Status::Ok();
}

Status ParseBytes(const BytesField& field, const std::string& word, Options& options) {
  auto value = ParseMemory(word);
  if (!value) return Status::Error("argument must be a memory value");
  if (*value < field.min || *value > field.max) {
    return OutOfRange(std::to_string(field.min), std::to_string(field.max));
  }
  options.*field.field = *value;
  return Status::Ok();
}

std::string NamesOf(const EnumField& field) {
  std::string names;
  for (const EnumName& known : field.names)
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  return names;
}

Status ParseEnum(const EnumField& field, const std::string& word, Options& options) {
  for (const EnumName& known : field.names) {
    if (!EqualsIgnoreCase(word, known.name)) continue;
    field.set(options, known.value);
    return Status::Ok();
  }
  return Status::Error("argument(s) must be one of the following: " + NamesOf(field));
}

std::string FormatEnum(const EnumField& field, const Options& options) {
  for (const EnumName& known : field.names) {
    if (known.value == field.get(options)) return std::string(known.name);
  }
  return "";
}

Status ParseString(const StringField& field, const std::string& word, Options& options) {
  std::string text = word;
  if (field.normalize != nullptr) {
    if (Status status = field.normalize(text); !status.ok()) return status;
  }
  options.*field.field = std::move(text);
  return Status::Ok();
}

Words SplitAtBlanks(Bytes text) {
  Words words;
  if (text.empty()) return words;
  while (true) {
    size_t blank = text.find(' ');
    words.emplace_back(text.substr(0, blank));
    if (blank == Bytes::npos) return words;
    text.remove_prefix(blank + 1);
  }
}

const SpecialField* AsSpecial(const Setting& setting) {
  return std::get_if<SpecialField>(&setting.field);
}

std::string TomlList(const SpecialField& field, const Options& options) {
  std::string list;
  for (const std::string& item : field.items(options)) {
    list += (list.empty() ? "" : ", ") + (field.numbers ? item : QuoteToml(item));
  }
  return "[" + list + "]";
}

bool IsPlainNumber(Bytes text) { return ParseInt64(text).has_value(); }

std::string TomlBytes(uint64_t bytes) {
  std::string text = FormatMemory(bytes);
  return IsPlainNumber(text) ? text : QuoteToml(text);
}

bool IsPlainWord(Bytes text) {
  return !text.empty() && text.find_first_of(" \t\r\n\"'\\#") == Bytes::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

char HexDigit(int value) { return "0123456789abcdef"[value & 15]; }

}  // namespace

bool TakesManyWords(const Setting& setting) {
  const SpecialField* special = AsSpecial(setting);
  return special != nullptr && special->many_words;
}

bool HasLinePerItem(const Setting& setting) {
  const SpecialField* special = AsSpecial(setting);
  return special != nullptr && special->line_per_item;
}

Status ParseValue(const Setting& setting, WordSpan words, Options& options) {
  Words split;
  if (setting.Has(kFileOnly)) return AsSpecial(setting)->parse(options, words);
  if (TakesManyWords(setting)) {
    if (words.size() == 1) {
      split = SplitAtBlanks(words.front());
      words = split;
    }
    return AsSpecial(setting)->parse(options, words);
  }
  if (words.size() != 1) return Status::Error("wrong number of arguments");
  const std::string& word = words.front();
  return std::visit(
      Overloaded{[&](const BoolField& field) { return ParseBool(field, word, options); },
                 [&](const IntegerField& field) { return ParseInteger(field, word, options); },
                 [&](const BytesField& field) { return ParseBytes(field, word, options); },
                 [&](const EnumField& field) { return ParseEnum(field, word, options); },
                 [&](const StringField& field) { return ParseString(field, word, options); },
                 [&](const SpecialField& field) { return field.parse(options, words); }},
      setting.field);
}

std::string FormatValue(const Setting& setting, const Options& options) {
  return std::visit(
      Overloaded{
          [&](const BoolField& field) { return std::string(options.*field.field ? "yes" : "no"); },
          [&](const IntegerField& field) { return FormatInBase(options.*field.field, field.base); },
          [&](const BytesField& field) { return std::to_string(options.*field.field); },
          [&](const EnumField& field) { return FormatEnum(field, options); },
          [&](const StringField& field) { return options.*field.field; },
          [&](const SpecialField& field) {
            std::string text;
            for (const std::string& item : field.items(options))
              text += (text.empty() ? "" : " ") + item;
            return text;
          }},
      setting.field);
}

std::string FormatToml(const Setting& setting, const Options& options) {
  return std::visit(
      Overloaded{[&](const BoolField& field) {
                   return std::string(options.*field.field ? "true" : "false");
                 },
                 [&](const IntegerField& field) {
                   std::string text = FormatInBase(options.*field.field, field.base);
                   return field.base == 10 ? text : QuoteToml(text);
                 },
                 [&](const BytesField& field) { return TomlBytes(options.*field.field); },
                 [&](const EnumField& field) { return QuoteToml(FormatEnum(field, options)); },
                 [&](const StringField& field) { return QuoteToml(options.*field.field); },
                 [&](const SpecialField& field) {
                   if (field.many_words) return TomlList(field, options);
                   std::string text = FormatValue(setting, options);
                   return IsPlainNumber(text) ? text : QuoteToml(text);
                 }},
      setting.field);
}

std::vector<std::string> FormatRedisConf(const Setting& setting, const Options& options) {
  std::string name(setting.name);
  const SpecialField* special = AsSpecial(setting);
  if (special == nullptr || !special->many_words) {
    if (const auto* bytes = std::get_if<BytesField>(&setting.field)) {
      return {name + " " + FormatMemory(options.*bytes->field)};
    }
    std::string value = FormatValue(setting, options);
    return {name + " " + (IsPlainWord(value) ? value : QuoteRedisConf(value))};
  }
  std::vector<std::string> items = special->items(options);
  if (items.empty()) return {name + " \"\""};
  std::vector<std::string> lines;
  if (special->line_per_item) {
    for (const std::string& item : items) lines.push_back(name + " " + item);
  } else {
    lines.push_back(name + " " + FormatValue(setting, options));
  }
  return lines;
}

std::string Allowed(const Setting& setting) {
  auto between = [](const std::string& min, const std::string& max) {
    return " between " + min + " and " + max;
  };
  return std::visit(
      Overloaded{[](const BoolField&) { return std::string("yes or no"); },
                 [&](const IntegerField& field) {
                   return std::string(field.base == 8 ? "an octal number" : "an integer") +
                          between(FormatInBase(field.min, field.base),
                                  FormatInBase(field.max, field.base));
                 },
                 [&](const BytesField& field) {
                   return "a number of bytes" +
                          between(FormatMemory(field.min), std::to_string(field.max)) +
                          " (1k is 1000, 1kb is 1024)";
                 },
                 [](const EnumField& field) { return "one of " + NamesOf(field); },
                 [](const StringField& field) {
                   return std::string(field.normalize == nullptr ? "one text"
                                                                 : "one text of the right form");
                 },
                 [](const SpecialField& field) { return std::string(field.allowed); }},
      setting.field);
}

bool IsDefault(const Setting& setting, const Options& options) {
  static const Options defaults;
  return FormatValue(setting, options) == FormatValue(setting, defaults);
}

std::string QuoteRedisConf(Bytes text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (c < ' ' || c == 0x7f) {  // also bytes over 0x7f, where char is signed
      quoted += {'\\', 'x', HexDigit(static_cast<unsigned char>(c) >> 4), HexDigit(c)};
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string QuoteToml(Bytes text) {
  std::string quoted = "\"";
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < ' ' || byte == 0x7f) {
      quoted += std::string("\\u00") + HexDigit(byte >> 4) + HexDigit(byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace terrace::config
