#include "load/probe.h"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "load/clock.h"
#include "load/realtime.h"
#include "load/reply_counter.h"
#include "load/report.h"
#include "load/request_template.h"

namespace terrace::load {
namespace {

constexpr uint64_t kPeriodNs = 1'000'000;
constexpr size_t kWorstKept = 8;

volatile sig_atomic_t stop_asked = 0;  // set by a signal handler, which has nothing else to reach

void OnSignal(int) { stop_asked = 1; }

struct Stall {
  uint64_t wait_ns;
  uint64_t wall_ns;  // when the reply came
};

class Probe {
 public:
  explicit Probe(const ProbeOptions& options)
      : options_(options),
        link_(options.target),
        numbers_(options.keys, 0, 3),
        template_("GET key:{r}", 0) {}

  void Run();

 private:
  void AskOnce(std::string& request);
  void Remember(uint64_t wait_ns);
  std::string WorstAsJson() const;

  const ProbeOptions& options_;
  Link link_;
  NumberSource numbers_;
  const RequestTemplate template_;
  ReplyCounter counter_;
  Histogram waits_;
  std::vector<Stall> worst_;
};

void SleepUntil(uint64_t ns) {
  const timespec at{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

void Probe::AskOnce(std::string& request) {
  template_.Fill(request, 1, numbers_);
  link_.SendAll(request);
  char buffer[4096];
  while (counter_.Feed({buffer, link_.Receive(buffer, sizeof buffer)}) == 0) {
  }
}

void Probe::Remember(uint64_t wait_ns) {
  if (worst_.size() == kWorstKept && wait_ns <= worst_.back().wait_ns) return;
  if (worst_.size() == kWorstKept) worst_.pop_back();
  const Stall stall{wait_ns, WallNs()};
  worst_.insert(
      std::upper_bound(worst_.begin(), worst_.end(), stall,
                       [](const Stall& a, const Stall& b) { return a.wait_ns > b.wait_ns; }),
      stall);
}

std::string Probe::WorstAsJson() const {
  std::string json = "[";
  for (const Stall& stall : worst_) {
    char text[64];
    std::snprintf(text, sizeof text, "%s[%.6f, %.3f]", json.size() > 1 ? ", " : "",
                  static_cast<double>(stall.wall_ns) / 1e9,
                  static_cast<double>(stall.wait_ns) / 1e6);
    json += text;
  }
  return json + "]";
}

void Probe::Run() {
  std::string request = template_.Render(1);
  AskOnce(request);
  uint64_t due = NowNs() + kPeriodNs;
  const uint64_t end =
      options_.seconds > 0 ? due + static_cast<uint64_t>(options_.seconds * 1e9) : UINT64_MAX;
  while (stop_asked == 0 && due < end) {
    SleepUntil(due);
    const uint64_t sent = NowNs();  // waking late is this machine's fault, not the server's
    AskOnce(request);
    const uint64_t answered = NowNs();
    waits_.Add(answered - sent);
    Remember(answered - sent);
    for (due += kPeriodNs; due < answered; due += kPeriodNs) {
      if (due > sent) waits_.Add(answered - due);
    }
  }
  Report report;
  report.Add("probes", static_cast<double>(waits_.count()));
  report.AddPercentiles("wait_ms", waits_);
  report.Add("over_2ms", static_cast<double>(waits_.CountAbove(2'000'000)));
  report.Add("over_10ms", static_cast<double>(waits_.CountAbove(10'000'000)));
  report.AddJson("worst", WorstAsJson());
  report.Print();
}

}  // namespace

void RunProbe(const ProbeOptions& options) {
  struct sigaction action {};
  action.sa_handler = OnSignal;  // no SA_RESTART: a sleep ends at once
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  if (options.realtime) RunBeforeOthers();
  Probe(options).Run();
}

}  // namespace terrace::load
