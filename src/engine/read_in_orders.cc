#include "engine/read_in_orders.h"

#include <utility>

namespace terrace::engine {

void CountReadIn(Residency& residency) {
  residency.counters().read_in.fetch_add(1, std::memory_order_relaxed);
}

ReadInOrder::ReadInOrder(Residency& values, size_t keys, std::shared_ptr<Waiter> who)
    : residency(values), left(keys), waiter(std::move(who)) {
  if (waiter == nullptr) return;
  residency.counters().waiting.fetch_add(1, std::memory_order_relaxed);
  residency.counters().waits.fetch_add(1, std::memory_order_relaxed);
}

bool ReadInOrder::EndOne() {
  if (left.fetch_sub(1, std::memory_order_acq_rel) != 1) return false;
  if (waiter != nullptr) residency.counters().waiting.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

void ReadInOrder::PutIn() {
  for (const std::shared_ptr<ReadInJob>& job : std::exchange(jobs, {})) {
    if (!job->value || job->taken.exchange(true)) continue;
    auto entry =
        residency.Decode(job->key.key, job->key.deadline_ms, job->value->kind, job->value->bytes);
    const bool ok = entry.ok();
    if (residency.Install(job->key, std::move(entry)) && ok) CountReadIn(residency);
  }
  for (const std::shared_ptr<ReadValues>& values : std::exchange(elsewhere, {})) values->PutIn();
}

std::shared_ptr<ReadInJob> OpenReadIns::Add(AwayKey key,
                                            const std::shared_ptr<ReadInOrder>& order) {
  const auto [place, is_new] = jobs_.try_emplace(key.hash, nullptr);
  if (!is_new) {
    ReadInJob& open = *place->second;
    if (open.key.space == key.space && open.key.mark == key.mark && open.key.key == key.key) {
      open.orders.push_back(order);
      order->jobs.push_back(place->second);
      return nullptr;
    }
  }
  auto job = std::make_shared<ReadInJob>();
  job->key = std::move(key);
  job->orders.push_back(order);
  order->jobs.push_back(job);
  if (is_new) place->second = job;
  return job;
}

std::vector<std::shared_ptr<ReadInOrder>> OpenReadIns::Close(ReadInJob& job) {
  const auto found = jobs_.find(job.key.hash);
  if (found != jobs_.end() && found->second.get() == &job) jobs_.erase(found);
  return std::move(job.orders);
}

}  // namespace terrace::engine
