#include "server/importer.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>

#include "exec/keyspace_exchange.h"
#include "exec/log_replay.h"
#include "server/aof_manifest.h"
#include "server/aof_scanner.h"
#include "server/log.h"
#include "server/mapped_file.h"
#include "server/text.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using config::LogLevel;

constexpr uint64_t kProgressNs = 1'000'000'000;
// So many bytes of commands are run at a time; an error says in which of them it was.
constexpr size_t kCommandBytes = 16 * kKiB;
constexpr uint64_t kKeysBetweenLooks = 256;

double MiB(uint64_t bytes) { return static_cast<double>(bytes) / kMiB; }

// Hands keys on, and looks around now and then.
class Watched final : public rdb::FileTaker {
 public:
  /// `look` is called every so many keys; with an error of its the file is not read on.
  using LookAround = std::function<Status(const char* at, uint64_t keys)>;
  Watched(engine::DumpLoader& loader, LookAround look) : loader_(loader), look_(std::move(look)) {}

  Status TakeDatabase(uint64_t db) override { return loader_.TakeDatabase(db); }
  Status TakeKey(Bytes key, const rdb::KeyFacts& facts, const rdb::PayloadBody& body) override {
    if (++keys_ % kKeysBetweenLooks == 0) {
      if (Status status = look_(body.value.data(), kKeysBetweenLooks); !status.ok()) return status;
    }
    return loader_.TakeKey(key, facts, body);
  }
  Status TakeFunctions(Bytes source) override { return loader_.TakeFunctions(source); }
  Status TakeModuleData(Bytes module) override { return loader_.TakeModuleData(module); }
  void TakeSize(uint64_t keys) override { loader_.TakeSize(keys); }

 private:
  engine::DumpLoader& loader_;
  const LookAround look_;
  uint64_t keys_ = 0;
};

}  // namespace

Status Importer::Load(const ImportSource& source) {
  told_ns_ = parts_.clock.MonotonicNs();
  switch (source.form) {
    case ImportSource::Form::kDump:
      Expect(source.path);
      return LoadDump(source.path);
    case ImportSource::Form::kLog:
      Expect(source.path);
      return LoadLog(source.path, true);
    case ImportSource::Form::kManifest:
      return LoadManifest(source.path);
  }
  return Status::Ok();
}

// One that is not there is complained of when it is read.
void Importer::Expect(const std::string& path) {
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (!error) parts_.run.load.Expect(bytes);
}

Status Importer::LoadDump(const std::string& path) {
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return file.error();
  size_t length = 0;
  Status taken = TakeDump(path, file->bytes(), engine::DueKeys::kLeaveOut, &length);
  if (taken.ok() && length < file->bytes().size()) {
    Log(LogLevel::kWarning, "%s: the dump ends at offset %zu, %zu bytes behind it are left out",
        path.c_str(), length, file->bytes().size() - length);
  }
  return taken;
}

Status Importer::LoadLog(const std::string& path, bool is_last) {
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return file.error();
  size_t begin = 0;
  if (file->bytes().starts_with("REDIS")) {
    // The commands that follow were run on keys that were due as well.
    Status taken = TakeDump(path, file->bytes(), engine::DueKeys::kKeep, &begin);
    if (!taken.ok()) return taken;
  }
  if (begin == file->bytes().size()) return Status::Ok();
  return TakeCommands(path, file->bytes(), begin, is_last);
}

Status Importer::LoadManifest(const std::string& path) {
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return file.error();
  auto manifest = ParseAofManifest(file->bytes());
  if (!manifest.ok()) return Status(manifest.error()).WithContext(path);
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const auto& increments = manifest->increments;
  for (const std::string& name : increments) Expect(directory + name);
  if (!manifest->base.empty()) {
    Expect(directory + manifest->base);
    Status loaded = LoadLog(directory + manifest->base, increments.empty());
    if (!loaded.ok()) return loaded;
  }
  for (size_t i = 0; i < increments.size(); ++i) {
    Status loaded = LoadLog(directory + increments[i], i + 1 == increments.size());
    if (!loaded.ok()) return loaded;
  }
  return Status::Ok();
}

