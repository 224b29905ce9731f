#include "server/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "net/unique_fd.h"

namespace terrace::server {

StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  const net::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts;
  if (file.get() < 0 || ::fstat(file.get(), &facts) != 0)
    return Unexpected{Status::FromErrno("cannot open " + path, errno)};
  if (!S_ISREG(facts.st_mode)) return Unexpected{Status::Error(path + " is not a file")};
  const auto size = static_cast<size_t>(facts.st_size);
  if (size == 0) return MappedFile(Bytes());
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (memory == MAP_FAILED) return Unexpected{Status::FromErrno("cannot read " + path, errno)};
  ::madvise(memory, size, MADV_SEQUENTIAL);
  return MappedFile(Bytes(static_cast<const char*>(memory), size));
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

}  // namespace terrace::server
