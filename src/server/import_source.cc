#include "server/import_source.h"

#include <sys/stat.h>

#include <utility>

#include "server/log.h"
#include "server/mapped_file.h"
#include "storage/segment_set.h"

namespace terrace::server {
namespace {

using Form = ImportSource::Form;

constexpr Bytes kRdbMagic = "REDIS";
constexpr Bytes kManifestEnding = ".manifest";

bool IsThere(const std::string& path) {
  struct stat facts;
  return ::stat(path.c_str(), &facts) == 0;
}

bool IsTheSame(const std::string& a, const std::string& b) {
  struct stat first, second;
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

// Nothing was ever written there.
StatusOr<bool> IsEmpty(const DataDirectory& data) {
  const auto state = data.manifest().state();
  if (!state->tables.empty() || state->checkpoint.log_offset > 1) return false;
  const auto log = storage::SegmentSet::Open(data.files(), data.path(), {});
  if (!log.ok()) return Unexpected{log.error()};
  return (*log)->next_offset() == 1;
}

// What a Redis that was started with these options would read; what comes first is read first.
std::optional<ImportSource> FindInDirectory(const config::Options& options) {
  if (!options.appendonly && IsThere("terrace-data/MANIFEST")) {
    Log(config::LogLevel::kWarning,
        "What is in %s/terrace-data is not read: the server was started without appendonly",
        options.dir.c_str());
  }
  if (options.appendonly) {
    const std::string manifest = options.appenddirname + "/" + options.appendfilename + ".manifest";
    if (IsThere(manifest)) return ImportSource{Form::kManifest, manifest};
    if (IsThere(options.appendfilename)) return ImportSource{Form::kLog, options.appendfilename};
  }
  if (IsThere(options.dbfilename)) return ImportSource{Form::kDump, options.dbfilename};
  return std::nullopt;
}

StatusOr<ImportSource> Named(const std::string& path) {
  if (path.ends_with(kManifestEnding)) return ImportSource{Form::kManifest, path};
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return Unexpected{file.error()};
  if (file->bytes().empty()) return Unexpected{Status::Error(path + " is empty")};
  const bool is_log = !file->bytes().starts_with(kRdbMagic);
  return ImportSource{is_log ? Form::kLog : Form::kDump, path};
}

}  // namespace

StatusOr<std::optional<ImportSource>> FindImport(const config::Options& options,
                                                 const std::string& import_file,
                                                 const DataDirectory* data) {
  const auto empty = data == nullptr ? StatusOr<bool>(true) : IsEmpty(*data);
  if (!empty.ok()) return Unexpected{empty.error()};
  if (import_file.empty()) return *empty ? FindInDirectory(options) : std::nullopt;
  const auto refuse = [&](const std::string& what) {
    return Unexpected{Status::Error(
        "--import " + import_file + ": " + what +
        "; start without --import to use that, or with a --dir that is empty, or move it away")};
  };
  if (!*empty) return refuse(data->path() + " has data already");
  const auto own = FindInDirectory(options);
  if (own && !IsTheSame(own->path, import_file))
    return refuse(options.dir + "/" + own->path + " would be read anyway");
  auto named = Named(import_file);
  if (!named.ok()) return Unexpected{named.error()};
  return std::optional<ImportSource>(*std::move(named));
}

}  // namespace terrace::server
