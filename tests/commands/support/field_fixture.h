// An engine for tests of hashes whose fields have deadlines.
#pragma once

#include <string>

#include "base/numbers.h"
#include "commands/support/engine_fixture.h"
#include "exec/families.h"

namespace terrace::testing {

/// A time so many ms after the fixture began.
inline std::string At(int64_t ms_from_start) {
  return FormatInt64(static_cast<int64_t>(kStartMs) + ms_from_start);
}

struct FieldFixture : EngineFixture {
  FieldFixture()
      : EngineFixture({commands::StringCommands(), commands::KeyCommands(),
                       commands::ObjectCommands(), commands::ExpireCommands(),
                       commands::IterationCommands(), commands::DumpCommands(),
                       commands::HashCommands(), commands::FieldDeadlineCommands(),
                       commands::FieldValueCommands(), exec::TransactionCommands(),
                       exec::KeyspaceCommands(), exec::SelectCommands()}) {
    Notify("An");
  }

  /// HSET h a 1 b 2 c 3, as a listpack or a table.
  void Fill(bool large) {
    settings.encoding.hash_listpack_entries = large ? 0 : 512;
    Run({"DEL", "h"});
    Run({"HSET", "h", "a", "1", "b", "2", "c", "3"});
    Forget();
  }
  void Forget() {
    Log();
    Events();
  }
  void RunTimers() { executor.ExpireDueKeys(0, 1, 1'000'000'000); }
  uint64_t expired_fields() { return executor.counters().expired_fields.load(); }
  uint32_t HashesWithDeadlines(unsigned db = 0) {
    uint32_t hashes = 0;
    databases.Get(db).staircase().ForEachShard(0, [&](engine::Shard& shard, uint64_t, uint64_t) {
      hashes += shard.with_timed_items();
      return true;
    });
    return hashes;
  }
};

}  // namespace terrace::testing
