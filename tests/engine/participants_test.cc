#include "engine/participants.h"

#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <set>
#include <thread>
#include <vector>

using namespace terrace;
using namespace terrace::engine;

namespace {

// Counts itself when it is freed.
struct Tracked {
  std::atomic<int>* freed;
  static void Free(void* memory) {
    auto* self = static_cast<Tracked*>(memory);
    self->freed->fetch_add(1);
    delete self;
  }
};

// Lives on one thread: joins there and leaves when the thread is done.
class Member {
 public:
  explicit Member(Participants& group) : group_(group), participant_(group.Join()) {}
  ~Member() {
    if (participant_->is_in()) participant_->Out();
    group_.Leave(participant_);
  }
  Participant* operator->() { return participant_; }
  Participant* get() { return participant_; }

 private:
  Participants& group_;
  Participant* participant_;
};

}  // namespace

TEST_SUITE("engine/participants") {
  TEST_CASE("slots are unique among the living and are given again") {
    Participants group;
    std::vector<Participant*> all;
    std::set<unsigned> slots;
    for (unsigned i = 0; i < Participants::kParticipantsMax; ++i) {
      all.push_back(group.Join());
      REQUIRE(all.back() != nullptr);
      CHECK(all.back()->slot() < Participants::kParticipantsMax);
      slots.insert(all.back()->slot());
    }
    CHECK(slots.size() == Participants::kParticipantsMax);
    CHECK(group.Join() == nullptr);
    const unsigned slot = all[10]->slot();
    group.Leave(all[10]);
    all[10] = group.Join();
    REQUIRE(all[10] != nullptr);
    CHECK(all[10]->slot() == slot);
    for (Participant* participant : all) group.Leave(participant);
  }

  TEST_CASE("a participant starts out and goes in and out") {
    Participants group;
    Member member(group);
    CHECK(!member->is_in());
    member->In();
    CHECK(member->is_in());
    CHECK(!member->WantedOut());
    member->Yield();
    CHECK(member->is_in());
    member->Out();
    CHECK(!member->is_in());
  }

  TEST_CASE("what was retired is freed when everyone who was in has been out") {
    Participants group;
    std::atomic<int> freed{0};
    Member first(group), second(group), idle(group);
    first->In();
    second->In();
    group.Retire(new Tracked{&freed}, &Tracked::Free);
    CHECK(group.Reclaim() == 1);
    first->Yield();
    CHECK(group.Reclaim() == 1);
    CHECK(freed == 0);
    second->Out();
    CHECK(group.Reclaim() == 0);
    CHECK(freed == 1);
  }

  TEST_CASE("who goes in after something was retired does not hold it up") {
    Participants group;
    std::atomic<int> freed{0};
    Member early(group), late(group);
    group.Retire(new Tracked{&freed}, &Tracked::Free);
    late->In();
    CHECK(group.Reclaim() == 0);
    CHECK(freed == 1);
    early->In();
    group.Retire(new Tracked{&freed}, &Tracked::Free);
    late->Yield();
    group.Retire(new Tracked{&freed}, &Tracked::Free);
    early->Yield();
    CHECK(group.Reclaim() == 1);  // `late` has seen the second
    CHECK(freed == 2);
    late->Out();
    CHECK(group.Reclaim() == 0);
    CHECK(freed == 3);
  }

  TEST_CASE("where membarrier is refused, that is noticed and everything works without") {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // Exit status: 0 fine, 1 wrong, 2 this system does not let us refuse anything.
      sock_filter filter[] = {
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      };
      const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
      if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(2);
      if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(2);
      Participants group;
      bool fine = group.fencing() == Fencing::kByEveryone;
      std::atomic<int> freed{0};
      Participant* participant = group.Join();
      participant->In();
      group.Exclusive(participant, [&] { group.Retire(new Tracked{&freed}, &Tracked::Free); });
      participant->Out();
      fine = fine && group.Reclaim() == 0 && freed == 1;
      group.Leave(participant);
      _exit(fine ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) {
      MESSAGE("this system allows no seccomp filter: not tested");
    } else {
      CHECK(WEXITSTATUS(status) == 0);
    }
  }

  TEST_CASE("what is still waiting at the end is freed with the group") {
    std::atomic<int> freed{0};
    {
      Participants group;
      Participant* participant = group.Join();
      participant->In();
      group.Retire(new Tracked{&freed}, &Tracked::Free);
      CHECK(group.Reclaim() == 1);
      participant->Out();
      group.Leave(participant);
    }
    CHECK(freed == 1);
  }

  TEST_CASE("an exclusive section runs with its requester in before and after, or without one") {
    Participants group;
    Member member(group);
    member->In();
    int runs = 0;
    group.Exclusive(member.get(), [&] {
      ++runs;
      CHECK(!member->is_in());
    });
    CHECK(member->is_in());
    member->Out();
    group.Exclusive(nullptr, [&] { ++runs; });
    CHECK(runs == 2);
    CHECK(group.exclusive_sections() == 2);
  }

  TEST_CASE(
      "an exclusive section has the world to itself, whoever asks for it and whoever fences") {
    constexpr int kThreads = 4, kRounds = 3000;
    Fencing fencing = ProbeFencing();
    SUBCASE("as the system allows") {}
    SUBCASE("without membarrier") { fencing = Fencing::kByEveryone; }
    Participants group(fencing);
    CHECK(group.fencing() == fencing);
    // Plain on purpose: the thread sanitizer objects if a section is not exclusive.
    uint64_t plain = 0;
    std::atomic<int> inside{0};
    std::atomic<bool> overlapped{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        Member member(group);
        for (int i = 0; i < kRounds; ++i) {
          member->In();
          inside.fetch_add(1);
          inside.fetch_sub(1);
          if (i % 20 == t) {  // often two at once
            group.Exclusive(member.get(), [&] {
              if (inside.load() != 0) overlapped = true;
              ++plain;
            });
          }
          if (member->WantedOut()) member->Yield();
          member->Out();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(!overlapped);
    CHECK(plain == kThreads * kRounds / 20);
    CHECK(group.exclusive_sections() == plain);
  }

  TEST_CASE("retiring and reclaiming while in does not hold up an exclusive section") {
    Participants group;
    std::atomic<int> freed{0};
    std::atomic<bool> done{false}, running{false};
    int retired = 0;
    std::thread worker([&] {
      Member member(group);
      while (!done) {
        member->In();
        running = true;
        running.notify_one();
        for (int i = 0; i < 50; ++i) {
          group.Retire(new Tracked{&freed}, &Tracked::Free);
          ++retired;
          group.Reclaim();
        }
        member->Out();
      }
    });
    running.wait(false);
    Member requester(group);
    for (int i = 0; i < 300; ++i) {
      requester->In();
      group.Exclusive(requester.get(), [] {});
      requester->Out();
    }
    done = true;
    worker.join();
    group.Reclaim();
    CHECK(freed == retired);
  }

  TEST_CASE("threads may join and leave while others want everybody out") {
    Participants group;
    std::atomic<bool> done{false};
    uint64_t plain = 0;
    std::thread visitor([&] {
      while (!done) {
        Member member(group);
        member->In();
        ++plain;
        member->Out();
      }
    });
    uint64_t seen = 0;
    for (int i = 0; i < 300; ++i) group.Exclusive(nullptr, [&] { seen = ++plain; });
    done = true;
    visitor.join();
    CHECK(plain >= seen);
  }

  TEST_CASE("a reader never meets memory that was freed while it was in, whoever fences") {
    constexpr int kReaders = 3, kPublications = 3000;
    Fencing fencing = ProbeFencing();
    SUBCASE("as the system allows") {}
    SUBCASE("without membarrier") { fencing = Fencing::kByEveryone; }
    struct Node {
      std::atomic<uint64_t> magic{42};
    };
    Participants group(fencing);
    std::atomic<Node*> shared{new Node};
    std::atomic<bool> done{false}, broken{false};
    std::vector<std::thread> readers;
    for (int t = 0; t < kReaders; ++t) {
      readers.emplace_back([&] {
        Member member(group);
        while (!done) {
          member->In();
          const Node* node = shared.load(std::memory_order_acquire);
          for (int i = 0; i < 20; ++i) {
            if (node->magic.load(std::memory_order_relaxed) != 42) broken = true;
          }
          member->Out();
        }
      });
    }
    for (int i = 0; i < kPublications; ++i) {
      Node* old = shared.exchange(new Node, std::memory_order_acq_rel);
      group.Retire(old, [](void* memory) {
        auto* node = static_cast<Node*>(memory);
        node->magic.store(0, std::memory_order_relaxed);
        delete node;
      });
      if (i % 7 == 0) group.Reclaim();
    }
    done = true;
    for (std::thread& reader : readers) reader.join();
    CHECK(group.Reclaim() == 0);
    CHECK(!broken);
    delete shared.load();
  }
}
