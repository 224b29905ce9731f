#include "env/lossy_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "env/lossy_tree.h"

namespace terrace::testing {
namespace {

struct Split {
  std::string directory;
  std::string name;
};

Split SplitPath(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

// What the file system and its open files share. Every call that the interface knows is one function here, under the lock.
class LossyFileSystem::Disk {
 public:
  Disk(Options options, LossyNodePtr root) : options_(options), root_(std::move(root)) {
    std::set<const LossyNode*> seen;
    used_ = SpaceBelow(*root_, &seen);
  }

  StatusOr<LossyNodePtr> Open(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot open " + path;
    if (Status status = Look(what); !status.ok()) return Unexpected{std::move(status)};
    const LossyNodePtr node = Find(path);
    if (node == nullptr) return Unexpected{Status::FromErrno(what, ENOENT)};
    if (node->is_directory) return Unexpected{Status::FromErrno(what, EISDIR)};
    ++node->handles;
    return node;
  }

  StatusOr<size_t> ReadAt(const LossyNode& node, const std::string& path, uint64_t offset,
                          char* out, size_t size) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (Status status = Look("cannot read " + path); !status.ok())
      return Unexpected{std::move(status)};
    if (offset >= node.bytes.size()) return size_t{0};
    const size_t count = std::min<size_t>(size, node.bytes.size() - offset);
    std::memcpy(out, node.bytes.data() + offset, count);
    return count;
  }

  uint64_t SizeOf(const LossyNode& node) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return node.bytes.size();
  }

  StatusOr<LossyNodePtr> Create(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot create " + path;
    if (Status status = Change("create " + path, what); !status.ok())
      return Unexpected{std::move(status)};
    const Split split = SplitPath(path);
    const LossyNodePtr directory = FindDirectory(split.directory);
    if (directory == nullptr) return Unexpected{Status::FromErrno(what, ENOENT)};
    if (directory->entries.contains(split.name)) return Unexpected{Status::FromErrno(what, EEXIST)};
    auto node = std::make_shared<LossyNode>(false);
    directory->Enter(split.name, node);
    ++node->names;
    ++node->handles;
    return node;
  }

  Status Append(LossyNode& node, const std::string& path, Bytes bytes) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot write " + path;
    Fault fault = Fault::kIo;
    if (Status status =
            Change("append " + std::to_string(bytes.size()) + " to " + path, what, &fault);
        !status.ok()) {
      if (fault == Fault::kShortWrite && !stopped_) Grow(node, bytes.substr(0, bytes.size() / 2));
      return status;
    }
    return Grow(node, bytes) ? Status::Ok() : Status::FromErrno(what, ENOSPC);
  }

  Status Sync(LossyNode& node, const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    Status status = Change("sync " + path, "cannot sync " + path);
    if (status.ok()) {
      node.Synced();
    } else if (!stopped_) {
      node.SyncFailed();
    }
    return status;
  }

