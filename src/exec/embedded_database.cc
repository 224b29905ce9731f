// include/terrace/database.h: the engine without sockets.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "commands/families.h"
#include "env/entropy.h"
#include "exec/executor.h"
#include "exec/families.h"
#include "exec/no_subscribers.h"
#include "exec/transaction.h"
#include "resp/reply_value.h"
#include "terrace/database.h"

namespace terrace {
namespace {

uint64_t RandomSeed() {
  uint64_t seed;
  FillWithEntropy(&seed, sizeof seed);
  return seed;
}

HashKey RandomHashKey() { return {RandomSeed(), RandomSeed()}; }

commands::CommandTable MakeTable() {
  std::vector<std::span<const commands::CommandSpec>> families = commands::DataFamilies();
  for (const auto& family :
       {exec::TransactionCommands(), exec::KeyspaceCommands(), exec::SelectCommands()}) {
    families.push_back(family);
  }
  return commands::CommandTable(families);
}

Reply Convert(resp::ReplyValue value) {
  using From = resp::ReplyValue::Type;
  Reply reply;
  reply.text = std::move(value.string);
  reply.integer = value.integer;
  reply.number = value.number;
  for (resp::ReplyValue& element : value.elements)
    reply.elements.push_back(Convert(std::move(element)));
  switch (value.type) {
    case From::kNull:
    case From::kNullArray:
      reply.type = Reply::Type::kNil;
      break;
    case From::kSimple:
      reply.type = Reply::Type::kStatus;
      break;
    case From::kError:
      reply.type = Reply::Type::kError;
      break;
    case From::kInteger:
    case From::kBool:
      reply.type = Reply::Type::kInteger;
      break;
    case From::kDouble:
      reply.type = Reply::Type::kDouble;
      break;
    case From::kMap:
      reply.type = Reply::Type::kMap;
      break;
    case From::kArray:
    case From::kSet:
    case From::kPush:
      reply.type = Reply::Type::kArray;
      break;
    case From::kBulk:
    case From::kBigNumber:
    case From::kVerbatim:
      reply.type = Reply::Type::kString;
      break;
  }
  return reply;
}

// A thread's view of the engine: it takes part, and it can run commands.
struct Seat {
  Seat(exec::Environment& env, engine::Participants& group, engine::Participant* own,
       commands::Publisher& publisher)
      : participants(group),
        participant(own),
        executor(env, *own, publisher, nullptr, nullptr, RandomSeed()) {}
  ~Seat() { participants.Leave(participant); }

  engine::Participants& participants;
  engine::Participant* participant;
  exec::Executor executor;
};

class EmbeddedClient final : public Client {
 public:
  EmbeddedClient(std::unique_ptr<Seat> seat, uint64_t id) : seat_(std::move(seat)), session_(id) {
    session_.reply.set_protocol(3);
  }
  ~EmbeddedClient() override {
    seat_->participant->In();
    exec::ForgetWatches(session_, seat_->executor);
    seat_->participant->Out();
  }

  Reply Execute(const std::vector<std::string_view>& arguments) override {
    if (arguments.empty()) return {.type = Reply::Type::kError, .text = "ERR no command given"};
    seat_->participant->In();
    seat_->executor.BeginBatch();
    exec::Invocation invocation;
    invocation.args = Args(arguments.data(), arguments.size());
    invocation.command = seat_->executor.env().table.Find(arguments[0]);
    seat_->executor.Execute(session_, invocation);
    seat_->participant->Out();
    return TakeReply();
  }

 private:
  Reply TakeReply() {
    resp::ReplyParser parser;
    while (!session_.out.empty()) {
      resp::IoSlice slice;
      session_.out.Gather(&slice, 1);
      parser.Feed(Bytes(slice.base, slice.len));
      session_.out.Consume(slice.len);
    }
    resp::ReplyValue value;
    TERRACE_CHECK(parser.Next(&value) == resp::ReplyParser::Outcome::kValue);
    return Convert(std::move(value));
  }

  std::unique_ptr<Seat> seat_;
  exec::Session session_;
};

class EmbeddedDatabase final : public Database {
 public:
  explicit EmbeddedDatabase(const DatabaseOptions& options)
      : table_(MakeTable()),
        databases_(options.databases == 0 ? 1 : options.databases, RandomHashKey(), participants_),
        environment_{table_,    databases_, log_,          engine_settings_,
                     eviction_, gates_,     SystemClock(), slow_command_ns_} {
    eviction_.memory_max = options.memory_bytes_max;
    databases_.reaper().LimitTo(static_cast<uint64_t>(options.memory_bytes_max));
    if (options.memory_bytes_max != 0) gates_.Close(exec::kGateMaxMemory);
    keeper_ = std::thread([this, seat = NewSeat()]() mutable { Keep(*seat); });
  }
  ~EmbeddedDatabase() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    keeper_.join();
  }

  std::unique_ptr<Client> Connect() override {
    std::unique_ptr<Seat> seat = NewSeat();
    if (seat == nullptr) return nullptr;
    return std::make_unique<EmbeddedClient>(std::move(seat), next_id_.fetch_add(1));
  }

 private:
  std::unique_ptr<Seat> NewSeat() {
    engine::Participant* participant = participants_.Join();
    if (participant == nullptr) return nullptr;
    return std::make_unique<Seat>(environment_, participants_, participant, no_subscribers_);
  }

  // The background thread: what the server's workers do between turns.
  void Keep(Seat& seat) {
    constexpr auto kInterval = std::chrono::milliseconds(5);
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      seat.participant->In();
      seat.executor.ExpireDueKeys(0, 1, 2'000'000);
      seat.executor.RunIdle(200'000);
      seat.participant->Out();
      participants_.Reclaim();
      lock.lock();
      wake_.wait_for(lock, kInterval, [this] { return stopping_; });
    }
  }

  engine::Participants participants_;
  commands::CommandTable table_;
  engine::Databases databases_;
  engine::CommitLog log_;
  engine::EngineSettings engine_settings_;
  engine::EvictionSettings eviction_;
  exec::ServerGates gates_;
  std::atomic<uint64_t> slow_command_ns_{UINT64_MAX};
  exec::NoSubscribers no_subscribers_;
  exec::Environment environment_;
  std::atomic<uint64_t> next_id_{1};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread keeper_;
};

}  // namespace

std::unique_ptr<Database> Database::Open(const DatabaseOptions& options) {
  return std::make_unique<EmbeddedDatabase>(options);
}

}  // namespace terrace
