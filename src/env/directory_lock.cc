#include "env/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace terrace {
namespace {

// The holder's process id is in the file, for people.
std::string HolderOf(int fd) {
  char digits[24];
  const ssize_t size = ::pread(fd, digits, sizeof digits, 0);
  std::string holder(digits, size > 0 ? static_cast<size_t>(size) : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "another process" : "process " + holder;
}

}  // namespace

StatusOr<std::unique_ptr<DirectoryLock>> DirectoryLock::Take(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Unexpected{Status::FromErrno("cannot open " + path, errno)};
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Unexpected{Status::FromErrno("cannot lock " + path, errno)};
    return Unexpected{Status::Error(directory + " is in use by " + HolderOf(fd) +
                                    "; give each server a directory of its own (dir)")};
  }
  const std::string own = std::to_string(::getpid()) + "\n";
  // A full disk does not matter here.
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, own.data(), own.size(), 0) < 0) errno = 0;
  return lock;
}

DirectoryLock::~DirectoryLock() { ::close(fd_); }

}  // namespace terrace
