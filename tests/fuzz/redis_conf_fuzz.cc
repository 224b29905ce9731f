// Any bytes as a redis.conf: no crash, and what was accepted can be rewritten and read again with the same
// values.
#include <cstdint>
#include <cstdlib>

#include "server/config/assignment.h"
#include "server/config/redis_conf.h"
#include "server/config/setting_table.h"
#include "server/config/setting_value.h"

namespace {

using namespace terrace;
using namespace terrace::config;

/// A disk without files.
class NoFiles : public ConfigFiles {
 public:
  StatusOr<std::string> Read(const std::string&) const override {
    return Unexpected{Status::Error("no file")};
  }
  std::vector<std::string> Glob(const std::string&) const override { return {}; }
  Status Replace(const std::string&, const std::string&) const override { return Status::Ok(); }
  StatusOr<std::string> ResolveDirectory(const std::string& path) const override { return path; }
  std::string Absolute(const std::string& path) const override { return path; }
};

bool Load(Bytes text, Options& options) {
  auto reading = ReadRedisConf(text, "fuzz.conf", UnknownNames::kWarn, NoFiles());
  Provenances provenances;
  return reading.ok() &&
         ApplyAssignments(reading->assignments, Origin::kFile, options, provenances).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes text(reinterpret_cast<const char*>(data), size);
  Options options;
  if (!Load(text, options)) return 0;
  RedisConfChanges changes;
  for (const Setting& setting : AllSettings()) {
    if (!setting.Has(kFileOnly) && !IsDefault(setting, options))
      changes[&setting] = FormatRedisConf(setting, options);
  }
  Options again;
  if (!Load(RewriteRedisConf(text, changes), again)) std::abort();
  for (const auto& [setting, lines] : changes) {
    if (FormatValue(*setting, options) != FormatValue(*setting, again)) std::abort();
  }
  return 0;
}
