// GatheredRequests: what a worker's connections have sent since its last turn, in the order it came, and fetched into the
// cache ahead of being run.
//
//   request   i        i + 3        i + 6                    i + 12   i + 18   i + 24
//             runs     element of   entries behind a chain   entry,   bucket   shard
//                      the same     place of an element of   place in
//                      collection   the same collection      WriteOffsets
//
// Each stage needs what the one before it has fetched, so they are staggered: memory's latency hides behind the requests
// that run meanwhile. A prefetch reads no entry and takes no lock; a guess that is wrong costs time and nothing else.
// Elements are another matter: what to fetch can only be seen under the key's lock, so a request that holds it does it for
// those behind it that name the same key.
//
// Threads: the worker's. What was guessed is good until the worker goes out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/args.h"
#include "commands/command_table.h"
#include "engine/commit_log.h"
#include "engine/databases.h"
#include "exec/executor.h"
#include "resp/request_parser.h"
#include "server/connection.h"
#include "types/table.h"

namespace terrace::server {

/// Views into the turn's arena.
struct GatheredRequest {
  // What a connection sent, if not just its protocol error. No member is stored twice.
  explicit GatheredRequest(Connection& sender) : connection(&sender) {}
  GatheredRequest(Connection& sender, const resp::ParsedRequest& request)
      : connection(&sender),
        argv(request.argv),
        argc(request.argc),
        blob_count(static_cast<uint32_t>(request.blobs.size())),
        blobs(request.blobs.data()),
        raw(request.raw) {}

  Connection* connection;
  const commands::Command* command = nullptr;
  const Bytes* argv = nullptr;
  uint32_t argc = 0;
  uint32_t blob_count = 0;
  const BlobArg* blobs = nullptr;
  Bytes raw;
  uint64_t hash = 0;
  engine::Shard* shard = nullptr;  // while the request is fetched ahead
  uint64_t element = 0;  // Table::HashOf the element it will look up, once that is fetched; 0: none
  bool hashed = false;
  bool repeats = false;  // the key of the request before it, for which everything was fetched
  bool chained = false;  // the key's entry lies behind its bucket's chain
  bool protocol_error = false;  // to be answered; there is no request then
};

class GatheredRequests {
 public:
  GatheredRequests(engine::Databases& databases, const engine::CommitLog& log,
                   const commands::CommandTable& table)
      : databases_(databases), log_(log), table_(table) {}

  bool empty() const { return requests_.empty(); }
  size_t size() const { return requests_.size(); }
  GatheredRequest& operator[](size_t i) { return requests_[i]; }
  /// Looks the command up and hashes its first key. Returns the command, nullptr if there is none of that name.
  const commands::Command* Add(Connection& connection, const resp::ParsedRequest& request);
  /// The connection's protocol error, to be answered when its turn comes.
  void AddProtocolError(Connection& connection) {
    requests_.emplace_back(connection).protocol_error = true;
  }
  void Clear() { requests_.clear(); }

  /// Before the first one runs: all stages, as far ahead as each goes.
  void FetchFirst() {
    const size_t count = requests_.size();
    offsets_ = (log_.mode() & engine::CommitLog::kPromises) != 0 ? &log_.write_offsets() : nullptr;
    for (size_t i = 0; i < std::min(kShardsAhead, count); ++i) FetchShard(requests_[i]);
    for (size_t i = 0; i < std::min(kBucketsAhead, count); ++i) FetchBucket(requests_[i]);
    for (size_t i = 0; i < std::min(kEntriesAhead, count); ++i) FetchEntry(requests_[i]);
    for (size_t i = 0; i < std::min(kChainedAhead, count); ++i) FetchChained(requests_[i]);
  }
  /// Before request `i` runs: what is due then. Running one may add more behind the last.
  void FetchAhead(size_t i) {
    const size_t count = requests_.size();
    if (i + kShardsAhead < count) FetchShard(requests_[i + kShardsAhead]);
    if (i + kBucketsAhead < count) FetchBucket(requests_[i + kBucketsAhead]);
    if (i + kEntriesAhead < count) FetchEntry(requests_[i + kEntriesAhead]);
    if (i + kChainedAhead < count) FetchChained(requests_[i + kChainedAhead]);
  }
  /// What is to be fetched of the collection request `i` works on, for those behind it that work on the same one: where
  /// an element is looked for, and the element itself of the request whose place was fetched before.
  void NameElements(size_t i, exec::Invocation* invocation) {
    const GatheredRequest& request = requests_[i];
    if (request.command->spec->element == 0) return;
    if (GatheredRequest* next = OnSameKey(request, i + kPlacesAhead)) {
      next->element = types::Table::HashOf(next->argv[next->command->spec->element]);
      invocation->next_place = next->element;
    }
    if (GatheredRequest* next = OnSameKey(request, i + kElementsAhead)) {
      invocation->next_element = next->element;
    }
  }
  /// The worker has been out: the shards that were guessed for request `from` and those behind it may be gone.
  void ForgetFetched(size_t from) {
    const size_t end = std::min(from + kShardsAhead, requests_.size());
    for (size_t i = from; i < end; ++i) requests_[i].shard = nullptr;
  }