Status Importer::TakeDump(const std::string& path, Bytes file, engine::DueKeys due,
                          size_t* length) {
  const uint64_t begun_ns = parts_.clock.MonotonicNs();
  executor_.BeginBatch();
  engine::Unit& unit = executor_.unit();
  unit.Begin(parts_.clock.WallMs(), engine::Origin::kStream);
  engine::DumpLoader loader(unit, due);
  const auto look = [&](size_t done, uint64_t keys) {
    self_.Out();
    Status status = Look(path, done, file.size(), keys);
    self_.In();
    return status;
  };
  Watched taker(loader, [&](const char* at, uint64_t keys) {
    return look(static_cast<size_t>(at - file.data()), keys);
  });
  counted_ = 0;
  self_.In();
  Status read = rdb::ReadFile(file, taker, length).WithContext(path);
  if (read.ok()) read = look(*length, loader.keys() % kKeysBetweenLooks);
  if (read.ok()) {
    parts_.participants.Exclusive(&self_, [&] {
      for (unsigned db = 0; db < parts_.databases.count(); ++db)
        exec::ReplaceKeyspace(parts_.databases, db, loader.Take(db), unit.now_ms);
    });
  }
  self_.Out();
  if (!read.ok()) return read;
  for (const std::string& module : loader.modules()) {
    Log(LogLevel::kWarning,
        "%s: what the module %s keeps beside its keys is left out: there are no modules here",
        path.c_str(), module.c_str());
  }
  if (loader.keys_due() != 0) {
    Log(LogLevel::kNotice, "%s: %llu keys were left out, their time is over", path.c_str(),
        static_cast<unsigned long long>(loader.keys_due()));
  }
  parts_.run.loaded_keys += loader.keys();
  parts_.run.loaded_keys_due += loader.keys_due();
  TellEnd(path, file.substr(0, *length), begun_ns, std::to_string(loader.keys()) + " keys");
  return read;
}

Status Importer::TakeCommands(const std::string& path, Bytes file, size_t begin, bool is_last) {
  const uint64_t begun_ns = parts_.clock.MonotonicNs();
  AofScanner scanner(file, begin);
  exec::LogReplay replay(executor_, begin);
  size_t fed = begin;    // up to here the commands have been run
  size_t whole = begin;  // up to here the units are whole
  uint64_t commands = 0;
  bool in_transaction = false;
  counted_ = begin;
  const auto feed = [&](size_t end) {
    self_.In();
    Status status = replay.Feed(file.substr(fed, end - fed));
    self_.Out();
    fed = end;
    if (status.ok()) status = Look(path, end, file.size(), replay.commands() - commands);
    commands = replay.commands();
    return std::move(status).WithContext(path);
  };
  while (true) {
    const size_t at = scanner.offset();
    const AofScanner::Item item = scanner.Next();
    const bool is_command = item == AofScanner::Item::kCommand;
    if (at > fed && (!is_command || at - fed >= kCommandBytes)) {
      if (Status status = feed(at); !status.ok()) return status;
    }
    if (item == AofScanner::Item::kDamaged) {
      return Status::Error(path + ": offset " + std::to_string(at) +
                           ": what stands here is no command (redis-check-aof --fix cuts it off, "
                           "and all that follows)");
    }
    if (item == AofScanner::Item::kEnd || item == AofScanner::Item::kCutOff) break;
    if (!is_command) {
      fed = scanner.offset();
    } else if (scanner.IsWord("multi")) {
      in_transaction = true;
    } else if (scanner.IsWord("exec")) {
      in_transaction = false;
    }
    if (!in_transaction) whole = scanner.offset();
  }
  if (whole < file.size()) {
    const std::string what = path + ": the file ends within a command or a transaction, " +
                             std::to_string(file.size() - whole) + " bytes from offset " +
                             std::to_string(whole) + " on";
    if (!is_last || !options_.allow_cut_off)
      return Status::Error(what + (is_last ? " (aof-load-truncated yes leaves them out)" : ""));
    Log(LogLevel::kWarning, "%s are left out", what.c_str());
  }
  TellEnd(path, file.substr(begin), begun_ns, std::to_string(replay.commands()) + " commands");
  return Status::Ok();
}

// The participant is out. An error: loading was given up.
Status Importer::Look(const std::string& path, size_t done, size_t bytes, uint64_t keys) {
  if (parts_.participants.WantsReclaim()) parts_.participants.Reclaim();
  LoadProgress& load = parts_.run.load;
  load.Add(done - std::min(done, counted_));
  counted_ = std::max(done, counted_);
  if (!load.NoteKeys(keys)) return Status::Error("loading was given up");
  const uint64_t now_ns = parts_.clock.MonotonicNs();
  if (now_ns - told_ns_ < kProgressNs) return Status::Ok();
  told_ns_ = now_ns;
  Log(LogLevel::kNotice, "Loading %s: %.0f of %.0f MiB", path.c_str(), MiB(done), MiB(bytes));
  return Status::Ok();
}

void Importer::TellEnd(const std::string& path, Bytes file, uint64_t begun_ns,
                       const std::string& what) {
  const double seconds = static_cast<double>(parts_.clock.MonotonicNs() - begun_ns) / 1e9;
  Log(LogLevel::kNotice, "Loaded %s: %s, %.1f MiB, %.3f seconds", path.c_str(), what.c_str(),
      MiB(file.size()), seconds);
}

}  // namespace terrace::server
