// CommandSpec: everything there is to know about a command, in one place. The tables at the end of the family files are
// the only source for arity, flags, key positions, ACL categories and documentation: the gates, COMMAND, COMMAND DOCS,
// ACL and the key finder all read them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/args.h"
#include "base/bytes.h"

namespace terrace::exec {
class SessionContext;  // only named here: what a session command needs is known to whoever runs it
}

namespace terrace::commands {

class ReadContext;
class WriteContext;
class Effect;

/// A read looks at keys and cannot change anything. A write returns what it did. A session command concerns the
/// connection or the server; it locks what it needs itself.
using ReadHandler = void (*)(ReadContext&, Args);
using WriteHandler = Effect (*)(WriteContext&, Args);
using SessionHandler = void (*)(exec::SessionContext&, Args);

enum CommandFlag : uint32_t {
  kWrite = 1 << 0,
  kReadonly = 1 << 1,
  kDenyOom = 1 << 2,
  kAdmin = 1 << 3,
  kPubSub = 1 << 4,
  kNoScript = 1 << 5,
  kBlocking = 1 << 6,
  kLoading = 1 << 7,  // allowed while loading
  kStale = 1 << 8,    // allowed on a follower that lost its leader
  kSkipMonitor = 1 << 9,
  kSkipSlowlog = 1 << 10,
  kFast = 1 << 11,
  kNoAuth = 1 << 12,  // allowed before AUTH
  kMayReplicate = 1 << 13,
  kNoMulti = 1 << 14,
  kMovableKeys = 1 << 15,
  kAllowBusy = 1 << 16,
  kNoAsyncLoading = 1 << 17,
  kNoMandatoryKeys = 1 << 18,
  kProtected = 1 << 19,
  kSentinelOnly = 1 << 20,
  kTouchesArbitraryKeys = 1 << 21,
  // Ours, not shown to clients:
  kWholeKeyspace =
      1 << 24,  // a read or write of more than its keys: inside EXEC it needs the exclusive section
  kLockFree = 1 << 28,          // a session command that takes no lock and no exclusive section
  kSubscribeMode = 1 << 25,     // allowed to a RESP2 subscriber
  kImmediateInMulti = 1 << 26,  // runs at once inside MULTI instead of being queued
  kEndsGathering = 1 << 27,     // what the client sent behind it is looked at only after it ran
  kBringsNothing =
      1
      << 29,  // a write that leaves no key with more for those who wait (it only takes): they are not asked
};

enum AclCategory : uint32_t {
  kCatKeyspace = 1 << 0,
  kCatRead = 1 << 1,
  kCatWrite = 1 << 2,
  kCatSet = 1 << 3,
  kCatSortedSet = 1 << 4,
  kCatList = 1 << 5,
  kCatHash = 1 << 6,
  kCatString = 1 << 7,
  kCatBitmap = 1 << 8,
  kCatHyperLogLog = 1 << 9,
  kCatGeo = 1 << 10,
  kCatStream = 1 << 11,
  kCatPubSub = 1 << 12,
  kCatAdmin = 1 << 13,
  kCatFast = 1 << 14,
  kCatSlow = 1 << 15,
  kCatBlocking = 1 << 16,
  kCatDangerous = 1 << 17,
  kCatConnection = 1 << 18,
  kCatTransaction = 1 << 19,
  kCatScripting = 1 << 20,
};

/// COMMAND DOCS' groups; the names are in command_docs.cc.
enum class Group : uint8_t {
  kGeneric,
  kString,
  kList,
  kSet,
  kSortedSet,
  kHash,
  kPubSub,
  kTransactions,
  kConnection,
  kServer,
  kScripting,
  kHyperLogLog,
  kCluster,
  kGeo,
  kStream,
  kBitmap,
};

enum KeyFlag : uint16_t {
  kKeyRW = 1 << 0,
  kKeyRO = 1 << 1,
  kKeyOW = 1 << 2,
  kKeyRM = 1 << 3,
  kKeyAccess = 1 << 4,
  kKeyUpdate = 1 << 5,
  kKeyInsert = 1 << 6,
  kKeyDelete = 1 << 7,
  kKeyNotKey = 1 << 8,
  kKeyIncomplete = 1 << 9,
  kKeyVariableFlags = 1 << 10,
};

/// Where keys stand in a request: a place to begin and a way to go on, as in COMMAND INFO's key specifications.
struct KeySpec {
  enum class Begin : uint8_t { kIndex, kKeyword, kUnknown };
  enum class Find : uint8_t { kRange, kKeyNumber, kUnknown };