  Status Reserve(LossyNode& node, const std::string& path, uint64_t size) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot set " + std::to_string(size) + " bytes aside for " + path;
    Status status = Change("reserve " + std::to_string(size) + " for " + path, what);
    if (!status.ok()) return status;
    const uint64_t before = SpaceOf(node);
    if (size > before && size - before > Room()) return Status::FromErrno(what, ENOSPC);
    node.reserved = std::max(node.reserved, size);
    used_ += SpaceOf(node) - before;
    return Status::Ok();
  }

  Status ZeroAhead(LossyNode& node, const std::string& path, uint64_t size)
      TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot write zeros to " + path;
    Status status = Change("zeros up to " + std::to_string(size) + " in " + path, what);
    if (!status.ok()) return status;
    const uint64_t before = SpaceOf(node);
    const uint64_t fits = std::min(size, before + Room());
    node.ZeroAhead(fits);
    used_ += SpaceOf(node) - before;
    return fits == size ? Status::Ok() : Status::FromErrno(what, ENOSPC);
  }

  Status Rename(const std::string& from, const std::string& to) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot rename " + from + " to " + to;
    Status status = Change("rename " + from + " to " + to, what);
    if (!status.ok()) return status;
    const Split source = SplitPath(from);
    const Split target = SplitPath(to);
    const LossyNodePtr node = Find(from);
    const LossyNodePtr source_directory = FindDirectory(source.directory);
    const LossyNodePtr target_directory = FindDirectory(target.directory);
    if (node == nullptr || target_directory == nullptr) return Status::FromErrno(what, ENOENT);
    const LossyNodePtr replaced = Find(to);
    if (replaced == node) return Status::Ok();
    if (replaced != nullptr && replaced->is_directory) return Status::FromErrno(what, EISDIR);
    if (source_directory == target_directory) {
      target_directory->Enter(target.name, node, source.name);
    } else {
      target_directory->Enter(target.name, node);
      source_directory->Leave(source.name);
    }
    if (replaced != nullptr) LoseName(*replaced);
    return Status::Ok();
  }

  Status Remove(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot remove " + path;
    Status status = Change("remove " + path, what);
    if (!status.ok()) return status;
    const LossyNodePtr node = Find(path);
    if (node == nullptr) return Status::FromErrno(what, ENOENT);
    if (node->is_directory) return Status::FromErrno(what, EISDIR);
    const Split split = SplitPath(path);
    FindDirectory(split.directory)->Leave(split.name);
    LoseName(*node);
    return Status::Ok();
  }

  Status Truncate(const std::string& path, uint64_t size) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot cut " + path + " to " + std::to_string(size) + " bytes";
    Status status = Change("truncate " + path + " to " + std::to_string(size), what);
    if (!status.ok()) return status;
    const LossyNodePtr node = Find(path);
    if (node == nullptr) return Status::FromErrno(what, ENOENT);
    if (node->is_directory) return Status::FromErrno(what, EISDIR);
    if (size > node->bytes.size()) return Status::FromErrno(what, EINVAL);
    const uint64_t before = SpaceOf(*node);
    node->TruncateAndSync(size);
    node->reserved = 0;
    used_ -= before - SpaceOf(*node);
    return Status::Ok();
  }

  Status CreateDirectory(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot create the directory " + path;
    Status status = Change("create directory " + path, what);
    if (!status.ok()) return status;
    if (const LossyNodePtr found = Find(path)) {
      return found->is_directory ? Status::Ok() : Status::FromErrno(what, EEXIST);
    }
    const Split split = SplitPath(path);
    const LossyNodePtr parent = FindDirectory(split.directory);
    if (parent == nullptr) return Status::FromErrno(what, ENOENT);
    parent->Enter(split.name, std::make_shared<LossyNode>(true));
    return Status::Ok();
  }

  Status RemoveDirectory(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot remove the directory " + path;
    Status status = Change("remove directory " + path, what);
    if (!status.ok()) return status;
    const LossyNodePtr node = Find(path);
    if (node == nullptr) return Status::FromErrno(what, ENOENT);
    if (!node->is_directory) return Status::FromErrno(what, ENOTDIR);
    if (!node->entries.empty()) return Status::FromErrno(what, ENOTEMPTY);
    const Split split = SplitPath(path);
    FindDirectory(split.directory)->Leave(split.name);
    return Status::Ok();
  }

  Status SyncDirectory(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot sync the directory " + path;
    Status status = Change("sync directory " + path, what);
    if (!status.ok()) return status;
    const LossyNodePtr node = FindDirectory(path);
    if (node == nullptr) return Status::FromErrno(what, ENOENT);
    node->DirectorySynced();
    return Status::Ok();
  }

  StatusOr<std::vector<std::string>> List(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot list " + path;
    if (Status status = Look(what); !status.ok()) return Unexpected{std::move(status)};
    const LossyNodePtr node = FindDirectory(path);
    if (node == nullptr) return Unexpected{Status::FromErrno(what, ENOENT)};
    std::vector<std::string> names;
    // Backwards: who relies on an order finds out.
    for (auto at = node->entries.rbegin(); at != node->entries.rend(); ++at)
      names.push_back(at->first);
    return names;
  }

  StatusOr<uint64_t> FreeBytes(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string what = "cannot ask for the free space of " + path;
    if (Status status = Look(what); !status.ok()) return Unexpected{std::move(status)};
    if (FindDirectory(path) == nullptr) return Unexpected{Status::FromErrno(what, ENOENT)};
    return Room();
  }

  void Close(LossyNode& node) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    --node.handles;
    FreeIfGone(node);
  }

  std::shared_ptr<Disk> Crash(uint64_t seed) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    Random random(seed);
    return std::make_shared<Disk>(options_, AfterPowerCut(*root_, options_.page_bytes, random));
  }

  // --- for tests, beside the interface

  void FailChange(uint64_t n, Fault fault, uint64_t times) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    fault_ = fault;
    change_fails_from_ = changes_ + n;
    change_fails_upto_ = changes_ + n + times;
  }
  void FailLook(uint64_t n, uint64_t times) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    look_fails_from_ = looks_ + n;
    look_fails_upto_ = looks_ + n + times;
  }
  void StopAt(uint64_t n) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    stops_at_ = changes_ + n;
  }
  bool stopped() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return stopped_;
  }
  void set_capacity_bytes(uint64_t bytes) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    options_.capacity_bytes = bytes;
  }
  uint64_t used_bytes() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return used_;
  }
  uint64_t changes() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return changes_;
  }
  uint64_t looks() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return looks_;
  }
  std::string last_change() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return last_change_;
  }
  bool Exists(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return Find(path) != nullptr;
  }
  std::string Contents(const std::string& path) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return Existing(path)->bytes;
  }
  void Put(const std::string& path, Bytes bytes) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const Split split = SplitPath(path);
    const LossyNodePtr directory = FindDirectory(split.directory);
    TERRACE_CHECK(directory != nullptr);
    if (const LossyNodePtr old = Find(path)) {
      directory->Leave(split.name);
      LoseName(*old);
    }
    auto node = std::make_shared<LossyNode>(false);
    node->Append(bytes);
    node->Synced();
    ++node->names;
    directory->Enter(split.name, node);
    directory->DirectorySynced();
    used_ += SpaceOf(*node);
  }
  void Flip(const std::string& path, uint64_t offset, unsigned char mask) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    char& byte = Existing(path)->bytes.at(offset);
    byte = static_cast<char>(byte ^ mask);
  }

 private:
  static uint64_t SpaceOf(const LossyNode& node) {
    return std::max<uint64_t>(node.bytes.size(), node.reserved);
  }

  // A file may have two names: a power cut can take one of a rename's two changes.
  static uint64_t SpaceBelow(const LossyNode& directory, std::set<const LossyNode*>* seen) {
    uint64_t sum = 0;
    for (const auto& [name, node] : directory.entries) {
      if (!seen->insert(node.get()).second) continue;
      sum += node->is_directory ? SpaceBelow(*node, seen) : SpaceOf(*node);
    }
    return sum;
  }

  uint64_t Room() const TERRACE_REQUIRES(mutex_) {
    return options_.capacity_bytes - std::min(options_.capacity_bytes, used_);
  }

  // What there is room for; false if that is not all.
  bool Grow(LossyNode& node, Bytes bytes) TERRACE_REQUIRES(mutex_) {
    const uint64_t before = SpaceOf(node);
    const uint64_t set_aside = before - node.end;
    const size_t fits =
        std::min<uint64_t>(bytes.size(), set_aside + std::min(Room(), UINT64_MAX / 2));
    node.Append(bytes.substr(0, fits));
    used_ += SpaceOf(node) - before;
    return fits == bytes.size();
  }

  void LoseName(LossyNode& node) TERRACE_REQUIRES(mutex_) {
    --node.names;
    FreeIfGone(node);
  }
  void FreeIfGone(LossyNode& node) TERRACE_REQUIRES(mutex_) {
    if (!node.is_directory && node.names == 0 && node.handles == 0) used_ -= SpaceOf(node);
  }

  LossyNodePtr Find(const std::string& path) TERRACE_REQUIRES(mutex_) {
    LossyNodePtr node = root_;
    size_t begin = 0;
    while (begin <= path.size()) {
      const size_t end = std::min(path.find('/', begin), path.size());
      const std::string name = path.substr(begin, end - begin);
      begin = end + 1;
      if (name.empty() || name == ".") continue;
      if (!node->is_directory) return nullptr;
      const auto found = node->entries.find(name);
      if (found == node->entries.end()) return nullptr;
      node = found->second;
    }
    return node;
  }
  LossyNodePtr FindDirectory(const std::string& path) TERRACE_REQUIRES(mutex_) {
    LossyNodePtr node = Find(path);
    return node != nullptr && node->is_directory ? node : nullptr;
  }
  LossyNodePtr Existing(const std::string& path) TERRACE_REQUIRES(mutex_) {
    LossyNodePtr node = Find(path);
    TERRACE_CHECK(node != nullptr && !node->is_directory);
    return node;
  }

  Status Look(const std::string& what) TERRACE_REQUIRES(mutex_) {
    ++looks_;
    const bool fails = looks_ >= look_fails_from_ && looks_ < look_fails_upto_;
    return stopped_ || fails ? Status::FromErrno(what, EIO) : Status::Ok();
  }
  Status Change(std::string words, const std::string& what, Fault* fault = nullptr)
      TERRACE_REQUIRES(mutex_) {
    ++changes_;
    if (!stopped_) last_change_ = std::move(words);
    if (changes_ >= stops_at_) stopped_ = true;
    if (stopped_) return Status::FromErrno(what, EIO);
    if (changes_ < change_fails_from_ || changes_ >= change_fails_upto_) return Status::Ok();
    if (fault != nullptr) *fault = fault_;
    return Status::FromErrno(what, fault_ == Fault::kIo ? EIO : ENOSPC);
  }

  Mutex mutex_;
  Options options_ TERRACE_GUARDED_BY(mutex_);
  const LossyNodePtr root_;
  uint64_t used_ TERRACE_GUARDED_BY(mutex_) = 0;
  uint64_t changes_ TERRACE_GUARDED_BY(mutex_) = 0;
  uint64_t looks_ TERRACE_GUARDED_BY(mutex_) = 0;
  std::string last_change_ TERRACE_GUARDED_BY(mutex_);
  Fault fault_ TERRACE_GUARDED_BY(mutex_) = Fault::kIo;
  // [from, upto)
  uint64_t change_fails_from_ TERRACE_GUARDED_BY(mutex_) = 0;
  uint64_t change_fails_upto_ TERRACE_GUARDED_BY(mutex_) = 0;
  uint64_t look_fails_from_ TERRACE_GUARDED_BY(mutex_) = 0;
  uint64_t look_fails_upto_ TERRACE_GUARDED_BY(mutex_) = 0;
  uint64_t stops_at_ TERRACE_GUARDED_BY(mutex_) = UINT64_MAX;
  bool stopped_ TERRACE_GUARDED_BY(mutex_) = false;
};

