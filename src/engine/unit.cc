#include "engine/unit.h"

#include "base/numbers.h"

namespace terrace::engine {
namespace {

void AppendHeader(std::string& out, char kind, size_t number) {
  char digits[kInt64CharsMax];
  out.push_back(kind);
  out.append(digits, FormatInt64(static_cast<int64_t>(number), digits));
  out.append("\r\n");
}

void AppendBulk(std::string& out, Bytes bytes) {
  AppendHeader(out, '$', bytes.size());
  out.append(bytes);
  out.append("\r\n");
}

}  // namespace

void Unit::CountHit(Entry* entry) {
  entry->set_access(LfuTouch(entry->access(), now_ms, lfu_settings(), random));
}

// A unit that touches several databases (COPY DB, MOVE in an EXEC) carries its own SELECTs after the first.
void Unit::SwitchTo(unsigned db) {
  if (commands_ == 0) {
    first_db_ = last_db_ = db;
    return;
  }
  if (db == last_db_) return;
  last_db_ = db;
  AppendHeader(effects_, '*', 2);
  AppendBulk(effects_, "SELECT");
  AppendBulk(effects_, FormatInt64(db));
}

void Unit::LogWords(unsigned db, std::initializer_list<EffectWord> words) {
  if (!logging) return;
  SwitchTo(db);
  ++commands_;
  AppendHeader(effects_, '*', words.size());
  for (const EffectWord& word : words) {
    if (word.is_number()) {
      char digits[kInt64CharsMax];
      AppendBulk(effects_, Bytes(digits, FormatInt64(word.number(), digits)));
    } else {
      AppendBulk(effects_, word.bytes());
    }
  }
}

void Unit::LogArgs(unsigned db, const Bytes* argv, size_t argc) {
  if (!logging) return;
  SwitchTo(db);
  ++commands_;
  AppendHeader(effects_, '*', argc);
  for (size_t i = 0; i < argc; ++i) AppendBulk(effects_, argv[i]);
}

void Unit::LogRaw(unsigned db, Bytes raw) {
  if (!logging) return;
  SwitchTo(db);
  ++commands_;
  effects_.append(raw);
}

void Unit::CommitReceived() {
  if (log.enabled() && !received.empty()) offset = log.AppendReceived(received);
  received = Bytes();
}

void Unit::CommitEffects() {
  if (origin == Origin::kStream) return CommitReceived();
  offset = log.Append(effects_, commands_, first_db_, last_db_);
  effects_.clear();
  if (effects_.capacity() > 256 * kKiB) effects_.shrink_to_fit();
  commands_ = 0;
}

}  // namespace terrace::engine
