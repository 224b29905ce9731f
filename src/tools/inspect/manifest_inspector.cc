// terrace-inspect manifest: which tables count, and up to where in the log they do. All but the secret of the hash: what is
// printed gets copied into reports.
#include <cinttypes>
#include <cstdio>
#include <string>

#include "storage/manifest_format.h"
#include "tools/inspect/inspector.h"

namespace terrace::tools {
namespace {

using storage::ManifestState;
using storage::TableEntry;

std::string Hex(const storage::DirectoryId& id) {
  std::string text;
  for (const uint8_t byte : id) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", unsigned{byte});
    text += digits;
  }
  return text;
}

void PrintHead(const ManifestState& state) {
  const storage::CheckpointMark& mark = state.checkpoint;
  std::printf("  generation  %" PRIu64 "\n", state.generation);
  std::printf("  directory   %s\n", Hex(state.directory_id).c_str());
  std::printf("  hash key    (secret)\n");
  std::printf("  next file   %" PRIu64 "\n", state.next_file_number);
  std::printf("  next space  %u\n", unsigned{state.next_space});
  std::printf("  checkpoint  %" PRIu64 "\n", mark.log_offset);
  std::printf("  selected    %s\n", mark.selected_db == storage::kNoDatabase
                                        ? "none"
                                        : std::to_string(mark.selected_db).c_str());
  std::printf("  history     %s\n", mark.history.c_str());
  if (mark.second_history_end == storage::kNoOffset) {
    std::printf("  second      none\n");
  } else {
    std::printf("  second      %s up to %" PRIu64 "\n", mark.second_history.c_str(),
                mark.second_history_end);
  }
}

void PrintTables(const ManifestState& state) {
  std::printf("%8s %12s %6s %10s %10s %12s %12s  %-28s %s\n", "table", "bytes", "run", "records",
              "tombstones", "dead bytes", "log offset", "smallest", "largest");
  for (const TableEntry& table : state.tables) {
    std::printf("%8" PRIu64 " %12" PRIu64 " %6" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12" PRIu64
                " %12" PRIu64 "  %-28s %s\n",
                table.number, table.file_bytes, table.run, table.records, table.tombstones,
                table.dead_bytes, table.log_offset, storage::Shown(table.smallest).c_str(),
                storage::Shown(table.largest).c_str());
  }
}

void PrintSpaces(const ManifestState& state) {
  std::printf("%8s %12s\n", "database", "space");
  for (const storage::DatabaseSpace& each : state.databases)
    std::printf("%8u %12u\n", unsigned{each.database}, unsigned{each.space});
  for (const uint32_t space : state.dropped_spaces)
    std::printf("%8s %12u\n", "dropped", unsigned{space});
}

}  // namespace

Verdict InspectManifest(FileSystem& files, const std::vector<std::string>& args) {
  if (args.size() != 1) return Verdict::kNotUnderstood;
  const auto bytes = ReadWhole(files, args[0], storage::kManifestBytesMax);
  if (!bytes.ok()) return Complain(bytes.error());
  const auto state = storage::DecodeManifest(*bytes);
  if (!state.ok()) {
    std::printf("damaged: %s: %s\n", args[0].c_str(), state.error().message().c_str());
    std::printf("one checksum is for all of it: nothing in it can be believed\n");
    return Verdict::kDamaged;
  }
  std::printf("%s: manifest, version %u, %zu bytes\n", args[0].c_str(),
              unsigned{storage::kManifestVersion}, bytes->size());
  PrintHead(*state);
  PrintTables(*state);
  PrintSpaces(*state);
  std::printf("%zu tables, %zu databases, %zu dropped spaces\nfine\n", state->tables.size(),
              state->databases.size(), state->dropped_spaces.size());
  return Verdict::kFine;
}

}  // namespace terrace::tools
