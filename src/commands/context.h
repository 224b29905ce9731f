// What a handler gets to see and to do.
//
// A ReadContext can only look. A WriteContext can also Edit, and its handler must return the Effect to be logged. The
// keys of the command are locked and what was due among them is gone; asking for any other key is a bug (checked in
// debug builds). A handler never sees a lock.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/args.h"
#include "commands/command_spec.h"
#include "commands/error_text.h"
#include "engine/edit.h"
#include "engine/interest.h"
#include "engine/key_locks.h"
#include "engine/unit.h"
#include "pubsub/message.h"
#include "resp/reply.h"
#include "types/errc.h"

namespace terrace::commands {

/// Takes published messages; implemented by whoever owns the subscribers.
class Publisher {
 public:
  virtual ~Publisher() = default;
  /// Returns how many subscribers get the message.
  virtual uint64_t Publish(pubsub::Kind kind, Bytes channel, Bytes payload) = 0;
};

/// What a write did, as it goes to the log. A handler that returns None changed nothing. It counts as one change since
/// the last save (rdb_changes_since_last_save, the rules of `save`) unless the handler says how many it was.
class [[nodiscard]] Effect {
 public:
  static Effect None() { return Effect(Kind::kNone); }
  /// The command as the client sent it is deterministic: log it unchanged.
  static Effect AsReceived() { return Effect(Kind::kAsReceived); }
  /// Logged unchanged, too, but for followers only: no key changed (PUBLISH).
  static Effect Passed() { return Effect(Kind::kPassed); }
  /// The handler has put its effect into the unit (WriteContext::Rewritten).
  static Effect Logged() { return Effect(Kind::kLogged); }
  /// The same effect, of so many changes: DEL of three keys, SADD of three members.
  Effect Counting(uint64_t changes) const {
    Effect counted = *this;
    counted.changes_ = changes;
    return counted;
  }

  /// The request itself goes to the log.
  bool logs_request() const { return kind_ == Kind::kAsReceived || kind_ == Kind::kPassed; }
  uint64_t changes() const { return kind_ == Kind::kNone || kind_ == Kind::kPassed ? 0 : changes_; }

 private:
  enum class Kind : uint8_t { kNone, kAsReceived, kPassed, kLogged };
  explicit Effect(Kind kind) : kind_(kind) {}
  Kind kind_;
  uint64_t changes_ = 1;
};

/// What a blocking command says where it must not wait. (When its time is over, all say a null array.)
enum class EmptyReply : uint8_t { kNull, kNullArray };

/// What is special about how a command waits.
struct WaitForm {
  /// It is run again, too, when one of its keys has gone or holds another type: to say so. Then all its keys are locked.
  bool also_when_gone = false;
  /// What is run again in place of the request as it came, from the name on: where that would mean something else later
  /// ("the last entry now"). Its keys stand where they stood. Empty: as it came.
  std::vector<std::string> request = {};
};

/// Something outside of the keyspaces that a command may have to stop for: a value that is being read in.
class Readiness {
 public:
  virtual ~Readiness() = default;
  /// The waiter is to be restarted, once: later and from any thread, or at once. Called with the command's keys locked.
  virtual void Enlist(std::shared_ptr<engine::Waiter> waiter) = 0;
};

/// A command could not do anything yet: it wants to run again when one of these keys holds a value of this type, or when
/// something outside is ready.
struct WaitWish {
  bool wanted = false;
  Type type = Type::kString;
  uint64_t timeout_ms = 0;  // 0: for ever
  std::vector<Bytes> keys;  // arguments of the command
  WaitForm form;
  Readiness* readiness = nullptr;  // the rest says nothing then
};

class ReadContext {
 public:
  ReadContext(engine::Unit& engine_unit, unsigned database, resp::Reply& out, engine::KeyRef* refs,
              size_t count)
      : reply(out), unit(engine_unit), db(database), refs_(refs), count_(count) {}
  ReadContext(const ReadContext&) = delete;
  ReadContext& operator=(const ReadContext&) = delete;

  resp::Reply& reply;
  engine::Unit& unit;
  const unsigned db;

  uint64_t now_ms() const { return unit.now_ms; }
  engine::Keyspace& keyspace() const { return unit.databases.Get(db); }

