// resp_load: a load generator that costs less than the servers it measures.
//
//   resp_load [options] get|set|incr|mset10|ping      closed loop over random keys below --keys
//   resp_load [options] custom 'SET key:{r} {v}'      the same with a request of your own
//   resp_load [options] load N                        SET key:%012d for N keys from --first on: 16-byte keys
//   resp_load [options] probe                         a GET every millisecond; see load/probe.h
//   resp_load [options] pubsub                        one publisher, many subscribers; see load/fan_out.h
//   resp_load [options] expire N                      N keys with deadlines spread over --seconds (60)
//
//   --host=127.0.0.1 --port=6379 --socket=PATH        where the server is
//   --connections=50 --pipeline=1                     clients (pubsub: subscribers), requests a batch
//   --seconds=3 or --requests=N                       how long
//   --keys=1000000 --value-bytes=64 --first=0 --seed=1
//   --server-pid=PID                                  also reports the CPU that process used
//   --realtime                                        probe, expire: measure before everything else on this CPU
//
// Prints one line of JSON: times in ms where the name says so, shares of one CPU, cpu_us_per_op.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/numbers.h"
#include "load/closed_loop.h"
#include "load/expiry_lateness.h"
#include "load/fan_out.h"
#include "load/probe.h"

namespace {

using namespace terrace;
using namespace terrace::load;

struct Options {
  Target target;
  std::vector<std::string> words;  // the mode and what belongs to it
  unsigned connections = 50;
  unsigned pipeline = 1;
  double seconds = 0;  // 0: the mode's own default
  uint64_t requests = 0;
  uint64_t keys = 1'000'000;
  uint64_t first = 0;
  uint64_t seed = 1;
  size_t value_bytes = 64;
  int server_pid = 0;
  bool realtime = false;
};

[[noreturn]] void Refuse(const std::string& what) {
  std::fprintf(stderr, "resp_load: %s; the head of bench/resp_load.cc lists modes and options\n",
               what.c_str());
  std::exit(2);
}

uint64_t Number(Bytes text, const std::string& name) {
  const std::optional<uint64_t> number = ParseUint64(text);
  if (!number) Refuse(name + " wants a number");
  return *number;
}

void TakeOption(Options& options, const std::string& name, const std::string& value) {
  const auto number = [&] { return Number(value, name); };
  if (name == "--host") {
    options.target.host = value;
  } else if (name == "--port") {
    options.target.port = static_cast<uint16_t>(number());
  } else if (name == "--socket") {
    options.target.unix_path = value;
  } else if (name == "--connections") {
    options.connections = static_cast<unsigned>(number());
  } else if (name == "--pipeline") {
    options.pipeline = static_cast<unsigned>(number());
  } else if (name == "--seconds") {
    options.seconds = std::atof(value.c_str());
  } else if (name == "--requests") {
    options.requests = number();
  } else if (name == "--keys") {
    options.keys = number();
  } else if (name == "--first") {
    options.first = number();
  } else if (name == "--seed") {
    options.seed = number();
  } else if (name == "--value-bytes") {
    options.value_bytes = number();
  } else if (name == "--server-pid") {
    options.server_pid = static_cast<int>(number());
  } else if (name == "--realtime") {
    options.realtime = true;
  } else {
    Refuse("no option " + name);
  }
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.substr(0, 2) != "--") {
      options.words.push_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    TakeOption(options, word.substr(0, equals),
               equals == std::string::npos ? "" : word.substr(equals + 1));
  }
  if (options.words.empty()) Refuse("which mode?");
  if (options.connections == 0 || options.pipeline == 0 || options.keys == 0)
    Refuse("a zero is too few");
  return options;
}

/// The request line of a closed-loop mode; empty if `mode` is none.
std::string LineOf(const Options& options) {
  const std::string& mode = options.words[0];
  if (mode == "get") return "GET key:{r}";
  if (mode == "set") return "SET key:{r} {v}";
  if (mode == "incr") return "INCR ctr:{r}";
  if (mode == "ping") return "PING";
  if (mode == "load") return "SET key:{s} {v}";
  if (mode == "mset10") {
    std::string line = "MSET";
    for (int i = 0; i < 10; ++i) line += " key:{r} {v}";
    return line;
  }
  if (mode == "custom" && options.words.size() == 2) return options.words[1];
  return {};
}

void RunLine(const Options& options, const std::string& line) {
  LoopOptions loop{.target = options.target,
                   .line = line,
                   .value_bytes = options.value_bytes,
                   .keys = options.keys,
                   .first = options.first,
                   .connections = options.connections,
                   .pipeline = options.pipeline,
                   .seconds = options.seconds,
                   .requests = options.requests,
                   .seed = options.seed,
                   .server_pid = options.server_pid};
  if (options.words[0] == "load") {
    if (options.words.size() != 2) Refuse("load wants a number of keys");
    loop.requests = Number(options.words[1], "load");
    loop.seconds = 0;
  } else if (loop.seconds == 0 && loop.requests == 0) {
    loop.seconds = 3;
  }
  RunClosedLoop(loop);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  const std::string& mode = options.words[0];
  if (const std::string line = LineOf(options); !line.empty()) {
    RunLine(options, line);
  } else if (mode == "probe") {
    RunProbe({options.target, options.keys, options.seconds, options.realtime});
  } else if (mode == "pubsub") {
    FanOutOptions fan_out{
        .target = options.target, .subscribers = options.connections, .pipeline = options.pipeline};
    fan_out.value_bytes = options.value_bytes;
    fan_out.server_pid = options.server_pid;
    if (options.seconds > 0) fan_out.seconds = options.seconds;
    RunFanOut(fan_out);
  } else if (mode == "expire" && options.words.size() == 2) {
    ExpiryOptions expiry{.target = options.target, .keys = Number(options.words[1], "expire")};
    expiry.value_bytes = options.value_bytes;
    expiry.server_pid = options.server_pid;
    expiry.realtime = options.realtime;
    if (options.seconds > 0) expiry.span_seconds = options.seconds;
    RunExpiryLateness(expiry);
  } else {
    Refuse("no mode " + mode + " with these arguments");
  }
  return 0;
}
