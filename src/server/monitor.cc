#include "server/monitor.h"

#include "server/redaction.h"
#include "server/text.h"

namespace terrace::server {
namespace {

// As a string literal: what is not printable ASCII becomes an escape.
void AppendQuoted(Bytes text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  *out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '\\':
        *out += "\\\\";
        break;
      case '"':
        *out += "\\\"";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      case '\a':
        *out += "\\a";
        break;
      case '\b':
        *out += "\\b";
        break;
      default:
        if (byte >= 32 && byte < 127) {
          *out += c;
        } else {
          *out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
        }
    }
  }
  *out += '"';
}

}  // namespace

void Monitors::Add(unsigned worker) {
  MutexLock lock(mutex_);
  ++counts_[worker];
  workers_.store(workers_.load(std::memory_order_relaxed) | uint64_t{1} << worker,
                 std::memory_order_release);
  gates_.Close(exec::kGateMonitored);
}

void Monitors::Remove(unsigned worker) {
  MutexLock lock(mutex_);
  if (--counts_[worker] != 0) return;
  const uint64_t left = workers_.load(std::memory_order_relaxed) & ~(uint64_t{1} << worker);
  workers_.store(left, std::memory_order_release);
  if (left == 0) gates_.Open(exec::kGateMonitored);
}

std::string MonitorLine(uint64_t wall_us, unsigned db, Bytes client,
                        const commands::Command& command, Args args) {
  std::string line =
      Format("+%llu.%06llu [%u ", static_cast<unsigned long long>(wall_us / 1'000'000),
             static_cast<unsigned long long>(wall_us % 1'000'000), db);
  line.append(client) += ']';
  for (const Bytes arg : Redacted(command, args)) {
    line += ' ';
    AppendQuoted(arg, &line);
  }
  return line += "\r\n";
}

}  // namespace terrace::server
