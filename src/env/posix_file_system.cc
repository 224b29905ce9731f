// The kernel's files. Calls that a signal may interrupt are repeated; a short write goes on with the rest.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.h"
#include "env/file_system.h"

namespace terrace {
namespace {

template <typename Call>
auto Retry(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

Descriptor OpenDescriptor(const std::string& path, int flags) {
  return Descriptor(Retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); }));
}

// Asked anew each time: who reads a file that is being written sees it grow.
uint64_t SizeOf(const Descriptor& file) {
  struct stat info;
  TERRACE_CHECK(::fstat(file.get(), &info) == 0);
  return static_cast<uint64_t>(info.st_size);
}

class PosixReadableFile : public ReadableFile {
 public:
  PosixReadableFile(Descriptor file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  StatusOr<size_t> ReadAt(uint64_t offset, char* out, size_t size) const override {
    size_t done = 0;
    while (done < size) {
      const ssize_t got = Retry([&] {
        return ::pread(file_.get(), out + done, size - done, static_cast<off_t>(offset + done));
      });
      if (got < 0) return Unexpected{Status::FromErrno("cannot read " + path_, errno)};
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }
  uint64_t Size() const override { return SizeOf(file_); }
  int descriptor() const override { return file_.get(); }

  // By the name that the kernel has for the file: the one it was opened with may be another's by now, or nobody's.
  int direct_descriptor() const override {
    std::call_once(direct_once_, [this] {
      const std::string name = "/proc/self/fd/" + std::to_string(file_.get());
      direct_.emplace(OpenDescriptor(name, O_RDONLY | O_DIRECT));
    });
    return direct_->get();
  }
  void ExpectRandomReads() const override {
    static_cast<void>(::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_RANDOM));
  }

 private:
  const Descriptor file_;
  const std::string path_;
  mutable std::once_flag direct_once_;
  mutable std::optional<Descriptor> direct_;
};

class PosixWritableFile : public WritableFile {
 public:
  PosixWritableFile(Descriptor file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  Status Append(Bytes bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = Retry([&] {
        return zeroed_ ? ::pwrite(file_.get(), bytes.data(), bytes.size(), end_)
                       : ::write(file_.get(), bytes.data(), bytes.size());
      });
      if (written < 0) return Status::FromErrno("cannot write " + path_, errno);
      // Nothing written and nothing wrong is not in the book for files; going round for ever is no answer to it.
      if (written == 0) return Status::FromErrno("cannot write " + path_, EIO);
      bytes.remove_prefix(static_cast<size_t>(written));
      end_ += written;
    }
    return Status::Ok();
  }

  // An interrupted sync has not failed: no error was reported, so none was forgotten.
  Status Sync() override {
    if (Retry([&] { return ::fdatasync(file_.get()); }) == 0) return Status::Ok();
    return Status::FromErrno("cannot sync " + path_, errno);
  }

  Status Reserve(uint64_t size) override {
    if (size == 0) return Status::Ok();
    const int result = Retry(
        [&] { return ::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)); });
    if (result == 0 || errno == EOPNOTSUPP || errno == ENOSYS) return Status::Ok();
    return Status::FromErrno("cannot set " + std::to_string(size) + " bytes aside for " + path_,
                             errno);
  }

  Status ZeroAhead(uint64_t size) override {
    if (!zeroed_) {
      // With O_APPEND a write goes to the file's end wherever it is told to go (pwrite(2), BUGS).
      const int flags = ::fcntl(file_.get(), F_GETFL);
      if (flags < 0 || ::fcntl(file_.get(), F_SETFL, flags & ~O_APPEND) != 0)
        return Status::FromErrno("cannot write zeros to " + path_, errno);
      zeroed_ = true;
      end_ = static_cast<off_t>(SizeOf(file_));
    }
    static constexpr char kZeros[64 * kKiB] = {};
    for (uint64_t at = std::max(SizeOf(file_), static_cast<uint64_t>(end_)); at < size;) {
      const ssize_t written = Retry([&] {
        return ::pwrite(file_.get(), kZeros, std::min<uint64_t>(sizeof kZeros, size - at),
                        static_cast<off_t>(at));
      });
      if (written <= 0)
        return Status::FromErrno("cannot write zeros to " + path_, written < 0 ? errno : EIO);
      at += static_cast<uint64_t>(written);
    }
    return Status::Ok();
  }

  uint64_t Size() const override { return SizeOf(file_); }

 private:
  const Descriptor file_;
  const std::string path_;
  // Until there are zeros ahead the kernel knows where the end is, and O_APPEND keeps to it.
  bool zeroed_ = false;
  off_t end_ = 0;
};

