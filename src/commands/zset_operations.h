// What the families of sorted sets have in common, and what others do with them: geo keeps places in them, blocked clients
// are served from them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "commands/context.h"
#include "types/sorted_set.h"

namespace terrace::commands {

/// Limits in force.
types::SortedSet::Limits ZsetLimits(const ReadContext& ctx);

/// The sorted set a key holds, if it exists: as a read finds it, and as a write looks first.
ErrcOr<std::optional<types::SortedSet>> FindZset(ReadContext& ctx, Bytes key);
ErrcOr<std::optional<types::SortedSet>> PeekZset(WriteContext& ctx, Bytes key);

/// A score or weight as clients write it; NaN is none.
std::optional<double> ParseScore(Bytes text);

// --- replies ---

/// The head of `n` members: RESP3 pairs members and scores, RESP2 has one behind the other.
/// How long the array of `n` members is.
inline size_t MembersHead(const resp::Reply& reply, size_t n, bool with_scores) {
  return with_scores && reply.protocol() == 2 ? 2 * n : n;
}
inline void ReplyMembersHead(resp::Reply& reply, size_t n, bool with_scores) {
  reply.Array(MembersHead(reply, n, with_scores));
}
inline void ReplyMember(resp::Reply& reply, Bytes member, double score, bool with_scores) {
  if (with_scores && reply.protocol() != 2) reply.Array(2);
  reply.Bulk(member);
  if (with_scores) reply.Double(score);
}

// --- adding ---

struct ScoredMember {
  double score;
  Bytes member;
};

/// ZADD's conditions.
struct AddConditions {
  bool only_new = false, only_present = false;   // NX, XX
  bool only_greater = false, only_less = false;  // GT, LT
  bool increment = false;
};

struct AddOutcome {
  size_t added = 0;
  size_t scored = 0;            // got another score
  std::optional<double> score;  // of the last member, if the conditions let it through
  bool is_nan = false;          // the sum of an increment; nothing was done

  bool changed() const { return added + scored != 0; }
};

/// Adds members to a key that is absent or holds `existing`; announces `event` if that changed anything.
AddOutcome AddToZset(WriteContext& ctx, Bytes key, const std::optional<types::SortedSet>& existing,
                     std::span<const ScoredMember> members, const AddConditions& conditions,
                     Bytes event);

// --- popping ---

enum class ZsetEnd : uint8_t { kMin, kMax };

/// The forms a pop is answered in.
enum class PopShape : uint8_t {
  kFlat,      // member, score, member, score ...     ZPOPMIN, ZPOPMAX
  kPairs,     // [member, score] ...                  the same with a count in RESP3
  kKeyFlat,   // key, member, score                   BZPOPMIN, BZPOPMAX
  kKeyPairs,  // key, [[member, score] ...]           ZMPOP, BZMPOP
};

/// Pops up to `count` (> 0) members of a key that holds a sorted set, answers them in `reply` and announces what
/// happened. Returns how many went; the effect is LogPop's.
size_t PopFromZset(WriteContext& ctx, Bytes key, ZsetEnd end, size_t count, PopShape shape,
                   resp::Reply& reply);
/// ZPOPMIN or ZPOPMAX with the number that went, which is what followers are told of the other forms.
Effect LogPop(WriteContext& ctx, Bytes key, ZsetEnd end, size_t popped);

/// What ZMPOP and BZMPOP ask for.
struct ZsetPopRequest {
  std::span<const Bytes> keys;
  ZsetEnd end = ZsetEnd::kMin;
  size_t count = 1;
};
/// "numkeys key [key ...] <MIN | MAX> [COUNT count]", from args[number_at] to the end; the error is its text.
Result<ZsetPopRequest, Bytes> ParseZsetPop(Args args, size_t number_at);

// --- storing ---

/// The key holds `result` now, or is gone if that is empty; answers the size. Takes `result` over.
Effect StoreZset(WriteContext& ctx, Bytes key, types::SortedSet result, Bytes event);

}  // namespace terrace::commands
