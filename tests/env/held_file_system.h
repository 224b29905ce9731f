// HeldFileSystem: another file system whose syncs can be made to wait, for what must go on meanwhile; and whose reads may be
// several under way, where the kernel has queues for that.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "env/file_system.h"

namespace terrace::testing {

class HeldFileSystem final : public FileSystem {
 public:
  explicit HeldFileSystem(FileSystem& under) : under_(under) {}

  /// From now on no sync of a file begins.
  void Hold() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    held_ = true;
  }
  void LetGo() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }
  /// Until a sync is being held up.
  void AwaitSync() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (waiting_ == 0) changed_.Wait(mutex_);
  }

  StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    return under_.Open(path);
  }
  StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    auto file = under_.Create(path);
    if (!file.ok()) return file;
    return std::unique_ptr<WritableFile>(new HeldFile(*this, *std::move(file)));
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return under_.Rename(from, to);
  }
  Status Remove(const std::string& path) override { return under_.Remove(path); }
  Status Truncate(const std::string& path, uint64_t size) override {
    return under_.Truncate(path, size);
  }
  Status CreateDirectory(const std::string& path) override { return under_.CreateDirectory(path); }
  Status RemoveDirectory(const std::string& path) override { return under_.RemoveDirectory(path); }
  Status SyncDirectory(const std::string& path) override { return under_.SyncDirectory(path); }
  StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return under_.List(path);
  }
  StatusOr<uint64_t> FreeBytes(const std::string& path) override { return under_.FreeBytes(path); }
  std::unique_ptr<ReadQueue> NewReadQueue(size_t depth) override {
    auto queue = NewKernelReadQueue(depth);
    return queue != nullptr ? std::move(queue) : NewSerialReadQueue();
  }

 private:
  class HeldFile final : public WritableFile {
   public:
    HeldFile(HeldFileSystem& files, std::unique_ptr<WritableFile> under)
        : files_(files), under_(std::move(under)) {}
    Status Append(Bytes bytes) override { return under_->Append(bytes); }
    Status Sync() override {
      files_.Pass();
      return under_->Sync();
    }
    Status Reserve(uint64_t size) override { return under_->Reserve(size); }
    Status ZeroAhead(uint64_t size) override { return under_->ZeroAhead(size); }
    uint64_t Size() const override { return under_->Size(); }

   private:
    HeldFileSystem& files_;
    const std::unique_ptr<WritableFile> under_;
  };

  void Pass() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    ++waiting_;
    changed_.NotifyAll();
    while (held_) changed_.Wait(mutex_);
    --waiting_;
  }

  FileSystem& under_;
  Mutex mutex_;
  CondVar changed_;
  bool held_ TERRACE_GUARDED_BY(mutex_) = false;
  size_t waiting_ TERRACE_GUARDED_BY(mutex_) = 0;
};

}  // namespace terrace::testing
