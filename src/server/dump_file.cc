#include "server/dump_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "rdb/file_writer.h"
#include "server/mapped_file.h"
#include "server/version.h"

namespace terrace::server {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool Close() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

bool WriteAll(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// The directory's entry for the file is durable only when the directory is.
bool SyncDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.get() >= 0 && ::fsync(opened.get()) == 0;
}

Status WriteTo(const std::string& path, const engine::Unit& unit, engine::KeptAccess kept) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) return Status::FromErrno("cannot create " + path, errno);
  rdb::FileWriter writer([&](Bytes bytes) { return WriteAll(file.get(), bytes); },
                         engine::RdbVersionFor(unit.databases));
  writer.Note("redis-ver", kRedisVersion);
  writer.Note("redis-bits", "64");
  writer.Note("ctime", std::to_string(unit.now_ms / 1000));
  if (Status written = engine::WriteDump(unit, kept, writer); !written.ok()) return written;
  if (!writer.Finish() || ::fsync(file.get()) != 0 || !file.Close())
    return Status::FromErrno("cannot write " + path, errno);
  return Status::Ok();
}

}  // namespace

Status SaveDump(const std::string& path, const engine::Unit& unit, engine::KeptAccess kept) {
  const std::string beside = path + ".tmp-" + std::to_string(::getpid());
  Status written = WriteTo(beside, unit, kept);
  if (written.ok() && ::rename(beside.c_str(), path.c_str()) != 0) {
    written = Status::FromErrno("cannot rename " + beside + " to " + path, errno);
  }
  if (!written.ok()) {
    ::unlink(beside.c_str());
    return written;
  }
  return SyncDirectoryOf(path)
             ? Status::Ok()
             : Status::FromErrno("cannot make the name " + path + " durable", errno);
}

Status LoadDump(const std::string& path, rdb::FileTaker& taker) {
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return file.error();
  if (file->bytes().empty()) return Status::Error(path + " is empty");
  return rdb::ReadFile(file->bytes(), taker).WithContext(path);
}

}  // namespace terrace::server
