// The log while one thread writes, rotates and removes, and others follow it.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "storage/segment_fixture.h"

namespace terrace::storage {
namespace {

TEST_SUITE("storage/log_threads") {
  TEST_CASE("readers on other threads see every byte, across rotations and removals") {
    const auto disk = DiskWithLog();
    const auto set = MustOpen(*disk);
    constexpr uint64_t kEnd = 200'000;
    constexpr size_t kReaders = 3;
    std::atomic<uint64_t> written = 1;
    std::array<std::atomic<uint64_t>, kReaders> read_upto{};
    for (auto& offset : read_upto) offset = 1;
    std::array<std::string, kReaders> failures;
    MustStart(*set);
    std::vector<std::thread> readers;
    for (size_t number = 0; number < kReaders; ++number) {
      readers.emplace_back([&, number] {
        LogReader reader(*set, 1);
        while (reader.offset() < kEnd && failures[number].empty()) {
          const uint64_t from = reader.offset();
          const auto bytes = reader.Next(written.load(std::memory_order_acquire));
          if (!bytes.ok()) {
            failures[number] = bytes.error().message();
          } else if (*bytes != StreamBytes(from, reader.offset())) {
            failures[number] = "other bytes at " + std::to_string(from);
          }
          // The writer's look at this says what may be removed.
          read_upto[number].store(failures[number].empty() ? reader.offset() : kEnd,
                                  std::memory_order_release);
          if (bytes.ok() && bytes->empty()) std::this_thread::yield();
          set->first_offset();
          set->histories();
        }
      });
    }
    for (uint64_t batch = 0; set->next_offset() < kEnd; ++batch) {
      const uint64_t size = std::min<uint64_t>(1 + batch % 700, kEnd - set->next_offset());
      REQUIRE(AppendStream(*set->writer(), size).ok());
      if (batch % 5 == 0) REQUIRE(set->writer()->Sync().ok());
      written.store(set->next_offset(), std::memory_order_release);
      if (batch % 20 == 19) MustStart(*set, batch % 3 == 0 ? kHistoryB : kHistoryA);
      if (batch % 50 == 49) {
        uint64_t slowest = kEnd;
        for (const auto& offset : read_upto)
          slowest = std::min(slowest, offset.load(std::memory_order_acquire));
        REQUIRE(set->RemoveBelow(slowest).ok());
      }
    }
    for (std::thread& reader : readers) reader.join();
    for (const std::string& failure : failures) CHECK(failure == "");
    REQUIRE(set->RemoveBelow(kEnd).ok());
    CHECK(set->count() == 1);
  }
}

}  // namespace
}  // namespace terrace::storage