class PosixFileSystem : public FileSystem {
 public:
  StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    const std::string what = "cannot open " + path;
    Descriptor file = OpenDescriptor(path, O_RDONLY);
    if (!file.ok()) return Unexpected{Status::FromErrno(what, errno)};
    struct stat info;
    if (::fstat(file.get(), &info) != 0) return Unexpected{Status::FromErrno(what, errno)};
    if (S_ISDIR(info.st_mode)) return Unexpected{Status::FromErrno(what, EISDIR)};
    return std::unique_ptr<ReadableFile>(
        std::make_unique<PosixReadableFile>(std::move(file), path));
  }

  StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    // O_APPEND: after a Truncate by name, what follows comes behind the new end and leaves no hole.
    Descriptor file = OpenDescriptor(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND);
    if (!file.ok()) return Unexpected{Status::FromErrno("cannot create " + path, errno)};
    return std::unique_ptr<WritableFile>(
        std::make_unique<PosixWritableFile>(std::move(file), path));
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return Status::Ok();
    return Status::FromErrno("cannot rename " + from + " to " + to, errno);
  }

  Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0) return Status::Ok();
    return Status::FromErrno("cannot remove " + path, errno);
  }

  Status Truncate(const std::string& path, uint64_t size) override {
    const std::string what = "cannot cut " + path + " to " + std::to_string(size) + " bytes";
    const Descriptor file = OpenDescriptor(path, O_WRONLY);
    if (!file.ok()) return Status::FromErrno(what, errno);
    if (size > SizeOf(file)) return Status::FromErrno(what, EINVAL);
    if (Retry([&] { return ::ftruncate(file.get(), static_cast<off_t>(size)); }) != 0 ||
        Retry([&] { return ::fsync(file.get()); }) != 0) {
      return Status::FromErrno(what, errno);
    }
    return Status::Ok();
  }

  Status CreateDirectory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) == 0) return Status::Ok();
    const int why = errno;
    struct stat info;
    if (why == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
      return Status::Ok();
    return Status::FromErrno("cannot create the directory " + path, why);
  }

  Status RemoveDirectory(const std::string& path) override {
    if (::rmdir(path.c_str()) == 0) return Status::Ok();
    return Status::FromErrno("cannot remove the directory " + path, errno);
  }

  Status SyncDirectory(const std::string& path) override {
    const std::string what = "cannot sync the directory " + path;
    const Descriptor directory = OpenDescriptor(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
    if (!directory.ok()) return Status::FromErrno(what, errno);
    // EINVAL is the answer of network file systems that have no such thing: there names are the server's business.
    if (Retry([&] { return ::fsync(directory.get()); }) == 0 || errno == EINVAL)
      return Status::Ok();
    return Status::FromErrno(what, errno);
  }

  StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    const std::string what = "cannot list " + directory;
    DIR* opened = ::opendir(directory.empty() ? "." : directory.c_str());
    if (opened == nullptr) return Unexpected{Status::FromErrno(what, errno)};
    const std::unique_ptr<DIR, int (*)(DIR*)> owner(opened, ::closedir);
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(opened);
      if (entry == nullptr) break;
      const Bytes name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return Unexpected{Status::FromErrno(what, errno)};
    return names;
  }

  StatusOr<uint64_t> FreeBytes(const std::string& directory) override {
    struct statvfs info;
    const char* path = directory.empty() ? "." : directory.c_str();
    if (Retry([&] { return ::statvfs(path, &info); }) != 0) {
      return Unexpected{Status::FromErrno("cannot ask for the free space of " + directory, errno)};
    }
    // What we may have: some is kept for root.
    return uint64_t{info.f_bavail} * uint64_t{info.f_frsize};
  }

  std::unique_ptr<ReadQueue> NewReadQueue(size_t depth) override {
    auto queue = depth > 1 ? NewKernelReadQueue(depth) : nullptr;
    return queue != nullptr ? std::move(queue) : NewSerialReadQueue();
  }
};

}  // namespace

FileSystem& SystemFiles() {
  static PosixFileSystem files;
  return files;
}

}  // namespace terrace
