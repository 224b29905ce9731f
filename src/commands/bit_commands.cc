// Strings as bits: SETBIT, BITCOUNT, BITOP, BITFIELD and their relatives. The arithmetic is in types/bits.h.
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/context.h"
#include "commands/families.h"
#include "types/bits.h"

namespace terrace::commands {
namespace {

using engine::Edit;
using engine::Entry;
using engine::IntegerText;
using engine::StringSource;
using types::BitOperation;
using types::FieldType;
using types::Overflow;

constexpr Bytes kBitOffsetError = "ERR bit offset is not an integer or out of range";
constexpr Bytes kBitValueError = "ERR bit is not an integer or out of range";

// An offset in bits: "100" or, of a field `width` bits wide, "#5" for the sixth of a row of such fields. What comes from
// the leader was within its limit, which may be another.
std::optional<uint64_t> ParseOffset(const ReadContext& ctx, Bytes text, uint8_t width = 0) {
  const bool is_index = width != 0 && text.starts_with('#');
  auto offset = ParseInt64(is_index ? text.substr(1) : text);
  if (!offset || *offset < 0) return std::nullopt;
  if (is_index && __builtin_mul_overflow(*offset, int64_t{width}, &*offset)) return std::nullopt;
  const auto position = static_cast<uint64_t>(*offset);
  const uint64_t bytes_max = ctx.unit.settings.string_bytes_max.load(std::memory_order_relaxed);
  if (ctx.unit.origin == engine::Origin::kClient && position / 8 >= bytes_max) return std::nullopt;
  return position;
}

Bytes BytesOf(const Entry* entry, IntegerText* text) {
  return entry == nullptr ? Bytes() : entry->StringBytes(text);
}

// The key's string, made `size` bytes long if it is shorter; what is new is zero.
char* Reserve(Edit& edit, size_t size) {
  if (edit.entry() == nullptr) edit.SetString(StringSource::Of(Bytes()), 0);
  const size_t before = edit.entry()->StringLength();
  if (size <= before) return edit.MutableString();
  char* bytes = edit.GrowString(size);
  std::memset(bytes + before, 0, size - before);
  return bytes;
}

// SETBIT key offset value
Effect SetBit(WriteContext& ctx, Args args) {
  const auto position = ParseOffset(ctx, args[2]);
  if (!position) return Fail(ctx, kBitOffsetError);
  const auto value = ParseInt64(args[3]);
  if (!value || (*value & ~int64_t{1}) != 0) return Fail(ctx, kBitValueError);
  const auto found = ctx.Peek(args[1], Type::kString);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  IntegerText text;
  const Bytes held = BytesOf(*found, &text);
  const bool old = types::GetBit(held, *position);
  const bool wanted = *value == 1;
  const size_t byte = *position / 8;
  ctx.reply.Integer(old ? 1 : 0);
  if (old == wanted && *found != nullptr && byte < held.size()) return Effect::None();
  Edit edit = ctx.Edit(args[1]);
  char& changed = Reserve(edit, byte + 1)[byte];
  const unsigned mask = 0x80U >> (*position % 8);
  const unsigned others = static_cast<uint8_t>(changed) & ~mask;
  changed = static_cast<char>(wanted ? others | mask : others);
  ctx.Notify(engine::kNotifyString, "setbit", args[1]);
  return Effect::AsReceived();
}

// GETBIT key offset
void GetBit(ReadContext& ctx, Args args) {
  const auto position = ParseOffset(ctx, args[2]);
  if (!position) return ctx.reply.Error(kBitOffsetError);
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) return ReplyError(ctx, found.error());
  IntegerText text;
  ctx.reply.Integer(types::GetBit(BytesOf(*found, &text), *position) ? 1 : 0);
}

// What stands behind the key, or the bit, of BITCOUNT and BITPOS: start and end, in bytes or bits.
struct Span {
  int64_t first = 0;
  int64_t last = -1;
  bool in_bits = false;
};

// args[from] and what follows it. A missing end is the string's.
ErrcOr<Span> ParseSpan(Args args, size_t from) {
  Span span;
  const size_t given = args.size() - from;
  if (given > 3) return Unexpected{Errc::kSyntax};
  if (given > 0) {
    const auto first = ParseInt64(args[from]);
    if (!first) return Unexpected{Errc::kNotAnInteger};
    span.first = *first;
  }
  if (given > 2) {
    span.in_bits = EqualsIgnoreCase(args[from + 2], "bit");
    if (!span.in_bits && !EqualsIgnoreCase(args[from + 2], "byte"))
      return Unexpected{Errc::kSyntax};
  }
  if (given > 1) {
    const auto last = ParseInt64(args[from + 1]);
    if (!last) return Unexpected{Errc::kNotAnInteger};
    span.last = *last;
  }
  return span;
}

// The bits it means in a string of so many bytes; nullopt if none. "-3 -1" are the last three, what is out of the string
// is cut off.
std::optional<types::BitRange> Resolve(const Span& span, size_t bytes) {
  const auto length = static_cast<int64_t>(span.in_bits ? bytes * 8 : bytes);
  if (span.first < 0 && span.last < 0 && span.first > span.last) return std::nullopt;
  const int64_t first = std::max<int64_t>(span.first < 0 ? span.first + length : span.first, 0);
  const int64_t last =
      std::min(std::max<int64_t>(span.last < 0 ? span.last + length : span.last, 0), length - 1);
  if (first > last) return std::nullopt;
  const auto from = static_cast<uint64_t>(first), to = static_cast<uint64_t>(last);
  if (span.in_bits) return types::BitRange{from, to};
  return types::BitRange{from * 8, to * 8 + 7};
}

// BITCOUNT key [start end [BYTE | BIT]]
void BitCount(ReadContext& ctx, Args args) {
  if (args.size() == 3) return ReplyError(ctx, Errc::kSyntax);
  // Unlike BITPOS, whose unit is looked at before its end: of "x y z" it is the "y" that is named.
  if (args.size() == 5 && ParseInt64(args[2]) && !ParseInt64(args[3]))
    return ReplyError(ctx, Errc::kNotAnInteger);
  const auto span = ParseSpan(args, 2);
  if (!span.ok()) return ReplyError(ctx, span.error());
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) return ReplyError(ctx, found.error());
  IntegerText text;
  const Bytes bytes = BytesOf(*found, &text);
  const auto range = Resolve(*span, bytes.size());
  ctx.reply.Integer(range ? static_cast<int64_t>(types::CountBits(bytes, *range)) : 0);
}

