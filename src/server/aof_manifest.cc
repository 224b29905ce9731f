#include "server/aof_manifest.h"

#include <span>
#include <utility>

#include "base/numbers.h"
#include "resp/inline_request.h"
#include "resp/turn_arena.h"

namespace terrace::server {
namespace {

struct Line {
  std::string file;
  uint64_t sequence = 0;
  char type = 0;
};

// Words in pairs, in any order; pairs that are not known are passed over, as Redis does.
bool ParseLine(std::span<const Bytes> words, Line* line) {
  if (words.size() < 6 || words.size() % 2 != 0) return false;
  for (size_t i = 0; i < words.size(); i += 2) {
    const Bytes name = words[i], value = words[i + 1];
    if (name == "file") {
      line->file = value;
    } else if (name == "seq") {
      const auto sequence = ParseUint64(value);
      if (!sequence) return false;
      line->sequence = *sequence;
    } else if (name == "type") {
      if (value.size() == 1) line->type = value[0];
    }
  }
  // The files lie beside the manifest.
  return !line->file.empty() && line->file.find('/') == std::string::npos && line->type != 0;
}

// What is wrong with it; nullptr: nothing.
const char* AddTo(AofManifest* manifest, uint64_t* last_sequence, Line line) {
  switch (line.type) {
    case 'b':
      if (!manifest->base.empty()) return "a second base file";
      manifest->base = std::move(line.file);
      return nullptr;
    case 'i':
      if (line.sequence <= *last_sequence) return "the numbers of the files do not rise";
      *last_sequence = line.sequence;
      manifest->increments.push_back(std::move(line.file));
      return nullptr;
    case 'h':
      return nullptr;
    default:
      return "a type that is not known here";
  }
}

}  // namespace

StatusOr<AofManifest> ParseAofManifest(Bytes text) {
  AofManifest manifest;
  uint64_t last_sequence = 0;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    Bytes bytes = text.substr(0, end);
    text.remove_prefix(end == Bytes::npos ? text.size() : end + 1);
    ++number;
    if (bytes.ends_with('\r')) bytes.remove_suffix(1);
    if (bytes.starts_with('#')) continue;
    resp::TurnArena arena;
    const Bytes* words = nullptr;
    const ptrdiff_t count = resp::SplitInline(bytes, arena, &words);
    Line line;
    const char* wrong = count < 0 || !ParseLine(std::span(words, static_cast<size_t>(count)), &line)
                            ? "it does not say file, seq and type"
                            : AddTo(&manifest, &last_sequence, std::move(line));
    if (wrong != nullptr)
      return Unexpected{Status::Error("line " + std::to_string(number) + ": " + wrong)};
  }
  if (manifest.base.empty() && manifest.increments.empty())
    return Unexpected{Status::Error("it names no file")};
  return manifest;
}

}  // namespace terrace::server
