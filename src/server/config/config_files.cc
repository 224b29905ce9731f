#include "server/config/config_files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "base/bytes.h"

namespace terrace::config {
namespace {

constexpr size_t kFileBytesMax = 16 * kMiB;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

StatusOr<std::string> ReadAll(int fd, const std::string& path) {
  std::string text;
  char chunk[16 * kKiB];
  while (true) {
    ssize_t count = ::read(fd, chunk, sizeof chunk);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Unexpected{Status::FromErrno("cannot read " + path, errno)};
    if (count == 0) return text;
    text.append(chunk, static_cast<size_t>(count));
    if (text.size() > kFileBytesMax)
      return Unexpected{Status::Error(path + " is too large for a configuration")};
  }
}

Status WriteAll(int fd, const std::string& text) {
  size_t written = 0;
  while (written < text.size()) {
    ssize_t count = ::write(fd, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Status::FromErrno("write", errno);
    written += static_cast<size_t>(count);
  }
  if (::fsync(fd) != 0) return Status::FromErrno("fsync", errno);
  return Status::Ok();
}

std::string DirectoryOf(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class Disk : public ConfigFiles {
 public:
  StatusOr<std::string> Read(const std::string& path) const override {
    if (path == "-") return ReadAll(STDIN_FILENO, "standard input");
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return Unexpected{Status::FromErrno("cannot open " + path, errno)};
    return ReadAll(file.get(), path);
  }

  std::vector<std::string> Glob(const std::string& pattern) const override {
    if (pattern.find_first_of("*?[") == std::string::npos) return {pattern};
    glob_t found{};
    std::vector<std::string> paths;
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
      paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    ::globfree(&found);
    return paths;
  }

  Status Replace(const std::string& path, const std::string& text) const override {
    std::string beside = path + ".rewrite-XXXXXX";
    FileDescriptor file(::mkostemp(beside.data(), O_CLOEXEC));
    if (file.get() < 0) return Status::FromErrno("cannot write beside " + path, errno);
    struct stat old {};
    ::mode_t mode =
        ::stat(path.c_str(), &old) == 0 ? old.st_mode & 0777 : 0644;  // mkostemp makes it 0600
    Status status = WriteAll(file.get(), text);
    if (status.ok() && ::fchmod(file.get(), mode) != 0) status = Status::FromErrno("chmod", errno);
    if (status.ok() && ::rename(beside.c_str(), path.c_str()) != 0)
      status = Status::FromErrno("rename", errno);
    if (!status.ok()) {
      ::unlink(beside.c_str());
      return std::move(status).WithContext(beside);
    }
    FileDescriptor directory(::open(DirectoryOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0 || ::fsync(directory.get()) != 0)
      return Status::FromErrno(DirectoryOf(path), errno);
    return Status::Ok();
  }

  StatusOr<std::string> ResolveDirectory(const std::string& path) const override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return Unexpected{Status::FromErrno(path, errno)};
    if (!S_ISDIR(info.st_mode)) return Unexpected{Status::FromErrno(path, ENOTDIR)};
    char resolved[PATH_MAX];
    if (::realpath(path.c_str(), resolved) == nullptr)
      return Unexpected{Status::FromErrno(path, errno)};
    return std::string(resolved);
  }

  std::string Absolute(const std::string& path) const override {
    if (path.empty() || path.front() == '/') return path;
    char here[PATH_MAX];
    if (::getcwd(here, sizeof here) == nullptr) return path;
    return std::string(here) + "/" + path;
  }
};

}  // namespace

const ConfigFiles& DiskConfigFiles() {
  static const Disk disk;
  return disk;
}

}  // namespace terrace::config
