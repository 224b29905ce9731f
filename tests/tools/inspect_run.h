// terrace-inspect run as a program, and files for it.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace terrace::tools {

struct Finished {
  int code = -1;
  std::string output;
};

inline Finished Inspect(const std::string& arguments) {
  Finished finished;
  std::FILE* pipe = ::popen((TERRACE_INSPECT_BUILT " " + arguments + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char chunk[4096];
  size_t got = 0;
  while ((got = std::fread(chunk, 1, sizeof chunk, pipe)) > 0) finished.output.append(chunk, got);
  const int status = ::pclose(pipe);
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return finished;
}

inline bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string GoldenFile(const std::string& name) {
  const std::string bytes = ReadFile(std::string(TERRACE_CHECKOUT) + "/tests/golden/" + name);
  REQUIRE_FALSE(bytes.empty());
  return bytes;
}

/// A folder of its own, gone afterwards.
class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "terrace-inspect-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }
  std::string PathOf(const std::string& name) const { return path_ + "/" + name; }
  /// A file with these bytes; says its path.
  std::string Put(const std::string& name, const std::string& bytes) const {
    WriteFile(PathOf(name), bytes);
    return PathOf(name);
  }

 private:
  std::string path_;
};

}  // namespace terrace::tools
