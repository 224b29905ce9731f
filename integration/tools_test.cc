// Redis' own command-line tools, run as a new user runs them.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

struct Finished {
  int code = -1;
  std::string output;
};

Finished Shell(const std::string& command) {
  Finished finished;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char chunk[4096];
  size_t got = 0;
  while ((got = fread(chunk, 1, sizeof chunk, pipe)) > 0) finished.output.append(chunk, got);
  const int status = pclose(pipe);
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return finished;
}

std::string Cli(const ServerProcess& server) {
  return "redis-cli -p " + std::to_string(server.port()) + " ";
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// 500 keys, one of them long.
void Fill(const ServerProcess& server) {
  Client client = server.Connect();
  for (int i = 0; i < 500; ++i) client.Run("SET", "key:" + std::to_string(i), "value");
  client.Run("SET", "key:long", std::string(9000, 'x'));
}

TEST_SUITE("integration/tools") {
  TEST_CASE("redis-cli runs commands in both protocols") {
    ServerProcess server;
    CHECK(Shell(Cli(server) + "SET k v").output == "OK\n");
    CHECK(Shell(Cli(server) + "-3 GET k").output == "v\n");
    CHECK(Shell(Cli(server) + "-n 3 DBSIZE").output == "0\n");
    CHECK(Shell("printf 'INCR n\\nINCR n\\n' | " + Cli(server)).output == "1\n2\n");
    CHECK(Shell(Cli(server) + "-e GET").code == 1);
  }

  TEST_CASE("redis-cli scans, and finds the biggest keys") {
    ServerProcess server;
    Fill(server);
    CHECK(Shell(Cli(server) + "--scan | wc -l").output == "501\n");
    CHECK(Shell(Cli(server) + "--scan --pattern 'key:49*' | wc -l").output == "11\n");
    const Finished big = Shell(Cli(server) + "--bigkeys");
    CHECK(big.code == 0);
    CHECK(Has(big.output, "9000 bytes"));
    const Finished memory = Shell(Cli(server) + "--memkeys");
    CHECK(Has(memory.output, "key:long"));
  }

  TEST_CASE("redis-cli loads a stream of commands with --pipe") {
    ServerProcess server;
    const Finished piped =
        Shell("i=0; while [ $i -lt 3000 ]; do echo SET k$i v$i; i=$((i+1)); done | " + Cli(server) +
              "--pipe");
    CHECK(piped.code == 0);
    CHECK(Has(piped.output, "errors: 0, replies: 3000"));
    CHECK(server.Connect().Run("GET k2999") == "$v2999");
  }

  TEST_CASE("redis-cli shows statistics, latency and what others do") {
    ServerProcess server;
    Fill(server);
    // Two lines of titles and three of figures, however long they take to come.
    const Finished stat =
        Shell("timeout 60 stdbuf -oL " + Cli(server) + "--stat -i 0.1 2>/dev/null | head -n 5");
    CHECK(Has(stat.output, "501"));
    CHECK(Has(stat.output, "(+0)"));
    const Finished latency = Shell("timeout 60 " + Cli(server) + "--latency --raw -i 0.3");
    CHECK(latency.code == 0);
    CHECK_FALSE(latency.output.empty());
    const Finished monitor =
        Shell("bash -c 'coproc M { exec " + Cli(server) + "MONITOR; }; read -t 60 ok <&${M[0]}; " +
              Cli(server) + "SET seen yes >/dev/null; read -t 60 line <&${M[0]}; " +
              "echo \"$ok $line\"; kill $M_PID'");
    CHECK(Has(monitor.output, "OK "));
    CHECK(Has(monitor.output, "[0 127.0.0.1:"));
    CHECK(Has(monitor.output, "\"SET\" \"seen\" \"yes\""));
  }

  TEST_CASE("redis-benchmark runs its tests with pipelines, threads and many clients") {
    ServerProcess server;
    const std::string benchmark = "redis-benchmark -q -p " + std::to_string(server.port()) + " ";
    // As many clients as there may be open files, if those are few.
    rlimit files{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &files) == 0);
    const std::string many = files.rlim_max >= 2000 ? "-n 3000 -c 1000" : "-n 3000 -c 400";
    for (const std::string& options :
         {std::string("-n 2000"), std::string("-n 10000 -P 16"), std::string("-n 4000 --threads 2"),
          std::string("-n 3000 -r 100000 -d 500 -k 0 -c 5"), many}) {
      const Finished run =
          Shell(benchmark + "-t ping_inline,ping_mbulk,set,get,incr,mset " + options);
      CHECK_MESSAGE(run.code == 0, options);
      for (const char* name :
           {"PING_INLINE: ", "PING_MBULK: ", "SET: ", "GET: ", "INCR: ", "MSET (10 keys): "}) {
        CHECK_MESSAGE(Has(run.output, name), name, " of ", options, ": ", run.output);
      }
      CHECK_MESSAGE(Has(run.output, "requests per second"), run.output);
      CHECK_MESSAGE(!Has(run.output, "Error"), run.output);
    }
  }
}

}  // namespace
}  // namespace terrace::integration
