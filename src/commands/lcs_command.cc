#include "commands/lcs_command.h"

#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/lcs.h"

namespace terrace::commands {
namespace {

using engine::Entry;
using engine::IntegerText;

// How LCS wants its answer.
struct LcsOptions {
  bool length_only = false;
  bool runs = false;
  bool run_lengths = false;
  int64_t run_bytes_min = 0;
};

ErrcOr<LcsOptions> ParseLcsOptions(Args args) {
  LcsOptions options;
  for (size_t i = 3; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "IDX")) {
      options.runs = true;
    } else if (EqualsIgnoreCase(args[i], "LEN")) {
      options.length_only = true;
    } else if (EqualsIgnoreCase(args[i], "WITHMATCHLEN")) {
      options.run_lengths = true;
    } else if (EqualsIgnoreCase(args[i], "MINMATCHLEN") && i + 1 < args.size()) {
      const auto number = ParseInt64(args[++i]);
      if (!number) return Unexpected{Errc::kNotAnInteger};
      options.run_bytes_min = *number;
    } else {
      return Unexpected{Errc::kSyntax};
    }
  }
  return options;
}

void ReplyRuns(resp::Reply& reply, const LcsTable& table, const LcsOptions& options) {
  std::vector<LcsTable::Run> runs = table.Runs();
  std::erase_if(runs, [&](const LcsTable::Run& run) {
    return static_cast<int64_t>(run.length) < options.run_bytes_min;
  });
  const auto reply_range = [&](size_t from, size_t length) {
    reply.Array(2);
    reply.Integer(static_cast<int64_t>(from));
    reply.Integer(static_cast<int64_t>(from + length - 1));
  };
  reply.Map(2);
  reply.Bulk("matches");
  reply.Array(runs.size());
  for (const LcsTable::Run& run : runs) {
    reply.Array(options.run_lengths ? 3 : 2);
    reply_range(run.a_from, run.length);
    reply_range(run.b_from, run.length);
    if (options.run_lengths) reply.Integer(static_cast<int64_t>(run.length));
  }
  reply.Bulk("len");
  reply.Integer(table.length());
}

}  // namespace

// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]
void Lcs(ReadContext& ctx, Args args) {
  const Entry* a = ctx.Find(args[1]);
  const Entry* b = ctx.Find(args[2]);
  if ((a != nullptr && a->type() != Type::kString) ||
      (b != nullptr && b->type() != Type::kString)) {
    return ctx.reply.Error("ERR The specified keys must contain string values");
  }
  const auto options = ParseLcsOptions(args);
  if (!options.ok()) return ReplyError(ctx, options.error());
  if (options->runs && options->length_only) {
    return ctx.reply.Error("ERR If you want both the length and indexes, please just use IDX.");
  }
  IntegerText a_text, b_text;
  const Bytes a_bytes = a == nullptr ? Bytes() : a->StringBytes(&a_text);
  const Bytes b_bytes = b == nullptr ? Bytes() : b->StringBytes(&b_text);
  if (LcsTable::BytesFor(a_bytes.size(), b_bytes.size()) >
      ctx.unit.settings.string_bytes_max.load()) {
    return ctx.reply.Error(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  const LcsTable table(a_bytes, b_bytes);
  if (options->runs) return ReplyRuns(ctx.reply, table, *options);
  if (options->length_only) return ctx.reply.Integer(table.length());
  ctx.reply.Bulk(table.Text());
}

}  // namespace terrace::commands
