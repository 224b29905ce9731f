#include "server/latency_report.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>

#include "server/text.h"

namespace terrace::server {
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kRows = 4;

std::string AgeText(uint64_t seconds) {
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 60 * 60) return std::to_string(seconds / 60) + "m";
  if (seconds < 24 * 60 * 60) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

// Of a bar in thirds of a row: what stands in row `row` from below.
char BarAt(size_t thirds, size_t row) {
  if (thirds <= row * 3) return ' ';
  if (thirds > row * 3 + 3) return '|';
  constexpr char kTops[] = {'_', 'o', '#'};
  return kTops[thirds - row * 3 - 1];
}

void DrawBars(const std::vector<LatencySample>& samples, uint64_t low, uint64_t high,
              std::string* out) {
  const uint64_t range = std::max<uint64_t>(1, high - low);
  for (size_t row = kRows; row-- > 0;) {
    for (const LatencySample& sample : samples) {
      out->push_back(BarAt(1 + (sample.ms - low) * (kRows * 3 - 1) / range, row));
    }
    *out += '\n';
  }
}

void DrawAges(const std::vector<LatencySample>& samples, uint64_t now_s, std::string* out) {
  std::vector<std::string> ages;
  size_t rows = 0;
  for (const LatencySample& sample : samples) {
    ages.push_back(AgeText(now_s > sample.unix_seconds ? now_s - sample.unix_seconds : 0));
    rows = std::max(rows, ages.back().size());
  }
  for (size_t row = 0; row < rows; ++row) {
    for (const std::string& age : ages) out->push_back(row < age.size() ? age[row] : ' ');
    *out += '\n';
  }
}

struct Spread {
  double mean = 0;
  double deviation = 0;
  double period_s = 0;
};

Spread SpreadOf(const std::vector<LatencySample>& samples, uint64_t now_s) {
  Spread spread;
  const auto count = static_cast<double>(samples.size());
  for (const LatencySample& sample : samples) spread.mean += static_cast<double>(sample.ms) / count;
  for (const LatencySample& sample : samples) {
    spread.deviation += std::fabs(static_cast<double>(sample.ms) - spread.mean) / count;
  }
  const uint64_t first = samples.front().unix_seconds;
  spread.period_s =
      static_cast<double>(std::max<uint64_t>(1, now_s > first ? now_s - first : 1)) / count;
  return spread;
}

bool Has(const std::map<std::string, LatencySeries>& all, const char* event) {
  return all.count(event) != 0;
}

std::string Advise(const std::map<std::string, LatencySeries>& all, uint64_t threshold_ms,
                   int64_t slow_log_us) {
  std::string advice;
  if (Has(all, "command") || Has(all, "fast-command")) {
    if (slow_log_us < 0 || static_cast<uint64_t>(slow_log_us) > threshold_ms * 1000) {
      AppendFormat(&advice,
                   "- The slow log leaves out what is noticed here: 'CONFIG SET "
                   "slowlog-log-slower-than %" PRIu64 "'.\n",
                   threshold_ms * 1000);
    }
    advice +=
        "- SLOWLOG GET names the commands; those over large values or whole databases are the "
        "usual ones.\n";
  }
  if (Has(all, "fast-command")) {
    advice +=
        "- Fast commands do little themselves: look for a busy machine, swapping, or a command "
        "before them.\n";
  }
  if (Has(all, "expire-cycle"))
    advice += "- Many keys fall due together: spread their times to live.\n";
  if (Has(all, "eviction-cycle")) {
    advice +=
        "- Making room takes long: a higher maxmemory, smaller values, or less memory in clients' "
        "buffers.\n";
  }
  if (Has(all, "handover")) {
    advice +=
        "- A step of a growing or shrinking keyspace was slow, which should be microseconds: look "
        "at the machine.\n";
  }
  return advice;
}

}  // namespace

std::string DrawLatencies(Bytes event, const LatencySeries& series, uint64_t now_s) {
  const size_t shown = std::min(series.samples.size(), kColumns);
  const std::vector<LatencySample> samples(
      series.samples.end() - static_cast<std::ptrdiff_t>(shown), series.samples.end());
  uint64_t low = UINT64_MAX, high = 0;
  for (const LatencySample& sample : samples) {
    low = std::min(low, sample.ms);
    high = std::max(high, sample.ms);
  }
  std::string out(event);
  AppendFormat(&out, " - high %" PRIu64 " ms, low %" PRIu64 " ms (all time high %" PRIu64 " ms)\n",
               high, low, series.ms_max);
  out.append(kColumns, '-').append("\n");
  DrawBars(samples, low, high, &out);
  out += '\n';
  DrawAges(samples, now_s, &out);
  return out;
}

std::string ExplainLatencies(const std::map<std::string, LatencySeries>& all, uint64_t threshold_ms,
                             int64_t slow_log_us, uint64_t now_s) {
  if (threshold_ms == 0 && all.empty()) {
    return "Latency monitoring is disabled: 'CONFIG SET latency-monitor-threshold <milliseconds>' "
           "turns it on.\n";
  }
  if (all.empty()) return "Nothing has taken as long as the threshold yet.\n";
  std::string out = "Some things took longer than they should:\n\n";
  size_t number = 0;
  for (const auto& [event, series] : all) {
    const Spread spread = SpreadOf(series.samples, now_s);
    AppendFormat(&out,
                 "%zu. %s: %zu latency spikes (average %.0fms, mean deviation %.0fms, period %.2f "
                 "sec). Worst all time "
                 "event %" PRIu64 "ms.\n",
                 ++number, event.c_str(), series.samples.size(), spread.mean, spread.deviation,
                 spread.period_s, series.ms_max);
  }
  return out + "\nWhat to do about it:\n\n" + Advise(all, threshold_ms, slow_log_us);
}

}  // namespace terrace::server
