#include "server/persistence.h"

#include "server/importer.h"
#include "server/log.h"

namespace terrace::server {
namespace {

using config::LogLevel;

// A log that is longer is brought into tables before the server stops. Applying it takes some hundredths of a second.
constexpr uint64_t kLogBytesLeft = 4 * kMiB;

}  // namespace

Persistence::Persistence(Parts& parts, std::unique_ptr<DataDirectory> data)
    : parts_(parts), data_(std::move(data)), log_(parts), dumps_(parts, SystemFiles()) {
  parts_.dumps = &dumps_;
  if (data_ != nullptr) {
    values_ = std::make_unique<ValueKeeper>(parts_, *data_);
    parts_.values = values_.get();
  }
  parts_.config.OnChange("appendonly",
                         [this](const config::Options& before, const config::Options& after) {
                           return Follow(before, after);
                         });
}

Status Persistence::Restore(const config::Options& options, const std::string& import_file,
                            exec::Executor& executor, engine::Participant& self) {
  const auto source = FindImport(options, import_file, data_.get());
  if (!source.ok()) return source.error();
  if (Status loaded = Load(*source, executor, self); !loaded.ok()) return loaded;
  if (data_ != nullptr) {
    if (Status status = GoOn(); !status.ok()) return status;
    // The log has nothing of what was imported. Until this is done the directory is as good as empty, and another start
    // imports it again.
    if (source->has_value()) {
      if (Status made = checkpoints_->MakeFirst(); !made.ok()) return made;
    }
    parts_.participants.Exclusive(nullptr, [this] { parts_.checkpoints = checkpoints_.get(); });
  }
  Start();
  return Status::Ok();
}

Status Persistence::Load(const std::optional<ImportSource>& source, exec::Executor& executor,
                         engine::Participant& self) {
  if (source) {
    Importer importer(parts_, executor, self,
                      {.allow_cut_off = parts_.config.Snapshot().aof_load_truncated});
    if (const Status loaded = importer.Load(*source); !loaded.ok()) {
      return Status::Error(loaded.message() + ". To begin without it move " + source->path +
                           " away, or put a good one in its place");
    }
  }
  if (data_ == nullptr) {
    if (!source) parts_.run.load.ExpectNothing();
    return Status::Ok();
  }
  if (data_->was_unfinished()) {
    Log(LogLevel::kWarning,
        "appendonly had been switched on in a running server that stopped before its first "
        "checkpoint: "
        "what the disk holds is older than that");
  }
  return log_.Load(*data_, executor, self);
}

// The settings may have changed while it was loaded.
Status Persistence::GoOn() {
  Status status;
  parts_.participants.Exclusive(nullptr, [&] {
    status = log_.Continue(parts_.config.Snapshot());
    if (!status.ok()) return;
    checkpoints_ = std::make_unique<CheckpointKeeper>(parts_, *data_);
    checkpoints_->Engage(*log_.writer());
  });
  return status;
}

void Persistence::Start() {
  log_.Start();
  if (checkpoints_ != nullptr) checkpoints_->Start();
  if (values_ != nullptr) values_->Start();
  dumps_.Start();
  started_ = true;
}

void Persistence::Stop() {
  if (!started_) return;
  dumps_.MakeLast();
  // One of the two may be waiting for the other's cut.
  dumps_.Cancel();
  if (checkpoints_ != nullptr) checkpoints_->Stop();
  dumps_.Stop();
  if (values_ != nullptr) values_->Stop();
  log_.Stop();
}

bool Persistence::IsLoading() const {
  return (parts_.gates.closed.load(std::memory_order_relaxed) & exec::kGateLoading) != 0;
}

Status Persistence::Follow(const config::Options& before, const config::Options& after) {
  if (before.appendonly == after.appendonly) return Status::Ok();
  if (IsLoading()) return Status::Error("the data are being loaded");
  const bool on = parts_.log_writer != nullptr;
  wanted_ = Wanted::kNothing;
  if (after.appendonly == on) return Status::Ok();  // undone
  if (!after.appendonly && after.storage_mode == config::StorageMode::kDatabase)
    return Status::Error("storage-mode database keeps values in what appendonly writes");
  if (after.appendonly) {
    const Status prepared = PrepareOn(after);
    if (!prepared.ok()) {
      Log(LogLevel::kWarning, "appendonly yes: %s", prepared.message().c_str());
      return Status::Error("Unable to turn on AOF. Check server logs.");
    }
  }
  wanted_ = after.appendonly ? Wanted::kOn : Wanted::kOff;
  return Status::Ok();
}

Status Persistence::PrepareOn(const config::Options& options) {
  if (data_ == nullptr) {
    auto data = DataDirectory::Replace(SystemFiles(), options.dir, parts_.databases.hash_key());
    if (!data.ok()) return data.error();
    data_ = *std::move(data);
    checkpoints_ = std::make_unique<CheckpointKeeper>(parts_, *data_);
    checkpoints_->Start();
  } else if (Status begun = data_->BeginUnfinished(); !begun.ok()) {
    return begun;
  }
  return log_.Prepare(options, *data_);
}

Status Persistence::Switch() {
  const Wanted wanted = std::exchange(wanted_, Wanted::kNothing);
  if (wanted == Wanted::kOff) {
    checkpoints_->Disengage();
    parts_.checkpoints = nullptr;
    log_.Disengage();
    Log(LogLevel::kNotice, "appendonly no: changes are not kept any more");
    return Status::Ok();
  }
  if (Status engaged = log_.Engage(); !engaged.ok()) return engaged;
  checkpoints_->Engage(*log_.writer());
  parts_.checkpoints = checkpoints_.get();
  log_.Start();
  checkpoints_->Request(CheckpointKeeper::Wish::kOwn);  // it begins by itself, too, but later
  Log(LogLevel::kNotice, "appendonly yes: a checkpoint of all data is made");
  return Status::Ok();
}

void Persistence::SaveBeforeStop(bool saves, CheckpointKeeper::Done done) {
  CheckpointKeeper* keeper = IsLoading() ? nullptr : parts_.checkpoints.load();
  if (keeper == nullptr || (!saves && keeper->log_bytes() < kLogBytesLeft))
    return done(Status::Ok());
  const auto limit_ms =
      saves ? 0 : static_cast<uint64_t>(parts_.config.Snapshot().shutdown_timeout_s) * 1000;
  Log(LogLevel::kNotice, "A last checkpoint is made before the server stops");
  keeper->RequestNext(std::move(done), limit_ms);
}

}  // namespace terrace::server
