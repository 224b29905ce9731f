#include "engine/defragmenter.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/databases.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

constexpr size_t kPage = 64 * kKiB;

HeapPage PageOf(uintptr_t number, size_t used, size_t block = 512) {
  return {.begin = number * kPage, .bytes = kPage, .block_bytes = block, .used_bytes = used};
}

std::vector<uintptr_t> Numbers(const std::vector<HeapPage>& pages) {
  std::vector<uintptr_t> numbers;
  for (const HeapPage& page : pages) numbers.push_back(page.begin / kPage);
  return numbers;
}

uint64_t NoTime() { return 0; }

// Two databases with strings of one size, of which most have gone.
class Sparse {
 public:
  static constexpr int kKeys = 20'000;

  Sparse() {
    self_->In();
    for (int i = 0; i < kKeys; ++i) Insert(i);
    Thin();
  }
  ~Sparse() {
    self_->Out();
    participants_.Leave(self_);
  }

  // All over again.
  void FillAndThin() {
    for (int i = 0; i < kKeys; ++i)
      if (Stays(i)) Remove(i);
    for (int i = 0; i < kKeys; ++i) Insert(i);
    Thin();
  }

  static bool Stays(int i) { return i % 5 == 0; }
  static std::string KeyOf(int i) { return "key:" + std::to_string(i); }
  static std::string ValueOf(int i) { return std::string(700, static_cast<char>('a' + i % 26)); }
  Keyspace& KeyspaceOf(int i) { return databases.Get(static_cast<unsigned>(i / 5 % 2)); }

  // What the entry of key `i` holds; "" without one.
  std::string ValueNow(int i) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    Keyspace& keyspace = KeyspaceOf(i);
    const std::string key = KeyOf(i);
    const uint64_t hash = keyspace.HashOf(key);
    Shard* shard = keyspace.staircase().Lock(hash);
    const Slot slot = shard->Lookup(hash, key);
    IntegerText text;
    const std::string value(slot == nullptr ? "" : Shard::At(slot)->StringBytes(&text));
    if (slot != nullptr) CHECK(Shard::At(slot)->deadline_ms() == DeadlineOf(i));
    shard->Unlock();
    return value;
  }
  static uint64_t DeadlineOf(int i) {
    return i % 3 == 0 ? 1'000'000 + static_cast<uint64_t>(i) : 0;
  }

 private:
  void Thin() {
    for (int i = 0; i < kKeys; ++i)
      if (!Stays(i)) Remove(i);
  }
  void Insert(int i) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    Keyspace& keyspace = KeyspaceOf(i);
    const std::string key = KeyOf(i);
    const uint64_t hash = keyspace.HashOf(key);
    Shard* shard = keyspace.staircase().Lock(hash);
    keyspace.Insert(*shard, hash,
                    Entry::NewString(key, StringSource::Of(ValueOf(i)), DeadlineOf(i)),
                    self_->slot());
    shard->Unlock();
    while (keyspace.Step(&NoTime)) {
    }
  }
  void Remove(int i) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    Keyspace& keyspace = KeyspaceOf(i);
    const std::string key = KeyOf(i);
    const uint64_t hash = keyspace.HashOf(key);
    Shard* shard = keyspace.staircase().Lock(hash);
    Entry::Delete(keyspace.Remove(*shard, shard->Lookup(hash, key), hash, self_->slot()));
    shard->Unlock();
  }

  Participants participants_;
  Participant* self_ = participants_.Join();

 public:
  Databases databases{2, HashKey{}, participants_};
};

size_t HeapBytes() {
  size_t bytes = 0;
  for (const HeapPage& page : HeapPagesOfThisThread()) bytes += page.bytes;
  return bytes;
}

constexpr size_t kOtherBytes = 1000;

}  // namespace

