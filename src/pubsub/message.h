// One published message: what a publisher says, how it travels to other workers, and how it looks on the
// wire.
//
//   PUBLISH ch hi          RESP2  *3 $7 message   $2 ch $2 hi           RESP3: the same with '>' for '*'
//   a matching pattern c*  RESP2  *4 $8 pmessage  $2 c* $2 ch $2 hi
//   SPUBLISH ch hi         RESP2  *3 $8 smessage  $2 ch $2 hi
//
// A worker with fifty subscribers of a channel encodes a message once and appends the same bytes fifty times:
// WireForms keeps the encoded bytes while one message is handed round.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/blob.h"
#include "base/bytes.h"

namespace terrace::pubsub {

/// What a name stands for. Shard channels are a space of their own: "x" as a channel and "x" as a shard
/// channel have nothing to do with each other, and patterns never match shard channels.
enum class Kind : uint8_t { kChannel, kPattern, kShardChannel };
constexpr size_t kKinds = 3;

enum class Protocol : uint8_t { kResp2, kResp3 };

struct Message;

/// The encoded forms of one message, made when first asked for. Its buffers are kept between messages, so
/// handing round a small message allocates nothing.
class WireForms {
 public:
  /// CONTRACT: the bytes live until Reset().
  Bytes Get(const Message& message, Protocol protocol);
  /// The blob Get()'s bytes lie in, or nullptr for a message small enough (under kBlobBytesMin) to be copied
  /// into every reply buffer. A subscriber with a queue shares the blob instead of copying it.
  Blob* GetBlob(const Message& message, Protocol protocol);
  /// Forgets the bytes; the next Get() encodes anew.
  void Reset();

 private:
  struct Form {
    std::string small;
    BlobRef large;
  };
  Form& Encode(const Message& message, Protocol protocol);

  std::array<Form, 2> forms_;
};

/// A message as a subscriber sees it. CONTRACT: everything here lives until OnMessage returns.
struct Message {
  Kind kind = Kind::kChannel;
  Bytes channel;
  Bytes payload;
  /// For kPattern: the pattern that matched.
  Bytes pattern;
  /// Set while the message is handed round.
  WireForms* forms = nullptr;

  Bytes Wire(Protocol protocol) const { return forms->Get(*this, protocol); }
  Blob* WireBlob(Protocol protocol) const { return forms->GetBlob(*this, protocol); }
};

/// Appends `message` as one push (RESP3) or array (RESP2) to `out`.
void AppendEncoded(const Message& message, Protocol protocol, std::string* out);

/// A message on its way to other workers: one allocation, one reference per mailbox it lies in.
class SharedMessage {
 public:
  SharedMessage() = default;
  /// `kind` is kChannel or kShardChannel: which patterns match is found where the subscribers are.
  static SharedMessage Copy(Kind kind, Bytes channel, Bytes payload);

  /// A view that lives as long as this reference.
  Message view() const;
  explicit operator bool() const { return static_cast<bool>(blob_); }

 private:
  BlobRef blob_;
};

}  // namespace terrace::pubsub
