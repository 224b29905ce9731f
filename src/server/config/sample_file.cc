#include "server/config/sample_file.h"

#include "server/config/setting_table.h"
#include "server/config/setting_value.h"

namespace terrace::config {
namespace {

constexpr std::string_view kHead =
    R"(# Every setting of Terrace, commented out at its default: keep what you change and delete the rest.
#
# A flag (--tcp-backlog 128) wins over the environment (TERRACE_TCP_BACKLOG=128, or TERRACE_TCP_BACKLOG_FILE=/path of
# a file that holds the value), the environment over this file, this file over the default. CONFIG GET and SET use the
# same names with dashes. Sizes are numbers of bytes or texts such as "64mb": 1k is 1000, 1kb is 1024.
#
# Check a file:  terrace-server --check-config FILE
# This file is printed by:  terrace-server --sample-config
)";

std::string StateNote(const Setting& setting) {
  std::string reason(setting.reason);
  if (setting.state == State::kAcceptedWithoutEffect) return "# No effect: " + reason + ".\n";
  if (setting.state == State::kRefused) return "# Any other value is refused: " + reason + ".\n";
  return "";
}

}  // namespace

std::string SampleToml() {
  const Options defaults;
  std::string text(kHead);
  std::string_view section;
  for (const Setting& setting : AllSettings()) {
    if (setting.Has(kHidden)) continue;
    if (setting.section != section) {
      section = setting.section;
      text += "\n[" + std::string(section) + "]\n";
    }
    std::string key = TomlKey(setting).substr(section.size() + 1);
    text += "\n# " + std::string(setting.why) + "\n" + StateNote(setting);
    text += "# " + key + " = " + FormatToml(setting, defaults) + "\n";
  }
  return text;
}

}  // namespace terrace::config
