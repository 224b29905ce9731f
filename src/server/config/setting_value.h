// Values as words and words as values, for every kind of setting; the one place that knows what a value may
// be.
#pragma once

#include <span>
#include <string>

#include "base/status.h"
#include "server/config/setting.h"

namespace terrace::config {

/// Puts the value that `words` spell into `options`, or leaves `options` alone and says in Redis' words why
/// not. A single word for a setting of many words is split at its blanks.
Status ParseValue(const Setting& setting, std::span<const std::string> words, Options& options);

/// The value as CONFIG GET shows it.
std::string FormatValue(const Setting& setting, const Options& options);

/// The value as it stands behind the '=' of a TOML file.
std::string FormatToml(const Setting& setting, const Options& options);

/// The value as lines of a redis.conf, each "name value..." and quoted where needed.
std::vector<std::string> FormatRedisConf(const Setting& setting, const Options& options);

/// What may stand there, for messages: "an integer between 0 and 65535".
std::string Allowed(const Setting& setting);

/// Whether the value is what it is without any configuration.
bool IsDefault(const Setting& setting, const Options& options);

/// Whether the setting takes several words.
bool TakesManyWords(const Setting& setting);
/// Whether each item has a line of its own in a redis.conf.
bool HasLinePerItem(const Setting& setting);

/// `text` in double quotes with \-escapes, as both a redis.conf and a TOML file read it; other bytes than
/// printable ASCII and UTF-8 follow each form's own rules.
std::string QuoteRedisConf(Bytes text);
std::string QuoteToml(Bytes text);

}  // namespace terrace::config
