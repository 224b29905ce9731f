// INFO tiering: values that are not in memory (docs/residency.md).
#include <algorithm>
#include <cinttypes>

#include "server/info.h"
#include "server/text.h"
#include "server/value_keeper.h"

namespace terrace::server {

void InfoTiering(InfoSource& source, std::string* out) {
  uint64_t keys = 0;
  for (unsigned db = 0; db < source.parts.databases.count(); ++db)
    keys += source.parts.databases.Get(db).size();
  const uint64_t away = std::min(keys, source.parts.databases.away());
  AppendFormat(out, "resident_values:%" PRIu64 "\r\nnonresident_values:%" PRIu64 "\r\n",
               keys - away, away);
  ValueKeeper* keeper = source.parts.values;
  if (keeper == nullptr) return;
  const engine::Residency::Counters& counters = keeper->residency().counters();
  AppendFormat(out,
               "value_read_ins:%" PRIu64 "\r\nvalue_read_ins_locked:%" PRIu64
               "\r\nvalue_read_failures:%" PRIu64 "\r\ncommands_parked:%" PRIu64
               "\r\nclients_parked:%" PRIu64 "\r\n",
               counters.read_in.load(), counters.read_at_once.load(), counters.failed.load(),
               counters.waits.load(), keeper->waiting());
  AppendFormat(out,
               "values_let_go:%" PRIu64 "\r\nwarming:%d\r\nwarm_left_by_loading:%" PRIu64
               "\r\nwarm_values:%" PRIu64 "\r\nwarm_ms:%" PRIu64 "\r\n",
               counters.let_go.load(), keeper->warming() ? 1 : 0, keeper->left_by_loading(),
               counters.warmed.load(), keeper->warm_ms());
}

}  // namespace terrace::server
