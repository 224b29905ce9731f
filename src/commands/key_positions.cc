#include "commands/key_positions.h"

#include "base/ascii.h"
#include "base/numbers.h"

namespace terrace::commands {
namespace {

// Where the keys of a specification begin, or 0 if they are not there.
size_t BeginOf(const KeySpec& spec, Args args) {
  if (spec.begin == KeySpec::Begin::kIndex) return static_cast<size_t>(spec.index);
  if (spec.begin != KeySpec::Begin::kKeyword) return 0;
  const auto size = static_cast<int64_t>(args.size());
  const bool forward = spec.index > 0;
  int64_t i = forward ? spec.index : size + spec.index;
  for (; i > 0 && i < size; i += forward ? 1 : -1) {
    if (EqualsIgnoreCase(args[static_cast<size_t>(i)], spec.keyword))
      return static_cast<size_t>(i) + 1;
  }
  return 0;
}

bool AddRange(const KeySpec& spec, size_t begin, Args args, KeyPositions* positions) {
  const auto size = static_cast<int64_t>(args.size());
  const auto first = static_cast<int64_t>(begin);
  int64_t last = first + spec.last;
  if (spec.last < 0) {
    last = size + spec.last;
    // "Half of what is left" and the like: XREAD's streams and ids.
    if (spec.limit > 1) last = first + (size - first) / spec.limit - 1;
  }
  if (last >= size) return false;
  for (int64_t i = first; i <= last; i += spec.step)
    positions->Add(static_cast<size_t>(i), spec.flags);
  return true;
}

bool AddCounted(const KeySpec& spec, size_t begin, Args args, KeyPositions* positions) {
  const size_t at = begin + static_cast<size_t>(spec.number_index);
  if (at >= args.size()) return false;
  const auto count = ParseInt64(args[at]);
  const size_t first = begin + static_cast<size_t>(spec.first_key);
  if (!count || *count < 0 || first > args.size()) return false;
  if (static_cast<uint64_t>(*count) * static_cast<uint64_t>(spec.step) > args.size() - first)
    return false;
  for (int64_t i = 0; i < *count; ++i) {
    positions->Add(first + static_cast<size_t>(i) * static_cast<size_t>(spec.step), spec.flags);
  }
  return true;
}

}  // namespace

bool FindKeys(const Command& command, Args args, KeyPositions* positions) {
  if (command.spec->key_finder != nullptr) return command.spec->key_finder(args, positions);
  for (const KeySpec& spec : command.spec->keys) {
    const size_t begin = BeginOf(spec, args);
    if (begin == 0) continue;
    if (begin >= args.size()) return false;
    const bool added = spec.find == KeySpec::Find::kRange
                           ? AddRange(spec, begin, args, positions)
                           : AddCounted(spec, begin, args, positions);
    if (!added) return false;
  }
  return true;
}

}  // namespace terrace::commands
