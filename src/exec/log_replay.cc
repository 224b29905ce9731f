#include "exec/log_replay.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace terrace::exec {
namespace {

// What a log may hold was bounded when it was written, by whatever limits were in force then.
constexpr resp::ParserLimits kNoLimits = {.bulk_bytes_max = SIZE_MAX / 4,
                                          .query_buffer_max = SIZE_MAX / 4};
constexpr size_t kNameShownMax = 64;

}  // namespace

LogReplay::LogReplay(Executor& executor, uint64_t offset)
    : executor_(executor), session_(0), applier_(executor, session_), offset_(offset) {
  parser_.set_limits(kNoLimits);
}

Status LogReplay::Feed(Bytes bytes) {
  executor_.BeginBatch();
  while (!bytes.empty()) {
    const std::span<char> room = parser_.ReadSpace(arena_);
    const size_t taken = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), taken);
    parser_.Received(taken);
    bytes.remove_prefix(taken);
    offset_ += taken;
    if (Status status = ApplyParsed(); !status.ok()) return status;
    parser_.EndTurn();
    arena_.Reset();
  }
  return Status::Ok();
}

Status LogReplay::ApplyParsed() {
  resp::ParsedRequest request;
  while (true) {
    const resp::RequestParser::Outcome outcome = parser_.Next(arena_, &request);
    if (outcome == resp::RequestParser::Outcome::kNeedMore) return Status::Ok();
    if (outcome == resp::RequestParser::Outcome::kError) return Refuse(parser_.error());
    const StreamApplier::Outcome applied = applier_.Apply(request.args(), Bytes());
    Status status;
    if (TERRACE_UNLIKELY(applied == StreamApplier::Outcome::kFailed)) {
      const Bytes name = request.argc == 0 ? Bytes() : request.argv[0].substr(0, kNameShownMax);
      status = Refuse("the command '" + std::string(name) + "' cannot be run on the data so far");
    }
    for (const BlobArg& blob : request.blobs) blob.blob->Unref();
    if (!status.ok()) return status;
    ++commands_;
  }
}

Status LogReplay::Refuse(const std::string& why) const {
  return Status::Error("the log before offset " + std::to_string(offset_) + ": " + why);
}

Status LogReplay::End() const {
  if (parser_.buffered_bytes() == 0 && applier_.pending_bytes() == 0 && !session_.in_multi())
    return Status::Ok();
  return Status::Error("the log ends at offset " + std::to_string(offset_) + ", within a unit");
}

}  // namespace terrace::exec
