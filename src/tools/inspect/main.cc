// terrace-inspect: prints any file that Terrace writes, and says whether it is sound.
#include <cstdio>
#include <string>
#include <vector>

#include "tools/inspect/inspector.h"

namespace terrace::tools {
namespace {

constexpr Inspector kInspectors[] = {
    {"segment", "FILE [--repair OUT]",
     "a segment of the log; --repair writes a copy that ends before any damage", InspectSegment},
    {"table", "FILE", "a table: its blocks and records; values that a damaged block had are marked",
     InspectTable},
    {"manifest", "FILE", "a MANIFEST: which tables count; the secret of the hash is not shown",
     InspectManifest},
    {"rdb", "FILE", "a dump.rdb, read into memory as a whole", InspectRdb},
};

void PrintUsage(std::FILE* out) {
  std::fprintf(out, "Prints a file of Terrace and checks all its checksums.\n\n");
  for (const Inspector& inspector : kInspectors) {
    std::fprintf(out, "  terrace-inspect %s %s\n      %s\n", inspector.kind, inspector.usage,
                 inspector.about);
  }
  std::fprintf(
      out,
      "\nExit code: 0 the file is fine, has no more than a torn tail, or was repaired into "
      "OUT;\n1 it is damaged; 2 it could not be read, OUT could not be written, or this was "
      "not understood.\n");
}

Verdict Run(const std::vector<std::string>& args) {
  if (args.size() == 1 && (args[0] == "--help" || args[0] == "-h")) {
    PrintUsage(stdout);
    return Verdict::kFine;
  }
  for (const Inspector& inspector : kInspectors) {
    if (args.size() < 2 || args[0] != inspector.kind || args[1].starts_with("-")) continue;
    return inspector.run(SystemFiles(), {args.begin() + 1, args.end()});
  }
  return Verdict::kNotUnderstood;
}

}  // namespace
}  // namespace terrace::tools

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const auto verdict = terrace::tools::Run(args);
  if (verdict != terrace::tools::Verdict::kNotUnderstood) return static_cast<int>(verdict);
  terrace::tools::PrintUsage(stderr);
  return static_cast<int>(terrace::tools::Verdict::kNotRun);
}
