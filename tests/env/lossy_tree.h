// LossyTree: files and directories as a disk with a cache in front of it knows them, and what a power cut leaves of them.
//
//   file        0 ........ synced ........ end ... zeros ahead ... size    what a failed sync left to chance: `doubtful` ranges
//   directory   entries: what a look shows;  synced: what the disk has;  pending: the changes between, in their order
//
// LossyFileSystem puts calls, faults and a size around it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"

namespace terrace::testing {

class LossyNode;
using LossyNodePtr = std::shared_ptr<LossyNode>;

class LossyNode {
 public:
  explicit LossyNode(bool directory) : is_directory(directory) {}

  // --- a file
  void Append(Bytes more) {
    last_append = end;
    bytes.replace(end, std::min(more.size(), bytes.size() - end), more);
    end += more.size();
  }
  void ZeroAhead(size_t size) { bytes.resize(std::max(size, bytes.size())); }
  void Synced() {
    synced = end;
    synced_size = bytes.size();
  }
  /// What is not yet on the disk may never get there, whatever a later sync says.
  void SyncFailed();
  /// CONTRACT: `size` is at most the file's.
  void TruncateAndSync(size_t size);

  // --- a directory
  /// `node` has the name from now on, or nobody if it is null; `old` is the name that it loses by that, in this directory.
  void Enter(const std::string& name, LossyNodePtr node, const std::string& old = "");
  void Leave(const std::string& name);
  void DirectorySynced();

  const bool is_directory;
  std::string bytes;  // zeros ahead included
  size_t end = 0;     // where what is appended goes
  std::map<std::string, LossyNodePtr> entries;
  // How much space the file holds, and who holds the file; see LossyFileSystem.
  uint64_t reserved = 0;
  int names = 0;
  int handles = 0;

 private:
  friend class PowerCut;

  struct Change {
    std::string name;
    LossyNodePtr node;  // null: the name goes
    std::string old;
    LossyNodePtr left;  // who had the name, if it goes
  };
  static void Apply(const Change& change, std::map<std::string, LossyNodePtr>* to);

  size_t synced = 0;
  size_t synced_size = 0;  // at least as long is the file on the disk
  size_t last_append = 0;
  std::vector<std::pair<size_t, size_t>> doubtful;
  std::map<std::string, LossyNodePtr> synced_entries;
  std::vector<Change> pending;
};

/// The tree below `root` as it may be found after a power cut, everything in it synced.
LossyNodePtr AfterPowerCut(const LossyNode& root, size_t page_bytes, Random& random);

}  // namespace terrace::testing
