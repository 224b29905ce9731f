// Keyspace notifications: their classes (the letters of notify-keyspace-events) and one event waiting to be published.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace terrace::engine {

enum NotifyClass : uint32_t {
  kNotifyKeyspace = 1 << 0,  // K: publish on __keyspace@<db>__:<key>
  kNotifyKeyevent = 1 << 1,  // E: publish on __keyevent@<db>__:<event>
  kNotifyGeneric = 1 << 2,   // g
  kNotifyString = 1 << 3,    // $
  kNotifyList = 1 << 4,      // l
  kNotifySet = 1 << 5,       // s
  kNotifyHash = 1 << 6,      // h
  kNotifyZset = 1 << 7,      // z
  kNotifyExpired = 1 << 8,   // x
  kNotifyEvicted = 1 << 9,   // e
  kNotifyStream = 1 << 10,   // t
  kNotifyKeyMiss = 1 << 11,  // m, not part of A
  kNotifyModule = 1 << 12,   // d
  kNotifyNew = 1 << 13,      // n, not part of A
  kNotifyAll = kNotifyGeneric | kNotifyString | kNotifyList | kNotifySet | kNotifyHash |
               kNotifyZset | kNotifyExpired | kNotifyEvicted | kNotifyStream | kNotifyModule,
};

/// The flags a string of class letters stands for; nullopt if it has a letter that is none.
std::optional<uint32_t> ParseNotifyFlags(Bytes letters);
/// The canonical letters of some flags ("AKE").
std::string FormatNotifyFlags(uint32_t flags);

struct KeyEvent {
  uint32_t event_class;
  unsigned db;
  Bytes event;  // a literal
  std::string key;
};

}  // namespace terrace::engine
