// Restorer: the thread that brings the data back at the start (server/persistence.h says in which stages), while clients are
// told to wait. It runs commands of a log as an executor of its own, which nobody listens to.
//
// Threads: Start and Stop by who runs the machine; the rest happens on its own.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "base/status.h"
#include "server/config/options.h"
#include "server/parts.h"
#include "server/persistence.h"

namespace terrace::server {

class Restorer {
 public:
  Restorer(Parts& parts, Persistence& persistence) : parts_(parts), persistence_(persistence) {}
  ~Restorer() { Stop(); }
  Restorer(const Restorer&) = delete;
  Restorer& operator=(const Restorer&) = delete;

  /// Closes the gate and begins. When all is there the gate opens; when it cannot be had the server is asked to stop.
  void Start(const config::Options& options, const std::string& import_file);
  /// Gives up what is under way, and waits for that.
  void Stop();
  /// Behind Stop: why the data could not be had; Ok if they could, or if nobody wanted them any more.
  const Status& status() const { return status_; }

 private:
  void Run(const config::Options& options, const std::string& import_file);

  Parts& parts_;
  Persistence& persistence_;
  std::thread thread_;
  Status status_;
};

}  // namespace terrace::server
