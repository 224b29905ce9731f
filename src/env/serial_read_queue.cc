#include <optional>
#include <utility>

#include "base/check.h"
#include "base/event_count.h"
#include "env/file_system.h"
#include "env/read_queue.h"

namespace terrace {
namespace {

class SerialReadQueue final : public ReadQueue {
 public:
  size_t depth() const override { return 1; }
  size_t under_way() const override { return done_ ? 1 : 0; }

  void Begin(const Read& read) override {
    TERRACE_CHECK(!done_);
    done_.emplace(Done{read.tag, read.file->ReadAt(read.offset, read.out, read.size)});
  }

  void Wait(std::vector<Done>* done) override {
    done->clear();
    // Nothing is under way while we sleep, so there is nobody but Wake to end it.
    const EventCount::Ticket ticket = wakes_.NextTicket();
    if (!done_ && ticket == seen_) wakes_.Wait(ticket, kSleepNs);
    seen_ = wakes_.NextTicket();
    if (done_) done->push_back(*std::exchange(done_, std::nullopt));
  }

  void Wake() override { wakes_.Notify(); }

  void Submit() override {}
  void Take(std::vector<Done>* done) override {
    done->clear();
    if (done_) done->push_back(*std::exchange(done_, std::nullopt));
  }
  int descriptor() override { return -1; }

 private:
  static constexpr uint64_t kSleepNs = 1'000'000'000;

  std::optional<Done> done_;
  EventCount wakes_;
  EventCount::Ticket seen_ = wakes_.NextTicket();
};

}  // namespace

std::unique_ptr<ReadQueue> NewSerialReadQueue() { return std::make_unique<SerialReadQueue>(); }

}  // namespace terrace