// BITPOS key bit [start [end [BYTE | BIT]]]
void BitPos(ReadContext& ctx, Args args) {
  const auto bit = ParseInt64(args[2]);
  if (!bit) return ReplyError(ctx, Errc::kNotAnInteger);
  if (*bit != 0 && *bit != 1) return ctx.reply.Error("ERR The bit argument must be 1 or 0.");
  const auto span = ParseSpan(args, 3);
  if (!span.ok()) return ReplyError(ctx, span.error());
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) return ReplyError(ctx, found.error());
  // A string is followed by zeros without end, unless the request says where it ends.
  if (*found == nullptr) return ctx.reply.Integer(*bit == 1 ? -1 : 0);
  IntegerText text;
  const Bytes bytes = BytesOf(*found, &text);
  const auto range = Resolve(*span, bytes.size());
  if (!range) return ctx.reply.Integer(-1);
  const auto position = types::FindBit(bytes, *bit == 1, *range);
  const bool end_given = args.size() > 4;
  if (position) return ctx.reply.Integer(static_cast<int64_t>(*position));
  ctx.reply.Integer(*bit == 1 || end_given ? -1 : static_cast<int64_t>(bytes.size() * 8));
}

std::optional<BitOperation> ParseOperation(Bytes name) {
  if (EqualsIgnoreCase(name, "and")) return BitOperation::kAnd;
  if (EqualsIgnoreCase(name, "or")) return BitOperation::kOr;
  if (EqualsIgnoreCase(name, "xor")) return BitOperation::kXor;
  if (EqualsIgnoreCase(name, "not")) return BitOperation::kNot;
  return std::nullopt;
}

// BITOP <AND | OR | XOR | NOT> destkey key [key ...]
Effect BitOp(WriteContext& ctx, Args args) {
  const auto operation = ParseOperation(args[1]);
  if (!operation) return Fail(ctx, kSyntaxError);
  if (*operation == BitOperation::kNot && args.size() != 4) {
    return Fail(ctx, "ERR BITOP NOT must be called with a single source key.");
  }
  std::vector<Bytes> sources(args.size() - 3);
  std::vector<IntegerText> texts(sources.size());
  size_t size = 0;
  for (size_t i = 0; i < sources.size(); ++i) {
    const auto found = ctx.Find(args[i + 3], Type::kString);
    if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
    sources[i] = BytesOf(*found, &texts[i]);
    size = std::max(size, sources[i].size());
  }
  ctx.reply.Integer(static_cast<int64_t>(size));
  if (size == 0) {
    if (ctx.Peek(args[2]) == nullptr) return Effect::None();
    ctx.Edit(args[2]).Delete();
    ctx.Notify(engine::kNotifyGeneric, "del", args[2]);
    return Effect::AsReceived();
  }
  // Put together elsewhere: the target may be one of the sources.
  const BlobRef result = BlobRef::Adopt(Blob::New(size));
  types::CombineBits(*operation, sources, result->data(), size);
  Edit edit = ctx.Edit(args[2]);
  edit.SetString(
      size > kBlobBytesMin ? StringSource::OfBlob(result.get()) : StringSource::Of(result->bytes()),
      0);
  edit.entry()->MarkRawString();
  ctx.Notify(engine::kNotifyString, "set", args[2]);
  return Effect::AsReceived();
}

