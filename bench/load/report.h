// Report: one line of JSON on stdout, which bench/compare.py reads and a person can, too.
#pragma once

#include <string>

#include "base/bytes.h"
#include "load/histogram.h"
#include "load/server_cpu.h"

namespace terrace::load {

class Report {
 public:
  void Add(Bytes name, double value);
  void Add(Bytes name, Bytes text);
  /// `json` is a value already: a list.
  void AddJson(Bytes name, const std::string& json);
  /// prefix_p50, _p99, _p999, _max in milliseconds.
  void AddPercentiles(const std::string& prefix, const Histogram& histogram);
  void Print() const;

 private:
  std::string fields_;
};

/// What a span of time cost: taken at its start, reported at its end.
class Span {
 public:
  explicit Span(int server_pid);
  /// seconds, server_cpu_s, server_share, server_waited_share, client_share and, over `operations`, ops_per_s and
  /// cpu_us_per_op.
  void ReportTo(Report& report, uint64_t operations) const;

 private:
  const int server_pid_;
  const CpuTimes server_;
  const uint64_t own_cpu_ns_;
  const uint64_t start_ns_;
};

}  // namespace terrace::load
