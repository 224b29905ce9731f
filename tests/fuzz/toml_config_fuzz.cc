// Any bytes as a terrace.toml: no crash, and what was accepted takes a rewrite of any one setting.
#include <cstdint>
#include <cstdlib>

#include "server/config/assignment.h"
#include "server/config/setting_table.h"
#include "server/config/setting_value.h"
#include "server/config/toml_config.h"

namespace {

using namespace terrace;
using namespace terrace::config;

bool Load(Bytes text, Options& options) {
  auto reading = ReadTomlConfig(text, "fuzz.toml", UnknownNames::kWarn);
  Provenances provenances;
  return reading.ok() &&
         ApplyAssignments(reading->assignments, Origin::kFile, options, provenances).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes text(reinterpret_cast<const char*>(data), size);
  Options options;
  if (!Load(text, options)) return 0;
  const Setting& port = *FindSetting("port");
  options.port = options.port == 1 ? 2 : 1;
  auto rewritten = RewriteTomlConfig(text, "fuzz.toml", {{&port, FormatToml(port, options)}});
  if (!rewritten.ok()) return 0;  // an inline table, to which nothing can be added
  Options again;
  if (!Load(*rewritten, again)) std::abort();
  for (const Setting& setting : AllSettings()) {
    if (!setting.Has(kFileOnly) && FormatValue(setting, options) != FormatValue(setting, again))
      std::abort();
  }
  return 0;
}
