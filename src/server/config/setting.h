// Setting: one row of the setting table: what a setting is called, what it allows, where its value lives in
// Options.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "server/config/options.h"

namespace terrace::config {

/// The words that follow a setting's name.
using Words = std::vector<std::string>;

constexpr int64_t kIntMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kIntMin = std::numeric_limits<int32_t>::min();
constexpr int64_t kLongMax = std::numeric_limits<int64_t>::max();

struct BoolField {
  bool Options::*field;
};

struct IntegerField {
  int64_t Options::*field;
  int64_t min = 0;
  int64_t max = kIntMax;
  int base = 10;  ///< 8 for file modes
  /// What is taken and what is made of it may differ: beyond these it is moved to the nearer one, as Redis does.
  int64_t lowest = INT64_MIN;
  int64_t highest = INT64_MAX;
};

/// Bytes with units: 1k is 1000, 1kb is 1024.
struct BytesField {
  uint64_t Options::*field;
  uint64_t min = 0;
  uint64_t max = static_cast<uint64_t>(kLongMax);
};

struct EnumName {
  std::string_view name;
  int value;
};

/// One of a few names. Of several names with one value the first is shown.
struct EnumField {
  std::span<const EnumName> names;
  int (*get)(const Options&);
  void (*set)(Options&, int);
};

struct StringField {
  std::string Options::*field;
  /// Brings the text into its one form, or says in Redis' words why it cannot; null: any text will do.
  Status (*normalize)(std::string& text) = nullptr;
};

/// A value with a grammar of its own.
struct SpecialField {
  /// Reads all words at once and puts the result into options; the error is Redis' text.
  Status (*parse)(Options& options, std::span<const std::string> words);
  /// The value as list items, each of one or more words; CONFIG GET joins them with blanks.
  std::vector<std::string> (*items)(const Options& options);
  /// What is allowed, for messages: "a list of ...".
  std::string_view allowed;
  /// Takes several words; a single word is split at its blanks.
  bool many_words = true;
  /// Items are numbers, which TOML writes without quotes.
  bool numbers = false;
  /// Each item stands on a line of its own in a redis.conf, and lines of one source add up.
  bool line_per_item = false;
};

using Field =
    std::variant<BoolField, IntegerField, BytesField, EnumField, StringField, SpecialField>;

/// Whether a setting does anything in this version.
enum class State : uint8_t {
  kEffective,
  /// Accepted so that files and tools keep working; one warning at start when it differs from its default.
  kAcceptedWithoutEffect,
  /// Any value but the default stops the start and, without kSettable, CONFIG SET: to go on would promise too
  /// much.
  kRefused,
};

enum SettingFlag : uint32_t {
  kImmutable = 1 << 0,  ///< CONFIG SET never changes it
  kSensitive =
      1 << 1,  ///< never repeated in messages, never copied from the environment into a file
  kProtected = 1 << 2,  ///< CONFIG SET only as `enable-protected-configs` says
  kHidden = 1 << 3,     ///< listed only when asked for by its whole name
  kFileOnly = 1 << 4,   ///< a line in a file or a flag, unknown to CONFIG GET and SET
  kOurs =
      1 << 5,  ///< Redis 7.0 has no such name; if immutable, CONFIG SET to its own value is fine
  kAppliedByListener = 1 << 6,  ///< CONFIG SET changes it only if somebody listens who can apply it
  kSettable = 1 << 7,  ///< a refused setting that CONFIG SET still takes, as Redis' tools expect
};

struct Setting {
  std::string_view name;  ///< Redis' name
  std::string_view alias = {};
  Field field;
  /// One sentence for the sample file: what it is for.
  std::string_view why;
  uint32_t flags = 0;
  State state = State::kEffective;
  /// Why it has no effect or is refused: the rest of a sentence that begins with the name.
  std::string_view reason = {};
  /// The TOML table it stands in; filled in by the setting table from the topic.
  std::string_view section = {};

  bool Has(SettingFlag flag) const { return (flags & flag) != 0; }
};

/// An EnumField for any enum member: Enum<&Options::loglevel>(kLogLevels).
template <auto Member>
constexpr EnumField Enum(std::span<const EnumName> names) {
  return EnumField{names, [](const Options& options) { return static_cast<int>(options.*Member); },
                   [](Options& options, int value) {
                     options.*Member =
                         static_cast<std::remove_reference_t<decltype(options.*Member)>>(value);
                   }};
}

template <typename E>
constexpr EnumName Named(std::string_view name, E value) {
  return EnumName{name, static_cast<int>(value)};
}

}  // namespace terrace::config
