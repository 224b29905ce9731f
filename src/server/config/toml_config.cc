#include "server/config/toml_config.h"

#include <algorithm>
#include <optional>

#include "server/config/setting_table.h"
#include "server/config/setting_value.h"
#include "server/config/toml_document.h"

namespace terrace::config {
namespace {

constexpr Bytes kMarker = "# Written by CONFIG REWRITE";

std::string YesNo(const TomlValue& value) { return value.text == "true" ? "yes" : "no"; }

bool HasYesAndNo(const EnumField& field) {
  return std::any_of(field.names.begin(), field.names.end(),
                     [](const EnumName& known) { return known.name == "yes"; });
}

void AddItemWords(const TomlValue& item, bool whole, Words& words) {
  if (whole || item.kind != TomlKind::kString) return words.push_back(item.text);
  Bytes rest = item.text;
  while (!rest.empty()) {
    size_t end = std::min(rest.find(' '), rest.size());
    if (end != 0) words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

/// The words of a list; nothing if an item is itself a list or a table.
std::optional<Words> ListWords(const TomlValue& value, bool whole) {
  Words words;
  for (const TomlValue& item : value.items) {
    if (item.kind != TomlKind::kString && item.kind != TomlKind::kInteger &&
        item.kind != TomlKind::kFloat) {
      return std::nullopt;
    }
    AddItemWords(item, whole, words);
  }
  if (words.empty()) words.emplace_back();  // an empty list clears
  return words;
}

/// The words a value stands for, if its TOML type is right for the setting.
std::optional<Words> WordsOf(const Setting& setting, const TomlValue& value) {
  bool is_string = value.kind == TomlKind::kString;
  bool is_integer = value.kind == TomlKind::kInteger;
  if (std::holds_alternative<BoolField>(setting.field)) {
    if (value.kind != TomlKind::kBool) return std::nullopt;
    return Words{YesNo(value)};
  }
  if (const auto* integer = std::get_if<IntegerField>(&setting.field)) {
    // A file mode is written "770": TOML would read a bare 770 as decimal.
    if (integer->base == 10 ? !is_integer : !is_string) return std::nullopt;
    return Words{value.text};
  }
  if (const auto* names = std::get_if<EnumField>(&setting.field)) {
    if (value.kind == TomlKind::kBool && HasYesAndNo(*names)) return Words{YesNo(value)};
    if (!is_string) return std::nullopt;
    return Words{value.text};
  }
  if (std::holds_alternative<StringField>(setting.field)) {
    if (!is_string) return std::nullopt;
    return Words{value.text};
  }
  if (TakesManyWords(setting) && value.kind == TomlKind::kArray)
    return ListWords(value, setting.Has(kFileOnly));
  if (is_string || (is_integer && !TakesManyWords(setting))) return Words{value.text};
  return std::nullopt;
}

std::string AllowedInToml(const Setting& setting) {
  if (std::holds_alternative<BoolField>(setting.field)) return "true or false";
  std::string allowed = Allowed(setting);
  const auto* integer = std::get_if<IntegerField>(&setting.field);
  if (integer != nullptr && integer->base == 8) return allowed + ", in quotes";
  if (std::holds_alternative<EnumField>(setting.field)) return allowed + ", in quotes";
  if (std::holds_alternative<StringField>(setting.field)) return "a string in quotes";
  if (TakesManyWords(setting)) return "a list: " + allowed;
  return allowed;
}

std::string PlaceOf(const std::string& file_name, const TomlEntry& entry) {
  return file_name + ":" + std::to_string(entry.line) + ":" + std::to_string(entry.column);
}

std::string FullKey(const TomlEntry& entry) {
  return entry.section.empty() ? entry.key : entry.section + "." + entry.key;
}

/// `text` with `insertion` at byte `offset`.
std::string Inserted(Bytes text, size_t offset, const std::string& insertion) {
  return std::string(text.substr(0, offset)) + insertion + std::string(text.substr(offset));
}

size_t LineBegin(Bytes text, size_t offset) {
  size_t end = text.rfind('\n', offset == 0 ? 0 : offset - 1);
  return offset == 0 || end == Bytes::npos ? 0 : end + 1;
}

size_t LineEnd(Bytes text, size_t offset) {
  size_t end = text.find('\n', offset);
  return end == Bytes::npos ? text.size() : end + 1;
}

/// The end of the line that opens the table, if a [section] line does.
std::optional<size_t> HeaderEnd(Bytes text, Bytes section) {
  for (size_t begin = 0; begin < text.size(); begin = LineEnd(text, begin)) {
    Bytes line = text.substr(begin, LineEnd(text, begin) - begin);
    std::string squeezed;
    for (char c : line.substr(0, line.find('#'))) {
      if (c > ' ') squeezed += c;
    }
    if (squeezed == "[" + std::string(section) + "]") return begin + line.size();
  }
  return std::nullopt;
}

/// Adds a key that the text does not have. Three forms of a table exist in the wild: under a [section] line,
/// as dotted keys at the top, or not at all yet.
std::string AddKey(std::string text, const std::vector<TomlEntry>& entries, const Setting& setting,
                   const std::string& value) {
  std::string full_key = TomlKey(setting);
  std::string key = full_key.substr(full_key.find('.') + 1);
  auto last = std::find_if(entries.rbegin(), entries.rend(), [&](const TomlEntry& entry) {
    return entry.section == setting.section;
  });
  std::string marker = std::string(kMarker) + "\n";
  if (!text.empty() && text.back() != '\n') text += '\n';
  auto header_end = HeaderEnd(text, setting.section);
  if (!header_end && last != entries.rend()) {
    return Inserted(text, LineBegin(text, last->value_begin),
                    marker + full_key + " = " + value + "\n");
  }
  if (!header_end) {
    return text + (text.empty() ? "" : "\n") + marker + "[" + std::string(setting.section) + "]\n" +
           key + " = " + value + "\n";
  }
  size_t offset = *header_end;
  if (last != entries.rend() && last->value_begin > offset) offset = LineEnd(text, last->value_end);
  return Inserted(text, offset, marker + key + " = " + value + "\n");
}

const TomlEntry* FindEntry(const std::vector<TomlEntry>& entries, const Setting& setting) {
  for (const TomlEntry& entry : entries) {
    if (FindTomlSetting(entry.section, entry.key) == &setting) return &entry;
  }
  return nullptr;
}

/// One setting changed; the text is parsed again for each, because every change moves what follows it.
StatusOr<std::string> Rewritten(const std::string& text, const std::string& file_name,
                                const Setting& setting, const std::string& value) {
  auto entries = ParseToml(text, file_name);
  if (!entries.ok()) return Unexpected{entries.error()};
  const TomlEntry* entry = FindEntry(*entries, setting);
  if (entry == nullptr) return AddKey(text, *entries, setting, value);
  return text.substr(0, entry->value_begin) + value + text.substr(entry->value_end);
}

}  // namespace

StatusOr<Reading> ReadTomlConfig(Bytes text, const std::string& file_name, UnknownNames unknown) {
  auto entries = ParseToml(text, file_name);
  if (!entries.ok()) return Unexpected{entries.error()};
  Reading reading;
  for (const TomlEntry& entry : *entries) {
    std::string place = PlaceOf(file_name, entry);
    std::string full_key = FullKey(entry);
    const Setting* setting = FindTomlSetting(entry.section, entry.key);
    if (setting == nullptr) {
      Status status = OnUnknownName(unknown, place, full_key, DidYouMeanToml(full_key), reading);
      if (!status.ok()) return Unexpected{status};
      continue;
    }
    auto words = WordsOf(*setting, entry.value);
    if (!words) {
      // As it stands in the file: whether there are quotes is what is wrong.
      std::string read(text.substr(entry.value_begin, entry.value_end - entry.value_begin));
      if (setting->Has(kSensitive)) read = "not valid";
      return Unexpected{Status::Error(place + ": " + full_key + " is " + read +
                                      ", but it must be " + AllowedInToml(*setting))};
    }
    if (setting->Has(kFileOnly)) {
      for (const std::string& item : *words)
        reading.assignments.push_back({setting, {item}, full_key, place});
    } else {
      reading.assignments.push_back({setting, std::move(*words), full_key, place});
    }
  }
  return reading;
}

StatusOr<std::string> RewriteTomlConfig(Bytes text, const std::string& file_name,
                                        const TomlChanges& changes) {
  std::string out(text);
  for (const auto& [setting, value] : changes) {
    auto rewritten = Rewritten(out, file_name, *setting, value);
    if (!rewritten.ok()) return rewritten;
    out = std::move(*rewritten);
  }
  auto reading = ReadTomlConfig(out, file_name, UnknownNames::kWarn);
  if (!reading.ok())
    return Unexpected{Status(reading.error()).WithContext("cannot add to this form of TOML")};
  return out;
}

}  // namespace terrace::config