  /// The entry of one of the command's keys, or nullptr; counts as a hit or miss and as an access. `key` must be the
  /// argument itself (the same bytes in memory), which is how it is recognised.
  engine::Entry* Find(Bytes key) { return Find(RefOf(key)); }
  engine::Entry* Find(engine::KeyRef& ref) {
    engine::Entry* entry = Peek(ref);
    if (TERRACE_UNLIKELY(entry == nullptr)) {
      engine::EngineCounters::Add(unit.counters.keyspace_misses);
      unit.Notify(engine::kNotifyKeyMiss, ref.db, "keymiss", ref.key);
      return nullptr;
    }
    engine::EngineCounters::Add(unit.counters.keyspace_hits);
    unit.Touch(entry);
    return entry;
  }
  /// The same for a key that must hold `type` if it exists.
  ErrcOr<engine::Entry*> Find(Bytes key, Type type) {
    engine::Entry* entry = Find(key);
    if (TERRACE_UNLIKELY(entry != nullptr && entry->type() != type))
      return Unexpected{Errc::kWrongType};
    return entry;
  }
  /// Looks without counting and without touching the access clock (OBJECT, TTL, writes that look first).
  engine::Entry* Peek(Bytes key) { return Peek(RefOf(key)); }
  engine::Entry* Peek(engine::KeyRef& ref) {
    engine::Entry* entry = ref.entry();
    return TERRACE_LIKELY(entry == nullptr || !entry->IsDue(unit.now_ms)) ? entry : Shown(*entry);
  }
  ErrcOr<engine::Entry*> Peek(Bytes key, Type type) {
    engine::Entry* entry = Peek(key);
    if (TERRACE_UNLIKELY(entry != nullptr && entry->type() != type))
      return Unexpected{Errc::kWrongType};
    return entry;
  }
  /// A key that is no argument of the command; counts as with Find. Only for what a command's reaches_beyond announced:
  /// everybody else is out. What is due goes at once, so that the log has its DEL in front of the command.
  engine::Entry* FindBeyond(Bytes key);
  /// The reference of one of the command's keys. Keys are mostly asked for in the order they stand in the request.
  engine::KeyRef& RefOf(Bytes key) {
    for (size_t tries = 0; tries < count_; ++tries) {
      if (next_ == count_) next_ = 0;
      engine::KeyRef& ref = refs_[next_];
      if (TERRACE_LIKELY(ref.key.data() == key.data() && ref.key.size() == key.size())) {
        if (count_ > 1) ++next_;
        return ref;
      }
      ++next_;
    }
    return RefByName(key);
  }
  /// For a walk over keys that are not the command's: true if this one is due and has to be left out. It is deleted once
  /// the command has run, so that the walk's own lock is not held then. The timers take what is beyond the limit.
  bool LeaveOut(const engine::Entry& entry) {
    constexpr size_t kDueKeysMax = 10'000;
    if (TERRACE_LIKELY(!entry.IsGone(unit.now_ms))) return false;
    if (unit.due_met.size() < kDueKeysMax) unit.due_met.push_back({db, std::string(entry.key())});
    return true;
  }
  /// A blocking command that found nothing among `keys` (arguments of it) ends with this. It is run again, from the start,
  /// when one of them may have something of `type`, by whoever put it there; the keys that nobody has locked then look
  /// empty, so a handler takes what it finds in any of them. What it does is logged in its non-blocking form. Where the
  /// session must not wait (MULTI) `otherwise` is the reply.
  void WaitFor(Type type, std::span<const Bytes> keys, uint64_t timeout_ms, EmptyReply otherwise,
               WaitForm form = {}) {
    if (wish_ == nullptr) return otherwise == EmptyReply::kNull ? reply.Null() : reply.NullArray();
    *wish_ = {true, type, timeout_ms, {keys.begin(), keys.end()}, std::move(form)};
  }
  /// Any command, blocking or not, that has neither changed nor answered anything may end with this: its session stops, and
  /// the command starts again, from its gates, when `readiness` says so. False: the session must not stop here (MULTI, a
  /// stream, a session without a thread to go on with), and the command has to do without.
  [[nodiscard]] bool StopUntil(Readiness& readiness) {
    if (wish_ == nullptr) return false;
    wish_->wanted = true;
    wish_->readiness = &readiness;
    return true;
  }
  /// Where WaitFor puts what it is asked for; nullptr: the session must not wait.
  void set_wish(WaitWish* wish) { wish_ = wish; }
  /// The references in the order of the keys; of a command with a target_db the last one is in that database.
  size_t keys() const { return count_; }
  engine::KeyRef& key_ref(size_t i) { return refs_[i]; }

 protected:
  /// What a reader sees of an entry of which something is due that nobody was allowed to remove (CLIENT PAUSE; a follower
  /// waits for the leader's DEL): nothing, or a copy without the items that are due, which lives as long as the context.
  engine::Entry* Shown(engine::Entry& entry);
  engine::KeyRef& RefByName(Bytes key);

 private:
  struct DeleteEntry {
    void operator()(engine::Entry* entry) const { engine::Entry::Delete(entry); }
  };
  using Copies = std::vector<std::unique_ptr<engine::Entry, DeleteEntry>>;

  engine::KeyRef* refs_;
  size_t count_;
  size_t next_ = 0;
  WaitWish* wish_ = nullptr;
  std::unique_ptr<Copies> copies_;
};

class WriteContext : public ReadContext {
 public:
  WriteContext(engine::Unit& engine_unit, unsigned database, resp::Reply& out, engine::KeyRef* refs,
               size_t count, Publisher& messages)
      : ReadContext(engine_unit, database, out, refs, count), publisher(messages) {}

  Publisher& publisher;

  /// The one way to change a key of the command. Announces the change: take it only when something will change.
  engine::Edit Edit(Bytes key) { return engine::Edit(unit, RefOf(key)); }
  /// The same where the name does not say which key is meant (COPY and MOVE: one name in two databases).
  engine::Edit Edit(engine::KeyRef& ref) { return engine::Edit(unit, ref); }

  /// Logs these words in place of the command; several calls make several commands of one unit.
  Effect Rewritten(std::initializer_list<engine::EffectWord> words) {
    unit.LogWords(db, words);
    return Effect::Logged();
  }
  void Notify(uint32_t event_class, Bytes event, Bytes key) {
    unit.Notify(event_class, db, event, key);
  }
};

/// Writes the error's text as the reply.
inline void ReplyError(ReadContext& context, Errc error) { context.reply.Error(ErrorText(error)); }
/// A write that answers with an error has done nothing.
inline Effect Fail(WriteContext& context, Bytes error) {
  context.reply.Error(error);
  return Effect::None();
}
inline Effect Fail(WriteContext& context, Errc error) { return Fail(context, ErrorText(error)); }

}  // namespace terrace::commands
