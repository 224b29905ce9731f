#include "commands/command_table.h"

#include <cstring>

#include "base/ascii.h"
#include "base/check.h"
#include "base/random.h"

namespace terrace::commands {
namespace {

uint32_t CategoryOfGroup(Group group) {
  switch (group) {
    case Group::kGeneric:
      return kCatKeyspace;
    case Group::kString:
      return kCatString;
    case Group::kList:
      return kCatList;
    case Group::kSet:
      return kCatSet;
    case Group::kSortedSet:
      return kCatSortedSet;
    case Group::kHash:
      return kCatHash;
    case Group::kTransactions:
      return kCatTransaction;
    case Group::kConnection:
      return kCatConnection;
    case Group::kHyperLogLog:
      return kCatHyperLogLog;
    case Group::kGeo:
      return kCatGeo;
    case Group::kStream:
      return kCatStream;
    case Group::kBitmap:
      return kCatBitmap;
    case Group::kScripting:
      return kCatScripting;
    case Group::kPubSub:  // has its flag
    case Group::kServer:
    case Group::kCluster:
      return 0;
  }
  return 0;
}

// What Redis derives from flags, so that no table has to repeat it.
uint32_t CategoriesOf(const CommandSpec& spec, uint32_t flags) {
  // A container (CLIENT, OBJECT) does nothing by itself: its subcommands have the group's category.
  const bool container = !spec.subcommands.empty();
  uint32_t categories = spec.categories;
  // SORT is about values of some types, not about keys.
  const bool about_values =
      spec.group == Group::kGeneric && (categories & (kCatList | kCatSet | kCatSortedSet)) != 0;
  if (!container && !about_values) categories |= CategoryOfGroup(spec.group);
  if ((flags & kWrite) != 0) categories |= kCatWrite;
  if ((flags & kReadonly) != 0 && spec.group != Group::kScripting) categories |= kCatRead;
  if ((flags & kAdmin) != 0) categories |= kCatAdmin | kCatDangerous;
  if ((flags & kPubSub) != 0) categories |= kCatPubSub;
  if ((flags & kBlocking) != 0) categories |= kCatBlocking;
  return categories | ((flags & kFast) != 0 ? kCatFast : kCatSlow);
}

// The range the hot path uses: that of the first specification, if it is a plain one. What is no key (a shard channel) is
// neither hashed nor looked up, and no lock is taken for it.
void DeriveRange(Command& command) {
  for (const KeySpec& keys : command.spec->keys) {
    if ((keys.flags & kKeyNotKey) != 0) continue;
    if (keys.begin != KeySpec::Begin::kIndex || keys.find != KeySpec::Find::kRange) {
      command.flags |= kMovableKeys;
      continue;
    }
    const auto last = static_cast<int16_t>(keys.last >= 0 ? keys.index + keys.last : keys.last);
    if (command.first_key == 0) {
      command.first_key = keys.index;
      command.last_key = last;
      command.key_step = keys.step;
    } else if (keys.index == command.last_key + 1 &&
               (last == keys.index || (last == -1 && keys.step == 1))) {
      command.last_key =
          last;  // RENAME, BITOP: one key after the other, the first with flags of its own
    } else {
      command.flags |= kMovableKeys;
    }
  }
  if (command.spec->key_finder != nullptr) command.flags |= kMovableKeys;
}

Command MakeCommand(const CommandSpec& spec, const CommandSpec* parent, uint32_t* next_id) {
  Command command;
  command.spec = &spec;
  command.parent = parent;
  command.id = (*next_id)++;
  command.flags = spec.flags;
  command.categories = CategoriesOf(spec, spec.flags);
  command.name_ =
      parent == nullptr ? std::string(spec.name) : std::string(parent->name) + "|" + spec.name;
  DeriveRange(command);
  for (const CommandSpec& sub : spec.subcommands)
    command.subcommands.push_back(MakeCommand(sub, &spec, next_id));
  return command;
}

}  // namespace

CommandTable::CommandTable(std::span<const std::span<const CommandSpec>> families) {
  for (const auto& family : families) {
    for (const CommandSpec& spec : family) commands_.push_back(MakeCommand(spec, nullptr, &ids_));
  }
  by_id_.resize(ids_);
  for (const Command& command : commands_) {
    by_id_[command.id] = &command;
    for (const Command& sub : command.subcommands) by_id_[sub.id] = &sub;
  }
  // Eight slots a name make a multiplier without collisions quick to find.
  unsigned bits = 4;
  while ((size_t{1} << bits) < commands_.size() * 8) ++bits;
  Random random(1);
  for (int tries = 0;; ++tries) {
    if (tries == 10'000) {
      ++bits;
      tries = 0;
    }
    shift_ = 64 - bits;
    slots_.assign(size_t{1} << bits, nullptr);
    if (TryBuild(random.Next() | 1)) break;
  }
}

// Letters fold to lower case by setting bit 5; the other bytes of command names ('-', '.', digits) survive that.
uint64_t CommandTable::Fingerprint(Bytes name) {
  constexpr uint64_t kFold = 0x2020202020202020ULL;
  uint64_t head = 0;
  std::memcpy(&head, name.data(), name.size() < 8 ? name.size() : 8);
  if (name.size() >= 8) {
    uint64_t tail;
    std::memcpy(&tail, name.data() + name.size() - 8, 8);
    return ((head | kFold) + (tail | kFold) * 31) ^ (static_cast<uint64_t>(name.size()) << 40);
  }
  return (head | kFold) ^ (static_cast<uint64_t>(name.size()) << 56);
}

bool CommandTable::TryBuild(uint64_t multiplier) {
  multiplier_ = multiplier;
  for (const Command& command : commands_) {
    const Command*& slot = slots_[(Fingerprint(command.spec->name) * multiplier) >> shift_];
    if (slot != nullptr) return false;
    slot = &command;
  }
  return true;
}

const Command* CommandTable::Find(Bytes name) const {
  if (name.empty()) return nullptr;
  const Command* command = slots_[(Fingerprint(name) * multiplier_) >> shift_];
  if (command == nullptr || !EqualsIgnoreCase(name, command->name_)) return nullptr;
  return command;
}

const Command* CommandTable::FindSubcommand(const Command& command, Args args) {
  if (command.subcommands.empty() || args.size() < 2) return &command;
  for (const Command& sub : command.subcommands) {
    if (EqualsIgnoreCase(args[1], sub.spec->name)) return &sub;
  }
  return nullptr;
}

}  // namespace terrace::commands
