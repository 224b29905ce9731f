#include "rdb/string_codec.h"

#include <limits>
#include <memory>
#include <utility>

#include "base/lzf.h"
#include "base/numbers.h"
#include "rdb/length_codec.h"

namespace terrace::rdb {
namespace {

constexpr uint8_t kSpecial = 0xc0;
constexpr uint8_t kFormInt8 = 0;
constexpr uint8_t kFormInt16 = 1;
constexpr uint8_t kFormInt32 = 2;
constexpr uint8_t kFormLzf = 3;

constexpr size_t kInt32CharsMax = 11;
// What a stock server uses: below this LZF cannot win anything worth its time.
constexpr size_t kCompressBytesMin = 21;
constexpr size_t kCompressSavedMin = 4;
// LZF as every server links it counts in 32 bits, so nothing longer was ever compressed.
constexpr uint64_t kOriginalBytesMax = 4 * kGiB - 1;

template <typename T>
bool Fits(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

// False when it takes more than an int32.
bool PutInteger(int64_t value, ByteSink& sink) {
  if (Fits<int8_t>(value)) {
    sink.PutByte(kSpecial | kFormInt8);
    sink.PutByte(static_cast<uint8_t>(value));
  } else if (Fits<int16_t>(value)) {
    sink.PutByte(kSpecial | kFormInt16);
    sink.PutLittle(static_cast<uint16_t>(value));
  } else if (Fits<int32_t>(value)) {
    sink.PutByte(kSpecial | kFormInt32);
    sink.PutLittle(static_cast<uint32_t>(value));
  } else {
    return false;
  }
  return true;
}

void PutPlain(Bytes text, ByteSink& sink) {
  PutLength(text.size(), sink);
  sink.PutBytes(text);
}

bool PutCompressed(Bytes text, ByteSink& sink) {
  const size_t bytes_max = text.size() - kCompressSavedMin;
  const std::unique_ptr<char[]> compressed(new char[bytes_max]);
  const size_t bytes = LzfCompress(text, compressed.get(), bytes_max);
  if (bytes == 0) return false;
  sink.PutByte(kSpecial | kFormLzf);
  PutLength(bytes, sink);
  PutLength(text.size(), sink);
  sink.PutBytes(Bytes(compressed.get(), bytes));
  return true;
}

DecodedString FromInteger(int64_t value) {
  DecodedString decoded;
  decoded.integer = value;
  decoded.owned = FormatInt64(value);
  return decoded;
}

DecodedString TakeCompressed(ByteSource& source) {
  const uint64_t compressed_bytes = TakeLength(source);
  const uint64_t original_bytes = TakeLength(source);
  const Bytes compressed = source.TakeBytes(compressed_bytes);
  DecodedString decoded;
  // Checked before anything is allocated: a few bytes may claim to stand for a terabyte.
  const bool plausible =
      original_bytes <= kOriginalBytesMax && original_bytes / kLzfExpansionMax <= compressed.size();
  if (!source.ok() || !plausible) {
    source.Fail();
    return decoded;
  }
  std::string original(original_bytes, '\0');
  if (LzfDecompress(compressed, original.data(), original.size())) {
    decoded.owned = std::move(original);
  } else {
    source.Fail();
  }
  return decoded;
}

DecodedString TakeSpecial(uint64_t form, ByteSource& source) {
  switch (form) {
    case kFormInt8:
      return FromInteger(static_cast<int8_t>(source.TakeByte()));
    case kFormInt16:
      return FromInteger(static_cast<int16_t>(source.TakeLittle<uint16_t>()));
    case kFormInt32:
      return FromInteger(static_cast<int32_t>(source.TakeLittle<uint32_t>()));
    case kFormLzf:
      return TakeCompressed(source);
    default:
      source.Fail();
      return {};
  }
}

}  // namespace

void PutString(Bytes text, ByteSink& sink, Compression compression) {
  if (text.size() <= kInt32CharsMax) {
    const std::optional<int64_t> value = ParseInt64(text);
    if (value.has_value() && PutInteger(*value, sink)) return;
  }
  if (compression == Compression::kLzf && text.size() >= kCompressBytesMin &&
      PutCompressed(text, sink))
    return;
  PutPlain(text, sink);
}

void PutString(int64_t value, ByteSink& sink) {
  if (PutInteger(value, sink)) return;
  char text[kInt64CharsMax];
  PutPlain(Bytes(text, FormatInt64(value, text)), sink);
}

DecodedString TakeString(ByteSource& source) {
  const LengthOrForm start = TakeLengthOrForm(source);
  DecodedString decoded;
  if (start.special) {
    decoded = TakeSpecial(start.value, source);
  } else {
    decoded.view = source.TakeBytes(start.value);
  }
  return source.ok() ? std::move(decoded) : DecodedString();
}

}  // namespace terrace::rdb
