#include "resp/reply.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace terrace::resp {
namespace {

std::string Taken(ReplyBuffer& buffer) {
  std::vector<IoSlice> slices(10000);
  slices.resize(buffer.Gather(slices.data(), slices.size()));
  std::string out;
  for (const IoSlice& slice : slices) out.append(slice.base, slice.len);
  buffer.Consume(out.size());
  return out;
}

/// What `write` writes in protocol version `protocol`.
template <typename Write>
std::string Written(int protocol, Write write) {
  ReplyBuffer buffer;
  Reply reply(buffer, protocol);
  write(reply);
  return Taken(buffer);
}

}  // namespace

#define CHECK_REPLY(resp2, resp3, call)                                \
  CHECK(Written(2, [&](Reply& reply) { reply.call; }) == Bytes resp2); \
  CHECK(Written(3, [&](Reply& reply) { reply.call; }) == Bytes resp3)

TEST_SUITE("resp/reply") {
  TEST_CASE("every type in both protocol versions, to the byte") {
    CHECK_REPLY(("+OK\r\n"), ("+OK\r\n"), Ok());
    CHECK_REPLY(("+QUEUED\r\n"), ("+QUEUED\r\n"), Simple("QUEUED"));
    CHECK_REPLY(("-ERR no\r\n"), ("-ERR no\r\n"), Error("ERR no"));
    CHECK_REPLY((":0\r\n"), (":0\r\n"), Integer(0));
    CHECK_REPLY((":1\r\n"), (":1\r\n"), Integer(1));
    CHECK_REPLY((":-1\r\n"), (":-1\r\n"), Integer(-1));
    CHECK_REPLY((":-9223372036854775808\r\n"), (":-9223372036854775808\r\n"), Integer(INT64_MIN));
    CHECK_REPLY(("$0\r\n\r\n"), ("$0\r\n\r\n"), Bulk(""));
    CHECK_REPLY(("$3\r\na\r\n\r\n"), ("$3\r\na\r\n\r\n"), Bulk("a\r\n"));
    CHECK_REPLY(("$2\r\n-5\r\n"), ("$2\r\n-5\r\n"), BulkInt(-5));
    CHECK_REPLY(("$4\r\n10.5\r\n"), ("$4\r\n10.5\r\n"), BulkLongDouble(10.5L));
    CHECK_REPLY(("$-1\r\n"), ("_\r\n"), Null());
    CHECK_REPLY(("*-1\r\n"), ("_\r\n"), NullArray());
    CHECK_REPLY(("*0\r\n"), ("*0\r\n"), Array(0));
    CHECK_REPLY(("*12\r\n"), ("*12\r\n"), Array(12));
    CHECK_REPLY(("*200\r\n"), ("%100\r\n"), Map(100));
    CHECK_REPLY(("*3\r\n"), ("~3\r\n"), Set(3));
    CHECK_REPLY(("*3\r\n"), (">3\r\n"), Push(3));
    CHECK_REPLY(("$3\r\n3.5\r\n"), (",3.5\r\n"), Double(3.5));
    CHECK_REPLY(("$3\r\ninf\r\n"), (",inf\r\n"), Double(std::numeric_limits<double>::infinity()));
    CHECK_REPLY(("$4\r\n-inf\r\n"), (",-inf\r\n"),
                Double(-std::numeric_limits<double>::infinity()));
    CHECK_REPLY(("$3\r\nnan\r\n"), (",nan\r\n"), Double(std::nan("")));
    CHECK_REPLY((":1\r\n"), ("#t\r\n"), Bool(true));
    CHECK_REPLY((":0\r\n"), ("#f\r\n"), Bool(false));
    CHECK_REPLY(("$3\r\n123\r\n"), ("(123\r\n"), BigNumber("123"));
    CHECK_REPLY(("$5\r\na\r\nb.\r\n"), ("=9\r\ntxt:a\r\nb.\r\n"), Verbatim("txt", "a\r\nb."));
    CHECK_REPLY(("+raw\r\n"), ("+raw\r\n"), Raw("+raw\r\n"));
    CHECK(Written(3, [](Reply& reply) { reply.Attribute(1); }) == "|1\r\n");
  }

  TEST_CASE("bulk strings of every size class") {
    for (const size_t size : {1u, 9u, 10u, 99u, 100u, 999u, 4096u, 4097u, 100000u}) {
      const std::string text(size, 'x');
      CHECK(Written(2, [&](Reply& reply) { reply.Bulk(Bytes(text)); }) ==
            "$" + std::to_string(size) + "\r\n" + text + "\r\n");
    }
  }

  TEST_CASE("a large blob is sent by reference, a small one is copied") {
    const BlobRef large = BlobRef::Copy(std::string(40000, 'l'));
    const BlobRef small = BlobRef::Copy("small");
    ReplyBuffer buffer;
    Reply reply(buffer);
    reply.Bulk(large);
    CHECK(large->shared());
    reply.Bulk(small);
    CHECK_FALSE(small->shared());
    reply.BulkSlice(large, 1, 3);
    CHECK(Taken(buffer) ==
          "$40000\r\n" + std::string(40000, 'l') + "\r\n$5\r\nsmall\r\n$3\r\nlll\r\n");
    CHECK_FALSE(large->shared());
  }

  TEST_CASE("an error is one line, is counted, and its code is remembered") {
    ReplyBuffer buffer;
    Reply reply(buffer);
    CHECK(reply.last_error_code() == "");
    reply.Error("WRONGTYPE bad\r\nthing");
    CHECK(reply.last_error_code() == "WRONGTYPE");
    reply.Error("NOCODE");
    CHECK(reply.last_error_code() == "NOCODE");
    reply.Error(std::string(100, 'E') + " long");
    CHECK(reply.last_error_code() == std::string(31, 'E'));
    CHECK(reply.errors() == 3);
    CHECK(Taken(buffer) ==
          "-WRONGTYPE bad  thing\r\n-NOCODE\r\n-" + std::string(100, 'E') + " long\r\n");
  }

  TEST_CASE("muted, nothing is written but errors are counted") {
    ReplyBuffer buffer;
    Reply reply(buffer, 3);
    const BlobRef blob = BlobRef::Copy(std::string(40000, 'l'));
    reply.set_muted(true);
    reply.Ok();
    reply.Simple("x");
    reply.Error("ERR x");
    reply.Integer(7);
    reply.Bulk("x");
    reply.Bulk(std::string(10000, 'x'));
    reply.Bulk(blob);
    reply.Null();
    reply.Double(1);
    reply.Verbatim("txt", "x");
    reply.Raw("x");
    const Reply::Slot slot = reply.DeferredArray();
    reply.Map(1);
    reply.SetDeferred(slot, 1);
    CHECK(buffer.empty());
    CHECK(reply.errors() == 1);
    reply.set_muted(false);
    reply.Ok();
    CHECK(Taken(buffer) == "+OK\r\n");
  }

  TEST_CASE("lengths may be filled in afterwards, the innermost first") {
    auto nested = [](Reply& reply) {
      reply.Ok();
      const Reply::Slot outer = reply.DeferredArray();
      for (int i = 0; i < 2; ++i) {
        const Reply::Slot map = reply.DeferredMap();
        reply.Integer(1);
        const Reply::Slot set = reply.DeferredSet();
        reply.Bulk("a");
        reply.SetDeferred(set, 1);
        reply.SetDeferred(map, 1);
      }
      const Reply::Slot push = reply.DeferredPush();
      reply.SetDeferred(push, 0);
      reply.SetDeferred(outer, 3);
      reply.Ok();
    };
    CHECK(Written(2, nested) ==
          "+OK\r\n*3\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n*0\r\n+OK\r\n");
    CHECK(Written(3, nested) ==
          "+OK\r\n*3\r\n%1\r\n:1\r\n~1\r\n$1\r\na\r\n%1\r\n:1\r\n~1\r\n$1\r\na\r\n>0\r\n+OK\r\n");
  }

  TEST_CASE("a deferred length in front of a large reply with blobs in it") {
    const BlobRef blob = BlobRef::Copy(std::string(40000, 'b'));
    std::string expected = "+OK\r\n*3001\r\n";
    ReplyBuffer buffer;
    Reply reply(buffer);
    reply.Ok();
    const Reply::Slot slot = reply.DeferredArray();
    for (int i = 0; i < 3000; ++i) {
      reply.Bulk("0123456789");
      expected += "$10\r\n0123456789\r\n";
    }
    reply.Bulk(blob);
    expected += "$40000\r\n" + std::string(40000, 'b') + "\r\n";
    reply.SetDeferred(slot, 3001);
    CHECK(Taken(buffer) == expected);
  }

  TEST_CASE("a reply can be taken back") {
    ReplyBuffer buffer;
    Reply reply(buffer);
    reply.Ok();
    const uint64_t mark = buffer.mark();
    const Reply::Slot slot = reply.DeferredArray();
    reply.Bulk("x");
    reply.SetDeferred(slot, 1);
    buffer.Truncate(mark);
    reply.Error("ERR instead");
    CHECK(Taken(buffer) == "+OK\r\n-ERR instead\r\n");
  }
}

}  // namespace terrace::resp