 private:
  static constexpr size_t kShardsAhead = 24;
  static constexpr size_t kBucketsAhead = 18;
  static constexpr size_t kEntriesAhead = 12;
  static constexpr size_t kChainedAhead = 6;
  static constexpr size_t kPlacesAhead = 6;
  static constexpr size_t kElementsAhead = 3;
  // To hash a longer one twice costs more than is gained.
  static constexpr size_t kElementBytesMax = 256;

  const commands::Command* FindCommand(Bytes name);

  /// Request `i`, if it looks an element up in the value of the same key.
  GatheredRequest* OnSameKey(const GatheredRequest& request, size_t i) {
    if (i >= requests_.size()) return nullptr;
    GatheredRequest& other = requests_[i];
    const bool same = other.hashed && other.hash == request.hash &&
                      other.connection->db == request.connection->db;
    const unsigned element = same ? other.command->spec->element : 0;
    if (element == 0 || other.argc <= element) return nullptr;
    return other.argv[element].size() <= kElementBytesMax ? &other : nullptr;
  }

  void FetchShard(GatheredRequest& request) {
    if (!request.hashed || request.repeats) return;
    request.shard = databases_.Get(request.connection->db).staircase().Guess(request.hash);
    request.shard->PrefetchSelf();
  }
  static void FetchBucket(GatheredRequest& request) {
    if (request.shard != nullptr) request.shard->PrefetchBucket(request.hash);
  }
  void FetchEntry(GatheredRequest& request) const {
    if (request.shard == nullptr) return;
    request.chained = request.shard->PrefetchEntry(request.hash);
    if (offsets_ != nullptr) offsets_->Prefetch(request.hash);
  }
  static void FetchChained(GatheredRequest& request) {
    if (request.chained && request.shard != nullptr) request.shard->PrefetchChained(request.hash);
  }

  engine::Databases& databases_;
  const engine::CommitLog& log_;
  const commands::CommandTable& table_;
  const engine::WriteOffsets* offsets_ = nullptr;  // while replies wait for the log
  std::vector<GatheredRequest> requests_;
  char last_name_[16];  // the last command's name as it was sent, and what it was found to be
  size_t last_name_bytes_ = SIZE_MAX;
  const commands::Command* last_command_ = nullptr;
  char last_key_[32];  // the last request's first key and its hash, likewise
  size_t last_key_bytes_ = SIZE_MAX;
  uint64_t last_hash_ = 0;
};

// Clients of a queue or a leaderboard name the same key again and again.
inline const commands::Command* GatheredRequests::Add(Connection& connection,
                                                      const resp::ParsedRequest& request) {
  GatheredRequest& gathered = requests_.emplace_back(connection, request);
  gathered.command = FindCommand(request.argv[0]);
  if (TERRACE_UNLIKELY(gathered.command == nullptr)) return nullptr;
  const int16_t first = gathered.command->first_key;
  if (TERRACE_LIKELY(first > 0 && request.argc > static_cast<uint32_t>(first))) {
    const Bytes key = request.argv[first];
    gathered.repeats =
        key.size() == last_key_bytes_ && SameBytes(key.data(), last_key_, key.size());
    if (!gathered.repeats) {
      last_hash_ = databases_.HashOf(key);
      last_key_bytes_ = key.size() <= sizeof last_key_ ? key.size() : SIZE_MAX;
      if (key.size() <= sizeof last_key_) key.copy(last_key_, key.size());
    }
    gathered.hash = last_hash_;
    gathered.hashed = true;
  }
  return gathered.command;
}

// Clients tend to send the same command again, spelled in the same way.
inline const commands::Command* GatheredRequests::FindCommand(Bytes name) {
  if (TERRACE_LIKELY(name.size() == last_name_bytes_ &&
                     SameBytes(name.data(), last_name_, name.size()))) {
    return last_command_;
  }
  const commands::Command* command = table_.Find(name);
  if (name.size() <= sizeof last_name_) {
    std::memcpy(last_name_, name.data(), name.size());
    last_name_bytes_ = name.size();
    last_command_ = command;
  }
  return command;
}

}  // namespace terrace::server
