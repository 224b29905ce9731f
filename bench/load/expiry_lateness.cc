#include "load/expiry_lateness.h"

#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "load/clock.h"
#include "load/realtime.h"
#include "load/reply_counter.h"
#include "load/report.h"
#include "load/request_template.h"

namespace terrace::load {
namespace {

constexpr Bytes kChannel = "__keyevent@0__:expired";
constexpr Bytes kKeyPrefix = "key:";
constexpr unsigned kBatch = 64;
constexpr uint64_t kGraceNs =
    10'000'000'000;  // after the last deadline, how long we wait for stragglers
constexpr uint64_t kKeysPerSecond =
    150'000;  // a slow guess at the loading, so that no deadline comes before its end

class ExpiryLateness {
 public:
  explicit ExpiryLateness(const ExpiryOptions& options)
      : options_(options), loader_(options.target), listener_(options.target) {}

  void Run();

 private:
  uint64_t DeadlineMs(uint64_t key) const {
    const auto span_ms = static_cast<uint64_t>(options_.span_seconds * 1000);
    return base_ms_ + key * 0x9e3779b97f4a7c15 % span_ms;
  }
  void Load();
  void WaitForBase();
  void Listen();
  void TakeLines(Bytes data);

  const ExpiryOptions& options_;
  Link loader_;
  Link listener_;
  uint64_t base_ms_ = 0;
  uint64_t heard_ = 0;
  uint64_t early_ = 0;
  std::string rest_;  // of a line whose end has not come
  Histogram lateness_;
};

void ExpiryLateness::Load() {
  const std::string value = MakeValue(options_.value_bytes);
  ReplyCounter counter;
  char buffer[16 * 1024];
  for (uint64_t key = 0; key < options_.keys;) {
    std::string batch;
    const uint64_t end = std::min(key + kBatch, options_.keys);
    const uint64_t count = end - key;
    for (; key < end; ++key) {
      char name[17] = "key:";
      WriteDigits(key, name + kKeyPrefix.size());
      batch += "*5\r\n$3\r\nSET\r\n$16\r\n";
      batch.append(name, 16)
          .append("\r\n$")
          .append(std::to_string(value.size()))
          .append("\r\n")
          .append(value);
      batch += "\r\n$4\r\nPXAT\r\n$13\r\n" + std::to_string(DeadlineMs(key)) + "\r\n";
    }
    loader_.SendAll(batch);
    for (uint64_t replies = 0; replies < count;) {
      replies += counter.Feed({buffer, loader_.Receive(buffer, sizeof buffer)});
    }
  }
  if (counter.errors() == 0) return;
  std::fprintf(stderr, "resp_load: SET was refused: %s\n", counter.first_error().c_str());
  std::exit(1);
}

void ExpiryLateness::WaitForBase() {
  const uint64_t now = WallNs(), base = base_ms_ * 1'000'000;
  if (now >= base) {
    std::fprintf(
        stderr, "resp_load: loading took longer than its %.1f s: the first deadlines have passed\n",
        static_cast<double>(now - base) / 1e9);
    return;
  }
  const timespec pause{static_cast<time_t>((base - now) / 1'000'000'000),
                       static_cast<long>((base - now) % 1'000'000'000)};
  nanosleep(&pause, nullptr);
}

// The key is the line after the channel's own two, so we look for lines that are a key: "key:" and twelve digits.
void ExpiryLateness::TakeLines(Bytes data) {
  const uint64_t now = WallNs();
  rest_.append(data);
  size_t from = 0;
  for (size_t newline; (newline = rest_.find('\n', from)) != std::string::npos;
       from = newline + 1) {
    const Bytes line = Bytes(rest_).substr(from, newline - from);
    if (line.size() != 17 || line.substr(0, 4) != kKeyPrefix) continue;
    uint64_t key = 0;
    for (const char digit : line.substr(4, 12)) key = key * 10 + static_cast<uint64_t>(digit - '0');
    const uint64_t deadline = DeadlineMs(key) * 1'000'000;
    ++heard_;
    if (now < deadline) ++early_;
    lateness_.Add(now < deadline ? 0 : now - deadline);
  }
  rest_.erase(0, from);
}

void ExpiryLateness::Listen() {
  const uint64_t end =
      base_ms_ * 1'000'000 + static_cast<uint64_t>(options_.span_seconds * 1e9) + kGraceNs;
  char buffer[64 * 1024];
  while (heard_ < options_.keys && WallNs() < end) {
    pollfd wait{listener_.fd(), POLLIN, 0};
    if (poll(&wait, 1, 100) > 0) TakeLines({buffer, listener_.Receive(buffer, sizeof buffer)});
  }
}

void ExpiryLateness::Run() {
  loader_.Insist("FLUSHALL");
  loader_.Insist("CONFIG SET notify-keyspace-events Ex");
  listener_.Insist("SUBSCRIBE " + std::string(kChannel));
  base_ms_ = WallNs() / 1'000'000 + 2000 + options_.keys * 1000 / kKeysPerSecond;
  const uint64_t load_start = NowNs();
  Load();
  const double load_seconds = static_cast<double>(NowNs() - load_start) / 1e9;
  WaitForBase();
  if (options_.realtime) RunBeforeOthers();
  const Span span(options_.server_pid);
  Listen();
  Report report;
  span.ReportTo(report, heard_);
  report.Add("load_seconds", load_seconds);
  report.Add("missing", static_cast<double>(options_.keys - heard_));
  report.Add("early", static_cast<double>(early_));
  report.AddPercentiles("late_ms", lateness_);
  report.Print();
}

}  // namespace

void RunExpiryLateness(const ExpiryOptions& options) { ExpiryLateness(options).Run(); }

}  // namespace terrace::load
