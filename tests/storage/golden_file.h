// Golden files: one of each format and version, made by a fixed input and compared byte by byte, so that a change of a
// format is never an accident.
//
// A new version gets a new file beside the old one, which must still be readable. To write what is missing or has changed:
//
//   UPDATE_GOLDEN=1 terrace_storage_tests --test-case='*golden*'
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace terrace::storage {

/// The golden file of that name.
inline std::string GoldenFile(const std::string& name) {
  const std::string path = std::string(TERRACE_CHECKOUT) + "/tests/golden/" + name;
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), path << " cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

/// The same; written anew with `bytes` first if that was asked for.
inline std::string GoldenFile(const std::string& name, const std::string& bytes) {
  const std::string path = std::string(TERRACE_CHECKOUT) + "/tests/golden/" + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream out(path, std::ios::binary);
    out << bytes;
    REQUIRE(out.good());
  }
  return GoldenFile(name);
}

}  // namespace terrace::storage
