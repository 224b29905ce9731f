#include "resp/reply_buffer.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace terrace::resp {
namespace {

std::string Contents(const ReplyBuffer& buffer) {
  std::vector<IoSlice> slices(100000);
  slices.resize(buffer.Gather(slices.data(), slices.size()));
  std::string out;
  for (const IoSlice& slice : slices) {
    CHECK(slice.len != 0);
    out.append(slice.base, slice.len);
  }
  CHECK(out.size() == buffer.size());
  return out;
}

size_t Pieces(const ReplyBuffer& buffer) {
  IoSlice slices[64];
  return buffer.Gather(slices, 64);
}

}  // namespace

TEST_SUITE("resp/reply_buffer") {
  TEST_CASE("nothing is held before the first byte") {
    ReplyBuffer buffer;
    CHECK(buffer.memory_bytes() == 0);
    CHECK(buffer.empty());
    CHECK(Pieces(buffer) == 0);
    buffer.Consume(0);
    buffer.Truncate(buffer.mark());
    buffer.Append("");
    CHECK(buffer.memory_bytes() == 0);
  }

  TEST_CASE("small replies leave as one piece") {
    ReplyBuffer buffer;
    std::string expected;
    for (int i = 0; i < 100; ++i) {
      buffer.Append("+OK\r\n");
      expected += "+OK\r\n";
    }
    CHECK(Contents(buffer) == expected);
    CHECK(Pieces(buffer) == 1);
    buffer.Consume(7);
    CHECK(Contents(buffer) == expected.substr(7));
    buffer.Consume(buffer.size());
    CHECK(buffer.empty());
    CHECK(buffer.mark() == 500);
  }

  TEST_CASE("a drained buffer keeps what a usual turn needs, and no more than 16 KiB") {
    ReplyBuffer buffer;
    for (int turn = 0; turn < 4; ++turn) {
      for (int i = 0; i < 30; ++i) buffer.Append(std::string(100, 'x'));
      CHECK((turn < 3 || Pieces(buffer) == 1));
      buffer.Consume(buffer.size());
    }
    CHECK(buffer.memory_bytes() <= 8 * kKiB);
    for (int i = 0; i < 1000; ++i) buffer.Append(std::string(1000, 'x'));
    CHECK(buffer.memory_bytes() < 2 * kMiB);
    buffer.Consume(buffer.size());
    CHECK(buffer.memory_bytes() <= 17 * kKiB);
    buffer.Append("x");
    buffer.Trim();
    CHECK(buffer.size() == 1);
    buffer.Consume(1);
    buffer.Trim();
    CHECK(buffer.memory_bytes() == 0);
  }

  TEST_CASE("large strings go by reference and are let go when sent") {
    const BlobRef blob = BlobRef::Copy(std::string(50000, 'b'));
    ReplyBuffer buffer;
    buffer.Append("head");
    buffer.AppendBlob(blob, 1000, 40000);
    buffer.AppendBlob(blob, 0, 0);
    buffer.Append("tail");
    IoSlice slices[8];
    REQUIRE(buffer.Gather(slices, 8) == 3);
    CHECK(slices[1].base == blob->data() + 1000);
    CHECK(Contents(buffer) == "head" + std::string(40000, 'b') + "tail");
    CHECK(blob->shared());
    CHECK(buffer.Gather(slices, 2) == 2);
    buffer.Consume(4 + 39999);
    CHECK(Contents(buffer) == "btail");
    CHECK(blob->shared());
    buffer.Consume(1);
    CHECK_FALSE(blob->shared());
    CHECK(Contents(buffer) == "tail");
    buffer.AppendBlob(blob, 0, 50000);
    buffer.Clear();
    CHECK_FALSE(blob->shared());
    CHECK(buffer.memory_bytes() == 0);
  }

  TEST_CASE("truncation takes back blobs and chunks") {
    const BlobRef blob = BlobRef::Copy(std::string(40000, 'b'));
    ReplyBuffer buffer;
    buffer.Append("abc");
    buffer.Consume(1);
    const uint64_t mark = buffer.mark();
    buffer.Append("def");
    buffer.AppendBlob(blob, 0, 40000);
    for (int i = 0; i < 1000; ++i) buffer.Append("0123456789");
    buffer.Truncate(mark + 2);
    CHECK(Contents(buffer) == "bcde");
    CHECK_FALSE(blob->shared());
    buffer.Append("!");
    CHECK(Contents(buffer) == "bcde!");
    buffer.Truncate(mark);
    CHECK(Contents(buffer) == "bc");
    buffer.Truncate(mark - 2);
    CHECK(buffer.empty());
    buffer.Append("again");
    CHECK(Contents(buffer) == "again");
  }

  TEST_CASE("truncation may end within a blob") {
    const BlobRef blob = BlobRef::Copy(std::string(40000, 'b'));
    ReplyBuffer buffer;
    buffer.AppendBlob(blob, 0, 40000);
    buffer.Append("xyz");
    buffer.Truncate(10);
    buffer.Append("c");
    CHECK(Contents(buffer) == std::string(10, 'b') + "c");
    buffer.Consume(11);
    CHECK_FALSE(blob->shared());
  }

  TEST_CASE("bytes can be put in anywhere") {
    const BlobRef blob = BlobRef::Copy(std::string(40000, 'b'));
    ReplyBuffer buffer;
    buffer.Insert(0, "");
    buffer.Insert(0, "1");
    buffer.Append("3");
    buffer.Insert(1, "2");
    CHECK(Contents(buffer) == "123");
    buffer.AppendBlob(blob, 0, 40000);
    buffer.Append("456");
    buffer.Insert(3, "|");      // before the blob
    buffer.Insert(104, "%");    // within it
    buffer.Insert(40005, "&");  // behind it
    CHECK(Contents(buffer) ==
          "123|" + std::string(100, 'b') + "%" + std::string(39900, 'b') + "&456");
    buffer.Consume(104);
    CHECK(blob->shared());
    buffer.Consume(buffer.size());
    CHECK_FALSE(blob->shared());
  }

  TEST_CASE("random appends, inserts, truncations and writes agree with a string") {
    Random random(7);
    const std::string letters(30000, 'x');
    for (int round = 0; round < 100; ++round) {
      ReplyBuffer buffer;
      std::string model;
      uint64_t consumed = 0;
      std::vector<BlobRef> blobs;
      for (int step = 0; step < 300; ++step) {
        const size_t at = random.Below(model.size() + 1);
        switch (random.Below(12)) {
          case 0: {
            std::string bytes(40000, static_cast<char>('a' + step % 26));
            blobs.push_back(BlobRef::Copy(bytes));
            const size_t from = random.Below(20000);
            const size_t size = random.Below(20000);
            buffer.AppendBlob(blobs.back(), from, size);
            model += bytes.substr(from, size);
            break;
          }
          case 1:
            buffer.Append(Bytes(letters).substr(0, 20 * at % letters.size()));
            model += letters.substr(0, 20 * at % letters.size());
            break;
          case 2:
            buffer.Truncate(consumed + at);
            model.resize(at);
            break;
          case 3:
          case 4:
            buffer.Insert(consumed + at, "<inserted>");
            model.insert(at, "<inserted>");
            break;
          case 5:
            buffer.Consume(at);
            model.erase(0, at);
            consumed += at;
            break;
          case 6:
            if (random.Below(4) != 0) break;
            buffer.Consume(model.size());
            consumed += model.size();
            model.clear();
            break;
          default: {
            const std::string bytes = std::to_string(random.Next());
            char* const out = buffer.Reserve(bytes.size() + random.Below(2000));
            std::memcpy(out, bytes.data(), bytes.size());
            buffer.Commit(bytes.size());
            model += bytes;
          }
        }
        REQUIRE(buffer.size() == model.size());
        REQUIRE(buffer.mark() == consumed + model.size());
        if (step % 10 == 0) REQUIRE(Contents(buffer) == model);
      }
      REQUIRE(Contents(buffer) == model);
      buffer.Clear();
      for (const BlobRef& blob : blobs) REQUIRE_FALSE(blob->shared());
    }
  }
}

}  // namespace terrace::resp
