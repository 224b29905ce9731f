// The one suite here that touches the disk, in a directory of its own: that is what it is about.
#include "server/config/config_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace terrace::config {
namespace {

struct TemporaryDirectory {
  TemporaryDirectory() {
    char name[] = "/tmp/terrace-config-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST_SUITE("config/config_files") {
  TEST_CASE("a file is replaced whole, keeps its mode and leaves nothing beside it") {
    TemporaryDirectory directory;
    const ConfigFiles& disk = DiskConfigFiles();
    std::string path = directory.path + "/r.conf";
    REQUIRE(disk.Replace(path, "one").ok());
    REQUIRE(::chmod(path.c_str(), 0640) == 0);
    REQUIRE(disk.Replace(path, "two").ok());
    CHECK(*disk.Read(path) == "two");
    CHECK(disk.Glob(directory.path + "/*") == std::vector<std::string>{path});
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0640);
  }

  TEST_CASE("what cannot be read or written says which file and why") {
    TemporaryDirectory directory;
    const ConfigFiles& disk = DiskConfigFiles();
    CHECK(disk.Read(directory.path + "/none").error().message() ==
          "cannot open " + directory.path + "/none: No such file or directory");
    CHECK(disk.Replace(directory.path + "/none/r.conf", "x").message() ==
          "cannot write beside " + directory.path + "/none/r.conf: No such file or directory");
    CHECK(disk.ResolveDirectory(directory.path + "/none").error().error_number() == ENOENT);
    CHECK(*disk.ResolveDirectory(directory.path + "/.") == directory.path);
  }

  TEST_CASE("a pattern gives the files it matches in order, a plain path itself") {
    TemporaryDirectory directory;
    const ConfigFiles& disk = DiskConfigFiles();
    REQUIRE(disk.Replace(directory.path + "/b.conf", "").ok());
    REQUIRE(disk.Replace(directory.path + "/a.conf", "").ok());
    CHECK(disk.Glob(directory.path + "/*.conf") ==
          std::vector<std::string>{directory.path + "/a.conf", directory.path + "/b.conf"});
    CHECK(disk.Glob("/no/such.conf") == std::vector<std::string>{"/no/such.conf"});
    CHECK(disk.Glob("/no/such*").empty());
  }
}

}  // namespace
}  // namespace terrace::config
