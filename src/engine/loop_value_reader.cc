#include "engine/loop_value_reader.h"

#include <utility>

#include "base/check.h"

namespace terrace::engine {

// A value that others read for an order of ours.
class LoopValueReader::HandedOn final : public Waiter {
 public:
  explicit HandedOn(std::shared_ptr<ReadInOrder> order) : Waiter(0), order_(std::move(order)) {}
  void Restart() override {
    if (order_->EndOne()) std::exchange(order_->waiter, nullptr)->Restart();
  }

 private:
  const std::shared_ptr<ReadInOrder> order_;
};

LoopValueReader::LoopValueReader(Residency& residency, ValueReader& others, unsigned depth,
                                 bool past_page_cache)
    : residency_(residency),
      others_(others),
      queue_(residency.store(), {.depth = depth,
                                 .past_page_cache = past_page_cache,
                                 .value_bytes_max = kSmallValueBytesMax}) {}

// Orders and jobs hold each other.
LoopValueReader::~LoopValueReader() {
  for (const std::shared_ptr<ReadInJob>& job : jobs_) job->orders.clear();
  while (queue_.under_way() != 0) {
    queue_.Wait(&ended_);
    for (const LookupQueue::Ended& each : ended_) each.job->orders.clear();
  }
}

std::shared_ptr<ReadValues> LoopValueReader::Read(std::vector<AwayKey> keys,
                                                  std::shared_ptr<Waiter> waiter) {
  return Order(std::move(keys), std::move(waiter));
}

void LoopValueReader::ReadAhead(std::vector<AwayKey> keys) { Order(std::move(keys), nullptr); }

std::shared_ptr<ReadInOrder> LoopValueReader::Order(std::vector<AwayKey> keys,
                                                    std::shared_ptr<Waiter> waiter) {
  TERRACE_CHECK(!keys.empty());
  auto order = std::make_shared<ReadInOrder>(residency_, keys.size(), std::move(waiter));
  for (AwayKey& key : keys) {
    if (auto job = open_.Add(std::move(key), order)) jobs_.push_back(std::move(job));
  }
  return order;
}

void LoopValueReader::BeginJobs() {
  for (; has_to_begin(); jobs_.pop_front()) queue_.Begin(std::move(jobs_.front()));
}

void LoopValueReader::Begin() {
  BeginJobs();
  queue_.Submit();
}

void LoopValueReader::Advance(std::vector<std::shared_ptr<Waiter>>* ready) {
  do {
    BeginJobs();
    queue_.Take(&ended_);
    for (LookupQueue::Ended& each : ended_) End(*each.job, std::move(each.value), ready);
  } while (has_to_begin());
}

void LoopValueReader::End(ReadInJob& job, std::optional<StatusOr<ValueStore::Value>> value,
                          std::vector<std::shared_ptr<Waiter>>* ready) {
  const std::vector<std::shared_ptr<ReadInOrder>> orders = open_.Close(job);
  const bool too_large = !value;
  if (!too_large && value->ok()) {
    job.value = **std::move(value);
  } else if (!too_large) {
    residency_.Install(job.key, Unexpected{value->error()});
  }
  for (const std::shared_ptr<ReadInOrder>& order : orders) {
    // Who has only looked ahead goes without what is large, and has the rest.
    if (too_large && order->waiter != nullptr) {
      HandOn(job, order);
    } else if (!order->EndOne()) {
      continue;
    } else if (order->waiter == nullptr) {
      order->PutIn();
    } else {
      ready->push_back(std::exchange(order->waiter, nullptr));
    }
  }
}

// What has been read for it may be there at once, but its waiter is told by its own thread later, and that is ours.
void LoopValueReader::HandOn(const ReadInJob& job, const std::shared_ptr<ReadInOrder>& order) {
  order->elsewhere.push_back(others_.Read({job.key}, std::make_shared<HandedOn>(order)));
}

}  // namespace terrace::engine
