#include "server/client_list.h"

#include <algorithm>
#include <cinttypes>

#include "base/ascii.h"
#include "server/text.h"

namespace terrace::server {
namespace {

// What Redis calls the static reply buffer: replies up to here are "obl", beyond it they are counted as a list.
constexpr size_t kReplyBufferBytes = 16 * kKiB;

// The letters mean what they mean in Redis; N is none of them.
std::string Flags(const Connection& connection) {
  std::string flags;
  if (connection.monitor) flags += 'O';
  if (connection.subscriptions() > 0) flags += 'P';
  if (connection.in_multi()) flags += 'x';
  if (connection.is_parked()) flags += 'b';
  if (connection.watch != nullptr && connection.watch->broken()) flags += 'd';
  if (connection.close_after_reply) flags += 'c';
  if (connection.closing()) flags += 'A';
  if (connection.stream().is_unix()) flags += 'U';
  if (connection.no_evict) flags += 'e';
  if (connection.no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

size_t ArgumentBytes(Args args) {
  size_t bytes = 0;
  for (const Bytes arg : args) bytes += arg.size();
  return bytes;
}

// The request as it stood in the query buffer, where Redis still has it while it runs.
size_t RequestBytes(Args args) {
  if (args.size() == 0) return 0;
  const auto digits = [](size_t n) { return std::to_string(n).size(); };
  constexpr size_t kMarkAndLineEnd = 3;
  size_t bytes = kMarkAndLineEnd + digits(args.size());
  for (const Bytes arg : args) bytes += kMarkAndLineEnd + digits(arg.size()) + arg.size() + 2;
  return bytes;
}

void AppendBuffers(const Connection& connection, Args running, std::string* line) {
  const size_t input = connection.parser().buffered_bytes() + RequestBytes(running);
  const size_t arguments = ArgumentBytes(running);
  const size_t output = connection.output_bytes();
  const bool listed = output > kReplyBufferBytes;
  AppendFormat(line, " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu rbs=%zu rbp=%zu", input,
               connection.parser().memory_bytes() - connection.parser().buffered_bytes(), arguments,
               connection.queue_bytes, kReplyBufferBytes, std::min(output, kReplyBufferBytes));
  AppendFormat(line, " obl=%zu oll=%zu omem=%zu tot-mem=%" PRIu64, listed ? 0 : output,
               listed ? (output + kReplyBufferBytes - 1) / kReplyBufferBytes : 0,
               listed ? connection.output_memory_bytes() : 0,
               connection.memory_bytes() + arguments);
}

}  // namespace

std::optional<ClientType> ParseClientType(Bytes name) {
  if (EqualsIgnoreCase(name, "normal")) return ClientType::kNormal;
  if (EqualsIgnoreCase(name, "slave") || EqualsIgnoreCase(name, "replica"))
    return ClientType::kReplica;
  if (EqualsIgnoreCase(name, "pubsub")) return ClientType::kPubSub;
  if (EqualsIgnoreCase(name, "master")) return ClientType::kMaster;
  return std::nullopt;
}

ClientType TypeOf(const Connection& connection) {
  return connection.subscriptions() > 0 ? ClientType::kPubSub : ClientType::kNormal;
}

std::string ClientLine(const Connection& connection, uint64_t now_ms, Args running) {
  const pubsub::SubscriptionSet& set = connection.subscription_set();
  const auto seconds_since = [now_ms](uint64_t ms) {
    return now_ms > ms ? (now_ms - ms) / 1000 : 0;
  };
  std::string line = Format("id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s", connection.id,
                            connection.peer().c_str(), connection.local().c_str(),
                            connection.stream().fd(), connection.name.c_str());
  AppendFormat(&line, " age=%" PRIu64 " idle=%" PRIu64 " flags=%s db=%u",
               seconds_since(connection.created_ms()), seconds_since(connection.last_activity_ms()),
               Flags(connection).c_str(), connection.db);
  AppendFormat(&line, " sub=%zu psub=%zu ssub=%zu multi=%lld", set.count(pubsub::Kind::kChannel),
               set.count(pubsub::Kind::kPattern), set.count(pubsub::Kind::kShardChannel),
               connection.in_multi() ? static_cast<long long>(connection.queue.size()) : -1);
  AppendBuffers(connection, running, &line);
  const std::string command = connection.last_command == nullptr
                                  ? "NULL"
                                  : std::string(connection.last_command->full_name());
  AppendFormat(&line, " events=%s cmd=%s user=%s redir=-1 resp=%d",
               connection.is_writing() ? "rw" : "r", command.c_str(), connection.user.c_str(),
               connection.reply.protocol());
  // Redis 7.4 has `watch` behind `multi`; older readers take the fields up to `resp` by position, so it stands here.
  AppendFormat(&line, " lib-name=%s lib-ver=%s watch=%zu", connection.lib_name.c_str(),
               connection.lib_version.c_str(), connection.watched.size());
  return line;
}

}  // namespace terrace::server
