#include "rdb/file_reader.h"

#include <string>
#include <utility>

#include "base/numbers.h"
#include "rdb/byte_source.h"
#include "rdb/crc64.h"
#include "rdb/file_opcode.h"
#include "rdb/length_codec.h"
#include "rdb/string_codec.h"
#include "rdb/value_extent.h"

namespace terrace::rdb {
namespace {

constexpr Bytes kMagic = "REDIS";
constexpr size_t kVersionDigits = 4;
constexpr int64_t kVersionOfChecksums = 5;

std::string Shown(Bytes key) {
  constexpr size_t kShownMax = 64;
  return "'" + std::string(key.substr(0, kShownMax)) + (key.size() > kShownMax ? "...'" : "'");
}

// Nine characters of six bits, then ten bits of version.
std::string ModuleName(uint64_t id) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  constexpr int kCharacters = 9;
  std::string name;
  for (int i = 0; i < kCharacters; ++i) name += kAlphabet[(id >> (64 - 6 * (i + 1))) & 63];
  return name;
}

// What a module wrote: values, each behind a byte that says what it is, up to a 0.
void SkipModuleValues(ByteSource& source) {
  enum Kind : uint64_t { kEnd, kSigned, kUnsigned, kFloat, kDouble, kString };
  while (source.ok()) {
    switch (TakeLength(source)) {
      case kEnd:
        return;
      case kSigned:
      case kUnsigned:
        TakeLength(source);
        break;
      case kFloat:
        source.TakeLittle<uint32_t>();
        break;
      case kDouble:
        source.TakeLittle<uint64_t>();
        break;
      case kString:
        SkipString(source);
        break;
      default:
        source.Fail();
    }
  }
}

class Reader {
 public:
  Reader(Bytes file, FileTaker& taker) : file_(file), source_(file), taker_(taker) {}

  size_t offset() const { return source_.offset(); }

  Status Run() {
    if (Status status = TakeHeader(); !status.ok()) return status;
    while (true) {
      item_at_ = source_.offset();
      const uint8_t first = source_.TakeByte();
      if (!source_.ok()) return Truncated();
      if (first == static_cast<uint8_t>(FileOpcode::kEnd)) return TakeChecksum();
      Status status = TakeItem(first);
      if (!status.ok()) return status;
      if (!source_.ok()) return Truncated();
    }
  }

 private:
  Status At(size_t offset, std::string what) const {
    return Status::Error("offset " + std::to_string(offset) + ": " + std::move(what));
  }
  Status Truncated() const {
    return At(item_at_, "the file ends, or is damaged, in what begins here");
  }

  Status TakeHeader() {
    const Bytes magic = source_.TakeBytes(kMagic.size());
    const Bytes digits = source_.TakeBytes(kVersionDigits);
    const auto version =
        ParseInt64(digits.substr(std::min(digits.find_first_not_of('0'), digits.size())));
    if (!source_.ok() || magic != kMagic || !version) {
      return At(0, "no RDB file: it does not begin with REDIS and four digits");
    }
    if (*version < 1 || *version > kRdbVersionMax) {
      return At(0, "RDB version " + std::to_string(*version) + "; versions 1 to " +
                       std::to_string(kRdbVersionMax) + " can be read");
    }
    has_checksum_ = *version >= kVersionOfChecksums;
    return Status::Ok();
  }

  Status TakeItem(uint8_t first) {
    switch (static_cast<FileOpcode>(first)) {
      case FileOpcode::kDatabase: {
        const uint64_t db = TakeLength(source_);
        return source_.ok() ? Located(taker_.TakeDatabase(db)) : Truncated();
      }
      case FileOpcode::kSizes: {
        const uint64_t keys = TakeLength(source_);
        TakeLength(source_);
        if (source_.ok()) taker_.TakeSize(keys);
        return Status::Ok();
      }
      case FileOpcode::kNote:
        SkipString(source_);
        SkipString(source_);
        return Status::Ok();
      case FileOpcode::kDeadlineMs:
        facts_.deadline_ms = source_.TakeLittle<uint64_t>();
        return Status::Ok();
      case FileOpcode::kDeadlineSeconds:
        facts_.deadline_ms = uint64_t{source_.TakeLittle<uint32_t>()} * 1000;
        return Status::Ok();
      case FileOpcode::kFrequency:
        facts_.frequency = source_.TakeByte();
        return Status::Ok();
      case FileOpcode::kIdle:
        facts_.idle_seconds = TakeLength(source_);
        return Status::Ok();
      case FileOpcode::kFunction: {
        const DecodedString library = TakeString(source_);
        return source_.ok() ? Located(taker_.TakeFunctions(library.bytes())) : Truncated();
      }
      case FileOpcode::kSlotInfo:
        TakeLength(source_);
        TakeLength(source_);
        TakeLength(source_);
        return Status::Ok();
      case FileOpcode::kModuleAux: {
        const uint64_t id = TakeLength(source_);
        SkipModuleValues(source_);
        return source_.ok() ? Located(taker_.TakeModuleData(ModuleName(id))) : Truncated();
      }
      case FileOpcode::kFunctionPreGa:
        return At(item_at_, "functions as a release candidate of Redis 7.0 wrote them");
      default:
        return TakeKey(static_cast<ValueCode>(first));
    }
  }

  Status TakeKey(ValueCode code) {
    const DecodedString key = TakeString(source_);
    if (!source_.ok()) return Truncated();
    if (code == ValueCode::kModule2) {
      const uint64_t id = TakeLength(source_);
      if (!source_.ok()) return Truncated();
      return At(item_at_, "key " + Shown(key.bytes()) + " is a value of the module '" +
                              ModuleName(id) + "', and there are no modules here");
    }
    if (!TypeOf(code)) {
      return At(item_at_, "key " + Shown(key.bytes()) + " is of type " +
                              std::to_string(static_cast<unsigned>(code)) +
                              ", which is not known here");
    }
    const size_t begin = source_.offset();
    SkipValue(code, source_);
    if (!source_.ok())
      return At(begin, "the value of key " + Shown(key.bytes()) + " is damaged or cut off");
    const PayloadBody body{code, file_.substr(begin, source_.offset() - begin)};
    return Located(taker_.TakeKey(key.bytes(), std::exchange(facts_, KeyFacts()), body));
  }

  Status TakeChecksum() {
    if (!has_checksum_) return Status::Ok();
    const size_t covered = source_.offset();
    const auto checksum = source_.TakeLittle<uint64_t>();
    if (!source_.ok()) return At(covered, "the file ends before its checksum");
    // 0: whoever wrote it computed none.
    if (checksum != 0 && checksum != Crc64(file_.substr(0, covered))) {
      return At(covered, "the checksum is wrong: the file is damaged");
    }
    return Status::Ok();
  }

  Status Located(Status status) const {
    return status.ok() ? std::move(status) : At(item_at_, status.message());
  }

  const Bytes file_;
  ByteSource source_;
  FileTaker& taker_;
  KeyFacts facts_;
  size_t item_at_ = 0;
  bool has_checksum_ = false;
};

}  // namespace

Status ReadFile(Bytes file, FileTaker& taker, size_t* length) {
  Reader reader(file, taker);
  Status status = reader.Run();
  if (length != nullptr) *length = reader.offset();
  return status;
}

}  // namespace terrace::rdb
