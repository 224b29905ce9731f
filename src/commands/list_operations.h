// What the commands on lists have in common, blocking and not: taking elements from an end, and moving one to another
// list, each with its reply and its notifications.
#pragma once

#include <optional>

#include "commands/context.h"
#include "types/list_limits.h"
#include "types/listpack.h"

namespace terrace::commands {

/// LEFT or RIGHT.
std::optional<types::ListEnd> ParseListEnd(Bytes word);

inline void ReplyElement(resp::Reply& reply, const types::Element& element) {
  element.is_integer() ? reply.BulkInt(element.integer()) : reply.Bulk(element.string());
}

/// "LPOP" or "RPOP": the command that takes from this end.
constexpr const char* PopCommand(types::ListEnd end) {
  return end == types::ListEnd::kHead ? "LPOP" : "RPOP";
}

/// Takes the element at an end and writes it to the reply. CONTRACT: the key holds a list.
void PopOne(WriteContext& ctx, engine::KeyRef& key, types::ListEnd end);

/// Takes up to `count` elements from an end and writes them to the reply as an array; returns how many it took.
/// CONTRACT: the key holds a list; count > 0.
size_t PopMany(WriteContext& ctx, engine::KeyRef& key, types::ListEnd end, size_t count);

/// Takes the element at one end of `source`, puts it to an end of `target`, which may be the same key, and writes it to
/// the reply. CONTRACT: `source` holds a list, `target` holds one or does not exist.
void MoveElement(WriteContext& ctx, engine::KeyRef& source, engine::KeyRef& target,
                 types::ListEnd from, types::ListEnd to);

/// What LMPOP and its blocking form ask for: "numkeys key [key ...] LEFT|RIGHT [COUNT count]".
struct ListPopRequest {
  size_t first_key = 0;  // its place among the arguments
  size_t keys = 0;
  types::ListEnd end = types::ListEnd::kHead;
  int64_t count = 1;
};

/// Reads it, `numkeys` being argument `at`. Writes the error to the reply and returns nullopt if it cannot be read.
std::optional<ListPopRequest> ParseListPop(ReadContext& ctx, Args args, size_t at);

/// Pops from the first of the keys that holds a list and writes key and elements to the reply. nullopt: none does (no reply was
/// written); otherwise the effect, which is None after an error.
std::optional<Effect> PopFromFirst(WriteContext& ctx, Args args, const ListPopRequest& request);

}  // namespace terrace::commands
