#include "rdb/body_compression.h"

#include "base/check.h"
#include "rdb/byte_sink.h"
#include "rdb/byte_source.h"
#include "rdb/length_codec.h"
#include "rdb/string_codec.h"

namespace terrace::rdb {
namespace {

constexpr size_t kBodyBytesMax = 16 * kMiB;
// Shorter strings are never compressed (PutString).
constexpr size_t kBodyBytesMin = 20;

class Compressor {
 public:
  Compressor(Bytes value, std::string* out) : source_(value), sink_(out) {}

  bool Run(ValueCode code) {
    switch (code) {
      case ValueCode::kString:
      case ValueCode::kSetIntset:
      case ValueCode::kSetListpack:
      case ValueCode::kHashListpack:
      case ValueCode::kZsetListpack:
        String();
        break;
      case ValueCode::kHashListpackEx:
        Copy(8);  // the smallest deadline
        String();
        break;
      case ValueCode::kListQuicklist2:
        Repeat(Length(), [this] {
          Length();  // the kind of node
          String();
        });
        break;
      case ValueCode::kSet:
      case ValueCode::kHash:
      case ValueCode::kZset2:
        Repeat(Length(), [this, code] { Item(code); });
        break;
      case ValueCode::kHashMetadata:
        Copy(8);  // the smallest deadline
        Repeat(Length(), [this, code] { Item(code); });
        break;
      case ValueCode::kStreamListpacks2:
      case ValueCode::kStreamListpacks3:
        Repeat(Length(), [this] {
          String();  // the node's id
          String();
        });
        Copy(source_.remaining());
        break;
      default:
        return false;
    }
    return source_.finished();
  }
  void RunOverItems(ValueCode code) {
    while (source_.ok() && source_.remaining() != 0) Item(code);
    TERRACE_CHECK(source_.finished());
  }

 private:
  void Item(ValueCode code) {
    if (code == ValueCode::kHashMetadata) Length();  // from the smallest deadline to the field's
    String();
    if (code == ValueCode::kHash || code == ValueCode::kHashMetadata) String();
    if (code == ValueCode::kZset2) Copy(8);  // the score
  }
  void Copy(uint64_t bytes) { sink_.PutBytes(source_.TakeBytes(bytes)); }
  uint64_t Length() {
    const uint64_t length = TakeLength(source_);
    PutLength(length, sink_);
    return length;
  }
  void String() { PutString(TakeString(source_).bytes(), sink_); }
  template <typename Item>
  void Repeat(uint64_t count, Item item) {
    for (uint64_t i = 0; i < count && source_.ok(); ++i) item();
  }

  ByteSource source_;
  ByteSink sink_;
};

}  // namespace

Bytes CompressBody(Bytes body, std::string* room) {
  const auto code = static_cast<ValueCode>(body[0]);
  if (body.size() < kBodyBytesMin || (body.size() > kBodyBytesMax && code != ValueCode::kString))
    return body;
  room->assign(1, body[0]);
  return Compressor(body.substr(1), room).Run(code) ? Bytes(*room) : body;
}

void CompressItems(ValueCode code, Bytes items, std::string* out) {
  Compressor(items, out).RunOverItems(code);
}

}  // namespace terrace::rdb
