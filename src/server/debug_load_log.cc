#include "server/debug_load_log.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "engine/checkpoint_loader.h"
#include "engine/dump_file.h"
#include "engine/entry_codec.h"
#include "exec/keyspace_exchange.h"
#include "exec/log_replay.h"
#include "exec/no_subscribers.h"
#include "server/checkpoint_keeper.h"
#include "server/log.h"
#include "server/worker.h"
#include "storage/log_reader.h"

namespace terrace::server {
namespace {

// A machine of its own, which comes to what a restart would come to. It has its own participants, so it can be run by who
// keeps everybody out of the server's.
class RestartCopy {
 public:
  RestartCopy(Parts& parts, const HashKey& hash_key)
      : databases_(parts.databases.count(), hash_key, participants_),
        environment_{parts.table, databases_, log_,        parts.engine_settings,
                     eviction_,   gates_,     parts.clock, slow_command_ns_},
        executor_(environment_, *self_, publisher_, nullptr, nullptr, 1) {}
  ~RestartCopy() { participants_.Leave(self_); }

  /// `end`: offset of the log's last byte, which is written.
  Status Load(const DataDirectory& data, const storage::SegmentSet& segments, uint64_t end) {
    auto loader = Open(data);
    if (!loader.ok()) return loader.error();
    Status status = (*loader)->LoadPart(0, 1, *self_);
    if (!status.ok()) return status;
    // Of the tables that were read: the manifest may be another by now, as a checkpoint under way ends in its own time.
    const uint64_t first = (*loader)->log_offset();
    storage::LogReader reader(segments, first);
    exec::LogReplay replay(executor_, first);
    while (true) {
      const auto bytes = reader.Next(end + 1);
      if (!bytes.ok()) return bytes.error();
      if (bytes->empty()) return replay.End();
      self_->In();
      status = replay.Feed(*bytes);
      self_->Out();
      if (!status.ok()) return status;
      if (participants_.WantsReclaim()) participants_.Reclaim();
    }
  }

  /// All keys; none of them is here any more then.
  Status HandTo(engine::DumpLoader& loader) {
    Status status;
    for (unsigned db = 0; db < databases_.count() && status.ok(); ++db) {
      engine::Keyspace& keyspace = databases_.Get(db);
      if (keyspace.size() == 0) continue;
      status = loader.TakeDatabase(db);
      loader.TakeSize(keyspace.size());
      keyspace.ForEach([&](const engine::Entry& entry) {
        if (!status.ok()) return;
        const std::string body = EncodeValue(entry, {.rdb_version = rdb::kRdbVersionMax});
        const auto code = static_cast<rdb::ValueCode>(body.front());
        rdb::KeyFacts facts;
        facts.deadline_ms = entry.deadline_ms();
        status = loader.TakeKey(entry.key(), facts, {code, Bytes(body).substr(1)});
      });
      databases_.Discard(databases_.Flush(db));
      participants_.Reclaim();
    }
    return status;
  }

 private:
  // Tables may go between a look at the manifest and the opening of their files, if a compaction ends just then.
  StatusOr<std::unique_ptr<engine::CheckpointLoader>> Open(const DataDirectory& data) {
    while (true) {
      const auto state = data.manifest().state();
      auto loader = engine::CheckpointLoader::Open(data.files(), data.manifest(), databases_,
                                                   environment_.engine_settings.encoding);
      if (loader.ok() || data.manifest().state() == state) return loader;
    }
  }

  engine::Participants participants_;
  engine::Participant* self_ = participants_.Join();
  engine::Databases databases_;
  engine::CommitLog log_;  // of nothing: what is applied is logged already
  engine::EvictionSettings eviction_;
  exec::ServerGates gates_;
  std::atomic<uint64_t> slow_command_ns_{UINT64_MAX};
  exec::NoSubscribers publisher_;
  exec::Environment environment_;
  exec::Executor executor_;
};

// Nothing is appended meanwhile.
Status WaitUntilWritten(Parts& parts, const engine::LogWriter& writer) {
  const uint64_t end = parts.log.end_offset();
  while (writer.written_offset() < end) {
    if (writer.state() == engine::LogWriter::State::kFailed) return writer.failure();
    parts.log.Ring();
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return Status::Ok();
}

// In an exclusive section. The copy is gone behind it: its memory counts as used, and nobody shall have to make room for it.
Status Load(exec::SessionContext& ctx, Parts& parts) {
  const engine::LogWriter* writer = parts.log_writer;
  const CheckpointKeeper* checkpoints = parts.checkpoints;
  if (writer == nullptr || checkpoints == nullptr)
    return Status::Error("there is no log: appendonly is no");
  const DataDirectory& data = checkpoints->data();
  if (data.unfinished())
    return Status::Error("the first checkpoint behind CONFIG SET appendonly yes is not made yet");
  if (Status written = WaitUntilWritten(parts, *writer); !written.ok()) return written;
  RestartCopy copy(parts, data.hash_key());
  Status status = copy.Load(data, writer->segments(), parts.log.end_offset());
  if (!status.ok()) return status;
  engine::Unit& unit = ctx.executor.unit();
  engine::DumpLoader loader(unit, engine::DueKeys::kKeep);
  if (status = copy.HandTo(loader); !status.ok()) return status;
  for (unsigned db = 0; db < parts.databases.count(); ++db) {
    exec::ReplaceKeyspace(parts.databases, db, loader.Take(db), unit.now_ms);
    ctx.executor.NoteKeysOfWaiters(db);
  }
  return Status::Ok();
}

}  // namespace

void DebugLoadLog(exec::SessionContext& ctx) {
  Parts& parts = static_cast<Worker&>(*ctx.executor.host()).parts();
  // A transaction is logged whole at its end: what it has done so far would be lost here, and come back with a restart.
  if (ctx.executor.in_unit())
    return ctx.reply.Error("ERR the log cannot be loaded inside a transaction");
  if (parts.eviction.values_only)
    return ctx.reply.Error(
        "ERR in database mode the data may be more than memory can hold at once");
  Status loaded;
  const bool ran = ctx.executor.ExclusiveOrRestart(ctx.session, [&] { loaded = Load(ctx, parts); });
  if (!ran) return;
  if (!loaded.ok()) {
    Log(config::LogLevel::kWarning, "DEBUG LOADAOF: %s; the data are as before",
        loaded.message().c_str());
    return ctx.reply.Error("ERR Error trying to load the AOF files, check server logs.");
  }
  Log(config::LogLevel::kWarning, "Append Only File loaded by DEBUG LOADAOF");
  ctx.reply.Ok();
}

}  // namespace terrace::server
