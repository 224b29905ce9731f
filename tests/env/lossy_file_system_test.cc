#include "env/lossy_file_system.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace terrace::testing {
namespace {

constexpr uint64_t kSeeds = 400;

std::unique_ptr<WritableFile> MustCreate(FileSystem& files, const std::string& path) {
  auto file = files.Create(path);
  REQUIRE_MESSAGE(file.ok(), file.error().message());
  return std::move(*file);
}

std::vector<std::string> Names(FileSystem& files, const std::string& directory) {
  auto names = files.List(directory);
  REQUIRE(names.ok());
  std::sort(names->begin(), names->end());
  return *names;
}

// All that can be found in one file after a power cut; "(none)" if it is not there.
std::set<std::string> Findings(const LossyFileSystem& files, const std::string& path) {
  std::set<std::string> findings;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto found = files.Crash(seed);
    findings.insert(found->Exists(path) ? found->Contents(path) : "(none)");
  }
  return findings;
}

// All the sets of names that can be found in a directory.
std::set<std::string> NameFindings(const LossyFileSystem& files, const std::string& directory) {
  std::set<std::string> findings;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::string text;
    for (const std::string& name : Names(*files.Crash(seed), directory)) text += name + " ";
    findings.insert(text);
  }
  return findings;
}

TEST_SUITE("env/lossy_file_system") {
  TEST_CASE("what was synced survives every power cut") {
    LossyFileSystem files;
    auto writer = MustCreate(files, "f");
    REQUIRE(writer->Append("synced").ok());
    REQUIRE(writer->Sync().ok());
    REQUIRE(files.SyncDirectory(".").ok());
    CHECK(Findings(files, "f") == std::set<std::string>{"synced"});
    REQUIRE(writer->Append("!?").ok());
    CHECK(Findings(files, "f") == std::set<std::string>{"synced", "synced!", "synced!?",
                                                        std::string("synced\0", 7),
                                                        std::string("synced\0\0", 8)});
    // The one that was cut goes on.
    CHECK(files.Contents("f") == "synced!?");
    REQUIRE(writer->Sync().ok());
    CHECK(Findings(files, "f") == std::set<std::string>{"synced!?"});
  }

  TEST_CASE("a synced file in an unsynced directory may be gone") {
    LossyFileSystem files;
    auto writer = MustCreate(files, "f");
    REQUIRE(writer->Append("x").ok());
    REQUIRE(writer->Sync().ok());
    CHECK(Findings(files, "f") == std::set<std::string>{"(none)", "x"});
    REQUIRE(files.SyncDirectory("").ok());
    CHECK(Findings(files, "f") == std::set<std::string>{"x"});

    REQUIRE(files.CreateDirectory("d").ok());
    files.Put("d/g", "y");
    CHECK(Findings(files, "d/g") == std::set<std::string>{"(none)", "y"});
    REQUIRE(files.SyncDirectory(".").ok());
    CHECK(Findings(files, "d/g") == std::set<std::string>{"y"});
  }

  TEST_CASE("later pages may be there while earlier ones are zero") {
    LossyFileSystem files({.page_bytes = 4});
    auto writer = MustCreate(files, "f");
    REQUIRE(writer->Append("ab").ok());
    REQUIRE(writer->Sync().ok());
    REQUIRE(files.SyncDirectory("").ok());
    REQUIRE(writer->Append("cdefgh").ok());
    REQUIRE(writer->Append("ij").ok());
    const auto found = Findings(files, "f");
    CHECK(found.contains("abcdefghij"));
    CHECK(found.contains("ab"));
    CHECK(found.contains("abcdefghi"));  // the last write is torn
    CHECK(found.contains(std::string("ab\0\0\0\0\0\0ij", 10)));
    CHECK(found.contains(std::string("abcd\0\0\0\0ij", 10)));
    for (const std::string& bytes : found) {
      CAPTURE(bytes);
      CHECK(bytes.substr(0, 2) == "ab");
      for (size_t i = 0; i < bytes.size(); ++i) {
        CHECK((bytes[i] == "abcdefghij"[i] || bytes[i] == '\0'));
      }
    }
  }

  TEST_CASE("pending names are kept or lost in any subset, a rename as a whole") {
    LossyFileSystem files;
    MustCreate(files, "a");
    REQUIRE(files.SyncDirectory("").ok());
    MustCreate(files, "b");
    REQUIRE(files.Rename("a", "c").ok());
    CHECK(NameFindings(files, "") == std::set<std::string>{"a ", "a b ", "c ", "b c "});
    REQUIRE(files.SyncDirectory("").ok());
    REQUIRE(files.Remove("c").ok());
    CHECK(NameFindings(files, "") == std::set<std::string>{"b ", "b c "});
  }

  TEST_CASE("a file that replaces another is found as the one or the other") {
    LossyFileSystem files;
    files.Put("current", "old");
    auto writer = MustCreate(files, "temp");
    REQUIRE(writer->Append("new").ok());
    REQUIRE(writer->Sync().ok());
    REQUIRE(files.Rename("temp", "current").ok());
    CHECK(Findings(files, "current") == std::set<std::string>{"old", "new"});
    CHECK(Findings(files, "temp") == std::set<std::string>{"(none)", "new"});
    REQUIRE(files.SyncDirectory("").ok());
    CHECK(Findings(files, "current") == std::set<std::string>{"new"});
  }

  TEST_CASE("a rename between directories is two changes") {
    LossyFileSystem files;
    REQUIRE(files.CreateDirectory("d").ok());
    REQUIRE(files.SyncDirectory("").ok());
    files.Put("f", "x");
    REQUIRE(files.Rename("f", "d/f").ok());
    CHECK(NameFindings(files, "") == std::set<std::string>{"d ", "d f "});
    CHECK(NameFindings(files, "d") == std::set<std::string>{"", "f "});
    REQUIRE(files.SyncDirectory("d").ok());
    CHECK(NameFindings(files, "d") == std::set<std::string>{"f "});
    // Under two names it is still one file.
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const auto found = files.Crash(seed);
      CHECK(found->used_bytes() == 1);
      if (found->Exists("f")) REQUIRE(found->Remove("f").ok());
      REQUIRE(found->Remove("d/f").ok());
      CHECK(found->used_bytes() == 0);
    }
  }

  TEST_CASE("bytes of a failed sync are nobody's, also after a later one succeeds") {
    LossyFileSystem files({.page_bytes = 4});
    auto writer = MustCreate(files, "f");
    REQUIRE(files.SyncDirectory("").ok());
    REQUIRE(writer->Append("good").ok());
    REQUIRE(writer->Sync().ok());
    REQUIRE(writer->Append("lost").ok());
    files.FailChange(1, Fault::kIo);
    CHECK(writer->Sync().error_number() == EIO);
    REQUIRE(writer->Append("more").ok());
    REQUIRE(writer->Sync().ok());
    CHECK(files.Contents("f") == "goodlostmore");
    CHECK(Findings(files, "f") ==
          std::set<std::string>{"goodlostmore", std::string("good\0\0\0\0more", 12)});
    // A cut removes the doubt with the bytes.
    REQUIRE(files.Truncate("f", 4).ok());
    REQUIRE(writer->Append("sure").ok());
    REQUIRE(writer->Sync().ok());
    CHECK(Findings(files, "f") == std::set<std::string>{"goodsure"});
  }

  TEST_CASE("the n-th change fails as it is told to") {
    LossyFileSystem files;
    auto writer = MustCreate(files, "f");
    files.FailChange(2, Fault::kIo, 2);
    CHECK(writer->Append("1").ok());
    const Status failed = writer->Append("2");
    CHECK(failed.error_number() == EIO);
    CHECK(failed.message() == "cannot write f: Input/output error");
    CHECK(files.last_change() == "append 1 to f");
    CHECK(files.Rename("f", "g").error_number() == EIO);
    CHECK(writer->Append("4").ok());
    CHECK(files.Contents("f") == "14");
    files.FailChange(1, Fault::kNoSpace);
    CHECK(writer->Append("5").error_number() == ENOSPC);
    files.FailChange(1, Fault::kShortWrite);
    CHECK(writer->Append("abcd").error_number() == ENOSPC);
    CHECK(files.Contents("f") == "14ab");
    CHECK(files.changes() == 7);

    auto reader = files.Open("f");
    REQUIRE(reader.ok());
    char out[1];
    files.FailLook(2);
    CHECK((*reader)->ReadAt(0, out, 1).ok());
    CHECK((*reader)->ReadAt(0, out, 1).error().error_number() == EIO);
    CHECK((*reader)->ReadAt(0, out, 1).ok());
    CHECK(files.looks() == 4);
  }

  TEST_CASE("from the stop on nothing works, and nothing more is written") {
    LossyFileSystem files;
    files.Put("f", "x");
    auto writer = MustCreate(files, "g");
    REQUIRE(files.SyncDirectory("").ok());
    files.StopAt(2);
    CHECK(writer->Append("1").ok());
    CHECK(files.changes() == 3);
    CHECK_FALSE(files.stopped());
    CHECK_FALSE(writer->Sync().ok());
    CHECK(files.stopped());
    CHECK_FALSE(writer->Append("2").ok());
    CHECK_FALSE(files.Remove("f").ok());
    CHECK_FALSE(files.Open("f").ok());
    CHECK_FALSE(files.List("").ok());
    CHECK(files.last_change() == "sync g");
    CHECK(Findings(files, "g") == std::set<std::string>{"", "1", std::string("\0", 1)});
    const auto found = files.Crash(1);
    CHECK(found->Open("f").ok());
    CHECK(MustCreate(*found, "h")->Append("3").ok());
  }

  TEST_CASE("a full disk takes what fits; space comes back when files go") {
    LossyFileSystem files({.capacity_bytes = 10});
    auto one = MustCreate(files, "one");
    CHECK(one->Append("123456").ok());
    CHECK(*files.FreeBytes("") == 4);
    auto two = MustCreate(files, "two");
    CHECK(two->Append("abcdef").error_number() == ENOSPC);
    CHECK(files.Contents("two") == "abcd");
    CHECK(*files.FreeBytes("") == 0);
    REQUIRE(files.Remove("one").ok());
    CHECK(files.used_bytes() == 10);  // it is still open
    one.reset();
    CHECK(files.used_bytes() == 4);
    CHECK(two->Append("ef").ok());
    REQUIRE(files.Truncate("two", 1).ok());
    CHECK(files.used_bytes() == 1);
    files.set_capacity_bytes(2);
    CHECK(two->Append("xy").error_number() == ENOSPC);
  }

  TEST_CASE("zeros ahead that were synced stay, and what is lost on them is zero again") {
    LossyFileSystem disk;
    const auto writer = *disk.Create("f");
    REQUIRE(writer->Append("abc").ok());
    REQUIRE(writer->ZeroAhead(8).ok());
    REQUIRE(writer->Sync().ok());
    REQUIRE(disk.SyncDirectory("").ok());
    REQUIRE(writer->Append("de").ok());
    std::set<std::string> found;
    for (uint64_t seed = 0; seed < 50; ++seed) found.insert(disk.Crash(seed)->Contents("f"));
    CHECK(found == std::set<std::string>{std::string("abc\0\0\0\0\0", 8),
                                         std::string("abcd\0\0\0\0", 8),
                                         std::string("abcde\0\0\0", 8)});
    REQUIRE(writer->Sync().ok());
    REQUIRE(writer->ZeroAhead(9).ok());
    found.clear();
    for (uint64_t seed = 0; seed < 50; ++seed) found.insert(disk.Crash(seed)->Contents("f"));
    CHECK(found ==
          std::set<std::string>{std::string("abcde\0\0\0", 8), std::string("abcde\0\0\0\0", 9)});
  }

  TEST_CASE("what is reserved cannot be taken by others") {
    LossyFileSystem files({.capacity_bytes = 10});
    auto one = MustCreate(files, "one");
    REQUIRE(one->Reserve(8).ok());
    CHECK(one->Size() == 0);
    auto two = MustCreate(files, "two");
    CHECK(two->Reserve(3).error_number() == ENOSPC);
    CHECK(two->Append("abc").error_number() == ENOSPC);
    CHECK(one->Append("12345678").ok());
    CHECK(one->Append("9").error_number() == ENOSPC);
    CHECK(files.used_bytes() == 10);
  }

  TEST_CASE("a bit that turns is seen, and the tests' own file is synced") {
    LossyFileSystem files;
    files.Put("f", "abc");
    files.Flip("f", 1, 2);
    CHECK(Findings(files, "f") == std::set<std::string>{"a`c"});
    files.Put("f", "");
    CHECK(files.used_bytes() == 0);
  }
}

}  // namespace
}  // namespace terrace::testing
