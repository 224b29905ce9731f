#include "pubsub/message.h"

#include <cstring>

#include "base/check.h"
#include "base/numbers.h"

namespace terrace::pubsub {
namespace {

Bytes Verb(Kind kind) {
  switch (kind) {
    case Kind::kChannel:
      return "message";
    case Kind::kPattern:
      return "pmessage";
    case Kind::kShardChannel:
      return "smessage";
  }
  return "";
}

// Room for one bulk string's "$<length>\r\n...\r\n" around its bytes.
constexpr size_t kBulkFrameBytes = kInt64CharsMax + 5;

size_t EncodedBytesMax(const Message& message) {
  return 4 + 4 * kBulkFrameBytes + 8 + message.pattern.size() + message.channel.size() +
         message.payload.size();
}

char* PutBytes(Bytes bytes, char* out) {
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

char* PutBulk(Bytes bytes, char* out) {
  *out++ = '$';
  out += FormatInt64(static_cast<int64_t>(bytes.size()), out);
  out = PutBytes("\r\n", out);
  out = PutBytes(bytes, out);
  return PutBytes("\r\n", out);
}

// Writes at most EncodedBytesMax bytes and returns how many.
size_t EncodeTo(const Message& message, Protocol protocol, char* const start) {
  const bool by_pattern = message.kind == Kind::kPattern;
  char* out = start;
  *out++ = protocol == Protocol::kResp3 ? '>' : '*';
  *out++ = by_pattern ? '4' : '3';
  out = PutBytes("\r\n", out);
  out = PutBulk(Verb(message.kind), out);
  if (by_pattern) out = PutBulk(message.pattern, out);
  out = PutBulk(message.channel, out);
  out = PutBulk(message.payload, out);
  return static_cast<size_t>(out - start);
}

size_t Digits(size_t n) {
  char buffer[kInt64CharsMax];
  return FormatInt64(static_cast<int64_t>(n), buffer);
}

// Exact, because a blob cannot be cut after it was allocated.
size_t EncodedBytes(const Message& message) {
  auto bulk = [](Bytes bytes) { return 1 + Digits(bytes.size()) + 2 + bytes.size() + 2; };
  size_t bytes = 4 + bulk(Verb(message.kind)) + bulk(message.channel) + bulk(message.payload);
  if (message.kind == Kind::kPattern) bytes += bulk(message.pattern);
  return bytes;
}

// A shared message in its blob:
//
//   0  kind           1
//   1  channel bytes  8  native order, it never leaves the process
//   9  channel        .
//   .  payload        .  to the end
constexpr size_t kSharedHeaderBytes = 9;

}  // namespace

void AppendEncoded(const Message& message, Protocol protocol, std::string* out) {
  const size_t before = out->size();
  out->resize(before + EncodedBytesMax(message));
  out->resize(before + EncodeTo(message, protocol, out->data() + before));
}

WireForms::Form& WireForms::Encode(const Message& message, Protocol protocol) {
  Form& form = forms_[static_cast<size_t>(protocol)];
  if (form.large || !form.small.empty()) return form;
  if (message.payload.size() + message.channel.size() + message.pattern.size() < kBlobBytesMin) {
    AppendEncoded(message, protocol, &form.small);
    return form;
  }
  const size_t bytes = EncodedBytes(message);
  form.large = BlobRef::Adopt(Blob::New(bytes));
  const size_t written = EncodeTo(message, protocol, form.large->data());
  TERRACE_CHECK(written == bytes);
  return form;
}

Bytes WireForms::Get(const Message& message, Protocol protocol) {
  Form& form = Encode(message, protocol);
  return form.large ? form.large->bytes() : Bytes(form.small);
}

Blob* WireForms::GetBlob(const Message& message, Protocol protocol) {
  return Encode(message, protocol).large.get();
}

void WireForms::Reset() {
  for (Form& form : forms_) {
    form.small.clear();
    form.large = BlobRef();
  }
}

SharedMessage SharedMessage::Copy(Kind kind, Bytes channel, Bytes payload) {
  TERRACE_DCHECK(kind != Kind::kPattern);
  SharedMessage message;
  message.blob_ = BlobRef::Adopt(Blob::New(kSharedHeaderBytes + channel.size() + payload.size()));
  char* out = message.blob_->data();
  const uint64_t channel_bytes = channel.size();
  *out = static_cast<char>(kind);
  std::memcpy(out + 1, &channel_bytes, sizeof channel_bytes);
  out = PutBytes(channel, out + kSharedHeaderBytes);
  PutBytes(payload, out);
  return message;
}

Message SharedMessage::view() const {
  const Bytes all = blob_->bytes();
  uint64_t channel_bytes;
  std::memcpy(&channel_bytes, all.data() + 1, sizeof channel_bytes);
  return {.kind = static_cast<Kind>(all[0]),
          .channel = all.substr(kSharedHeaderBytes, channel_bytes),
          .payload = all.substr(kSharedHeaderBytes + channel_bytes)};
}

}  // namespace terrace::pubsub