TEST_SUITE("engine/defragmenter") {
  TEST_CASE("the emptiest pages of a size are left, as far as what is in them may move") {
    // A fifth, two fifths ... of a page each; together they are three fifths full.
    std::vector<HeapPage> pages;
    for (uintptr_t i = 0; i < 50; ++i) pages.push_back(PageOf(i, kPage / 5 * (i % 5 + 1)));
    const auto all = PagesToLeave(pages, SIZE_MAX);
    CHECK(all.size() == 30);  // none that is fuller than the average
    const auto some = PagesToLeave(pages, kPage / 5 * 8);
    CHECK(Numbers(some) == std::vector<uintptr_t>{0, 5, 10, 15, 20, 25, 30, 35});
    CHECK(PagesToLeave(pages, 0).empty());
  }

  TEST_CASE("pages of a size that is full enough stay, and so do blocks that are no values") {
    std::vector<HeapPage> pages;
    for (uintptr_t i = 0; i < 50; ++i) pages.push_back(PageOf(i, kPage / 100 * (94 + i % 6)));
    for (uintptr_t i = 50; i < 100; ++i) pages.push_back(PageOf(i, kPage / 5, 48));
    for (uintptr_t i = 100; i < 150; ++i) pages.push_back(PageOf(i, kPage / 5, 256 * kKiB));
    CHECK(PagesToLeave(pages, SIZE_MAX).empty());
    // One page is not worth a round.
    CHECK(PagesToLeave({PageOf(1, 512), PageOf(2, kPage)}, SIZE_MAX).empty());
  }

  TEST_CASE(
      "a round moves entries together, changes none of them, and frees the pages they leave") {
    Sparse sparse;
    if (HeapPagesOfThisThread().empty()) return;  // a sanitizer's allocator
    Defragmenter::Counters counters;
    Defragmenter defragmenter(sparse.databases, counters);
    const size_t before = HeapBytes();
    const int64_t used = UsedMemory();
    REQUIRE(defragmenter.Begin(SIZE_MAX));
    int steps = 1;
    while (defragmenter.Step(0, &NoTime)) ++steps;  // a shard at a time
    CHECK(steps > 10);
    CHECK_FALSE(defragmenter.running());
    CHECK(counters.rounds == 1);
    CHECK(counters.moved_entries > Sparse::kKeys / 20);
    CHECK(counters.moved_bytes > counters.moved_entries * 700);
    // It has counted what it took and gave.
    CHECK(std::abs(UsedMemory() - used) < 100'000);
    for (int i = 0; i < Sparse::kKeys; ++i) {
      CAPTURE(i);
      REQUIRE(sparse.ValueNow(i) == (Sparse::Stays(i) ? Sparse::ValueOf(i) : ""));
    }
    // Three million bytes stay of fifteen; the rest was holes.
    CHECK(HeapBytes() < before - 4'000'000);
  }

  TEST_CASE("pages that something else holds are not gone for again and again") {
    if (HeapPagesOfThisThread().empty()) return;  // a sanitizer's allocator
    // Blocks of the size of entries that are none, one in most of the pages.
    std::vector<void*> others;
    for (int i = 0; i < 20'000; ++i) others.push_back(Allocate(kOtherBytes));
    for (size_t i = 0; i < others.size(); ++i)
      if (i % 40 != 0) Deallocate(std::exchange(others[i], nullptr), kOtherBytes);
    Sparse sparse;
    Defragmenter::Counters counters;
    Defragmenter defragmenter(sparse.databases, counters);
    int rounds = 0;
    for (; rounds < 30 && defragmenter.Begin(SIZE_MAX); ++rounds)
      while (defragmenter.Step(UINT64_MAX, &NoTime)) continue;
    CHECK(rounds > 0);
    CHECK(rounds < 30);
    for (void* other : others)
      if (other != nullptr) Deallocate(other, kOtherBytes);
  }

  TEST_CASE("a round that its thread gives up leaves nothing to whoever outlives the thread") {
    Sparse sparse;
    if (HeapPagesOfThisThread().empty()) return;  // a sanitizer's allocator
    Defragmenter::Counters counters;
    auto defragmenter = std::make_unique<Defragmenter>(sparse.databases, counters);
    std::thread([&] {
      std::vector<void*> others;
      for (int i = 0; i < 20'000; ++i) others.push_back(Allocate(kOtherBytes));
      for (size_t i = 0; i < others.size(); ++i)
        if (i % 40 != 0) Deallocate(std::exchange(others[i], nullptr), kOtherBytes);
      CHECK(defragmenter->Begin(SIZE_MAX));
      CHECK(defragmenter->Step(0, &NoTime));
      defragmenter->End();
      CHECK_FALSE(defragmenter->running());
      for (void* other : others)
        if (other != nullptr) Deallocate(other, kOtherBytes);
    }).join();
    defragmenter.reset();
  }

  TEST_CASE("a set of pages has what lies in one of them, and nothing else") {
    constexpr uintptr_t kBase = uintptr_t{0x7f12} << 32;
    std::vector<HeapPage> pages;
    for (uintptr_t i = 0; i < 300; i += 3) {
      // One begins behind what the allocator has at the front of its segment; every tenth is long.
      const uintptr_t begin = kBase + i * 64 * kKiB + (i == 0 ? 5000 : 0);
      pages.push_back({.begin = begin, .bytes = i % 10 == 9 ? 128 * kKiB : 60'000});
    }
    const PageSet set(pages);
    for (const HeapPage& page : pages) {
      CHECK(set.Contains(reinterpret_cast<void*>(page.begin)));
      CHECK(set.Contains(reinterpret_cast<void*>(page.end() - 1)));
      CHECK_FALSE(set.Contains(reinterpret_cast<void*>(page.begin + 2 * 64 * kKiB)));
    }
    CHECK_FALSE(set.Contains(&set));
    CHECK_FALSE(PageSet().Contains(&set));
    CHECK_FALSE(PageSet(std::vector<HeapPage>()).Contains(&set));
  }

  TEST_CASE("a page is stuck that nothing has left, and none that only has its place") {
    std::vector<HeapPage> pages;
    for (uintptr_t i = 1; i <= 5; ++i) pages.push_back(PageOf(10 * i, 1024));
    pages[4].bytes = 3 * kPage;
    PageSet set(pages);
    set.NoteMove(reinterpret_cast<void*>(pages[1].begin + 512));
    set.NoteMove(reinterpret_cast<void*>(pages[4].end() - 512));
    CHECK(set.IsStuck(pages[0]));
    CHECK_FALSE(set.IsStuck(pages[1]));
    CHECK_FALSE(set.IsStuck(pages[4]));
    CHECK(set.IsStuck(PageOf(30, 2048)));            // what came was put into its holes
    CHECK_FALSE(set.IsStuck(PageOf(30, 512)));       // a block has gone by itself
    CHECK_FALSE(set.IsStuck(PageOf(30, 1024, 64)));  // another page
    CHECK_FALSE(set.IsStuck(PageOf(31, 1024)));
    CHECK_FALSE(PageSet().IsStuck(pages[0]));
  }

  TEST_CASE("a page that has the place of one that has gone is mended like any other") {
    Sparse sparse;
    if (HeapPagesOfThisThread().empty()) return;  // a sanitizer's allocator
    Defragmenter::Counters counters;
    Defragmenter defragmenter(sparse.databases, counters);
    for (int round = 0; round < 20; ++round) {
      CAPTURE(round);
      REQUIRE(defragmenter.Begin(SIZE_MAX));
      while (defragmenter.Step(UINT64_MAX, &NoTime)) continue;
      CHECK(defragmenter.moved() > Sparse::kKeys / 20);
      sparse.FillAndThin();
    }
  }

  TEST_CASE("a round that may move nothing does not begin") {
    Participants participants;
    Databases databases(1, HashKey{}, participants);
    Defragmenter::Counters counters;
    Defragmenter defragmenter(databases, counters);
    if (HeapPagesOfThisThread().empty()) CHECK_FALSE(defragmenter.Begin(SIZE_MAX));
    CHECK_FALSE(defragmenter.Begin(0));
  }
}
