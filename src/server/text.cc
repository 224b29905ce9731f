#include "server/text.h"

#include <cstdarg>
#include <cstdio>

namespace terrace::server {
namespace {

void AppendFormatted(std::string* out, const char* format, va_list args) {
  va_list again;
  va_copy(again, args);
  char small[256];
  const int size = std::vsnprintf(small, sizeof small, format, args);
  if (size >= 0 && static_cast<size_t>(size) < sizeof small) {
    out->append(small, static_cast<size_t>(size));
  } else if (size >= 0) {
    const size_t before = out->size();
    out->resize(before + static_cast<size_t>(size) + 1);
    std::vsnprintf(out->data() + before, static_cast<size_t>(size) + 1, format, again);
    out->pop_back();
  }
  va_end(again);
}

}  // namespace

void AppendFormat(std::string* out, const char* format, ...) {
  va_list args;
  va_start(args, format);
  AppendFormatted(out, format, args);
  va_end(args);
}

std::string Format(const char* format, ...) {
  std::string out;
  va_list args;
  va_start(args, format);
  AppendFormatted(&out, format, args);
  va_end(args);
  return out;
}

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + "B";
  constexpr char kUnits[] = {'K', 'M', 'G', 'T', 'P'};
  double amount = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < sizeof kUnits) {
    amount /= 1024;
    ++unit;
  }
  return Format("%.2f%c", amount, kUnits[unit]);
}

double Ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

void ReplyHelp(resp::Reply& reply, Bytes command, std::initializer_list<Bytes> lines) {
  reply.Array(lines.size() + 3);
  reply.Simple(std::string(command) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const Bytes line : lines) reply.Simple(line);
  reply.Simple("HELP");
  reply.Simple("    Prints this help.");
}

void ReplyBadSubcommand(resp::Reply& reply, Bytes command, Bytes subcommand) {
  constexpr size_t kShownMax = 128;
  reply.Error("ERR unknown subcommand or wrong number of arguments for '" +
              std::string(subcommand.substr(0, kShownMax)) + "'. Try " + std::string(command) +
              " HELP.");
}

}  // namespace terrace::server
