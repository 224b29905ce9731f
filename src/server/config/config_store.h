// ConfigStore: the settings of a running server: CONFIG GET, SET and REWRITE, and whoever wants to know of
// changes.
//
// Threads: all functions from any thread. CONFIG SET and REWRITE run one at a time; a snapshot never waits
// for them longer than a copy of Options takes.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/status.h"
#include "server/config/assignment.h"
#include "server/config/config_files.h"
#include "server/config/options.h"
#include "server/config/startup.h"

namespace terrace::config {

/// Applies a change to the running server. Returns why it cannot, and then every setting of that CONFIG SET
/// stays as it was. When a later listener objects, it is called once more with the two swapped, to undo.
/// CONTRACT: it may call Snapshot() (which still shows `before`) but not Set() or Rewrite().
using ChangeListener = std::function<Status(const Options& before, const Options& after)>;

/// Who asks for a change.
struct SetContext {
  bool from_this_machine = false;  ///< for settings that are open to local connections only
};

class ConfigStore {
 public:
  /// The settings a server was started with. `files` outlives the store.
  explicit ConfigStore(Startup startup, const ConfigFiles& files = DiskConfigFiles());
  /// Settings without a file, for a server inside another process.
  explicit ConfigStore(Options options);
  ConfigStore(const ConfigStore&) = delete;
  ConfigStore& operator=(const ConfigStore&) = delete;

  /// A copy; take one per task, not per command.
  Options Snapshot() const;

  /// CONFIG GET: names and values of all settings that a pattern matches, each once, aliases under both
  /// names.
  std::vector<std::pair<std::string, std::string>> Get(std::span<const Bytes> patterns) const;

  /// CONFIG SET: all pairs or none. The error is the whole line a client gets, with its "ERR " in front.
  Status Set(std::span<const std::pair<Bytes, Bytes>> pairs, SetContext context = {});

  /// CONFIG REWRITE: brings the file the server was started with up to date; its comments and order stay.
  /// What came from the environment and is secret stays out of it. The error is the whole line a client gets.
  Status Rewrite();

  /// Calls `listener` whenever a CONFIG SET changes the setting of that name. Several may listen to one
  /// setting; they are called in the order in which they came.
  void OnChange(Bytes name, ChangeListener listener);

  /// Where the current value comes from; kDefault for a name nobody knows.
  Origin OriginOf(Bytes name) const;

  /// The absolute path of the file the server was started with, or "".
  const std::string& config_file() const { return config_file_; }

 private:
  struct Change;

  struct Listener {
    const Setting* setting;
    ChangeListener call;
  };

  Status FindChanges(std::span<const std::pair<Bytes, Bytes>> pairs, const Options& before,
                     SetContext context, std::vector<Change>& changes) const
      TERRACE_REQUIRES(writing_);
  Status ParseChanges(std::span<const Change> changes, const Options& before, Options& after) const
      TERRACE_REQUIRES(writing_);
  Status CheckChange(const Setting& setting, const Options& before, Options& after) const
      TERRACE_REQUIRES(writing_);
  Status CallListeners(std::span<const Change> changes, const Options& before, const Options& after)
      TERRACE_REQUIRES(writing_);
  bool HasListener(const Setting& setting) const TERRACE_REQUIRES(writing_);
  StatusOr<std::string> RewrittenText(const Options& now) const TERRACE_REQUIRES(writing_);
  std::vector<const Setting*> ToRewrite(const Options& now, const Options& in_file) const
      TERRACE_REQUIRES(writing_);
  StatusOr<Options> OptionsOf(const std::string& text) const;
  StatusOr<std::string> RewrittenRedisConf(const std::string& text, const Options& now,
                                           std::span<const Setting* const> settings) const;
  StatusOr<std::string> RewrittenToml(const std::string& text, const Options& now,
                                      std::span<const Setting* const> settings) const;

  const ConfigFiles& files_;
  const std::string config_file_;
  const ConfigForm form_;

  /// Held for the whole of a Set, Rewrite or OnChange; taken before `mutex_`.
  mutable Mutex writing_;
  std::vector<Listener> listeners_ TERRACE_GUARDED_BY(writing_);

  /// Held only to copy.
  mutable Mutex mutex_;
  Options options_ TERRACE_GUARDED_BY(mutex_);
  std::map<const Setting*, Origin> origins_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::config
