#include "engine/reaper.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "base/memory.h"
#include "engine/databases.h"
#include "held_reaper.h"

namespace terrace::engine {
namespace {

constexpr size_t kFields = 20'000;

void Insert(Keyspace& keyspace, Entry* entry,
            unsigned participant) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
  const uint64_t hash = keyspace.HashOf(entry->key());
  Shard* shard = keyspace.staircase().Lock(hash);
  keyspace.Insert(*shard, hash, entry, participant);
  shard->Unlock();
}

TEST_SUITE("engine/reaper") {
  TEST_CASE("what waits is counted in bytes, less with every slice, and is nothing in the end") {
    HeldReaper reaper;
    Entry* entry = NewLargeEntry(kFields);
    const uint64_t bytes = entry->MemoryBytes();
    reaper->Free(entry);
    reaper.WaitUntilHeld();
    // One slice, and what the last allocation of it was larger than needed.
    CHECK(reaper->collection_bytes() <= bytes - kPaceBytes);
    CHECK(reaper->collection_bytes() >= bytes - 2 * kPaceBytes);
    CHECK(reaper->keyspace_bytes() == 0);
    reaper.Release();
    reaper.WaitUntilDone();
    CHECK(reaper->collection_bytes() == 0);
    CHECK(reaper->entries_freed() == 1);
  }

  TEST_CASE("who gives more than may wait frees it himself, who gives less does not") {
    HeldReaper reaper;
    reaper->LimitTo(8 * kMiB);
    CHECK(reaper->bytes_max() == 4 * kMiB);
    reaper->Free(NewLargeEntry(kFields));
    reaper.WaitUntilHeld();
    const uint64_t waiting = reaper->collection_bytes();
    Entry* more = NewLargeEntry(kFields);
    REQUIRE(waiting + more->MemoryBytes() > 4 * kMiB);
    const int64_t used = UsedMemory();
    const auto bytes = static_cast<int64_t>(more->MemoryBytes());
    reaper->Free(more);
    CHECK(reaper->entries_waiting() == 1);
    CHECK(reaper->collection_bytes() == waiting);
    CHECK(UsedMemory() <= used - bytes + kPaceBytes);
    reaper->Free(NewLargeEntry(1000));
    CHECK(reaper->entries_waiting() == 2);
    CHECK(reaper->collection_bytes() > waiting);
    reaper.Release();
    reaper.WaitUntilDone();
    CHECK(reaper->collection_bytes() == 0);
    CHECK(reaper->entries_freed() == 2);
  }

  TEST_CASE("what is larger than all that may wait is taken if nothing else does") {
    HeldReaper reaper;
    reaper->LimitTo(kMiB);
    reaper->Free(NewLargeEntry(kFields));
    reaper.WaitUntilHeld();
    CHECK(reaper->entries_waiting() == 1);
    CHECK(reaper->collection_bytes() > kMiB);
  }

  TEST_CASE("without a limit of memory and under a large one as much waits as ever") {
    Reaper reaper;
    CHECK(reaper.bytes_max() == Reaper::kBytesMax);
    reaper.LimitTo(kGiB * 100);
    CHECK(reaper.bytes_max() == Reaper::kBytesMax);
    reaper.LimitTo(kMiB);
    reaper.LimitTo(0);
    CHECK(reaper.bytes_max() == Reaper::kBytesMax);
  }

  TEST_CASE("a flushed keyspace counts for about what its keys take, from then until it is freed") {
    Participants participants;
    Participant* self = participants.Join();
    Databases databases(2, HashKey{1, 2}, participants);
    self->In();
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < 20'000; ++i) {
      const std::string key = "key:" + std::to_string(i);
      Entry* entry = Entry::NewString(key, StringSource::Of(std::string(20 + i % 500, 'v')), 0);
      bytes += entry->MemoryBytes();
      Insert(databases.Get(0), entry, self->slot());
      databases.Get(0).Step([] { return uint64_t{0}; });
    }
    const Reaper& reaper = databases.reaper();
    databases.Discard(databases.Flush(1));
    CHECK(reaper.keyspace_bytes() == 0);
    databases.Discard(databases.Flush(0));
    // A mean of 128 keys, whose sizes lie evenly between none and twice the mean: five times its deviation.
    CHECK(reaper.keyspace_bytes() > bytes - bytes / 4);
    CHECK(reaper.keyspace_bytes() < bytes + bytes / 4);
    CHECK(reaper.entries_waiting() == 20'000);
    self->Out();
    participants.Reclaim();
    while (reaper.entries_waiting() != 0) std::this_thread::yield();
    CHECK(reaper.keyspace_bytes() == 0);
    CHECK(reaper.collection_bytes() == 0);
    participants.Leave(self);
  }
}

}  // namespace
}  // namespace terrace::engine
