#include "load/report.h"

#include <cstdio>

#include "load/clock.h"

namespace terrace::load {
namespace {

double Ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

}  // namespace

void Report::AddJson(Bytes name, const std::string& json) {
  if (!fields_.empty()) fields_ += ", ";
  fields_.append("\"").append(name).append("\": ").append(json);
}

void Report::Add(Bytes name, double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", value);
  AddJson(name, text);
}

void Report::Add(Bytes name, Bytes text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
  }
  AddJson(name, quoted + "\"");
}

void Report::AddPercentiles(const std::string& prefix, const Histogram& histogram) {
  Add(prefix + "_p50", Ms(histogram.PermilleNs(500)));
  Add(prefix + "_p99", Ms(histogram.PermilleNs(990)));
  Add(prefix + "_p999", Ms(histogram.PermilleNs(999)));
  Add(prefix + "_max", Ms(histogram.max_ns()));
}

void Report::Print() const {
  std::printf("{%s}\n", fields_.c_str());
  std::fflush(stdout);
}

Span::Span(int server_pid)
    : server_pid_(server_pid),
      server_(ReadServerCpu(server_pid)),
      own_cpu_ns_(OwnCpuNs()),
      start_ns_(NowNs()) {}

void Span::ReportTo(Report& report, uint64_t operations) const {
  const auto wall = static_cast<double>(NowNs() - start_ns_);
  const auto own = static_cast<double>(OwnCpuNs() - own_cpu_ns_);
  report.Add("seconds", wall / 1e9);
  report.Add("operations", static_cast<double>(operations));
  report.Add("ops_per_s", static_cast<double>(operations) * 1e9 / wall);
  report.Add("client_share", own / wall);
  if (server_pid_ == 0) return;
  const CpuTimes now = ReadServerCpu(server_pid_);
  const auto ran = static_cast<double>(now.ran_ns - server_.ran_ns);
  report.Add("server_cpu_s", ran / 1e9);
  report.Add("server_share", ran / wall);
  report.Add("server_waited_share", static_cast<double>(now.waited_ns - server_.waited_ns) / wall);
  if (operations > 0) report.Add("cpu_us_per_op", ran / 1e3 / static_cast<double>(operations));
}

}  // namespace terrace::load
