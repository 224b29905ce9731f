#include "server/monitor.h"

#include <doctest/doctest.h>

#include <vector>

#include "commands/command_table.h"
#include "server/families.h"
#include "server/redaction.h"

namespace terrace::server {
namespace {

// A few families are enough to look commands up in.
const commands::CommandTable& Table() {
  static const std::span<const commands::CommandSpec> families[] = {ConnectionCommands(),
                                                                    ConfigCommands()};
  static const commands::CommandTable table(families);
  return table;
}

std::string Line(const std::vector<Bytes>& words) {
  const Args args(words.data(), words.size());
  const commands::Command* command =
      commands::CommandTable::FindSubcommand(*Table().Find(words[0]), args);
  REQUIRE(command != nullptr);
  return MonitorLine(1'339'518'083'007'412, 3, "127.0.0.1:60866", *command, args);
}

TEST_SUITE("server/monitor") {
  TEST_CASE(
      "a line has the time to the microsecond, the database, the client and the words in quotes") {
    CHECK(Line({"PING"}) == "+1339518083.007412 [3 127.0.0.1:60866] \"PING\"\r\n");
    CHECK(Line({"echo", ""}) == "+1339518083.007412 [3 127.0.0.1:60866] \"echo\" \"\"\r\n");
  }

  TEST_CASE("no byte of an argument can end the line or the quotes") {
    const std::string line = Line({"ECHO", Bytes("a\"\\\n\r\t\a\b\0\x7f\xe9", 11)});
    CHECK(line.ends_with(R"("ECHO" "a\"\\\n\r\t\a\b\x00\x7f\xe9")"
                         "\r\n"));
  }

  TEST_CASE("passwords are not shown, wherever they stand") {
    CHECK(Line({"AUTH", "secret"}).ends_with("\"AUTH\" \"(redacted)\"\r\n"));
    CHECK(Line({"auth", "bob", "secret"}).ends_with("\"auth\" \"(redacted)\" \"(redacted)\"\r\n"));
    CHECK(Line({"HELLO", "3", "SETNAME", "me", "AUTH", "bob", "secret"})
              .ends_with("\"SETNAME\" \"me\" \"AUTH\" \"(redacted)\" \"(redacted)\"\r\n"));
    CHECK(Line({"CONFIG", "SET", "maxmemory", "1", "RequirePass", "secret"})
              .ends_with("\"maxmemory\" \"1\" \"RequirePass\" \"(redacted)\"\r\n"));
  }

  TEST_CASE("the gate is closed from the first monitor to the last") {
    exec::ServerGates gates;
    Monitors monitors(gates);
    CHECK(monitors.workers() == 0);
    monitors.Add(2);
    monitors.Add(0);
    monitors.Add(2);
    CHECK(monitors.workers() == 0b101);
    CHECK(gates.closed.load() == exec::kGateMonitored);
    monitors.Remove(2);
    monitors.Remove(0);
    CHECK(monitors.workers() == 0b100);
    CHECK(gates.closed.load() == exec::kGateMonitored);
    monitors.Remove(2);
    CHECK(monitors.workers() == 0);
    CHECK(gates.closed.load() == 0);
  }
}

}  // namespace
}  // namespace terrace::server
