#include "support/server_process.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <thread>

#include "support/case_watch.h"

namespace terrace::integration {
namespace {

constexpr size_t kLogTailBytes = 4000;

constexpr char kStockBinary[] = "/usr/bin/redis-server";

std::string ServerBinary() {
  const char* named = std::getenv("TERRACE_SERVER");
  return named != nullptr && *named != '\0' ? named : TERRACE_SERVER_BUILT;
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// True if nobody has the port at any address of the machine.
bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(port);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return free;
}

// A port that no other test program uses until `*claim` is closed. Ports below those the kernel gives to
// outgoing connections: such a one could take the port before the server does, or even be connected to
// itself. The claim is a name in the kernel's table of abstract sockets, which is gone with the process that
// holds it.
int ClaimPort(int* claim) {
  constexpr int kFirst = 12000, kCount = 20000;
  static std::minstd_rand random(std::random_device{}());
  for (int attempt = 0; attempt < kCount; ++attempt) {
    const int port = kFirst + static_cast<int>(random() % kCount);
    *claim = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const int length =
        std::snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "terrace-test-port-%d", port);
    const auto size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<size_t>(length));
    if (bind(*claim, reinterpret_cast<sockaddr*>(&name), size) == 0 && IsFree(port)) return port;
    close(*claim);
  }
  FAIL("no free port");
  return 0;
}

// Asks to be closed and waits for that: once the end is seen here, no CLIENT LIST shows this connection any
// more. False also if it answers only that it is loading, unless that is enough.
bool Answers(int port, bool loading_is_enough) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  bool answered = false;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      send(fd, "PING\r\nQUIT\r\n", 12, MSG_NOSIGNAL) == 12) {
    char buffer[64];
    ssize_t got;
    std::string reply;
    while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0) reply.append(buffer, got);
    answered = !reply.empty() && (loading_is_enough || !reply.starts_with("-LOADING"));
  }
  close(fd);
  return answered;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// In the child: output to the log, die with the test program, become the server.
[[noreturn]] void BecomeServer(const std::string& folder, const std::vector<std::string>& command) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = open((folder + "/server.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  // What tells these tests which binary to run would be a setting to the binary itself, and the settings of
  // whoever runs the tests are not ours.
  std::vector<std::string> settings;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.starts_with("TERRACE_")) settings.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : settings) unsetenv(name.c_str());
  std::vector<char*> argv;
  for (const std::string& part : command) argv.push_back(const_cast<char*>(part.c_str()));
  argv.push_back(nullptr);
  if (chdir(folder.c_str()) == 0) execv(argv[0], argv.data());
  _exit(127);
}

}  // namespace

int PortAside() {
  int claim = -1;  // kept until the test program ends
  return ClaimPort(&claim);
}

bool AgainstStock() { return std::filesystem::path(ServerBinary()).filename() == "redis-server"; }

bool StockIsInstalled() { return access(kStockBinary, X_OK) == 0; }

ServerProcess::ServerProcess(Binary binary, const std::vector<std::string>& args, Start start)
    : binary_(binary) {
  std::string pattern = (std::filesystem::temp_directory_path() / "terrace-test-XXXXXX").string();
  folder_ = mkdtemp(pattern.data());
  Restart(args, start);
}

void ServerProcess::Restart(const std::vector<std::string>& args, Start start) {
  constexpr int kAttempts = 10;  // another program may take the port first
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Launch(args);
    if (WaitUntilReady(start) || start == Start::kMayFail) return;
  }
  const std::string log = Log();
  FAIL("the server did not start: ", binary_ == Binary::kStock ? kStockBinary : ServerBinary(),
       "\n", log);
}

void ServerProcess::Launch(const std::vector<std::string>& args) {
  if (port_claim_ >= 0) close(port_claim_);
  port_ = ClaimPort(&port_claim_);
  ended_ = false;
  const bool is_stock = binary_ == Binary::kStock || AgainstStock();
  std::vector<std::string> command = {binary_ == Binary::kStock ? kStockBinary : ServerBinary(),
                                      "--port",
                                      std::to_string(port_),
                                      "--dir",
                                      folder_,
                                      "--save",
                                      ""};
  // Two workers on any machine, so that what crosses threads is always tried.
  if (!is_stock) command.insert(command.end(), {"--threads", "2"});
  command.insert(command.end(), args.begin(), args.end());
  pid_ = fork();
  if (pid_ == 0) BecomeServer(folder_, command);
}

bool ServerProcess::WaitUntilReady(Start start) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (std::chrono::steady_clock::now() < deadline) {
    if (Answers(port_, start == Start::kMayLoad)) return true;
    if (WaitForExit(5) >= 0) return false;
  }
  Kill();
  return false;
}

Client ServerProcess::ConnectAndGreet() const {
  Client client = Connect();
  REQUIRE(client.Run("ECHO here") == "$here");
  return client;
}

int ServerProcess::WaitForExit(int timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!ended_) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = true;
      exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    } else if (std::chrono::steady_clock::now() >= deadline) {
      return -1;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  return exit_code_;
}

void ServerProcess::Kill() {
  if (ended_) return;
  kill(pid_, SIGKILL);
  WaitForExit();
}

ServerProcess::~ServerProcess() {
  if (port_claim_ >= 0) close(port_claim_);
  if (pid_ < 0) return;
  if (!ended_) {
    Signal(SIGTERM);
    const int code = WaitForExit();
    if (code != 0)
      FAIL_CHECK("the server ended with ", code, " (-1: it did not end) when asked by SIGTERM");
    Kill();
  }
  if (!CurrentCaseFailed()) {
    std::filesystem::remove_all(folder_);
    return;
  }
  const std::string log = Log();
  std::cerr << "--- server log, kept in " << folder_ << "\n"
            << log.substr(log.size() > kLogTailBytes ? log.size() - kLogTailBytes : 0) << "---\n";
}

std::string ServerProcess::Log() const { return ReadFile(folder_ + "/server.log"); }

void ServerProcess::Signal(int number) const {
  if (!ended_) kill(pid_, number);
}

size_t ServerProcess::ResidentBytes() const {
  const std::string status = ReadFile("/proc/" + std::to_string(pid_) + "/status");
  const size_t at = status.find("VmRSS:");
  return at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + 6, nullptr, 10) * 1024;
}

}  // namespace terrace::integration
