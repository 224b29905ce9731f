// Files in memory for the configuration's tests. No faults are made; every directory exists.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/glob.h"
#include "server/config/config_files.h"

namespace terrace::config {

class MemoryFiles : public ConfigFiles {
 public:
  StatusOr<std::string> Read(const std::string& path) const override {
    auto found = files.find(path);
    if (found == files.end()) return Unexpected{Status::FromErrno("cannot open " + path, 2)};
    return found->second;
  }
  std::vector<std::string> Glob(const std::string& pattern) const override {
    if (pattern.find('*') == std::string::npos) return {pattern};
    std::vector<std::string> paths;
    for (const auto& [path, text] : files) {
      if (GlobMatch(pattern, path)) paths.push_back(path);
    }
    return paths;
  }
  Status Replace(const std::string& path, const std::string& text) const override {
    files[path] = text;
    return Status::Ok();
  }
  StatusOr<std::string> ResolveDirectory(const std::string& path) const override {
    if (path == "/nowhere") return Unexpected{Status::FromErrno(path, 2)};
    return path.starts_with("/") ? path : "/home" + (path == "." ? "" : "/" + path);
  }
  std::string Absolute(const std::string& path) const override {
    return path.starts_with("/") ? path : "/home/" + path;
  }

  mutable std::map<std::string, std::string> files;
};

}  // namespace terrace::config
