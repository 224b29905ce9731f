#include "base/huge_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/bytes.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25  // since Linux 6.1; older headers do not know it
#endif

namespace terrace {
namespace {

constexpr uintptr_t kHugeBytes = 2 * kMiB;
constexpr size_t kPagesInHuge = kHugeBytes / 4096;

struct Range {
  uintptr_t begin;
  uintptr_t end;
};

// Lines of /proc/self/maps, read without the allocator: a thread that allocated would get a heap of its own.
class MapsReader {
 public:
  MapsReader() : fd_(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  ~MapsReader() {
    if (fd_ >= 0) close(fd_);
  }
  MapsReader(const MapsReader&) = delete;
  MapsReader& operator=(const MapsReader&) = delete;

  /// Without the line's end; valid until the next call. A line that does not fit comes in pieces that match nothing.
  bool Next(Bytes* line) {
    while (true) {
      const Bytes rest(buffer_ + at_, filled_ - at_);
      const size_t end = rest.find('\n');
      if (end != Bytes::npos) {
        *line = rest.substr(0, end);
        at_ += end + 1;
        return true;
      }
      std::memmove(buffer_, rest.data(), rest.size());
      filled_ = rest.size() == sizeof buffer_ ? 0 : rest.size();
      at_ = 0;
      const ssize_t read = fd_ < 0 ? 0 : ::read(fd_, buffer_ + filled_, sizeof buffer_ - filled_);
      if (read <= 0) return false;
      filled_ += static_cast<size_t>(read);
    }
  }

 private:
  int fd_;
  size_t at_ = 0;
  size_t filled_ = 0;
  char buffer_[8192];
};

// Private, writable, anonymous, and not the main stack or another mapping the kernel has a name for:
//   7f2e40000000-7f2e42000000 rw-p 00000000 00:00 0
// nullopt for others.
std::optional<Range> AnonymousMapping(Bytes line) {
  const auto word = [&line] {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const Bytes taken = line.substr(0, line.find(' '));
    line.remove_prefix(taken.size());
    return taken;
  };
  const Bytes addresses = word();
  const Bytes permissions = word();
  word();  // offset
  word();  // device
  const Bytes inode = word();
  const Bytes name = word();
  if (permissions != "rw-p" || inode != "0" || !(name.empty() || name.starts_with("[anon:")))
    return std::nullopt;
  Range range{};
  const char* end = addresses.data() + addresses.size();
  const char* dash = std::from_chars(addresses.data(), end, range.begin, 16).ptr;
  if (dash == end || *dash != '-') return std::nullopt;
  std::from_chars(dash + 1, end, range.end, 16);
  return range;
}

bool IsWhollyResident(uintptr_t huge) {
  std::array<unsigned char, kPagesInHuge> resident;
  if (mincore(reinterpret_cast<void*>(huge), kHugeBytes, resident.data()) != 0)
    return false;  // unmapped meanwhile
  return std::all_of(resident.begin(), resident.end(),
                     [](unsigned char page) { return (page & 1) != 0; });
}

// The first 2 MiB in `within` that are wholly resident; empty at its end if there are none.
Range NextRange(Range within) {
  uintptr_t begin = (within.begin + kHugeBytes - 1) & ~(kHugeBytes - 1);
  for (; begin + kHugeBytes <= within.end; begin += kHugeBytes) {
    if (IsWhollyResident(begin)) return {begin, begin + kHugeBytes};
  }
  return {begin, begin};
}

// Makes the kernel touch a free huge page and give it back, so that it is the one it takes next. While it moves 2 MiB everybody
// waits who touches them or needs a new page; and in a virtual machine memory that has not been used since the machine began must be
// found by the host, page by page. That takes 4 of the 4.5 ms, and nobody waits for it here.
void PrepareHugePage() {
  void* mapped = mmap(nullptr, 2 * kHugeBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return;
  const uintptr_t huge = (reinterpret_cast<uintptr_t>(mapped) + kHugeBytes - 1) & ~(kHugeBytes - 1);
  if (madvise(reinterpret_cast<void*>(huge), kHugeBytes, MADV_HUGEPAGE) == 0)
    *reinterpret_cast<volatile char*>(huge) = 1;
  munmap(mapped, 2 * kHugeBytes);
}

}  // namespace

HeapCollapse CollapseHeap(const std::function<bool()>& go_on) {
  HeapCollapse result;
  if (sysconf(_SC_PAGESIZE) != 4096) {
    result.refused = true;  // what a huge page is there, we do not know
    return result;
  }
  MapsReader maps;
  for (Bytes line; maps.Next(&line);) {
    const std::optional<Range> mapping = AnonymousMapping(line);
    if (!mapping) continue;
    for (Range range = NextRange(*mapping); range.begin < range.end;
         range = NextRange({range.end, mapping->end})) {
      if (!go_on()) return result;
      PrepareHugePage();
      if (madvise(reinterpret_cast<void*>(range.begin), kHugeBytes, MADV_COLLAPSE) == 0) {
        result.bytes += kHugeBytes;
      } else if (errno == EINVAL || errno == ENOSYS || errno == EPERM) {
        result.refused = true;
        return result;
      }
      // Otherwise (no huge page free, a page in use by the kernel) it stays as it is.
    }
  }
  result.finished = true;
  return result;
}

}  // namespace terrace