class LossyFileSystem::Reader : public ReadableFile {
 public:
  Reader(std::shared_ptr<Disk> disk, LossyNodePtr node, std::string path)
      : disk_(std::move(disk)), node_(std::move(node)), path_(std::move(path)) {}
  ~Reader() override { disk_->Close(*node_); }

  StatusOr<size_t> ReadAt(uint64_t offset, char* out, size_t size) const override {
    return disk_->ReadAt(*node_, path_, offset, out, size);
  }
  uint64_t Size() const override { return disk_->SizeOf(*node_); }

 private:
  const std::shared_ptr<Disk> disk_;
  const LossyNodePtr node_;
  const std::string path_;
};

class LossyFileSystem::Writer : public WritableFile {
 public:
  Writer(std::shared_ptr<Disk> disk, LossyNodePtr node, std::string path)
      : disk_(std::move(disk)), node_(std::move(node)), path_(std::move(path)) {}
  ~Writer() override { disk_->Close(*node_); }

  Status Append(Bytes bytes) override { return disk_->Append(*node_, path_, bytes); }
  Status Sync() override { return disk_->Sync(*node_, path_); }
  Status Reserve(uint64_t size) override { return disk_->Reserve(*node_, path_, size); }
  Status ZeroAhead(uint64_t size) override { return disk_->ZeroAhead(*node_, path_, size); }
  uint64_t Size() const override { return disk_->SizeOf(*node_); }