  uint16_t flags = 0;
  Begin begin = Begin::kIndex;
  int16_t index =
      0;  // kIndex: position; kKeyword: where the search for the word starts (negative: from the end)
  const char* keyword = nullptr;
  Find find = Find::kRange;
  int16_t last =
      0;  // kRange: last key relative to the first, or -1 the last argument, -2 the one before ...
  int16_t step = 1;
  int16_t limit = 0;            // kRange with last -1: 2 = only the first half of the rest, ...
  int16_t number_index = 0;     // kKeyNumber: position of the count, relative to where keys begin
  int16_t first_key = 0;        // kKeyNumber: position of the first key, likewise
  const char* notes = nullptr;  // for COMMAND INFO: what flags and positions do not tell
};

/// Positions of the keys of one request, found by a function where specifications do not reach.
struct KeyPositions;
using KeyFinder = bool (*)(Args, KeyPositions*);
/// The number of the second database a request reaches into (COPY, MOVE); nullopt if it names none, or nonsense, which
/// the handler will refuse before it asks for a key. The number may be past the last database.
using DatabaseFinder = std::optional<unsigned> (*)(Args);
/// Whether a request reads keys that are no arguments of it (SORT ... BY weight_*): which they are is known only when it
/// runs, so it runs with everybody else out.
using ReachFinder = bool (*)(Args);

/// Whether a request needs the values of its keys, and not only what their entries say without them: type and deadline.
using ValuesFinder = bool (*)(Args);
inline bool NeedsNoValues(Args) { return false; }

struct CommandSpec {
  const char* name;
  /// Number of arguments with the name; negative: at least that many.
  int16_t arity;
  uint32_t flags = 0;
  /// Categories beyond those that follow from flags and group.
  uint32_t categories = 0;
  Group group = Group::kGeneric;
  std::span<const KeySpec> keys = {};
  /// The argument, or the first of those, that is looked up in the key's collection; 0 if there is none. Only to fetch
  /// memory ahead of the command, so where options may move it, where it mostly is.
  uint8_t element = 0;
  KeyFinder key_finder = nullptr;
  /// Where the command's target is: its last key or, if it has only one, a second reference to the same name.
  DatabaseFinder target_db = nullptr;
  /// Only with a key_finder.
  ReachFinder reaches_beyond = nullptr;
  /// nullptr: it does. One that does not may replace and remove entries, and must not change them otherwise.
  ValuesFinder needs_values = nullptr;

  ReadHandler read = nullptr;
  WriteHandler write = nullptr;
  SessionHandler session = nullptr;
  std::span<const CommandSpec> subcommands = {};

  const char* since = "1.0.0";
  const char* complexity = "";
  const char* summary = "";
  /// The arguments as the documentation writes them: "key value [NX | XX] [GET] [EX seconds | PX milliseconds]".
  const char* syntax = "";
  const char* deprecated_since = nullptr;
  const char* replaced_by = nullptr;
  /// For the server's own people and tests: COMMAND DOCS says "syscmd".
  bool internal = false;
  /// COMMAND INFO's hints for proxies and clients, "request_policy:all_shards,nondeterministic_output".
  const char* tips = "";
};

// The specifications most commands have. The arrays must be static: a CommandSpec points to them.
constexpr KeySpec OneKey(uint16_t flags, int16_t index = 1) {
  return {.flags = flags, .index = index};
}
constexpr KeySpec AllKeys(uint16_t flags, int16_t index = 1, int16_t step = 1) {
  return {.flags = flags, .index = index, .last = -1, .step = step};
}

inline constexpr KeySpec kReadKey[] = {OneKey(kKeyRO | kKeyAccess)};
inline constexpr KeySpec kLookKey[] = {OneKey(kKeyRO)};
inline constexpr KeySpec kReadKeys[] = {AllKeys(kKeyRO | kKeyAccess)};
inline constexpr KeySpec kLookKeys[] = {AllKeys(kKeyRO)};
inline constexpr KeySpec kUpdateKey[] = {OneKey(kKeyRW | kKeyUpdate)};
inline constexpr KeySpec kAccessUpdateKey[] = {OneKey(kKeyRW | kKeyAccess | kKeyUpdate)};
inline constexpr KeySpec kAccessDeleteKey[] = {OneKey(kKeyRW | kKeyAccess | kKeyDelete)};
inline constexpr KeySpec kInsertKey[] = {OneKey(kKeyRW | kKeyInsert)};
inline constexpr KeySpec kOverwriteKey[] = {OneKey(kKeyOW | kKeyUpdate)};
inline constexpr KeySpec kOverwriteInsertKey[] = {OneKey(kKeyOW | kKeyInsert)};
inline constexpr KeySpec kRemoveKeys[] = {AllKeys(kKeyRM | kKeyDelete)};

}  // namespace terrace::commands
