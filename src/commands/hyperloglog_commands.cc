// HyperLogLog: PFADD, PFCOUNT, PFMERGE, and what looks inside. The bytes are described in types/hyperloglog.h.
#include <memory>
#include <string>

#include "base/ascii.h"
#include "commands/context.h"
#include "commands/families.h"
#include "types/hyperloglog.h"

namespace terrace::commands {
namespace {

using engine::Edit;
using engine::Entry;
using engine::IntegerText;
using engine::StringSource;
using types::HllChange;
using types::HllEncoding;

constexpr Bytes kNoHllError = "WRONGTYPE Key is not a valid HyperLogLog string value.";
constexpr Bytes kDamagedError = "INVALIDOBJ Corrupted HLL object detected";

uint64_t SparseBytesMax(const WriteContext& ctx) {
  return ctx.unit.settings.encoding.hll_sparse_bytes.load(std::memory_order_relaxed);
}

// The bytes a key holds, which say that they are a HyperLogLog; or the error to answer with.
Result<Bytes, Bytes> ImageOf(const Entry& entry, IntegerText* text) {
  if (entry.type() != Type::kString) return Unexpected{kWrongTypeError};
  const Bytes image = entry.StringBytes(text);
  if (!types::HllEncodingOf(image)) return Unexpected{kNoHllError};
  return image;
}

// The key holds these bytes now. A deadline stays.
void Store(WriteContext& ctx, Bytes key, const std::string& image) {
  Edit edit = ctx.Edit(key);
  edit.SetString(StringSource::Of(image),
                 edit.entry() == nullptr ? 0 : edit.entry()->deadline_ms());
  edit.entry()->MarkRawString();
}

Effect Added(WriteContext& ctx, Bytes key, uint64_t changes) {
  ctx.Notify(engine::kNotifyString, "pfadd", key);
  return Effect::AsReceived().Counting(changes);
}

// Twelve KB that are not worth copying: raised where they are.
Effect AddToDense(WriteContext& ctx, Args args, Bytes image) {
  size_t i = 2;
  const auto raises = [&](Bytes element) {
    const types::HllMark mark = types::HllMarkOf(element);
    return types::HllDenseRank(image, mark.index) < mark.rank;
  };
  while (i < args.size() && !raises(args[i])) ++i;
  ctx.reply.Integer(i < args.size() ? 1 : 0);
  if (i == args.size()) return Effect::None();
  Edit edit = ctx.Edit(args[1]);
  char* const bytes = edit.MutableString();
  uint64_t raised = 0;
  for (; i < args.size(); ++i)
    raised += types::HllRaiseDense(bytes, types::HllMarkOf(args[i])) == HllChange::kRaised;
  types::HllForgetEstimate(bytes);
  return Added(ctx, args[1], raised);
}

// PFADD key [element [element ...]]
Effect PfAdd(WriteContext& ctx, Args args) {
  const Entry* entry = ctx.Peek(args[1]);
  std::string image;
  uint64_t changes = 0;
  if (entry == nullptr) {
    image = types::NewHll();
    changes = 1;
  } else {
    IntegerText text;
    const auto held = ImageOf(*entry, &text);
    if (!held.ok()) return Fail(ctx, held.error());
    if (types::HllEncodingOf(*held) == HllEncoding::kDense) return AddToDense(ctx, args, *held);
    image.assign(*held);
  }
  // In a copy, so that one that turns out to be damaged is left as it is.
  for (size_t i = 2; i < args.size(); ++i) {
    switch (types::HllRaise(&image, types::HllMarkOf(args[i]), SparseBytesMax(ctx))) {
      case HllChange::kNone:
        break;
      case HllChange::kRaised:
        ++changes;
        break;
      case HllChange::kDamaged:
        return Fail(ctx, kDamagedError);
    }
  }
  ctx.reply.Integer(changes == 0 ? 0 : 1);
  if (changes == 0) return Effect::None();
  types::HllForgetEstimate(image.data());
  Store(ctx, args[1], image);
  return Added(ctx, args[1], changes);
}

// Several are merged for the answer alone.
Effect CountUnion(WriteContext& ctx, Args args) {
  types::HllRegisters registers;
  for (size_t i = 1; i < args.size(); ++i) {
    const Entry* entry = ctx.Find(args[i]);
    if (entry == nullptr) continue;
    IntegerText text;
    const auto image = ImageOf(*entry, &text);
    if (!image.ok()) return Fail(ctx, image.error());
    if (!registers.Merge(*image)) return Fail(ctx, kDamagedError);
  }
  ctx.reply.Integer(static_cast<int64_t>(registers.Estimate()));
  return Effect::None();
}

// PFCOUNT key [key ...]
//
// Of one key the estimate is kept in its value, which changes it: that goes to the log, and breaks watches, as in Redis.
Effect PfCount(WriteContext& ctx, Args args) {
  if (args.size() > 2) return CountUnion(ctx, args);
  const Entry* entry = ctx.Find(args[1]);
  if (entry == nullptr) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  IntegerText text;
  const auto image = ImageOf(*entry, &text);
  if (!image.ok()) return Fail(ctx, image.error());
  if (const auto kept = types::HllKeptEstimate(*image)) {
    ctx.reply.Integer(static_cast<int64_t>(*kept));
    return Effect::None();
  }
  const auto estimate = types::HllEstimate(*image);
  if (!estimate) return Fail(ctx, kDamagedError);
  Edit edit = ctx.Edit(args[1]);
  types::HllKeepEstimate(edit.MutableString(), *estimate);
  ctx.reply.Integer(static_cast<int64_t>(*estimate));
  return Effect::AsReceived();
}

// PFMERGE destkey [sourcekey [sourcekey ...]]
Effect PfMerge(WriteContext& ctx, Args args) {
  types::HllRegisters registers;
  bool dense = false;
  for (size_t i = 1; i < args.size(); ++i) {
    const Entry* entry = ctx.Find(args[i]);
    if (entry == nullptr) continue;
    IntegerText text;
    const auto image = ImageOf(*entry, &text);
    if (!image.ok()) return Fail(ctx, image.error());
    if (types::HllEncodingOf(*image) == HllEncoding::kDense) dense = true;
    if (!registers.Merge(*image)) return Fail(ctx, kDamagedError);
  }
  const Entry* target = ctx.Peek(args[1]);
  IntegerText text;
  std::string image = target == nullptr ? types::NewHll() : std::string(target->StringBytes(&text));
  // A dense source makes a dense target, whatever it holds.
  if (dense && !types::HllMakeDense(&image)) return Fail(ctx, kDamagedError);
  for (size_t i = 0; i < types::kHllRegisters; ++i) {
    if (registers[i] == 0) continue;
    const types::HllMark mark{static_cast<uint16_t>(i), registers[i]};
    if (types::HllRaise(&image, mark, SparseBytesMax(ctx)) == HllChange::kDamaged)
      return Fail(ctx, kDamagedError);
  }
  types::HllForgetEstimate(image.data());
  Store(ctx, args[1], image);
  ctx.reply.Ok();
  return Added(ctx, args[1], 1);
}

// PFDEBUG GETREG | DECODE | ENCODING | TODENSE key
Effect PfDebug(WriteContext& ctx, Args args) {
  const Entry* entry = ctx.Find(args[2]);
  if (entry == nullptr) return Fail(ctx, "ERR The specified key does not exist");
  IntegerText text;
  const auto held = ImageOf(*entry, &text);
  if (!held.ok()) return Fail(ctx, held.error());
  const bool sparse = types::HllEncodingOf(*held) == HllEncoding::kSparse;
  const Bytes subcommand = args[1];

  if (EqualsIgnoreCase(subcommand, "encoding")) {
    ctx.reply.Simple(sparse ? "sparse" : "dense");
    return Effect::None();
  }
  if (EqualsIgnoreCase(subcommand, "decode")) {
    if (!sparse) return Fail(ctx, "ERR HLL encoding is not sparse");
    const auto described = types::HllDescribeSparse(*held);
    if (!described) return Fail(ctx, kDamagedError);
    ctx.reply.Bulk(*described);
    return Effect::None();
  }
  const bool reads_registers = EqualsIgnoreCase(subcommand, "getreg");
  if (!reads_registers && !EqualsIgnoreCase(subcommand, "todense")) {
    return Fail(ctx, "ERR Unknown PFDEBUG subcommand '" + std::string(subcommand) + "'");
  }
  // Both leave it dense.
  std::string image(*held);
  if (!types::HllMakeDense(&image)) return Fail(ctx, kDamagedError);
  if (reads_registers) {
    ctx.reply.Array(types::kHllRegisters);
    for (size_t i = 0; i < types::kHllRegisters; ++i)
      ctx.reply.Integer(types::HllDenseRank(image, i));
  } else {
    ctx.reply.Integer(sparse ? 1 : 0);
  }
  if (!sparse) return Effect::None();
  Store(ctx, args[2], image);
  return Effect::AsReceived();
}

// PFSELFTEST
//
// Adds elements one by one to a sparse value, to a dense one and to plain registers: all three must stay the same, and
// the estimate near the truth.
void PfSelfTest(ReadContext& ctx, Args) {
  constexpr uint64_t kElements = 50'000;
  constexpr uint64_t kSparseBytesMax =
      3000;                           // so that it becomes dense underway, and no step takes long
  constexpr double kErrorMax = 0.04;  // five times what is usual
  std::string sparse = types::NewHll(), dense = types::NewHll();
  bool sound = types::HllMakeDense(&dense);
  for (uint64_t i = 1; i <= kElements && sound; ++i) {
    const types::HllMark mark = types::HllMarkOf("element " + std::to_string(i));
    sound = types::HllRaise(&sparse, mark, kSparseBytesMax) == types::HllRaise(&dense, mark, 0) &&
            types::HllDenseRank(dense, mark.index) >= mark.rank;
    if ((i & (i - 1)) != 0 && i != kElements) continue;  // looked at with 1, 2, 4 ... elements
    auto registers = std::make_unique<types::HllRegisters>();
    const auto estimate = types::HllEstimate(sparse);
    sound = sound && registers->Merge(sparse) && estimate &&
            estimate == types::HllEstimate(dense) && *estimate == registers->Estimate();
    const double error = sound ? static_cast<double>(*estimate) - static_cast<double>(i) : 0;
    sound = sound && (error < 0 ? -error : error) <= static_cast<double>(i) * kErrorMax;
  }
  sound = sound && types::HllMakeDense(&sparse) && sparse == dense;
  sound ? ctx.reply.Ok() : ctx.reply.Error("ERR the HyperLogLog of this server does not work");
}

constexpr KeySpec kAddKey[] = {OneKey(kKeyRW | kKeyInsert)};
constexpr KeySpec kCountKeys[] = {{.flags = kKeyRW | kKeyAccess,
                                   .index = 1,
                                   .last = -1,
                                   .notes = "RW because it may change the internal representation "
                                            "of the key, and propagate to replicas"}};
constexpr KeySpec kMergeKeys[] = {OneKey(kKeyRW | kKeyAccess | kKeyInsert),
                                  AllKeys(kKeyRO | kKeyAccess, 2)};
constexpr KeySpec kDebugKey[] = {OneKey(kKeyRW | kKeyAccess, 2)};

constexpr CommandSpec kHyperLogLogCommands[] = {
    {.name = "pfadd",
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kHyperLogLog,
     .keys = kAddKey,
     .write = PfAdd,
     .since = "2.8.9",
     .complexity = "O(1) for each element",
     .summary = "Adds elements to a HyperLogLog, which is made if there is none.",
     .syntax = "key [element [element ...]]"},
    {.name = "pfcount",
     .arity = -2,
     .flags = kReadonly | kMayReplicate,
     .group = Group::kHyperLogLog,
     .keys = kCountKeys,
     .write = PfCount,
     .since = "2.8.9",
     .complexity = "O(1) for one key, mostly from what the last count has kept; O(N) for N keys",
     .summary = "Estimates how many different elements were added to one or several HyperLogLogs.",
     .syntax = "key [key ...]"},
    {.name = "pfmerge",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .group = Group::kHyperLogLog,
     .keys = kMergeKeys,
     .write = PfMerge,
     .since = "2.8.9",
     .complexity = "O(N) for N keys",
     .summary = "Adds what was added to several HyperLogLogs to one.",
     .syntax = "destkey [sourcekey [sourcekey ...]]"},
    {.name = "pfdebug",
     .arity = 3,
     .flags = kWrite | kDenyOom | kAdmin,
     .group = Group::kHyperLogLog,
     .keys = kDebugKey,
     .write = PfDebug,
     .since = "2.8.9",
     .complexity = "O(1)",
     .summary = "Shows the inside of a HyperLogLog or makes it dense.",
     .syntax = "subcommand key",
     .internal = true},
    {.name = "pfselftest",
     .arity = 1,
     .flags = kAdmin,
     .group = Group::kHyperLogLog,
     .read = PfSelfTest,
     .since = "2.8.9",
     .complexity = "O(1), some milliseconds",
     .summary = "Checks that HyperLogLogs count right.",
     .internal = true},
};

}  // namespace

std::span<const CommandSpec> HyperLogLogCommands() { return kHyperLogLogCommands; }

}  // namespace terrace::commands