 private:
  const std::shared_ptr<Disk> disk_;
  const LossyNodePtr node_;
  const std::string path_;
};

LossyFileSystem::LossyFileSystem(Options options)
    : disk_(std::make_shared<Disk>(options, std::make_shared<LossyNode>(true))) {}
LossyFileSystem::LossyFileSystem(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}
LossyFileSystem::~LossyFileSystem() = default;

StatusOr<std::unique_ptr<ReadableFile>> LossyFileSystem::Open(const std::string& path) {
  auto node = disk_->Open(path);
  if (!node.ok()) return Unexpected{node.error()};
  return std::unique_ptr<ReadableFile>(std::make_unique<Reader>(disk_, *node, path));
}
StatusOr<std::unique_ptr<WritableFile>> LossyFileSystem::Create(const std::string& path) {
  auto node = disk_->Create(path);
  if (!node.ok()) return Unexpected{node.error()};
  return std::unique_ptr<WritableFile>(std::make_unique<Writer>(disk_, *node, path));
}
Status LossyFileSystem::Rename(const std::string& from, const std::string& to) {
  return disk_->Rename(from, to);
}
Status LossyFileSystem::Remove(const std::string& path) { return disk_->Remove(path); }
Status LossyFileSystem::Truncate(const std::string& path, uint64_t size) {
  return disk_->Truncate(path, size);
}
Status LossyFileSystem::CreateDirectory(const std::string& path) {
  return disk_->CreateDirectory(path);
}
Status LossyFileSystem::RemoveDirectory(const std::string& path) {
  return disk_->RemoveDirectory(path);
}
Status LossyFileSystem::SyncDirectory(const std::string& path) {
  return disk_->SyncDirectory(path);
}
StatusOr<std::vector<std::string>> LossyFileSystem::List(const std::string& directory) {
  return disk_->List(directory);
}
StatusOr<uint64_t> LossyFileSystem::FreeBytes(const std::string& directory) {
  return disk_->FreeBytes(directory);
}

