// OwnedRequest: a request whose arguments outlive the turn: a queued command, a parked one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/args.h"
#include "commands/command_table.h"

namespace terrace::exec {

class OwnedRequest {
 public:
  OwnedRequest() = default;
  OwnedRequest(const commands::Command* command, Args args, Bytes raw);

  const commands::Command* command() const { return command_; }
  Args args() const { return Args(views_.data(), views_.size(), blobs_); }
  Bytes raw() const { return raw_; }
  size_t memory_bytes() const {
    return bytes_size_ + raw_.size() + views_.capacity() * sizeof(Bytes);
  }

 private:
  const commands::Command* command_ = nullptr;
  std::unique_ptr<char[]> bytes_;
  size_t bytes_size_ = 0;
  std::vector<Bytes> views_;
  std::vector<BlobArg> blobs_;
  std::vector<BlobRef> owners_;
  std::string raw_;
};

}  // namespace terrace::exec
