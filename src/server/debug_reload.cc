#include "server/debug_reload.h"

#include <optional>
#include <string>

#include "base/ascii.h"
#include "engine/eviction.h"
#include "exec/keyspace_exchange.h"
#include "server/dump_file.h"
#include "server/dump_keeper.h"
#include "server/log.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

struct ReloadOptions {
  bool merge = false;
  bool flush = true;
  bool save = true;
};

std::optional<ReloadOptions> ParseOptions(Args args) {
  ReloadOptions options;
  for (size_t i = 2; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "merge")) {
      options.merge = true;
    } else if (EqualsIgnoreCase(args[i], "noflush")) {
      options.flush = false;
    } else if (EqualsIgnoreCase(args[i], "nosave")) {
      options.save = false;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

// In an exclusive section.
Status Load(exec::SessionContext& ctx, const ReloadOptions& options, const std::string& path) {
  engine::Unit& unit = ctx.executor.unit();
  engine::Databases& databases = ctx.env().databases;
  engine::DumpLoader loader(unit);
  Status loaded = LoadDump(path, loader);
  if (!loaded.ok()) return loaded;
  if (!options.flush) {
    loaded = loader.AddTo(options.merge);
    if (!loaded.ok()) return loaded;
  }
  for (unsigned db = 0; db < databases.count(); ++db) {
    if (options.flush) exec::ReplaceKeyspace(databases, db, loader.Take(db), unit.now_ms);
    ctx.executor.NoteKeysOfWaiters(db);
  }
  return Status::Ok();
}

}  // namespace

void DebugReload(exec::SessionContext& ctx, Args args) {
  const auto options = ParseOptions(args);
  if (!options)
    return ctx.reply.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
  Parts& parts = static_cast<Worker&>(*ctx.executor.host()).parts();
  // What a file brings is not in the log, which a restart goes by.
  if (parts.log_writer != nullptr && (!options->save || !options->flush))
    return ctx.reply.Error("ERR with appendonly only DEBUG RELOAD without options is possible");
  const std::string path = parts.config.Snapshot().dbfilename;
  const engine::KeptAccess kept = KeptBy(parts.eviction.policy.load());
  Status saved, loaded;
  const bool ran = ctx.executor.ExclusiveOrRestart(ctx.session, [&] {
    if (options->save) saved = SaveDump(path, ctx.executor.unit(), kept);
    if (saved.ok()) loaded = Load(ctx, *options, path);
  });
  if (!ran) return;
  if (!saved.ok()) {
    Log(config::LogLevel::kWarning, "DEBUG RELOAD: %s", saved.message().c_str());
    return ctx.reply.Error("ERR");
  }
  if (!loaded.ok()) {
    Log(config::LogLevel::kWarning, "DEBUG RELOAD: %s; the data are as before",
        loaded.message().c_str());
    return ctx.reply.Error("ERR Error trying to load the RDB dump, check server logs.");
  }
  Log(config::LogLevel::kWarning, "DB reloaded by DEBUG RELOAD");
  ctx.reply.Ok();
}

}  // namespace terrace::server
