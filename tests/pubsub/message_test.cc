#include "pubsub/message.h"

#include <doctest/doctest.h>

#include <string>

namespace terrace::pubsub {
namespace {

std::string Encoded(const Message& message, Protocol protocol) {
  std::string out;
  AppendEncoded(message, protocol, &out);
  return out;
}

TEST_SUITE("pubsub/message") {
  TEST_CASE("each kind has its own verb, and RESP3 differs by the first byte only") {
    const Message plain{.kind = Kind::kChannel, .channel = "ch", .payload = "hello"};
    CHECK(Encoded(plain, Protocol::kResp2) == "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n");
    CHECK(Encoded(plain, Protocol::kResp3) == ">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n");

    const Message by_pattern{
        .kind = Kind::kPattern, .channel = "ch", .payload = "", .pattern = "c*"};
    CHECK(Encoded(by_pattern, Protocol::kResp2) ==
          "*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nch\r\n$0\r\n\r\n");

    const Message sharded{.kind = Kind::kShardChannel, .channel = "", .payload = "x"};
    CHECK(Encoded(sharded, Protocol::kResp3) == ">3\r\n$8\r\nsmessage\r\n$0\r\n\r\n$1\r\nx\r\n");
  }

  TEST_CASE("encoding appends behind what is already there") {
    std::string out = "+OK\r\n";
    AppendEncoded({.channel = "a", .payload = "b"}, Protocol::kResp2, &out);
    CHECK(out == "+OK\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n");
  }

  TEST_CASE("a shared message keeps kind, channel and payload, NUL bytes included") {
    const std::string payload("a\0b", 3);
    const SharedMessage shared = SharedMessage::Copy(Kind::kShardChannel, "ch", payload);
    const SharedMessage other = shared;
    CHECK(other.view().kind == Kind::kShardChannel);
    CHECK(other.view().channel == "ch");
    CHECK(other.view().payload == payload);
    const SharedMessage empty = SharedMessage::Copy(Kind::kChannel, "", "");
    CHECK(empty.view().channel.empty());
    CHECK(empty.view().payload.empty());
    CHECK_FALSE(SharedMessage());
  }

  TEST_CASE("a message is encoded once per protocol and its buffer serves the next message") {
    WireForms forms;
    const Message message{.channel = "ch", .payload = "hello"};
    const char* first = forms.Get(message, Protocol::kResp2).data();
    CHECK(forms.Get(message, Protocol::kResp2).data() == first);
    CHECK(forms.Get(message, Protocol::kResp3)[0] == '>');
    CHECK(forms.GetBlob(message, Protocol::kResp2) == nullptr);
    forms.Reset();
    const Message next{.channel = "ch", .payload = "again"};
    CHECK(forms.Get(next, Protocol::kResp2).data() == first);
    CHECK(forms.Get(next, Protocol::kResp2) == Encoded(next, Protocol::kResp2));
  }

  TEST_CASE("a large message is encoded into a blob that its subscribers can share") {
    WireForms forms;
    const std::string payload(kBlobBytesMin, 'x');
    for (Kind kind : {Kind::kChannel, Kind::kPattern, Kind::kShardChannel}) {
      const Message message{.kind = kind, .channel = "ch", .payload = payload, .pattern = "c*"};
      BlobRef kept = BlobRef::Share(forms.GetBlob(message, Protocol::kResp3));
      REQUIRE(kept);
      CHECK(forms.Get(message, Protocol::kResp3).data() == kept->data());
      forms.Reset();
      CHECK(kept->bytes() == Encoded(message, Protocol::kResp3));
    }
  }
}

}  // namespace
}  // namespace terrace::pubsub
