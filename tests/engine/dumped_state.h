// What databases that begin with an RDB file hold.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "engine/checkpoint_world.h"
#include "engine/dump_file.h"
#include "rdb/file_reader.h"

namespace terrace::engine {

/// Due keys included.
inline WorldState DumpedState(const std::string& file) {
  Participants participants;
  Participant* self = participants.Join();
  WorldState state;
  {
    Databases databases(kWorldDatabases, HashKey{5, 6}, participants);
    CommitLog log(64);
    EngineSettings settings;
    EngineCounters counters;
    Unit unit(databases, log, settings, counters, *self, 1);
    self->In();
    DumpLoader loader(unit, DueKeys::kKeep);
    const Status read = rdb::ReadFile(file, loader);
    CHECK_MESSAGE(read.ok(), read.message());
    participants.Exclusive(self, [&] {
      for (unsigned db = 0; db < kWorldDatabases; ++db)
        databases.Discard(databases.Exchange(db, loader.Take(db)));
    });
    state = StateOf(databases, settings.encoding);
    CHECK(state.size() == loader.keys());
    self->Out();
  }
  participants.Leave(self);
  return state;
}

}  // namespace terrace::engine
