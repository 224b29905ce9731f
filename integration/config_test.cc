// CONFIG: the settings of the running server, and that they are in force.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST_SUITE("integration/config") {
  TEST_CASE(
      "CONFIG GET takes patterns and names, in any letter case, and shows each setting once") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("CONFIG GET MAXMEMORY-S*") == "[$maxmemory-samples $5]");
    CHECK(client.Run("CONFIG GET maxmemory maxmemory maxmemory") == "[$maxmemory $0]");
    CHECK(client.Run("CONFIG GET maxmemory-s* nosuch") == "[$maxmemory-samples $5]");
    CHECK(client.Run("CONFIG GET nosuch") == "[]");
    // A name comes back as it was asked for.
    CHECK(client.Run("CONFIG GET MaxMemory maxmemory") == "[$MaxMemory $0]");
    CHECK(client.Run("CONFIG GET SLAVEOF") == "[$SLAVEOF $]");
    CHECK(client.Run("CONFIG GET port") == "[$port $" + std::to_string(server.port()) + "]");
    CHECK(client.Run("CONFIG GET") == "-ERR wrong number of arguments for 'config|get' command");
    client.Run("HELLO 3");
    CHECK(client.Run("CONFIG GET maxmemory") == "%{$maxmemory $0}");
  }

  TEST_CASE("CONFIG SET changes all settings of a request or none") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru") == "+OK");
    CHECK(client.Run("CONFIG GET maxmemory") == "[$maxmemory $104857600]");
    CHECK(client.Run("CONFIG SET maxmemory 1gb maxmemory-policy nosuch")
              .starts_with(
                  "-ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - "
                  "argument(s) must be one of the "
                  "following: volatile-lru"));
    CHECK(client.Run("CONFIG GET maxmemory") == "[$maxmemory $104857600]");
    CHECK(
        client.Run("CONFIG SET maxmemory 1 maxmemory 2") ==
        "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter");
    CHECK(client.Run("CONFIG SET databases 5") ==
          "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable "
          "config");
    CHECK(client.Run("CONFIG SET dbfilename x.rdb") ==
          "-ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set "
          "protected config");
    CHECK(client.Run("CONFIG SET nosuch 1") ==
          "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
    CHECK(client.Run("CONFIG SET maxmemory 1 timeout") == "-ERR syntax error");
    CHECK(client.Run("CONFIG SET maxmemory") ==
          "-ERR wrong number of arguments for 'config|set' command");
  }

  TEST_CASE("CONFIG SET inside of a transaction") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("MULTI");
    CHECK(client.Run("CONFIG SET maxmemory 200mb") == "+QUEUED");
    CHECK(client.Run("CONFIG SET requirepass secret") == "+QUEUED");
    CHECK(client.Run("CONFIG RESETSTAT") == "+QUEUED");
    CHECK(client.Run("CONFIG GET maxmemory") == "+QUEUED");
    CHECK(client.Run("EXEC") == "[+OK +OK +OK [$maxmemory $209715200]]");
    CHECK(server.Connect().Run("GET k") == "-NOAUTH Authentication required.");
  }

  TEST_CASE("a password that is set asks new clients, one that is taken away asks nobody") {
    ServerProcess server;
    Client old = server.Connect();
    CHECK(old.Run("PING") == "+PONG");
    CHECK(old.Run("CONFIG SET requirepass secret") == "+OK");
    Client stranger = server.Connect();
    CHECK(stranger.Run("GET k") == "-NOAUTH Authentication required.");
    CHECK(old.Run("GET k") == "$-1");
    CHECK(old.Run("CONFIG", "SET", "requirepass", "") == "+OK");
    CHECK(stranger.Run("GET k") == "$-1");
    CHECK(server.Connect().Run("GET k") == "$-1");
  }

  TEST_CASE("DEBUG is for whom the start allowed it, and is refused before it is queued") {
    ServerProcess server;
    Client client = server.Connect();
    const std::string refusal =
        "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", "
        "you can run "
        "it from a "
        "local connection, otherwise you need to set this option in the configuration file, and "
        "then restart "
        "the "
        "server.";
    CHECK(client.Run("DEBUG SLEEP 0") == refusal);
    client.Run("MULTI");
    CHECK(client.Run("DEBUG SLEEP 0") == refusal);
    CHECK(client.Run("EXEC") == "-EXECABORT Transaction discarded because of previous errors.");
    ServerProcess open({"--enable-debug-command", "local"});
    CHECK(open.Connect().Run("DEBUG SLEEP 0") == "+OK");
  }

  TEST_CASE(
      "the port moves at run time: old connections stay, the old port refuses, the new one "
      "answers") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("SET k v") == "+OK");
    const int first_port = PortAside();
    const int second_port = PortAside();
    const std::string first = std::to_string(first_port);
    const std::string second = std::to_string(second_port);
    REQUIRE(client.Run("CONFIG", "SET", "port", first) == "+OK");
    Client early = Client::Tcp(first_port);
    CHECK(early.Run("GET k") == "$v");
    REQUIRE(client.Run("CONFIG", "SET", "port", second) == "+OK");
    CHECK(early.Run("GET k") == "$v");
    CHECK(client.Run("CONFIG GET port") == "[$port $" + second + "]");
    CHECK(client.Run("GET k") == "$v");
    CHECK_FALSE(Client::CanConnect(first_port));
    CHECK(Client::Tcp(second_port).Run("GET k") == "$v");
    CHECK(FieldOf(client.Text("INFO", "server"), "tcp_port") == second);

    CHECK(client.Run("CONFIG SET port 0") == "+OK");
    CHECK_FALSE(Client::CanConnect(second_port));
    CHECK(client.Run("GET k") == "$v");
    CHECK(client.Run("CONFIG", "SET", "port", first) == "+OK");
    CHECK(Client::Tcp(first_port).Run("GET k") == "$v");
  }

  TEST_CASE("a port that is taken is refused, and the server goes on where it was") {
    ServerProcess other;
    ServerProcess server;
    Client client = server.Connect();
    const std::string taken = std::to_string(other.port());
    CHECK(client.Run("CONFIG", "SET", "port", taken) ==
          "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this "
          "port. "
          "Check server "
          "logs.");
    CHECK(client.Run("CONFIG", "SET", "port", "65536") ==
          "-ERR CONFIG SET failed (possibly related to argument 'port') - argument must be between "
          "0 and 65535 "
          "inclusive");
    // Whatever stood beside it in the request is undone as well.
    CHECK(client.Run("CONFIG", "SET", "maxmemory", "1gb", "port", taken)
              .starts_with("-ERR CONFIG SET failed"));
    CHECK(client.Run("CONFIG GET maxmemory") == "[$maxmemory $0]");
    CHECK(client.Run("CONFIG GET port") == "[$port $" + std::to_string(server.port()) + "]");
    CHECK(server.Connect().Run("PING") == "+PONG");
    CHECK(other.Connect().Run("PING") == "+PONG");
  }

  TEST_CASE("the addresses change at run time, also to ones the old ones stand in the way of") {
    ServerProcess server;
    Client client = server.Connect();
    const int port = PortAside();
    REQUIRE(client.Run("CONFIG", "SET", "port", std::to_string(port)) == "+OK");
    const std::string refusal =
        "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to "
        "specified "
        "addresses.";
    CHECK(client.Run("CONFIG SET bind 127.0.0.1") == "+OK");
    CHECK(Client::Tcp(port).Run("PING") == "+PONG");
    CHECK(client.Run("CONFIG SET bind *") == "+OK");
    CHECK(Client::Tcp(port).Run("PING") == "+PONG");
    CHECK(client.Run("CONFIG", "SET", "bind", "127.0.0.1 198.51.100.77") ==
          refusal);  // for examples in documents: nobody has it
    CHECK(client.Run("CONFIG", "SET", "bind", "127.0.0.1 127.0.0.1") == refusal);
    CHECK(client.Run("CONFIG GET bind") == "[$bind $*]");
    CHECK(Client::Tcp(port).Run("PING") == "+PONG");
    CHECK(client.Run("CONFIG", "SET", "bind", "127.0.0.1 -198.51.100.77") == "+OK");
    CHECK(Client::Tcp(port).Run("PING") == "+PONG");
    CHECK(client.Run("CONFIG", "SET", "bind", "") == "+OK");
    CHECK_FALSE(Client::CanConnect(port));
    CHECK(client.Run("PING") == "+PONG");
  }

  TEST_CASE("settings are in force at once") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("CONFIG SET proto-max-bulk-len 1mb") == "+OK");
    CHECK(client.Run("SETRANGE k 1048576 x") ==
          "-ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    CHECK(client.Run("CONFIG SET notify-keyspace-events AKE") == "+OK");
    CHECK(client.Run("CONFIG GET notify-keyspace-events") == "[$notify-keyspace-events $AKE]");
    Client listener = server.Connect();
    listener.Run("SUBSCRIBE __keyevent@0__:set");
    client.Run("SET k v");
    CHECK(listener.Read() == "[$message $__keyevent@0__:set $k]");
    CHECK(client.Run("CONFIG SET maxclients 2") == "+OK");
    CHECK(server.Connect().ReadToEnd() == "-ERR max number of clients reached\r\n");
  }

  TEST_CASE("maxclients beyond what the system allows is refused with the number that is possible" *
            doctest::skip(AgainstStock())) {
    ServerProcess server({"--maxclients", "10"});
    Client client = server.Connect();
    CHECK(
        client.Run("CONFIG SET maxclients 4000000000")
            .starts_with("-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The "
                         "operating system is not able to "
                         "handle the specified number of clients, try with "));
    CHECK(client.Run("CONFIG GET maxclients") == "[$maxclients $10]");
  }

  TEST_CASE("CONFIG RESETSTAT sets counters to zero") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET k v");
    client.Run("GET k");
    client.Run("GET nosuch");
    client.Run("NOSUCH");
    CHECK(FieldOf(client.Text("INFO", "stats"), "keyspace_misses") == "1");
    CHECK(client.Run("CONFIG RESETSTAT") == "+OK");
    const std::string stats = client.Text("INFO", "stats");
    CHECK(FieldOf(stats, "keyspace_hits") == "0");
    CHECK(FieldOf(stats, "keyspace_misses") == "0");
    CHECK(FieldOf(stats, "total_error_replies") == "0");
    CHECK(std::stoi(FieldOf(stats, "total_commands_processed")) <= 2);
    CHECK(!Has(client.Text("INFO", "commandstats"), "cmdstat_get:"));
    CHECK(!Has(client.Text("INFO", "errorstats"), "errorstat_ERR"));
    CHECK(client.Run("GET k") == "$v");
  }

  TEST_CASE("every setting takes its own value, but for those that never change") {
    ServerProcess server({"--enable-protected-configs", "yes"});
    Client client = server.Connect();
    client.Run("HELLO 3");
    client.SendRequest({"CONFIG", "GET", "*"});
    std::string all = client.Read();
    CHECK(all.size() > 3000);
    // Names hold no blanks and begin with '$' behind a blank; values are asked for one by one.
    std::vector<std::string> names;
    bool name = true;
    for (size_t at = all.find('$'); at != std::string::npos; name = !name) {
      const size_t end = all.find(" $", at);
      if (name) names.push_back(all.substr(at + 1, end - at - 1));
      at = end == std::string::npos ? end : end + 1;
    }
    CHECK(names.size() > 150);
    for (const std::string& each : names) {
      CAPTURE(each);
      const std::string shown = client.Run("CONFIG", "GET", each);
      const std::string value = shown.substr(each.size() + 5, shown.size() - each.size() - 6);
      const std::string answer = client.Run("CONFIG", "SET", each, value);
      CHECK((answer == "+OK" || answer == "-ERR CONFIG SET failed (possibly related to argument '" +
                                              each + "') - can't set immutable config"));
    }
  }

  TEST_CASE(
      "CONFIG REWRITE keeps the comments of the file, and a start from it has what was changed" *
      doctest::skip(AgainstStock())) {
    for (const std::string form : {"server.conf", "server.toml"}) {
      CAPTURE(form);
      const ServerProcess folder_owner;
      const std::string path = folder_owner.folder() + "/" + form;
      std::ofstream(path) << (form == "server.conf" ? "# kept\nmaxmemory-samples 7\n"
                                                    : "# kept\n[memory]\nmaxmemory_samples = 7\n");
      {
        ServerProcess server({path});
        Client client = server.Connect();
        CHECK(client.Run("CONFIG SET maxmemory-samples 8 slowlog-max-len 99") == "+OK");
        CHECK(client.Run("CONFIG REWRITE") == "+OK");
      }
      CHECK(ReadText(path).starts_with("# kept\n"));
      ServerProcess server({path});
      CHECK(server.Connect().Run("CONFIG GET maxmemory-samples slowlog-max-len") ==
            "[$maxmemory-samples $8 $slowlog-max-len $99]");
    }
  }

  TEST_CASE("without a file there is nothing to rewrite") {
    ServerProcess server;
    CHECK(server.Connect().Run("CONFIG REWRITE") ==
          "-ERR The server is running without a config file");
  }

  TEST_CASE("a port that is taken ends the start with the words that tools look for") {
    ServerProcess server;
    // The flag given last counts.
    ServerProcess second({"--port", std::to_string(server.port())}, ServerProcess::Start::kMayFail);
    CHECK(second.WaitForExit() == 1);
    CHECK(Has(second.Log(), "Failed listening on port " + std::to_string(server.port())));
    CHECK(server.Connect().Run("PING") == "+PONG");
  }

  TEST_CASE("the log names the process and says when clients may come" *
            doctest::skip(AgainstStock())) {
    ServerProcess server;
    CHECK(Has(server.Log(), " PID: " + std::to_string(server.pid())));
    CHECK(Has(server.Log(), "Ready to accept connections"));
  }

  TEST_CASE("--check-config and --version end without serving" * doctest::skip(AgainstStock())) {
    ServerProcess server;
    const std::string good = server.folder() + "/good.conf";
    const std::string bad = server.folder() + "/bad.conf";
    std::ofstream(good) << "maxmemory 1gb\n";
    std::ofstream(bad) << "maxmemory much\n";
    ServerProcess checked({"--check-config", good}, ServerProcess::Start::kMayFail);
    CHECK(checked.WaitForExit() == 0);
    CHECK(Has(checked.Log(), "good.conf: OK"));
    ServerProcess refused({"--check-config", bad}, ServerProcess::Start::kMayFail);
    CHECK(refused.WaitForExit() == 1);
    CHECK(Has(refused.Log(), "bad.conf:1: maxmemory is \"much\""));
    ServerProcess version({"--version"}, ServerProcess::Start::kMayFail);
    CHECK(version.WaitForExit() == 0);
    CHECK(version.Log().starts_with("Terrace "));
  }

  TEST_CASE("healthcheck says by its exit code whether a server answers" *
            doctest::skip(AgainstStock())) {
    ServerProcess server({"--unixsocket", "health.sock"});
    const std::string binary =
        std::filesystem::read_symlink("/proc/" + std::to_string(server.pid()) + "/exe");
    const auto check = [&](const std::string& flags) {
      // Without the TERRACE_* of whoever runs the tests: they would be settings.
      const int status =
          std::system(("env -i " + binary + " healthcheck " + flags + " 2>/dev/null").c_str());
      return WEXITSTATUS(status);
    };
    const std::string port = std::to_string(server.port());
    CHECK(
        Eventually([&] { return check("--port " + port) == 0; }));  // it waits for two seconds only
    CHECK(Eventually(
        [&] { return check("--port 0 --unixsocket " + server.folder() + "/health.sock") == 0; }));
    CHECK(check("--port 0 --unixsocket " + server.folder() + "/nosuch.sock") == 1);
    server.Connect().Run("CONFIG SET requirepass secret");
    CHECK(Eventually([&] { return check("--port " + port) == 0; }));
    CHECK(Eventually([&] { return check("--port " + port + " --password secret") == 0; }));
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    CHECK(check("--port " + port) == 1);
  }
}

}  // namespace
}  // namespace terrace::integration
