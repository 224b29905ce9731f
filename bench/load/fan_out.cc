#include "load/fan_out.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <vector>

#include "load/clock.h"
#include "load/reply_counter.h"
#include "load/report.h"
#include "load/request_template.h"

namespace terrace::load {
namespace {

constexpr Bytes kChannel = "fan-out";

struct Member {
  explicit Member(const Target& target) : link(target) {}
  Link link;
  ReplyCounter counter;
};

class FanOut {
 public:
  explicit FanOut(const FanOutOptions& options);
  ~FanOut() { close(epoll_); }

  void Run();

 private:
  void Publish();
  void TakeOnce();
  Member& Join();

  const FanOutOptions& options_;
  const std::string batch_;
  std::vector<std::unique_ptr<Member>> members_;  // the first publishes
  std::vector<char> received_;
  int epoll_;
  uint64_t published_ = 0;
  uint64_t confirmed_ = 0;
  uint64_t delivered_ = 0;
  std::deque<uint64_t> sent_at_ns_;  // of each batch under way
  uint64_t batches_done_ = 0;
  Histogram latency_;
};

FanOut::FanOut(const FanOutOptions& options)
    : options_(options),
      batch_(RequestTemplate("PUBLISH " + std::string(kChannel) + " {v}", options.value_bytes)
                 .Render(options.pipeline)),
      received_(256 * kKiB),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  Join().link.SetNonBlocking();
  for (unsigned i = 0; i < options.subscribers; ++i) {
    Member& member = Join();
    member.link.Insist("SUBSCRIBE " + std::string(kChannel));
    member.link.SetNonBlocking();
  }
}

Member& FanOut::Join() {
  Member& member = *members_.emplace_back(std::make_unique<Member>(options_.target));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &member;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, member.link.fd(), &event) != 0) Die("epoll_ctl");
  return member;
}

void FanOut::Publish() {
  sent_at_ns_.push_back(NowNs());
  members_.front()->link.SendAll(batch_);
  published_ += options_.pipeline;
}

void FanOut::TakeOnce() {
  epoll_event events[256];
  const int ready = epoll_wait(epoll_, events, 256, -1);
  for (int i = 0; i < ready; ++i) {
    auto& member = *static_cast<Member*>(events[i].data.ptr);
    const size_t got = member.link.Receive(received_.data(), received_.size());
    const uint64_t replies = member.counter.Feed({received_.data(), got});
    (&member == members_.front().get() ? confirmed_ : delivered_) += replies;
  }
  const uint64_t per_batch = uint64_t{options_.pipeline} * options_.subscribers;
  while (!sent_at_ns_.empty() && delivered_ >= (batches_done_ + 1) * per_batch) {
    latency_.Add(NowNs() - sent_at_ns_.front());
    sent_at_ns_.pop_front();
    ++batches_done_;
  }
}

void FanOut::Run() {
  const Span span(options_.server_pid);
  const uint64_t end = NowNs() + static_cast<uint64_t>(options_.seconds * 1e9);
  while (NowNs() < end) {
    while (sent_at_ns_.size() < options_.batches) Publish();
    TakeOnce();
  }
  while (!sent_at_ns_.empty() || confirmed_ < published_) TakeOnce();
  Report report;
  span.ReportTo(report, delivered_);
  report.AddPercentiles("latency_ms", latency_);
  report.Print();
}

}  // namespace

void RunFanOut(const FanOutOptions& options) { FanOut(options).Run(); }

}  // namespace terrace::load
