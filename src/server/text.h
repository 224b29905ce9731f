// Small helpers for the long texts that administrators read: INFO, reports, HELP.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/bytes.h"
#include "resp/reply.h"

namespace terrace::server {

/// printf into a string.
void AppendFormat(std::string* out, const char* format, ...) __attribute__((format(printf, 2, 3)));
std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// 512B, 1.50K, 993.38M: powers of 1024, as INFO's "_human" fields have them.
std::string HumanBytes(uint64_t bytes);

/// part / whole, 0 if there is no whole.
double Ratio(double part, double whole);

/// The reply to HELP of a command: a headline, the lines, and HELP itself.
void ReplyHelp(resp::Reply& reply, Bytes command, std::initializer_list<Bytes> lines);

/// The error of a subcommand that exists, but not with so many arguments.
void ReplyBadSubcommand(resp::Reply& reply, Bytes command, Bytes subcommand);

}  // namespace terrace::server
