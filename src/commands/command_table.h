// The command table: all families, found by name in one probe.
//
// The families' tables are constant data; this indexes them once at start-up with a perfect hash: names are hashed over
// their first eight bytes, last byte and length, and a multiplier is searched under which no two of the known names
// share a slot. A look-up is then one multiplication and one comparison, whatever the client sends. (Built at start-up
// rather than at compile time because handlers live in their families' files; the search takes well under a millisecond.)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "commands/command_spec.h"

namespace terrace::commands {

/// A command as it stands in the table: the spec and what is derived from it once.
struct Command {
  const CommandSpec* spec = nullptr;
  const CommandSpec* parent = nullptr;  // of a subcommand
  uint32_t id = 0;  // dense over commands and subcommands: the index into statistics
  uint32_t flags = 0;
  uint32_t categories = 0;
  // Keys at first, first + step, ... last (negative: from the end); first 0: none, or only a finder knows.
  int16_t first_key = 0;
  int16_t last_key = 0;
  int16_t key_step = 0;
  std::vector<Command> subcommands;

  /// "client|list" for subcommands.
  std::string_view full_name() const { return name_; }
  std::string name_;
};

class CommandTable {
 public:
  /// The families' tables, in the order COMMAND lists them.
  explicit CommandTable(std::span<const std::span<const CommandSpec>> families);
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  /// nullptr if there is no such command. Any letter case.
  const Command* Find(Bytes name) const;
  /// The subcommand that args[1] names, or `command` itself if it has none; nullptr if args[1] is unknown.
  static const Command* FindSubcommand(const Command& command, Args args);

  const std::vector<Command>& commands() const { return commands_; }
  /// Commands and subcommands together: ids are below this.
  uint32_t ids() const { return ids_; }
  const Command& ById(uint32_t id) const { return *by_id_[id]; }

 private:
  bool TryBuild(uint64_t multiplier);
  static uint64_t Fingerprint(Bytes name);

  std::vector<Command> commands_;
  std::vector<const Command*> by_id_;
  std::vector<const Command*> slots_;
  unsigned shift_ = 0;
  uint64_t multiplier_ = 0;
  uint32_t ids_ = 0;
};

}  // namespace terrace::commands
