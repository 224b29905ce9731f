#include "commands/families.h"

namespace terrace::commands {

std::vector<std::span<const CommandSpec>> DataFamilies() {
  return {
      StringCommands(),        CounterCommands(),      BitCommands(),
      HyperLogLogCommands(),   KeyCommands(),          ExpireCommands(),
      IterationCommands(),     ObjectCommands(),       DumpCommands(),
      PublishCommands(),       ListCommands(),         HashCommands(),
      SetCommands(),           SetAlgebraCommands(),   SetSampleCommands(),
      ZsetCommands(),          ZsetRangeCommands(),    ZsetPopCommands(),
      ZsetWalkCommands(),      ZsetAlgebraCommands(),  GeoCommands(),
      SortCommands(),          BlockingListCommands(), BlockingZsetCommands(),
      StreamCommands(),        StreamReadCommands(),   StreamGroupCommands(),
      StreamPendingCommands(), StreamInfoCommands(),   FieldDeadlineCommands(),
      FieldValueCommands(),
  };
}

}  // namespace terrace::commands
