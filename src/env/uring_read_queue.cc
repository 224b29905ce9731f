// Reads through io_uring. A read that fails or comes out short is done again with ReadAt, which knows what to say of it.
#include <fcntl.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "env/file_system.h"
#include "env/read_queue.h"

namespace terrace {
namespace {

class UringReadQueue final : public ReadQueue {
 public:
  /// nullptr: there is none for us.
  static std::unique_ptr<UringReadQueue> Make(size_t depth) {
    std::unique_ptr<UringReadQueue> queue(new UringReadQueue(depth));
    return queue->Open() ? std::move(queue) : nullptr;
  }

  ~UringReadQueue() override {
    // The kernel writes to buffers of ours until a read is done.
    std::vector<Done> done;
    while (open_ && under_way_ != 0) Wait(&done);
    if (open_) ::io_uring_queue_exit(&ring_);
    if (wake_fd_ >= 0) ::close(wake_fd_);
    if (done_fd_ >= 0) ::close(done_fd_);
  }

  size_t depth() const override { return slots_.size(); }
  size_t under_way() const override { return under_way_; }

  void Begin(const Read& read) override {
    TERRACE_CHECK(!free_.empty());
    ++under_way_;
    if (read.file->descriptor() < 0 || read.size > UINT32_MAX) {
      ready_.push_back({read.tag, read.file->ReadAt(read.offset, read.out, read.size)});
      const uint64_t one = 1;
      if (done_fd_ >= 0) static_cast<void>(::write(done_fd_, &one, sizeof one));
      return;
    }
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    TERRACE_CHECK(entry != nullptr);  // as many as reads, and one
    Slot* slot = free_.back();
    free_.pop_back();
    slot->read = read;
    slot->begin = read.offset;
    slot->direct = read.once && direct_ && Widen(slot);
    if (slot->direct) {
      ::io_uring_prep_read(entry, read.file->direct_descriptor(), slot->pages.get(),
                           static_cast<unsigned>(slot->size), slot->begin);
    } else {
      ::io_uring_prep_read(entry, read.file->descriptor(), read.out,
                           static_cast<unsigned>(read.size), read.offset);
    }
    ::io_uring_sqe_set_data(entry, slot);
  }

  // An error (EINTR, EAGAIN for want of memory) leaves what was not begun for the next call.
  void Wait(std::vector<Done>* done) override {
    if (ready_.empty()) {
      static_cast<void>(::io_uring_submit_and_wait(&ring_, 1));
    } else {
      static_cast<void>(::io_uring_submit(&ring_));
    }
    Reap(done);
  }

  void Submit() override { static_cast<void>(::io_uring_submit(&ring_)); }

  void Take(std::vector<Done>* done) override {
    // What is done behind this makes it readable anew.
    uint64_t times;
    if (done_fd_ >= 0) static_cast<void>(::read(done_fd_, &times, sizeof times));
    static_cast<void>(::io_uring_submit_and_get_events(&ring_));
    Reap(done);
  }

  // The ring's own descriptor would not do: where completions wait for us to ask (below), newer kernels wake nobody who polls it.
  int descriptor() override {
    if (done_fd_ < 0) {
      done_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
      if (done_fd_ >= 0 && ::io_uring_register_eventfd(&ring_, done_fd_) != 0)
        ::close(std::exchange(done_fd_, -1));
    }
    return done_fd_;
  }

  void Wake() override {
    const uint64_t one = 1;
    static_cast<void>(::write(wake_fd_, &one, sizeof one));
  }

 private:
  static constexpr uint64_t kPageBytes = 4096;
  // What is longer goes through the page cache, where it is read ahead.
  static constexpr uint64_t kDirectBytesMax = 32 * kKiB;

  struct FreePages {
    void operator()(char* pages) const { std::free(pages); }
  };
  struct Slot {
    Read read;
    bool direct = false;
    uint64_t begin = 0;  // if direct: whole pages, that go to `pages`
    uint64_t size = 0;
    std::unique_ptr<char[], FreePages> pages;  // made when first needed
  };

  explicit UringReadQueue(size_t depth) : slots_(depth) {
    for (Slot& slot : slots_) free_.push_back(&slot);
  }

  void Reap(std::vector<Done>* done) {
    done->clear();
    io_uring_cqe* completion;
    bool woken = false;
    while (::io_uring_peek_cqe(&ring_, &completion) == 0) {
      auto* const slot = static_cast<Slot*>(::io_uring_cqe_get_data(completion));
      const int result = completion->res;
      ::io_uring_cqe_seen(&ring_, completion);
      if (slot == nullptr) {
        woken = true;
      } else {
        ready_.push_back({slot->read.tag, Outcome(*slot, result)});
        free_.push_back(slot);
      }
    }
    if (woken) ArmWake();
    done->swap(ready_);
    under_way_ -= done->size();
  }

  // To the pages that it touches. False: it has to be read as it is.
  static bool Widen(Slot* slot) {
    const Read& read = slot->read;
    slot->begin = read.offset / kPageBytes * kPageBytes;
    const uint64_t end = (read.offset + read.size + kPageBytes - 1) / kPageBytes * kPageBytes;
    slot->size = end - slot->begin;
    if (slot->size > kDirectBytesMax || read.file->direct_descriptor() < 0) return false;
    if (slot->pages == nullptr)
      slot->pages.reset(static_cast<char*>(std::aligned_alloc(kPageBytes, kDirectBytesMax)));
    return slot->pages != nullptr;
  }

  bool Open() {
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC);
    if (wake_fd_ < 0) return false;
    const auto entries = static_cast<unsigned>(slots_.size() + 1);
    // The first since Linux 6.1: what completes is looked at when we ask, and interrupts nobody. A newer kernel looks at twenty of
    // them a call; that there are more, for which nobody is told any more, it says by a flag, upon which peeking asks again.
    constexpr unsigned kWhenAsked =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    for (const unsigned flags : {kWhenAsked, 0U}) {
      if (::io_uring_queue_init(entries, &ring_, flags) != 0) continue;
      open_ = true;
      ArmWake();
      // Whether it may be used shows at the first call.
      return ::io_uring_submit(&ring_) >= 0;
    }
    return false;
  }

  // There is always room: as many entries as reads, and one.
  void ArmWake() {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    TERRACE_CHECK(entry != nullptr);
    ::io_uring_prep_read(entry, wake_fd_, &wakes_, sizeof wakes_, 0);
    ::io_uring_sqe_set_data(entry, nullptr);
  }

  StatusOr<size_t> Outcome(const Slot& slot, int result) {
    const Read& read = slot.read;
    if (slot.direct && result == -EINVAL) direct_ = false;  // this disk wants more than whole pages
    const uint64_t before = slot.direct ? read.offset - slot.begin : 0;
    // A direct read may bring more, up to the page's end.
    if (result < 0 || static_cast<uint64_t>(result) < before + read.size)
      return read.file->ReadAt(read.offset, read.out, read.size);
    if (slot.direct) std::memcpy(read.out, slot.pages.get() + before, read.size);
    return read.size;
  }

  io_uring ring_{};
  bool open_ = false;
  bool direct_ = true;
  int wake_fd_ = -1;
  int done_fd_ = -1;
  uint64_t wakes_ = 0;  // written by the kernel
  std::vector<Slot> slots_;
  std::vector<Slot*> free_;
  std::vector<Done> ready_;
  size_t under_way_ = 0;
};

}  // namespace

std::unique_ptr<ReadQueue> NewKernelReadQueue(size_t depth) { return UringReadQueue::Make(depth); }

}  // namespace terrace
