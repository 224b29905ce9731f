#include "rdb/dump_payload.h"

#include <utility>

#include "rdb/byte_sink.h"
#include "rdb/byte_source.h"
#include "rdb/crc64.h"

namespace terrace::rdb {
namespace {

constexpr size_t kChecksumBytes = 8;
constexpr size_t kFooterBytes = 2 + kChecksumBytes;

}  // namespace

std::string SealDumpPayload(std::string body, uint16_t rdb_version) {
  body.reserve(body.size() + kFooterBytes);
  ByteSink sink(&body);
  sink.PutLittle(rdb_version);
  sink.PutLittle(Crc64(body));
  return body;
}

PayloadResult<PayloadBody> OpenDumpPayload(Bytes payload) {
  if (payload.size() < kFooterBytes) return Unexpected{PayloadError::kVersionOrChecksum};
  const size_t body_bytes = payload.size() - kFooterBytes;
  ByteSource footer(payload.substr(body_bytes));
  const auto version = footer.TakeLittle<uint16_t>();
  const auto checksum = footer.TakeLittle<uint64_t>();
  if (version > kRdbVersionMax) return Unexpected{PayloadError::kVersionOrChecksum};
  if (Crc64(payload.substr(0, payload.size() - kChecksumBytes)) != checksum) {
    return Unexpected{PayloadError::kVersionOrChecksum};
  }
  if (body_bytes == 0) return Unexpected{PayloadError::kBadFormat};
  return PayloadBody{static_cast<ValueCode>(payload[0]), payload.substr(1, body_bytes - 1)};
}

std::string EncodeStringValue(Bytes text, Compression compression) {
  std::string body;
  ByteSink sink(&body);
  sink.PutByte(static_cast<uint8_t>(ValueCode::kString));
  PutString(text, sink, compression);
  return body;
}

std::string EncodeStringValue(int64_t value) {
  std::string body;
  ByteSink sink(&body);
  sink.PutByte(static_cast<uint8_t>(ValueCode::kString));
  PutString(value, sink);
  return body;
}

PayloadResult<DecodedString> DecodeStringValue(const PayloadBody& body) {
  if (body.code != ValueCode::kString) return Unexpected{PayloadError::kBadFormat};
  ByteSource source(body.value);
  DecodedString decoded = TakeString(source);
  if (!source.finished()) return Unexpected{PayloadError::kBadFormat};
  return decoded;
}

}  // namespace terrace::rdb
