#include "server/config/special_values.h"

#include <array>

#include "base/ascii.h"
#include "base/numbers.h"

namespace terrace::config {
namespace {

using WordSpan = std::span<const std::string>;

std::optional<uint64_t> UnitBytes(Bytes unit) {
  struct Unit {
    Bytes name;
    uint64_t bytes;
  };
  constexpr Unit kUnits[] = {{"", 1},        {"b", 1},     {"k", 1000},       {"kb", kKiB},
                             {"m", 1000000}, {"mb", kMiB}, {"g", 1000000000}, {"gb", kGiB}};
  for (const Unit& known : kUnits) {
    if (EqualsIgnoreCase(unit, known.name)) return known.bytes;
  }
  return std::nullopt;
}

std::string JoinWords(WordSpan words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

/// Whether the word could be a host at all; it also has to survive a file without quotes.
bool IsHost(Bytes word) {
  for (char c : word) {
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '\'' || c == '#') return false;
  }
  return true;
}

// bind

Status ParseBind(Options& options, WordSpan words) {
  constexpr size_t kAddressesMax = 16;
  if (words.size() > kAddressesMax) return Status::Error("Too many bind addresses specified.");
  for (const std::string& word : words) {
    if (!IsHost(word)) return Status::Error("Invalid bind address");
  }
  options.bind.clear();
  for (const std::string& word : words) {
    if (!word.empty()) options.bind.push_back(word);
  }
  return Status::Ok();
}

std::vector<std::string> BindItems(const Options& options) { return options.bind; }

// client-output-buffer-limit

OutputBufferLimit* LimitOfClass(OutputBufferLimits& limits, Bytes name) {
  if (EqualsIgnoreCase(name, "normal")) return &limits.normal;
  if (EqualsIgnoreCase(name, "replica") || EqualsIgnoreCase(name, "slave")) return &limits.replica;
  if (EqualsIgnoreCase(name, "pubsub")) return &limits.pubsub;
  return nullptr;
}

Status ParseOutputBufferLimit(Options& options, WordSpan words) {
  if (words.size() % 4 != 0)
    return Status::Error("Wrong number of arguments in buffer limit configuration.");
  OutputBufferLimits limits = options.client_output_buffer_limit;
  for (size_t i = 0; i < words.size(); i += 4) {
    OutputBufferLimit* limit = LimitOfClass(limits, words[i]);
    if (limit == nullptr)
      return Status::Error("Invalid client class specified in buffer limit configuration.");
    auto hard = ParseMemory(words[i + 1]);
    auto soft = ParseMemory(words[i + 2]);
    auto soft_s = ParseInt64(words[i + 3]);
    if (!hard || !soft || !soft_s || *soft_s < 0) {
      return Status::Error(
          "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    *limit = {*hard, *soft, *soft_s};
  }
  options.client_output_buffer_limit = limits;
  return Status::Ok();
}

std::string LimitItem(Bytes name, const OutputBufferLimit& limit) {
  return std::string(name) + " " + std::to_string(limit.hard_bytes) + " " +
         std::to_string(limit.soft_bytes) + " " + std::to_string(limit.soft_s);
}

std::vector<std::string> OutputBufferLimitItems(const Options& options) {
  const OutputBufferLimits& limits = options.client_output_buffer_limit;
  return {LimitItem("normal", limits.normal), LimitItem("slave", limits.replica),
          LimitItem("pubsub", limits.pubsub)};
}

// maxmemory-clients

Status ParseMaxmemoryClients(Options& options, WordSpan words) {
  const std::string& text = words.front();
  if (text.ends_with('%')) {
    auto percent = ParseInt64(Bytes(text).substr(0, text.size() - 1));
    if (!percent || *percent < 0)
      return Status::Error("argument must be a memory or percent value");
    if (*percent > 100) return Status::Error("percentage argument must be less or equal to 100");
    options.maxmemory_clients = {.bytes = 0, .percent = static_cast<int>(*percent)};
    return Status::Ok();
  }
  auto bytes = ParseMemory(text);
  if (!bytes) return Status::Error("argument must be a memory or percent value");
  options.maxmemory_clients = {.bytes = *bytes, .percent = 0};
  return Status::Ok();
}

std::vector<std::string> MaxmemoryClientsItems(const Options& options) {
  const BytesOrPercent& limit = options.maxmemory_clients;
  return {limit.percent != 0 ? std::to_string(limit.percent) + "%" : std::to_string(limit.bytes)};
}

// latency-tracking-info-percentiles

Status ParsePercentiles(Options& options, WordSpan words) {
  std::vector<double> percentiles;
  for (const std::string& word : words) {
    auto percentile = ParseDouble(word);
    if (!percentile) return Status::Error("Invalid latency-tracking-info-percentiles parameters");
    if (*percentile < 0 || *percentile > 100) {
      return Status::Error(
          "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
    percentiles.push_back(*percentile);
  }
  options.latency_tracking_info_percentiles = std::move(percentiles);
  return Status::Ok();
}

std::vector<std::string> PercentilesItems(const Options& options) {
  std::vector<std::string> items;
  for (double percentile : options.latency_tracking_info_percentiles)
    items.push_back(FormatDouble(percentile));
  return items;
}

// oom-score-adj-values

Status ParseOomScoreAdjValues(Options& options, WordSpan words) {
  constexpr int64_t kShiftMax = 2000;
  std::array<int, 3> values{};
  if (words.size() != values.size()) return Status::Error("wrong number of arguments");
  for (size_t i = 0; i < values.size(); ++i) {
    auto value = ParseInt64(words[i]);
    if (!value || *value < -kShiftMax || *value > kShiftMax) {
      return Status::Error(
          "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    }
    values[i] = static_cast<int>(*value);
  }
  options.oom_score_adj_values = {values[0], values[1], values[2]};
  return Status::Ok();
}

std::vector<std::string> OomScoreAdjValuesItems(const Options& options) {
  const OomScoreAdjValues& values = options.oom_score_adj_values;
  return {std::to_string(values.master), std::to_string(values.replica),
          std::to_string(values.background)};
}

// save

Status ParseSave(Options& options, WordSpan words) {
  std::vector<SavePoint> points;
  if (words.size() == 1 && words.front().empty()) words = {};
  if (words.size() % 2 != 0) return Status::Error("Invalid save parameters");
  for (size_t i = 0; i < words.size(); i += 2) {
    auto seconds = ParseInt64(words[i]);
    auto changes = ParseInt64(words[i + 1]);
    if (!seconds || *seconds < 1 || !changes || *changes < 0)
      return Status::Error("Invalid save parameters");
    points.push_back({*seconds, *changes});
  }
  options.save = std::move(points);
  return Status::Ok();
}

std::vector<std::string> SaveItems(const Options& options) {
  std::vector<std::string> items;
  for (const SavePoint& point : options.save) {
    items.push_back(std::to_string(point.seconds) + " " + std::to_string(point.changes));
  }
  return items;
}

// replicaof

Status ParseReplicaOf(Options& options, WordSpan words) {
  bool none =
      words.empty() || (words.size() == 1 && words[0].empty()) ||
      (words.size() == 2 && EqualsIgnoreCase(words[0], "no") && EqualsIgnoreCase(words[1], "one"));
  if (none) {
    options.replicaof.clear();
    return Status::Ok();
  }
  if (words.size() != 2) return Status::Error("wrong number of arguments");
  auto port = ParseInt64(words[1]);
  if (!IsHost(words[0]) || !port || *port < 0 || *port > 65535)
    return Status::Error("Invalid master port");
  options.replicaof = JoinWords(words);
  return Status::Ok();
}

std::vector<std::string> ReplicaOfItems(const Options& options) {
  if (options.replicaof.empty()) return {};
  return {options.replicaof};
}

// shutdown-on-sigint, shutdown-on-sigterm

constexpr EnumName kShutdownFlags[] = {{"default", kShutdownDefault},
                                       {"save", kShutdownSave},
                                       {"nosave", kShutdownNoSave},
                                       {"now", kShutdownNow},
                                       {"force", kShutdownForce}};

template <uint8_t Options::*Member>
Status ParseShutdown(Options& options, WordSpan words) {
  int bits = 0;
  bool known = !words.empty();
  for (const std::string& word : words) {
    bool found = false;
    for (const EnumName& flag : kShutdownFlags) {
      if (!EqualsIgnoreCase(word, flag.name)) continue;
      bits |= flag.value;
      found = true;
    }
    known = known && found;
  }
  if (!known) {
    return Status::Error(
        "argument(s) must be one of the following: default, save, nosave, now, force");
  }
  if ((bits & kShutdownSave) != 0 && (bits & kShutdownNoSave) != 0) {
    return Status::Error("shutdown options SAVE and NOSAVE can't be used simultaneously");
  }
  options.*Member = static_cast<uint8_t>(bits);
  return Status::Ok();
}

template <uint8_t Options::*Member>
std::vector<std::string> ShutdownItems(const Options& options) {
  std::vector<std::string> items;
  for (const EnumName& flag : kShutdownFlags) {
    if ((options.*Member & flag.value) != 0) items.emplace_back(flag.name);
  }
  if (items.empty()) items.emplace_back("default");
  return items;
}

// user, rename-command, loadmodule: a reader joins the words of each line into one item before they come here

template <std::vector<std::string> Options::*Member>
Status ParseLines(Options& options, WordSpan words) {
  (options.*Member).assign(words.begin(), words.end());
  return Status::Ok();
}

template <std::vector<std::string> Options::*Member>
std::vector<std::string> LineItems(const Options& options) {
  return options.*Member;
}

template <std::vector<std::string> Options::*Member>
SpecialField LinesField(std::string_view allowed) {
  return {.parse = ParseLines<Member>,
          .items = LineItems<Member>,
          .allowed = allowed,
          .line_per_item = true};
}

}  // namespace

std::optional<uint64_t> ParseMemory(Bytes text) {
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  size_t zeros = 0;
  while (zeros + 1 < digits && text[zeros] == '0') ++zeros;
  auto unit = UnitBytes(text.substr(digits));
  if (digits == 0 || !unit) return std::nullopt;
  // What no 64 bits hold is as good as the most they do: the setting's own range says whether that is too much.
  auto number = ParseUint64(text.substr(zeros, digits - zeros));
  uint64_t bytes = 0;
  if (!number || __builtin_mul_overflow(*number, *unit, &bytes)) return UINT64_MAX;
  return bytes;
}

std::string FormatMemory(uint64_t bytes) {
  if (bytes != 0 && bytes % kGiB == 0) return std::to_string(bytes / kGiB) + "gb";
  if (bytes != 0 && bytes % kMiB == 0) return std::to_string(bytes / kMiB) + "mb";
  if (bytes != 0 && bytes % kKiB == 0) return std::to_string(bytes / kKiB) + "kb";
  return std::to_string(bytes);
}

SpecialField BindField() {
  return {.parse = ParseBind,
          .items = BindItems,
          .allowed = "up to 16 addresses, '*' for all of IPv4, '-::*' for all of IPv6"};
}

SpecialField OutputBufferLimitField() {
  return {
      .parse = ParseOutputBufferLimit,
      .items = OutputBufferLimitItems,
      .allowed =
          "a class (normal, replica, pubsub), a hard limit, a soft limit and seconds, once or more",
      .line_per_item = true};
}

SpecialField MaxmemoryClientsField() {
  return {.parse = ParseMaxmemoryClients,
          .items = MaxmemoryClientsItems,
          .allowed = "a number of bytes (1k is 1000, 1kb is 1024) or a percentage such as 5%",
          .many_words = false};
}

SpecialField PercentilesField() {
  return {.parse = ParsePercentiles,
          .items = PercentilesItems,
          .allowed = "numbers between 0 and 100",
          .numbers = true};
}

SpecialField OomScoreAdjValuesField() {
  return {.parse = ParseOomScoreAdjValues,
          .items = OomScoreAdjValuesItems,
          .allowed = "three integers between -2000 and 2000",
          .numbers = true};
}

SpecialField SaveField() {
  return {.parse = ParseSave,
          .items = SaveItems,
          .allowed = "pairs of seconds and changes such as \"3600 1\", or nothing",
          .line_per_item = true};
}

SpecialField ReplicaOfField() {
  return {.parse = ParseReplicaOf, .items = ReplicaOfItems, .allowed = "a host and a port"};
}

SpecialField ShutdownOnSigintField() {
  return {.parse = ParseShutdown<&Options::shutdown_on_sigint>,
          .items = ShutdownItems<&Options::shutdown_on_sigint>,
          .allowed = "default, or some of save, nosave, now, force"};
}

SpecialField ShutdownOnSigtermField() {
  return {.parse = ParseShutdown<&Options::shutdown_on_sigterm>,
          .items = ShutdownItems<&Options::shutdown_on_sigterm>,
          .allowed = "default, or some of save, nosave, now, force"};
}

SpecialField UserField() { return LinesField<&Options::user>("a name and its rules"); }
SpecialField RenameCommandField() {
  return LinesField<&Options::rename_command>("an old name and a new one");
}
SpecialField LoadmoduleField() { return LinesField<&Options::loadmodule>("a path and arguments"); }

Status NormalizeNotifyEvents(std::string& text) {
  constexpr Bytes kClasses = "g$lshzxetd";  // what 'A' stands for
  constexpr Bytes kOthers = "nKEm";
  if (text.find_first_not_of("Ag$lshzxetdnKEm") != std::string::npos) {
    return Status::Error("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  }
  auto has = [&](char c) { return text.find(c) != std::string::npos; };
  std::string classes;
  for (char c : kClasses) {
    if (has(c) || has('A')) classes += c;
  }
  std::string ordered = classes == kClasses ? "A" : classes;
  for (char c : kOthers) {
    if (has(c)) ordered += c;
  }
  text = ordered;
  return Status::Ok();
}

Status CheckProcTitle(std::string& text) {
  constexpr Bytes kVariables[] = {"title",    "listen-addr", "server-mode", "port",
                                  "tls-port", "unixsocket",  "config-file"};
  Bytes rest = text;
  while (true) {
    size_t open = rest.find_first_of("{}");
    if (open == Bytes::npos) return Status::Ok();
    size_t close = rest.find('}', open);
    bool known = false;
    if (rest[open] == '{' && close != Bytes::npos) {
      for (Bytes variable : kVariables)
        known = known || rest.substr(open + 1, close - open - 1) == variable;
    }
    if (!known) return Status::Error("template format is invalid or contains unknown variables");
    rest = rest.substr(close + 1);
  }
}

Status CheckHostname(std::string& text) {
  constexpr size_t kHostnameBytesMax = 255;
  if (text.size() > kHostnameBytesMax)
    return Status::Error("Hostnames must be less than 256 characters");
  for (char c : text) {
    bool fine =
        (c >= '0' && c <= '9') || (ToLower(c) >= 'a' && ToLower(c) <= 'z') || c == '-' || c == '.';
    if (!fine)
      return Status::Error("Hostnames may only contain alphanumeric characters, hyphens or dots");
  }
  return Status::Ok();
}

Status CheckFileName(std::string& text) {
  if (text.find('/') != std::string::npos)
    return Status::Error("dbfilename can't be a path, just a filename");
  return Status::Ok();
}

}  // namespace terrace::config
