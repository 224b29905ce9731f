#include "engine/lookup_queue.h"

#include <utility>

#include "base/check.h"

namespace terrace::engine {

LookupQueue::LookupQueue(ValueStore& store, const Options& options)
    : store_(store), options_(options), reads_(store.files().NewReadQueue(options.depth)) {
  lookings_ = std::vector<Looking>(reads_->depth());
  for (Looking& looking : lookings_) free_.push_back(&looking);
}

void LookupQueue::Begin(std::shared_ptr<ReadInJob> job) {
  TERRACE_CHECK(!full());
  Looking& looking = *free_.back();
  free_.pop_back();
  looking.job = std::move(job);
  auto tables = store_.TablesInForce();
  if (!tables.ok()) return End(looking, Unexpected{tables.error()});
  const AwayKey& key = looking.job->key;
  looking.lookup.emplace(*std::move(tables), key.space, key.hash, key.key);
  Ask(looking);
}

void LookupQueue::End(Looking& looking, std::optional<StatusOr<ValueStore::Value>> value) {
  ended_.push_back({std::exchange(looking.job, nullptr), std::move(value)});
  looking.lookup.reset();
  free_.push_back(&looking);
}

void LookupQueue::Ask(Looking& looking) {
  looking.need = looking.lookup->Next();
  if (!looking.need) return End(looking, std::move(looking.lookup->outcome()));
  const ValueLookup::Need& need = *looking.need;
  if (need.is_value && need.extent.size > options_.value_bytes_max)
    return End(looking, std::nullopt);
  looking.bytes.resize(need.extent.size);
  reads_->Begin({.file = &need.file->file(),
                 .offset = need.extent.offset,
                 .out = looking.bytes.data(),
                 .size = need.extent.size,
                 .tag = &looking,
                 .once = need.is_value && options_.past_page_cache});
  asked_ = true;
}

void LookupQueue::GoOn(const ReadQueue::Done& done) {
  Looking& looking = *static_cast<Looking*>(done.tag);
  const Status status = done.bytes.ok()
                            ? looking.need->file->CheckRead(looking.need->extent, *done.bytes)
                            : done.bytes.error();
  status.ok() ? looking.lookup->Take(looking.bytes) : looking.lookup->Fail(status);
  Ask(looking);
}

void LookupQueue::Wait(std::vector<Ended>* ended) {
  ended->clear();
  if (ended_.empty()) {
    asked_ = false;
    reads_->Wait(&done_);
    for (const ReadQueue::Done& done : done_) GoOn(done);
  }
  ended->swap(ended_);
}

// What is in the page cache is there when it has been begun, so that what it leads to can be begun at once.
void LookupQueue::Take(std::vector<Ended>* ended) {
  ended->clear();
  do {
    asked_ = false;
    reads_->Take(&done_);
    for (const ReadQueue::Done& done : done_) GoOn(done);
  } while (asked_);
  ended->swap(ended_);
}

}  // namespace terrace::engine
