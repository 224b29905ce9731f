// An RDB file from a stranger: as it is, with the checksum made right, and as the body between a magic and an end of our
// own. Reading it gives keys or an error. Keys that were taken from an intact file come back the same when they are
// written to another one; their values decode, or are refused; and a file that has lost its last byte is not intact.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/numbers.h"
#include "rdb/byte_sink.h"
#include "rdb/crc64.h"
#include "rdb/file_reader.h"
#include "rdb/file_writer.h"
#include "rdb/value_decoder.h"
#include "types/items.h"

namespace {

using namespace terrace::rdb;  // NOLINT(google-build-using-namespace)
using terrace::Bytes;
using terrace::Status;

constexpr size_t kInputBytesMax = 64 * terrace::kKiB;
constexpr size_t kHeaderBytes = 9;
constexpr size_t kChecksumBytes = 8;
// Compressed, a key may be 88 times as long as its bytes in the file, and there may be thousands; a server keeps a file's
// keys, this only compares them.
constexpr size_t kKeptBytesMax = 16 * terrace::kMiB;

struct SeenKey {
  uint64_t db;
  std::string key;
  uint64_t deadline_ms;
  std::optional<uint64_t> idle_seconds;
  std::optional<uint8_t> frequency;
  std::string body;

  bool operator==(const SeenKey&) const = default;
};

class Taken : public FileTaker {
 public:
  Status TakeDatabase(uint64_t db) override {
    db_ = db;
    return Status::Ok();
  }
  Status TakeKey(Bytes key, const KeyFacts& facts, const PayloadBody& body) override {
    std::string whole(1, static_cast<char>(body.code));
    whole.append(body.value);
    bytes_ += key.size() + whole.size();
    if (bytes_ > kKeptBytesMax) return Status::Error("enough");
    // A writer tells one of the two.
    const auto frequency = facts.idle_seconds ? std::nullopt : facts.frequency;
    keys.push_back({db_, std::string(key), facts.deadline_ms, facts.idle_seconds, frequency,
                    std::move(whole)});
    return Status::Ok();
  }
  Status TakeFunctions(Bytes) override { return Status::Ok(); }
  Status TakeModuleData(Bytes) override { return Status::Ok(); }

  std::vector<SeenKey> keys;

 private:
  uint64_t db_ = 0;
  size_t bytes_ = 0;
};

bool Reads(const std::string& file, Taken* taken) { return ReadFile(file, *taken).ok(); }

void DecodeValues(const std::vector<SeenKey>& keys) {
  const terrace::types::EncodingLimits limits;
  for (const SeenKey& seen : keys) {
    const PayloadBody body{static_cast<ValueCode>(seen.body[0]), Bytes(seen.body).substr(1)};
    (void)DecodeStringValue(body).ok();
    const auto collection = DecodeCollection(body, limits);
    if (collection.ok()) terrace::types::Destroy(*collection);
  }
}

std::string Written(const std::vector<SeenKey>& keys) {
  std::string file;
  FileWriter writer(
      [&](Bytes bytes) {
        file.append(bytes);
        return true;
      },
      kRdbVersionMax);
  for (const SeenKey& seen : keys) {
    writer.SelectDatabase(seen.db, 1, 0);
    writer.Key(seen.key,
               {.deadline_ms = seen.deadline_ms,
                .idle_seconds = seen.idle_seconds,
                .frequency = seen.frequency},
               seen.body);
  }
  TERRACE_CHECK(writer.Finish());
  return file;
}

void TryFile(const std::string& file) {
  Taken taken;
  const bool intact = Reads(file, &taken);
  DecodeValues(taken.keys);
  if (!intact) return;
  const std::string again = Written(taken.keys);
  Taken returned;
  TERRACE_CHECK(Reads(again, &returned) && returned.keys == taken.keys);
  Taken of_less;
  TERRACE_CHECK(!Reads(again.substr(0, again.size() - 1), &of_less));
}

std::string Sealed(std::string file) {
  ByteSink(&file).PutLittle(Crc64(file));
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  TryFile(input);
  if (size > kHeaderBytes + kChecksumBytes) TryFile(Sealed(input.substr(0, size - kChecksumBytes)));
  TryFile(Sealed("REDIS0012" + input + "\xff"));
  return 0;
}
