// The two ways to look a key up that lie between Find and Peek of the context, named by what they leave
// behind:
//
//               hit or miss counted, `keymiss` announced    access clock
//   Find        yes                                         touched
//   Glance      yes                                         left alone     EXISTS, TYPE, TTL
//   Reach       no                                          touched        writes that need the old value
//   Peek        no                                          left alone
#pragma once

#include "commands/context.h"

namespace terrace::commands {

inline engine::Entry* Glance(ReadContext& ctx, Bytes key) {
  engine::Entry* entry = ctx.Peek(key);
  if (entry == nullptr) {
    engine::EngineCounters::Add(ctx.unit.counters.keyspace_misses);
    ctx.unit.Notify(engine::kNotifyKeyMiss, ctx.db, "keymiss", key);
    return nullptr;
  }
  engine::EngineCounters::Add(ctx.unit.counters.keyspace_hits);
  return entry;
}

inline engine::Entry* Reach(WriteContext& ctx, engine::KeyRef& ref) {
  engine::Entry* entry = ctx.Peek(ref);
  if (entry != nullptr) ctx.unit.Touch(entry);
  return entry;
}
inline engine::Entry* Reach(WriteContext& ctx, Bytes key) { return Reach(ctx, ctx.RefOf(key)); }

}  // namespace terrace::commands
