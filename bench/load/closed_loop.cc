#include "load/closed_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "load/clock.h"
#include "load/reply_counter.h"
#include "load/report.h"
#include "load/request_template.h"

namespace terrace::load {
namespace {

constexpr size_t kReceiveBytes = 256 * kKiB;
constexpr uint64_t kNever = UINT64_MAX;

struct Client {
  explicit Client(const Target& target) : link(target) {}

  Link link;
  std::string batch;
  size_t to_send = 0;  // end of the batch under way
  size_t sent = 0;     // how much of it the socket has taken
  uint64_t replies_due = 0;
  uint64_t sent_at_ns = 0;
  bool wants_write = false;
  ReplyCounter counter;
};

class Loop {
 public:
  explicit Loop(const LoopOptions& options);
  ~Loop() { close(epoll_); }

  void Run();

 private:
  /// Sends the next batch, if there is to be one.
  void SendNext(Client& client);
  void Continue(Client& client);
  void TakeReplies(Client& client);
  void WatchFor(Client& client, bool write);
  void ReportTo(Report& report) const;

  const LoopOptions& options_;
  const RequestTemplate template_;
  NumberSource numbers_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<char> received_;
  int epoll_;
  uint64_t requests_left_;
  uint64_t deadline_ns_ = kNever;
  uint64_t operations_ = 0;
  size_t busy_ = 0;  // clients that wait for replies
  Histogram latency_;
};

Loop::Loop(const LoopOptions& options)
    : options_(options),
      template_(options.line, options.value_bytes),
      numbers_(options.keys, options.first, options.seed),
      received_(kReceiveBytes),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      requests_left_(options.requests == 0 ? kNever : options.requests) {
  for (unsigned i = 0; i < options.connections; ++i) {
    Client& client = *clients_.emplace_back(std::make_unique<Client>(options.target));
    client.link.Insist("PING");  // the server has accepted it: that is not what we measure
    client.link.SetNonBlocking();
    client.batch = template_.Render(options.pipeline);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &client;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, client.link.fd(), &event) != 0) Die("epoll_ctl");
  }
}

void Loop::WatchFor(Client& client, bool write) {
  if (client.wants_write == write) return;
  client.wants_write = write;
  epoll_event event{};
  event.events = EPOLLIN | (write ? EPOLLOUT : 0u);
  event.data.ptr = &client;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, client.link.fd(), &event) != 0) Die("epoll_ctl");
}

void Loop::Continue(Client& client) {
  const Bytes rest = Bytes(client.batch).substr(client.sent, client.to_send - client.sent);
  client.sent += client.link.SendSome(rest);
  WatchFor(client, client.sent < client.to_send);
}

void Loop::SendNext(Client& client) {
  const uint64_t now = NowNs();
  const uint64_t count =
      now >= deadline_ns_ ? 0 : std::min<uint64_t>(options_.pipeline, requests_left_);
  if (count == 0) return;
  if (requests_left_ != kNever) requests_left_ -= count;
  template_.Fill(client.batch, count, numbers_);
  client.to_send = count * template_.size();
  client.sent = 0;
  client.replies_due = count;
  client.sent_at_ns = now;
  ++busy_;
  Continue(client);
}

void Loop::TakeReplies(Client& client) {
  const size_t got = client.link.Receive(received_.data(), received_.size());
  const uint64_t replies = client.counter.Feed({received_.data(), got});
  operations_ += replies;
  if (replies > client.replies_due) Die("more replies than requests");
  client.replies_due -= replies;
  if (replies == 0 || client.replies_due > 0) return;
  latency_.Add(NowNs() - client.sent_at_ns);
  --busy_;
  SendNext(client);
}

void Loop::Run() {
  const Span span(options_.server_pid);
  if (options_.seconds > 0) deadline_ns_ = NowNs() + static_cast<uint64_t>(options_.seconds * 1e9);
  for (auto& client : clients_) SendNext(*client);
  std::vector<epoll_event> events(clients_.size());
  while (busy_ > 0) {
    const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      auto& client = *static_cast<Client*>(events[i].data.ptr);
      if (client.wants_write && (events[i].events & EPOLLOUT) != 0) Continue(client);
      if ((events[i].events & ~EPOLLOUT) != 0) TakeReplies(client);
    }
  }
  Report report;
  span.ReportTo(report, operations_);
  ReportTo(report);
  report.Print();
}

void Loop::ReportTo(Report& report) const {
  report.AddPercentiles("latency_ms", latency_);
  uint64_t errors = 0, nulls = 0;
  std::string first_error;
  for (const auto& client : clients_) {
    errors += client->counter.errors();
    nulls += client->counter.nulls();
    if (first_error.empty()) first_error = client->counter.first_error();
  }
  report.Add("errors", static_cast<double>(errors));
  report.Add("nulls", static_cast<double>(nulls));
  if (errors > 0) report.Add("first_error", first_error);
}

}  // namespace

void RunClosedLoop(const LoopOptions& options) { Loop(options).Run(); }

}  // namespace terrace::load
