#include "rdb/body_compression.h"

#include "rdb/byte_sink.h"
#include "rdb/byte_source.h"
#include "rdb/length_codec.h"
#include "rdb/string_codec.h"
#include "rdb/value_code.h"

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
        Repeat(Length(), [this] { String(); });
        break;
      case ValueCode::kHash:
        Repeat(Length(), [this] {
          String();
          String();
        });
        break;
      case ValueCode::kHashMetadata:
        Copy(8);  // the smallest deadline
        Repeat(Length(), [this] {
          Length();  // from that one to the field's
          String();
          String();
        });
        break;
      case ValueCode::kZset2:
        Repeat(Length(), [this] {
          String();
          Copy(8);  // the score
        });
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

 private:
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

}  // namespace terrace::rdb
