// What every FileSystem does, asked of the machine's and of the one that tests use in its place; and what only the
// machine's can show.
#include "env/file_system.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>

#include "env/lossy_file_system.h"

namespace terrace {
namespace {

// A folder of our own, removed with all it holds.
class Folder {
 public:
  Folder() {
    std::string path = (std::filesystem::temp_directory_path() / "terrace-files-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string ReadAll(FileSystem& files, const std::string& path) {
  auto file = files.Open(path);
  REQUIRE_MESSAGE(file.ok(), file.error().message());
  std::string bytes((*file)->Size(), '\0');
  const auto got = (*file)->ReadAt(0, bytes.data(), bytes.size());
  REQUIRE(got.ok());
  REQUIRE(*got == bytes.size());
  return bytes;
}

std::vector<std::string> Names(FileSystem& files, const std::string& directory) {
  auto names = files.List(directory);
  REQUIRE(names.ok());
  std::sort(names->begin(), names->end());
  return *names;
}

void OnEach(const std::function<void(FileSystem&, const std::string& folder)>& test) {
  SUBCASE("the machine's files") {
    const Folder folder;
    test(SystemFiles(), folder.path());
  }
  SUBCASE("the files of tests") {
    testing::LossyFileSystem files;
    REQUIRE(files.CreateDirectory("folder").ok());
    test(files, "folder");
  }
}

TEST_SUITE("env/file_system") {
  TEST_CASE("what is appended is read, from anywhere, while the file grows") {
    OnEach([](FileSystem& files, const std::string& folder) {
      const std::string path = folder + "/one";
      auto created = files.Create(path);
      REQUIRE(created.ok());
      WritableFile& writer = **created;
      REQUIRE(writer.Append("hello ").ok());
      auto opened = files.Open(path);
      REQUIRE(opened.ok());
      const ReadableFile& reader = **opened;
      CHECK(reader.Size() == 6);
      REQUIRE(writer.Append("world").ok());
      REQUIRE(writer.Append("").ok());
      REQUIRE(writer.Sync().ok());
      CHECK(writer.Size() == 11);
      CHECK(reader.Size() == 11);
      char out[16];
      CHECK(*reader.ReadAt(6, out, 3) == 3);
      CHECK(Bytes(out, 3) == "wor");
      CHECK(*reader.ReadAt(6, out, sizeof out) == 5);
      CHECK(*reader.ReadAt(11, out, sizeof out) == 0);
      CHECK(*reader.ReadAt(1000, out, sizeof out) == 0);
      REQUIRE(files.Remove(path).ok());
      CHECK(*reader.ReadAt(0, out, sizeof out) == 11);
    });
  }

  TEST_CASE("names are created once, renamed over others, removed, listed") {
    OnEach([](FileSystem& files, const std::string& folder) {
      CHECK(Names(files, folder).empty());
      REQUIRE((*files.Create(folder + "/a"))->Append("A").ok());
      REQUIRE((*files.Create(folder + "/b"))->Append("B").ok());
      REQUIRE(files.CreateDirectory(folder + "/d").ok());
      REQUIRE(files.CreateDirectory(folder + "/d").ok());
      CHECK(Names(files, folder) == std::vector<std::string>{"a", "b", "d"});
      REQUIRE(files.Rename(folder + "/a", folder + "/b").ok());
      CHECK(Names(files, folder) == std::vector<std::string>{"b", "d"});
      CHECK(ReadAll(files, folder + "/b") == "A");
      REQUIRE(files.Rename(folder + "/b", folder + "/d/c").ok());
      CHECK(Names(files, folder + "/d") == std::vector<std::string>{"c"});
      REQUIRE(files.SyncDirectory(folder + "/d").ok());
      REQUIRE(files.SyncDirectory(folder).ok());
      CHECK(files.RemoveDirectory(folder + "/d").error_number() == ENOTEMPTY);
      REQUIRE(files.Remove(folder + "/d/c").ok());
      REQUIRE(files.RemoveDirectory(folder + "/d").ok());
      REQUIRE(files.CreateDirectory(folder + "/d").ok());
      CHECK(Names(files, folder + "/d").empty());
    });
  }

  TEST_CASE("a file is cut, and what is appended comes behind the cut") {
    OnEach([](FileSystem& files, const std::string& folder) {
      const std::string path = folder + "/f";
      auto writer = files.Create(path);
      REQUIRE(writer.ok());
      REQUIRE((*writer)->Append("0123456789").ok());
      REQUIRE(files.Truncate(path, 4).ok());
      CHECK((*writer)->Size() == 4);
      REQUIRE((*writer)->Append("x").ok());
      CHECK(ReadAll(files, path) == "0123x");
      const Status longer = files.Truncate(path, 6);
      CHECK(longer.error_number() == EINVAL);
      CHECK(longer.message() == "cannot cut " + path + " to 6 bytes: Invalid argument");
      CHECK(ReadAll(files, path) == "0123x");
    });
  }

  TEST_CASE("space that is set aside is not part of the file") {
    OnEach([](FileSystem& files, const std::string& folder) {
      auto writer = files.Create(folder + "/f");
      REQUIRE(writer.ok());
      CHECK((*writer)->Reserve(0).ok());
      CHECK((*writer)->Reserve(100'000).ok());
      CHECK((*writer)->Size() == 0);
      REQUIRE((*writer)->Append("x").ok());
      CHECK((*writer)->Size() == 1);
      CHECK(ReadAll(files, folder + "/f") == "x");
      const auto free = files.FreeBytes(folder);
      REQUIRE(free.ok());
      CHECK(*free > 0);
    });
  }

  TEST_CASE("zeros ahead are part of the file, and what is appended overwrites them") {
    OnEach([](FileSystem& files, const std::string& folder) {
      const std::string path = folder + "/f";
      auto writer = files.Create(path);
      REQUIRE(writer.ok());
      REQUIRE((*writer)->Append("abc").ok());
      REQUIRE((*writer)->ZeroAhead(6).ok());
      CHECK((*writer)->Size() == 6);
      CHECK(ReadAll(files, path) == std::string("abc\0\0\0", 6));
      REQUIRE((*writer)->Append("de").ok());
      REQUIRE((*writer)->ZeroAhead(4).ok());  // there are more already
      CHECK(ReadAll(files, path) == std::string("abcde\0", 6));
      REQUIRE((*writer)->Append("fghi").ok());
      CHECK(ReadAll(files, path) == "abcdefghi");
      REQUIRE((*writer)->ZeroAhead(200'000).ok());
      REQUIRE((*writer)->Append("j").ok());
      CHECK((*writer)->Size() == 200'000);
      CHECK(ReadAll(files, path) == "abcdefghij" + std::string(199'990, '\0'));
    });
  }

  TEST_CASE("an error carries its number and names the file") {
    OnEach([](FileSystem& files, const std::string& folder) {
      const std::string file = folder + "/file";
      const std::string none = folder + "/none";
      REQUIRE((*files.Create(file))->Append("x").ok());
      const auto check = [](const Status& status, int error_number, const std::string& words) {
        CHECK(status.error_number() == error_number);
        CHECK(status.message() == words + ": " + std::strerror(error_number));
      };
      check(files.Create(file).error(), EEXIST, "cannot create " + file);
      check(files.Create(none + "/x").error(), ENOENT, "cannot create " + none + "/x");
      check(files.Open(none).error(), ENOENT, "cannot open " + none);
      check(files.Open(folder).error(), EISDIR, "cannot open " + folder);
      check(files.Remove(none), ENOENT, "cannot remove " + none);
      check(files.Remove(folder), EISDIR, "cannot remove " + folder);
      check(files.Rename(none, file), ENOENT, "cannot rename " + none + " to " + file);
      check(files.Truncate(none, 0), ENOENT, "cannot cut " + none + " to 0 bytes");
      check(files.CreateDirectory(file), EEXIST, "cannot create the directory " + file);
      check(files.CreateDirectory(none + "/x"), ENOENT,
            "cannot create the directory " + none + "/x");
      check(files.RemoveDirectory(none), ENOENT, "cannot remove the directory " + none);
      check(files.RemoveDirectory(file), ENOTDIR, "cannot remove the directory " + file);
      check(files.SyncDirectory(none), ENOENT, "cannot sync the directory " + none);
      check(files.List(none).error(), ENOENT, "cannot list " + none);
      check(files.FreeBytes(none).error(), ENOENT, "cannot ask for the free space of " + none);
    });
  }

  TEST_CASE("the machine's files are not handed to programs that we start") {
    const Folder folder;
    const auto writer = SystemFiles().Create(folder / "f");
    const auto reader = SystemFiles().Open(folder / "f");
    REQUIRE(writer.ok());
    REQUIRE(reader.ok());
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone) != folder / "f") continue;
      ++found;
      const int fd = std::stoi(entry.path().filename().string());
      CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    CHECK(found == 2);
  }

  // The limit on a file's size makes the kernel take the first part of a write and refuse the rest.
  TEST_CASE("a write that is cut short goes on until the kernel says why it cannot") {
    const Folder folder;
    const std::string path = folder / "f";
    auto writer = SystemFiles().Create(path);
    REQUIRE(writer.ok());
    REQUIRE((*writer)->Append(std::string(50, 'a')).ok());
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{100, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    const Status failed = (*writer)->Append(std::string(80, 'b'));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, handler);
    CHECK(failed.error_number() == EFBIG);
    CHECK(failed.message() == "cannot write " + path + ": File too large");
    CHECK((*writer)->Size() == 100);
    CHECK(ReadAll(SystemFiles(), path) == std::string(50, 'a') + std::string(50, 'b'));
  }

  TEST_CASE("an empty name of a directory is the one we are in") {
    CHECK(SystemFiles().SyncDirectory("").ok());
    CHECK(SystemFiles().List("").ok());
    CHECK(SystemFiles().FreeBytes("").ok());
  }
}

}  // namespace
}  // namespace terrace
