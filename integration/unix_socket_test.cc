// The socket in the file system.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

// A folder for the socket that is there before the server is.
struct SocketFolder {
  SocketFolder() {
    char pattern[] = "/tmp/terrace-socket-XXXXXX";
    path = mkdtemp(pattern);
  }
  ~SocketFolder() { std::filesystem::remove_all(path); }
  std::string Socket() const { return path + "/s"; }

  std::string path;
};

// What a server that was killed leaves behind: a socket file nobody listens on.
void LeaveStaleSocket(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  close(fd);
}

TEST_SUITE("integration/unix_socket") {
  TEST_CASE("both doors lead to the same data") {
    SocketFolder folder;
    ServerProcess server({"--unixsocket", folder.Socket()});
    Client local = Client::Unix(folder.Socket());
    CHECK(local.Run("SET k v") == "+OK");
    CHECK(server.Connect().Run("GET k") == "$v");
    CHECK(FieldOf(local.Text("CLIENT", "INFO"), "addr") == folder.Socket() + ":0");
    const std::string big(3 << 20, 'b');
    CHECK(local.Run("SET", "big", big) == "+OK");
    CHECK((local.Text("GET", "big") == big));
  }

  TEST_CASE("the file gets the permissions asked for") {
    SocketFolder folder;
    ServerProcess server({"--unixsocket", folder.Socket(), "--unixsocketperm", "700"});
    struct stat status {};
    REQUIRE(stat(folder.Socket().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
  }

  TEST_CASE("a socket left behind by a server that was killed is replaced") {
    SocketFolder folder;
    LeaveStaleSocket(folder.Socket());
    ServerProcess server({"--unixsocket", folder.Socket()});
    CHECK(Client::Unix(folder.Socket()).Run("PING") == "+PONG");
  }

  TEST_CASE("a socket somebody listens on is not taken away") {
    SocketFolder folder;
    ServerProcess server({"--unixsocket", folder.Socket()});
    ServerProcess second({"--unixsocket", folder.Socket()}, ServerProcess::Start::kMayFail);
    if (AgainstStock()) return;  // Redis removes the file and goes on
    CHECK(second.WaitForExit() == 1);
    CHECK(second.Log().find(folder.Socket()) != std::string::npos);
    CHECK(Client::Unix(folder.Socket()).Run("PING") == "+PONG");
  }

  TEST_CASE("an orderly end removes the file") {
    SocketFolder folder;
    {
      ServerProcess server({"--unixsocket", folder.Socket()});
      CHECK(std::filesystem::exists(folder.Socket()));
    }
    CHECK_FALSE(std::filesystem::exists(folder.Socket()));
  }
}

}  // namespace
}  // namespace terrace::integration