std::unique_ptr<LossyFileSystem> LossyFileSystem::Crash(uint64_t seed) const {
  return std::unique_ptr<LossyFileSystem>(new LossyFileSystem(disk_->Crash(seed)));
}

void LossyFileSystem::FailChange(uint64_t n, Fault fault, uint64_t times) {
  disk_->FailChange(n, fault, times);
}
void LossyFileSystem::FailLook(uint64_t n, uint64_t times) { disk_->FailLook(n, times); }
void LossyFileSystem::StopAt(uint64_t n) { disk_->StopAt(n); }
bool LossyFileSystem::stopped() const { return disk_->stopped(); }
void LossyFileSystem::set_capacity_bytes(uint64_t bytes) { disk_->set_capacity_bytes(bytes); }
uint64_t LossyFileSystem::used_bytes() const { return disk_->used_bytes(); }
uint64_t LossyFileSystem::changes() const { return disk_->changes(); }
uint64_t LossyFileSystem::looks() const { return disk_->looks(); }
std::string LossyFileSystem::last_change() const { return disk_->last_change(); }
bool LossyFileSystem::Exists(const std::string& path) const { return disk_->Exists(path); }
std::string LossyFileSystem::Contents(const std::string& path) const {
  return disk_->Contents(path);
}
void LossyFileSystem::Put(const std::string& path, Bytes bytes) { disk_->Put(path, bytes); }
void LossyFileSystem::Flip(const std::string& path, uint64_t offset, unsigned char mask) {
  disk_->Flip(path, offset, mask);
}

}  // namespace terrace::testing
