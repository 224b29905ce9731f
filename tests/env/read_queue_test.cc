#include "env/read_queue.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "base/random.h"
#include "env/file_system.h"
#include "env/lossy_file_system.h"

namespace terrace {
namespace {

char ByteAt(uint64_t offset) { return static_cast<char>(offset * 0x9e3779b97f4a7c15 >> 56); }

std::string BytesFrom(uint64_t offset, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(ByteAt(offset + i));
  return bytes;
}

constexpr uint64_t kFileBytes = 300'000;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/terrace-read-queue-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unique_ptr<ReadableFile> MakeFile(FileSystem& files, const std::string& path) {
  auto writer = files.Create(path);
  REQUIRE(writer.ok());
  REQUIRE((*writer)->Append(BytesFrom(0, kFileBytes)).ok());
  auto reader = files.Open(path);
  REQUIRE(reader.ok());
  return *std::move(reader);
}

// Reads at random, as many under way as there may be; also at and behind the file's end.
void ReadAtRandom(ReadQueue& queue, const ReadableFile& file, size_t reads) {
  struct Place {
    uint64_t offset;
    std::string bytes;
  };
  std::map<Place*, std::unique_ptr<Place>> places;
  Random random(7);
  std::vector<ReadQueue::Done> done;
  size_t begun = 0;
  while (begun < reads || queue.under_way() != 0) {
    for (; begun < reads && queue.under_way() < queue.depth(); ++begun) {
      auto place = std::make_unique<Place>(
          Place{random.Below(kFileBytes + 1000),
                std::string(random.Below(begun % 10 == 0 ? 40'000 : 9000), '?')});
      queue.Begin({.file = &file,
                   .offset = place->offset,
                   .out = place->bytes.data(),
                   .size = place->bytes.size(),
                   .tag = place.get(),
                   .once = begun % 2 == 1});
      places[place.get()] = std::move(place);
    }
    queue.Wait(&done);
    for (const ReadQueue::Done& each : done) {
      auto* const place = static_cast<Place*>(each.tag);
      REQUIRE(each.bytes.ok());
      const uint64_t there = kFileBytes - std::min(kFileBytes, place->offset);
      REQUIRE(*each.bytes == std::min<uint64_t>(there, place->bytes.size()));
      place->bytes.resize(*each.bytes);
      REQUIRE(place->bytes == BytesFrom(place->offset, *each.bytes));
      REQUIRE(places.erase(place) == 1);
    }
  }
  CHECK(places.empty());
}

// As a loop does: sleeps for its descriptor, and takes what is done.
void ReadByDescriptor(ReadQueue& queue, const ReadableFile& file) {
  std::vector<std::string> bytes(3 * queue.depth(), std::string(5000, '?'));
  std::vector<ReadQueue::Done> done;
  queue.Take(&done);
  CHECK(done.empty());
  for (size_t begun = 0, ended = 0; ended < bytes.size();) {
    for (; begun < bytes.size() && queue.under_way() < queue.depth(); ++begun) {
      std::string& out = bytes[begun];
      queue.Begin({&file, 7000 * begun, out.data(), out.size(), &out, begun % 2 == 0});
    }
    queue.Submit();
    pollfd readable{queue.descriptor(), POLLIN, 0};
    REQUIRE(::poll(&readable, 1, 10'000) == 1);
    queue.Take(&done);
    for (const ReadQueue::Done& each : done)
      REQUIRE(*static_cast<std::string*>(each.tag) ==
              BytesFrom(
                  7000 * static_cast<uint64_t>(static_cast<std::string*>(each.tag) - bytes.data()),
                  5000));
    ended += done.size();
  }
  // What was done while it was taken may still be told of.
  queue.Take(&done);
  CHECK(done.empty());
  pollfd silent{queue.descriptor(), POLLIN, 0};
  CHECK(::poll(&silent, 1, 0) == 0);
}

void WakeIt(ReadQueue& queue) {
  std::vector<ReadQueue::Done> done;
  queue.Wake();  // before it sleeps
  queue.Wait(&done);
  CHECK(done.empty());
  std::thread waker([&queue] { queue.Wake(); });
  queue.Wait(&done);
  CHECK(done.empty());
  waker.join();
}

TEST_SUITE("env/read_queue") {
  TEST_CASE("a queue of the kernel's reads what ReadAt reads, many at a time") {
    const Folder folder;
    const auto file = MakeFile(SystemFiles(), folder.path() + "/f");
    const auto queue = SystemFiles().NewReadQueue(8);
    // Where io_uring is forbidden (containers) this is the other kind, for which the same holds.
    CHECK((queue->depth() == 8 || queue->depth() == 1));
    ReadAtRandom(*queue, *file, 3000);
    WakeIt(*queue);
    ReadAtRandom(*queue, *file, 100);
    WakeIt(*queue);
  }

  TEST_CASE("who has a loop to sleep in is told by a descriptor") {
    const Folder folder;
    const auto queue = NewKernelReadQueue(8);
    if (queue == nullptr) return;  // io_uring is forbidden here
    const auto file = MakeFile(SystemFiles(), folder.path() + "/f");
    REQUIRE(queue->descriptor() >= 0);
    CHECK(queue->descriptor() == queue->descriptor());
    ReadByDescriptor(*queue, *file);
    testing::LossyFileSystem files;
    ReadByDescriptor(*queue, *MakeFile(files, "f"));
    ReadByDescriptor(*queue, *file);
  }

  TEST_CASE("a queue for any file reads one at a time") {
    testing::LossyFileSystem files;
    const auto file = MakeFile(files, "f");
    const auto queue = files.NewReadQueue(8);
    CHECK(queue->depth() == 1);
    CHECK(queue->descriptor() == -1);
    ReadAtRandom(*queue, *file, 500);
    WakeIt(*queue);
    ReadAtRandom(*queue, *file, 100);
    files.FailLook(1);
    char out[8];
    queue->Begin({file.get(), 0, out, sizeof out, out});
    std::vector<ReadQueue::Done> done;
    queue->Wait(&done);
    REQUIRE(done.size() == 1);
    CHECK(done[0].tag == out);
    CHECK(done[0].bytes.error().error_number() == EIO);
  }

  TEST_CASE("files without a descriptor are read by a queue of the kernel's, too") {
    const auto queue = NewKernelReadQueue(4);
    if (queue == nullptr) return;  // io_uring is forbidden here
    testing::LossyFileSystem files;
    const auto file = MakeFile(files, "f");
    ReadAtRandom(*queue, *file, 200);
  }

  TEST_CASE("what is under way when a queue goes is waited for") {
    const Folder folder;
    const auto file = MakeFile(SystemFiles(), folder.path() + "/f");
    std::string bytes(100'000, '?');
    const auto queue = SystemFiles().NewReadQueue(4);
    queue->Begin({file.get(), 5, bytes.data(), bytes.size(), nullptr});
  }
}

}  // namespace
}  // namespace terrace
