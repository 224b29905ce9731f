#include "commands/support/engine_fixture.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/ascii.h"

namespace terrace::testing {
namespace {

constexpr HashKey kTestHashKey = {0x0123456789abcdef, 0xfedcba9876543210};
constexpr size_t kRingBytes = 16 * kMiB;

std::string Quoted(const std::string& word) {
  const auto needs_quotes = [](char c) { return c <= ' ' || c > '~'; };
  if (!word.empty() && std::none_of(word.begin(), word.end(), needs_quotes)) return word;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : word) {
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out + "\"";
}

}  // namespace

uint64_t RecordingPublisher::Publish(pubsub::Kind, Bytes channel, Bytes payload) {
  published.push_back(std::string(channel) + " " + std::string(payload));
  return 0;
}

EngineFixture::EngineFixture(const std::vector<std::span<const commands::CommandSpec>>& families,
                             unsigned database_count)
    : participant(participants.Join()),
      databases(database_count, kTestHashKey, participants),
      log(kRingBytes),
      table(families),
      environment{table, databases, log, settings, eviction, gates, clock, slow_command_ns},
      executor(environment, *participant, publisher, nullptr, nullptr, 1) {
  log.SetEnabled(true);
  log_offset_ = log.end_offset();
  participant->In();
}

EngineFixture::~EngineFixture() {
  participant->Out();
  participants.Leave(participant);
}

void EngineFixture::Execute(const std::vector<Bytes>& args, bool last_in_blob) {
  BlobRef blob;
  std::vector<BlobArg> blobs;
  std::vector<Bytes> words = args;
  if (last_in_blob) {
    blob = BlobRef::Copy(args.back());
    words.back() = blob->bytes();
    blobs.push_back({static_cast<uint32_t>(args.size() - 1), blob.get()});
  }
  // As on a socket: every argument has a place of its own, and none outlives the call.
  const exec::OwnedRequest request(table.Find(args[0]), Args(words.data(), words.size(), blobs),
                                   Bytes());
  exec::Invocation invocation{.command = request.command(), .args = request.args()};
  if (invocation.command != nullptr && invocation.command->first_key > 0 &&
      static_cast<size_t>(invocation.command->first_key) < args.size()) {
    invocation.hash =
        databases.HashOf(invocation.args[static_cast<size_t>(invocation.command->first_key)]);
    invocation.hashed = true;
  }
  executor.BeginBatch();
  REQUIRE(executor.Execute(session, invocation) == exec::Executor::Outcome::kDone);
}

std::string EngineFixture::TakeReply() {
  std::string wire;
  constexpr size_t kSlices = 16;
  resp::IoSlice slices[kSlices];
  while (!session.out.empty()) {
    const size_t count = session.out.Gather(slices, kSlices);
    size_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      wire.append(slices[i].base, slices[i].len);
      bytes += slices[i].len;
    }
    session.out.Consume(bytes);
  }
  return wire;
}

std::string EngineFixture::Wire(const std::vector<Bytes>& args) {
  Execute(args, false);
  return TakeReply();
}

namespace {

resp::ReplyValue OnlyValue(Bytes wire) {
  resp::ReplyParser parser;
  parser.Feed(wire);
  resp::ReplyValue value;
  REQUIRE(parser.Next(&value) == resp::ReplyParser::Outcome::kValue);
  REQUIRE(parser.buffered_bytes() == 0);
  return value;
}

}  // namespace

resp::ReplyValue EngineFixture::Ask(const std::vector<Bytes>& args) {
  Execute(args, false);
  return OnlyValue(TakeReply());
}

resp::ReplyValue EngineFixture::AskWithBlob(const std::vector<Bytes>& args) {
  Execute(args, true);
  return OnlyValue(TakeReply());
}

bool EngineFixture::Apply(const std::vector<Bytes>& args) {
  const exec::OwnedRequest request(nullptr, Args(args.data(), args.size()), Bytes());
  executor.BeginBatch();
  return applier_.Apply(request.args(), Bytes()) != exec::StreamApplier::Outcome::kFailed;
}

Lines EngineFixture::Log() {
  std::string bytes;
  REQUIRE(log.Read(log_offset_ + 1, SIZE_MAX, &bytes));
  log_offset_ = log.end_offset();
  resp::ReplyParser parser;
  parser.Feed(bytes);
  Lines lines;
  resp::ReplyValue command;
  while (parser.Next(&command) == resp::ReplyParser::Outcome::kValue) {
    if (EqualsIgnoreCase(command.elements[0].string, "SELECT")) {
      if (command.elements[1].string == log_db_) continue;
      log_db_ = command.elements[1].string;
    }
    std::string line;
    for (const resp::ReplyValue& word : command.elements) {
      if (!line.empty()) line += ' ';
      line += Quoted(word.string);
    }
    lines.push_back(line);
  }
  REQUIRE(parser.buffered_bytes() == 0);
  return lines;
}

void EngineFixture::Notify(Bytes classes) {
  const auto flags = engine::ParseNotifyFlags(classes);
  REQUIRE(flags.has_value());
  settings.notify_flags.store(*flags == 0 ? 0 : *flags | engine::kNotifyKeyevent);
}

Lines EngineFixture::Events() {
  constexpr Bytes kPrefix = "__keyevent@";
  Lines events;
  for (const std::string& line : publisher.published) {
    if (Bytes(line).substr(0, kPrefix.size()) != kPrefix) continue;
    const size_t middle = line.find("__:", kPrefix.size());
    const std::string db = line.substr(kPrefix.size(), middle - kPrefix.size());
    events.push_back((db == "0" ? "" : "@" + db + " ") + line.substr(middle + 3));
  }
  publisher.published.clear();
  return events;
}

}  // namespace terrace::testing
