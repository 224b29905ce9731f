// Importer: the files of a Redis become the data of this server, before it serves them to anybody.
//
// An RDB file is read into keyspaces beside those in use, which it replaces when it is whole; commands of an append only
// file are run one after another. What cannot be read ends the start: nothing of it was kept on the disk, and the files
// are as they were.
//
// Threads: one, with a participant of its own; clients run nothing that touches data meanwhile.
#pragma once

#include <string>

#include "base/status.h"
#include "engine/dump_file.h"
#include "exec/executor.h"
#include "server/import_source.h"
#include "server/parts.h"

namespace terrace::server {

class Importer {
 public:
  struct Options {
    /// A file of commands may end within one, if it is the last: what follows the last whole unit is left out.
    bool allow_cut_off = true;
  };

  /// The databases are empty; the participant, which is the executor's, is out.
  Importer(Parts& parts, exec::Executor& executor, engine::Participant& self,
           const Options& options)
      : parts_(parts), executor_(executor), self_(self), options_(options) {}

  Status Load(const ImportSource& source);

 private:
  void Expect(const std::string& path);
  Status LoadDump(const std::string& path);
  Status LoadLog(const std::string& path, bool is_last);
  Status LoadManifest(const std::string& path);
  Status TakeDump(const std::string& path, Bytes file, engine::DueKeys due, size_t* length);
  Status TakeCommands(const std::string& path, Bytes file, size_t begin, bool is_last);
  Status Look(const std::string& path, size_t done, size_t bytes, uint64_t keys);
  void TellEnd(const std::string& path, Bytes file, uint64_t begun_ns, const std::string& what);

  Parts& parts_;
  exec::Executor& executor_;
  engine::Participant& self_;
  const Options options_;
  uint64_t told_ns_ = 0;
  size_t counted_ = 0;  // bytes of the file under way
};

}  // namespace terrace::server