struct FieldOperation {
  enum class Kind : uint8_t { kGet, kSet, kAdd };
  Kind kind = Kind::kGet;
  FieldType type;
  Overflow overflow = Overflow::kWrap;
  uint64_t position = 0;
  int64_t operand = 0;

  uint64_t end() const { return position + type.width; }
};

// The operations of a BITFIELD; nullopt if the request is refused, and has been told so. `reads_only`: it is BITFIELD_RO.
std::optional<std::vector<FieldOperation>> ParseOperations(ReadContext& ctx, Args args,
                                                           bool reads_only) {
  using Kind = FieldOperation::Kind;
  const auto refuse = [&](Bytes error) {
    ctx.reply.Error(error);
    return std::nullopt;
  };
  std::vector<FieldOperation> operations;
  Overflow overflow = Overflow::kWrap;
  bool writes = false;
  for (size_t i = 2; i < args.size();) {
    const Bytes name = args[i];
    const size_t behind = args.size() - i - 1;
    if (EqualsIgnoreCase(name, "overflow") && behind >= 1) {
      const Bytes choice = args[i + 1];
      if (EqualsIgnoreCase(choice, "wrap"))
        overflow = Overflow::kWrap;
      else if (EqualsIgnoreCase(choice, "sat"))
        overflow = Overflow::kSaturate;
      else if (EqualsIgnoreCase(choice, "fail"))
        overflow = Overflow::kFail;
      else
        return refuse("ERR Invalid OVERFLOW type specified");
      i += 2;
      continue;
    }
    FieldOperation operation{.overflow = overflow};
    if (EqualsIgnoreCase(name, "get") && behind >= 2)
      operation.kind = Kind::kGet;
    else if (EqualsIgnoreCase(name, "set") && behind >= 3)
      operation.kind = Kind::kSet;
    else if (EqualsIgnoreCase(name, "incrby") && behind >= 3)
      operation.kind = Kind::kAdd;
    else
      return refuse(kSyntaxError);
    const auto type = types::ParseFieldType(args[i + 1]);
    if (!type) {
      return refuse(
          "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported "
          "but i64 is.");
    }
    operation.type = *type;
    const auto position = ParseOffset(ctx, args[i + 2], type->width);
    if (!position) return refuse(kBitOffsetError);
    operation.position = *position;
    i += 3;
    if (operation.kind != Kind::kGet) {
      const auto operand = ParseInt64(args[i++]);
      if (!operand) return refuse(kNotAnIntegerError);
      operation.operand = *operand;
      writes = true;
    }
    operations.push_back(operation);
  }
  if (reads_only && writes) return refuse("ERR BITFIELD_RO only supports the GET subcommand");
  return operations;
}

void ReplyFields(ReadContext& ctx, Args args, const std::vector<FieldOperation>& operations) {
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) return ReplyError(ctx, found.error());
  IntegerText text;
  const Bytes bytes = BytesOf(*found, &text);
  ctx.reply.Array(operations.size());
  for (const FieldOperation& operation : operations) {
    ctx.reply.Integer(types::GetField(bytes, operation.type, operation.position));
  }
}

// BITFIELD_RO key [GET encoding offset [GET encoding offset ...]]
void BitFieldRo(ReadContext& ctx, Args args) {
  if (const auto operations = ParseOperations(ctx, args, true)) ReplyFields(ctx, args, *operations);
}

