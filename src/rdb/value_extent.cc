#include "rdb/value_extent.h"

#include "rdb/length_codec.h"

namespace terrace::rdb {
namespace {

// Counts come from the file: no loop goes on once the bytes have run out, and every round takes at least one.
template <typename Each>
void Repeat(ByteSource& source, Each each) {
  const uint64_t count = TakeLength(source);
  for (uint64_t i = 0; i < count && source.ok(); ++i) each();
}

void SkipLengths(ByteSource& source, unsigned count) {
  for (unsigned i = 0; i < count; ++i) TakeLength(source);
}

// A score as text: its length, of which three stand for NaN and the infinities and have no text.
void SkipTextScore(ByteSource& source) {
  const uint8_t length = source.TakeByte();
  if (length < 253) source.TakeBytes(length);
}

// Each with a length for its deadline.
void SkipTimedFields(ByteSource& source) {
  Repeat(source, [&] {
    TakeLength(source);
    SkipString(source);
    SkipString(source);
  });
}

constexpr size_t kStreamIdBytes = 16;
constexpr size_t kTimeBytes = 8;

// Generation 1, 2 or 3 of the layout: later ones remember more.
void SkipStream(ByteSource& source, unsigned generation) {
  Repeat(source, [&] {
    SkipString(source);
    SkipString(source);
  });
  SkipLengths(source, 3);                       // entries, last id
  if (generation >= 2) SkipLengths(source, 5);  // first id, greatest deleted id, entries ever added
  Repeat(source, [&] {
    SkipString(source);
    SkipLengths(source, 2);                       // last delivered id
    if (generation >= 2) SkipLengths(source, 1);  // entries read
    Repeat(source, [&] {
      source.TakeBytes(kStreamIdBytes + kTimeBytes);
      TakeLength(source);
    });
    Repeat(source, [&] {
      SkipString(source);
      source.TakeBytes(generation >= 3 ? 2 * kTimeBytes : kTimeBytes);
      Repeat(source, [&] { source.TakeBytes(kStreamIdBytes); });
    });
  });
}

}  // namespace

void SkipString(ByteSource& source) {
  const LengthOrForm length = TakeLengthOrForm(source);
  if (!length.special) {
    source.TakeBytes(length.value);
    return;
  }
  constexpr uint64_t kIntegerForms = 3;
  constexpr uint64_t kLzfForm = 3;
  if (length.value < kIntegerForms) {
    source.TakeBytes(uint64_t{1} << length.value);
  } else if (length.value == kLzfForm) {
    const uint64_t compressed = TakeLength(source);
    TakeLength(source);
    source.TakeBytes(compressed);
  } else {
    source.Fail();
  }
}

void SkipValue(ValueCode code, ByteSource& source) {
  switch (code) {
    case ValueCode::kString:
    case ValueCode::kHashZipmap:
    case ValueCode::kListZiplist:
    case ValueCode::kSetIntset:
    case ValueCode::kZsetZiplist:
    case ValueCode::kHashZiplist:
    case ValueCode::kHashListpack:
    case ValueCode::kZsetListpack:
    case ValueCode::kSetListpack:
      return SkipString(source);
    case ValueCode::kList:
    case ValueCode::kSet:
    case ValueCode::kListQuicklist:
      return Repeat(source, [&] { SkipString(source); });
    case ValueCode::kHash:
      return Repeat(source, [&] {
        SkipString(source);
        SkipString(source);
      });
    case ValueCode::kZset:
      return Repeat(source, [&] {
        SkipString(source);
        SkipTextScore(source);
      });
    case ValueCode::kZset2:
      return Repeat(source, [&] {
        SkipString(source);
        source.TakeBytes(sizeof(double));
      });
    case ValueCode::kListQuicklist2:
      return Repeat(source, [&] {
        TakeLength(source);
        SkipString(source);
      });
    case ValueCode::kHashMetadataPreRelease:
      return SkipTimedFields(source);
    case ValueCode::kHashMetadata:
      source.TakeBytes(kTimeBytes);
      return SkipTimedFields(source);
    case ValueCode::kHashListpackExPreRelease:
      return SkipString(source);
    case ValueCode::kHashListpackEx:
      source.TakeBytes(kTimeBytes);
      return SkipString(source);
    case ValueCode::kStreamListpacks:
      return SkipStream(source, 1);
    case ValueCode::kStreamListpacks2:
      return SkipStream(source, 2);
    case ValueCode::kStreamListpacks3:
      return SkipStream(source, 3);
    default:
      return source.Fail();
  }
}

}  // namespace terrace::rdb
