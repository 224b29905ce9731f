#include "layering/include_rules.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace terrace::layering {
namespace {

constexpr std::string_view kPublic = "terrace";

std::string_view FirstPart(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool IsOurs(std::string_view folder) {
  return folder == kPublic || kAllowed.find(folder) != kAllowed.end();
}

// The memory side of a database: it must stay usable, and readable, without any disk.
bool IsMemoryOnly(std::string_view path) { return path.starts_with("src/engine/keyspace"); }

std::string ObjectionTo(std::string_view from, std::string_view path, std::string_view name) {
  const std::string arrow = std::string(path) + " includes " + std::string(name) + ": ";
  if (name == "uv.h" || name.starts_with("uv/")) {
    return from == "net" ? "" : arrow + "only net/ knows libuv";
  }
  const std::string_view to = FirstPart(name);
  if (!IsOurs(to) || to == from) return "";
  if (to == "storage" && IsMemoryOnly(path))
    return arrow + "the keyspace lives in memory and knows no storage";
  if (from == kPublic) return arrow + "a public header includes only public headers";
  if (to == kPublic) return "";
  if (from != "base" && kOpenToAll.contains(std::string(to))) return "";
  const auto row = kAllowed.find(from);
  if (row == kAllowed.end()) return arrow + std::string(from) + "/ has no row in the table";
  if (row->second.contains(std::string(to))) return "";
  return arrow + std::string(from) + "/ may not know " + std::string(to) + "/";
}

}  // namespace

std::vector<std::string> IncludedNames(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto skip_blanks = [&line] {
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    };
    skip_blanks();
    if (!line.starts_with('#')) continue;
    line.remove_prefix(1);
    skip_blanks();
    if (!line.starts_with("include")) continue;
    line.remove_prefix(std::string_view("include").size());
    skip_blanks();
    if (line.empty() || (line[0] != '"' && line[0] != '<')) continue;
    const size_t close = line.find(line[0] == '"' ? '"' : '>', 1);
    if (close != std::string_view::npos) names.emplace_back(line.substr(1, close - 1));
  }
  return names;
}

std::vector<std::string> Objections(std::string_view path, std::string_view text) {
  const std::string_view root = FirstPart(path);
  const std::string_view from = FirstPart(path.substr(root.size() + 1));
  std::vector<std::string> found;
  for (const std::string& name : IncludedNames(text)) {
    std::string objection = ObjectionTo(from, path, name);
    if (!objection.empty()) found.push_back(std::move(objection));
  }
  return found;
}

std::vector<std::string> CheckTree(const std::filesystem::path& checkout, size_t* files_read) {
  std::vector<std::string> found;
  for (const char* root : {"src", "include"}) {
    if (!std::filesystem::exists(checkout / root)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(checkout / root)) {
      const std::filesystem::path& path = entry.path();
      if (path.extension() != ".h" && path.extension() != ".cc") continue;
      std::ifstream file(path, std::ios::binary);
      const std::string text((std::istreambuf_iterator<char>(file)),
                             std::istreambuf_iterator<char>());
      ++*files_read;
      const std::vector<std::string> objections =
          Objections(path.lexically_relative(checkout).string(), text);
      found.insert(found.end(), objections.begin(), objections.end());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace terrace::layering