// BITFIELD key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset
//   increment> ...]
Effect BitField(WriteContext& ctx, Args args) {
  using Kind = FieldOperation::Kind;
  const auto operations = ParseOperations(ctx, args, false);
  if (!operations) return Effect::None();
  uint64_t end = 0;
  for (const FieldOperation& operation : *operations) {
    if (operation.kind != Kind::kGet) end = std::max(end, operation.end());
  }
  if (end == 0) {
    ReplyFields(ctx, args, *operations);
    return Effect::None();
  }
  const auto found = ctx.Peek(args[1], Type::kString);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  IntegerText text;
  Bytes bytes = BytesOf(*found, &text);
  char* writable = nullptr;
  // Only a request that changes something announces a change; one that fails behind the end makes the string longer.
  const auto open = [&] {
    Edit edit = ctx.Edit(args[1]);
    writable = Reserve(edit, (end + 7) / 8);
    bytes = Bytes(writable, edit.entry()->StringLength());
  };
  const bool grows = (end + 7) / 8 > bytes.size();
  if (grows) open();

  uint64_t changes = 0;
  ctx.reply.Array(operations->size());
  for (const FieldOperation& operation : *operations) {
    const int64_t old = types::GetField(bytes, operation.type, operation.position);
    if (operation.kind == Kind::kGet) {
      ctx.reply.Integer(old);
      continue;
    }
    const auto now =
        operation.kind == Kind::kSet
            ? types::FitField(operation.type, operation.operand, operation.overflow)
            : types::AddToField(operation.type, old, operation.operand, operation.overflow);
    if (!now) {
      ctx.reply.Null();
      continue;
    }
    ctx.reply.Integer(operation.kind == Kind::kSet ? old : *now);
    if (*now != old) {
      if (writable == nullptr) open();
      types::SetField(writable, operation.type, operation.position, *now);
    }
    if (grows || *now != old) ++changes;
  }
  if (changes != 0) ctx.Notify(engine::kNotifyString, "setbit", args[1]);
  return writable == nullptr ? Effect::None() : Effect::AsReceived().Counting(changes);
}

constexpr KeySpec kCombinedKeys[] = {OneKey(kKeyOW | kKeyUpdate, 2),
                                     AllKeys(kKeyRO | kKeyAccess, 3)};
constexpr KeySpec kFieldKey[] = {
    {.flags = kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariableFlags,
     .index = 1,
     .notes = "This command allows both access and modification of the key"}};

constexpr CommandSpec kBitCommands[] = {
    {.name = "setbit",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .group = Group::kBitmap,
     .keys = kAccessUpdateKey,
     .write = SetBit,
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Sets or clears one bit of a string, which grows as far as the bit.",
     .syntax = "key offset value:integer"},
    {.name = "getbit",
     .arity = 3,
     .flags = kReadonly | kFast,
     .group = Group::kBitmap,
     .keys = kReadKey,
     .read = GetBit,
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Reads one bit of a string.",
     .syntax = "key offset"},
    {.name = "bitcount",
     .arity = -2,
     .flags = kReadonly,
     .group = Group::kBitmap,
     .keys = kReadKey,
     .read = BitCount,
     .since = "2.6.0",
     .complexity = "O(N) for N bytes",
     .summary = "Counts the ones in a string or a part of it.",
     .syntax = "key [start end [BYTE | BIT]]"},
    {.name = "bitpos",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kBitmap,
     .keys = kReadKey,
     .read = BitPos,
     .since = "2.8.7",
     .complexity = "O(N) for N bytes",
     .summary = "Finds the first one, or the first zero, in a string or a part of it.",
     .syntax = "key bit [start [end [BYTE | BIT]]]"},
    {.name = "bitop",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .group = Group::kBitmap,
     .keys = kCombinedKeys,
     .write = BitOp,
     .since = "2.6.0",
     .complexity = "O(N) for N bytes of all sources",
     .summary = "Combines strings bit by bit and keeps the result.",
     .syntax = "<AND | OR | XOR | NOT> destkey key [key ...]"},
    {.name = "bitfield",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .group = Group::kBitmap,
     .keys = kFieldKey,
     .write = BitField,
     .since = "3.2.0",
     .complexity = "O(1) for each operation",
     .summary = "Reads, sets and adds to integers of any width that stand in a string.",
     .syntax = "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset "
               "value:integer | "
               "INCRBY encoding offset increment> ...]"},
    {.name = "bitfield_ro",
     .arity = -2,
     .flags = kReadonly | kFast,
     .group = Group::kBitmap,
     .keys = kReadKey,
     .read = BitFieldRo,
     .since = "6.0.0",
     .complexity = "O(1) for each operation",
     .summary = "Reads integers of any width that stand in a string.",
     .syntax = "key [GET encoding offset [GET encoding offset ...]]"},
};

}  // namespace

std::span<const CommandSpec> BitCommands() { return kBitCommands; }

}  // namespace terrace::commands
