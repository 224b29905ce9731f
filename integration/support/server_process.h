// A server of its own for one test case: the built binary on a free port, with a folder of its own.
//
// The binary is what CMake built, or what TERRACE_SERVER names: a stock redis-server passes these tests too,
// apart from those marked as ours only, which is how the tests themselves were checked.
//
// The destructor asks the server to end with SIGTERM and expects exit code 0 within seconds, so that a crash,
// a leak that a sanitizer reports at the end and a hang all fail the case that caused them. If the case has
// failed, the end of the server's log is printed and its folder is kept.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "support/client.h"
#include "support/eventually.h"

namespace terrace::integration {

/// True when the tests run against a stock redis-server: what only Terrace has is skipped.
bool AgainstStock();

/// Whether a stock redis-server (and its tools) is installed beside ours: tests that compare the two live need it.
bool StockIsInstalled();

/// A port that nobody listens on, no other test program takes and the kernel gives to nobody who asks for
/// any: what refuses connections there now will do so until the case changes it.
int PortAside();

class ServerProcess {
 public:
  /// kMayLoad: it must succeed, but what it has to load need not be there when the constructor, or Restart, returns.
  enum class Start { kMustSucceed, kMayFail, kMayLoad };
  enum class Binary { kTested, kStock };

  /// Starts the server with `args` after port and folder and waits until it answers or ends; the case fails
  /// at once when it does not answer, unless it may fail.
  explicit ServerProcess(const std::vector<std::string>& args = {},
                         Start start = Start::kMustSucceed)
      : ServerProcess(Binary::kTested, args, start) {}
  ServerProcess(Binary binary, const std::vector<std::string>& args,
                Start start = Start::kMustSucceed);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// A connection as the kernel gives it: the server may not have looked at it yet.
  Client Connect() const { return Client::Tcp(port_); }
  /// A connection the server has answered: one that is counted and listed, with an id above those met before.
  Client ConnectAndGreet() const;
  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  /// The server's working folder; its log is server.log in there.
  const std::string& folder() const { return folder_; }
  std::string Log() const;

  void Signal(int number) const;
  /// Waits for the server to end by itself: its exit code, 128 + number for a signal, -1 if it goes on.
  int WaitForExit(int timeout_ms = kPatienceMs);
  /// Starts it again, in the same folder, on another port, after it has ended. The case fails at once if it does not answer,
  /// unless it may fail.
  void Restart(const std::vector<std::string>& args, Start start = Start::kMustSucceed);
  /// As a power cut of the process: SIGKILL.
  void KillNow() { Kill(); }
  /// Resident memory in bytes, from /proc.
  size_t ResidentBytes() const;

 private:
  void Launch(const std::vector<std::string>& args);
  bool WaitUntilReady(Start start);
  void Kill();

  const Binary binary_;
  std::string folder_;
  int port_claim_ = -1;
  int port_ = 0;
  pid_t pid_ = -1;
  bool ended_ = false;
  int exit_code_ = -1;
};

}  // namespace terrace::integration
