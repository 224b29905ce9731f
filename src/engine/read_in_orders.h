// What those who read values in keep of it (engine/read_in_pool.h, engine/loop_value_reader.h): an order for each command that
// waits, a job for each value.
//
//   order (a command, its waiter) --- job (a key) --- job
//   order ------------------------------'
//
// A key that several ask for, before it is there, has one job. Orders and jobs know each other until a job is done.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/residency.h"
#include "engine/value_store.h"

namespace terrace::engine {

// Bytes of a value that who waits decodes himself, in some microseconds.
constexpr size_t kSmallValueBytesMax = 16 * kKiB;

struct ReadInOrder;

struct ReadInJob {
  AwayKey key;
  std::vector<std::shared_ptr<ReadInOrder>> orders;  // nobody's when it is done
  std::optional<ValueStore::Value> value;            // read, and to be put in by who comes first
  std::atomic<bool> taken{false};
};

// What is written to a job or an order is seen by whoever starts anew: telling him comes after it.
struct ReadInOrder final : ReadValues {
  /// Without `who` nobody waits, and who has read puts in.
  ReadInOrder(Residency& values, size_t keys, std::shared_ptr<Waiter> who);
  void PutIn() override;
  /// One of its jobs is done; true if that was the last: then `waiter` may be told.
  bool EndOne();

  Residency& residency;
  std::atomic<size_t> left;
  std::shared_ptr<Waiter> waiter;  // nobody's when it has been told, or if nobody waits
  std::vector<std::shared_ptr<ReadInJob>> jobs;
  std::vector<std::shared_ptr<ReadValues>> elsewhere;  // what others have read for it
};

/// The jobs that others may join, by their keys' hashes: of two keys with one hash the first. Whoever owns it guards it.
class OpenReadIns {
 public:
  /// A job for the order's key that somebody has to do; nullptr: there is one already. It may have been begun, and have read,
  /// but has not put in what it has: the mark is the one it looks for (R3).
  std::shared_ptr<ReadInJob> Add(AwayKey key, const std::shared_ptr<ReadInOrder>& order);
  /// Nobody can join it any more; who has.
  std::vector<std::shared_ptr<ReadInOrder>> Close(ReadInJob& job);
  void Clear() { jobs_.clear(); }

 private:
  std::unordered_map<uint64_t, std::shared_ptr<ReadInJob>> jobs_;
};

void CountReadIn(Residency& residency);

}  // namespace terrace::engine
