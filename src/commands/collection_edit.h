// CollectionEdit: an Edit of a key that holds a collection, or is to hold one. The collection may move and change its
// encoding while it is worked on; Finish puts it back where the key is found, and deletes the key if nothing is left.
//
//   CollectionEdit<types::Hash> hash(ctx, key);      // the key is absent or a hash: the handler has looked
//   hash->Set(field, value, limits);
//   hash.Finish(engine::kNotifyHash, "hset");
//
// T is made from a types::Value, has New(), value() and Size(), and changes nothing but what its value leads to.
//
// Threads: the unit's.
#pragma once

#include "commands/context.h"
#include "types/value.h"

namespace terrace::commands {

template <typename T>
class CollectionEdit {
 public:
  CollectionEdit(WriteContext& ctx, Bytes key) : CollectionEdit(ctx, ctx.RefOf(key)) {}
  /// The same where the name does not say which key is meant.
  CollectionEdit(WriteContext& ctx, engine::KeyRef& ref)
      : ctx_(ctx),
        ref_(ref),
        edit_(ctx.Edit(ref)),
        entry_(edit_.entry()),
        before_(entry_ != nullptr ? entry_->collection() : T::New().value()),
        collection_(before_) {}
  ~CollectionEdit() { TERRACE_DCHECK(finished_); }
  CollectionEdit(const CollectionEdit&) = delete;
  CollectionEdit& operator=(const CollectionEdit&) = delete;

  T* operator->() { return &collection_; }
  T& operator*() { return collection_; }
  bool existed() const { return entry_ != nullptr; }

  /// Finish with the change's own notification where Redis has it: behind "new", before "del".
  bool Finish(uint32_t event_class, Bytes event) {
    const bool goes = collection_.Size() == 0;
    if (goes) ctx_.unit.Notify(event_class, ref_.db, event, ref_.key);
    Finish();
    if (!goes) ctx_.unit.Notify(event_class, ref_.db, event, ref_.key);
    return goes;
  }
  /// Once, after the change and its own notification. True if the key has gone (its "del" is notified here).
  bool Finish() {
    TERRACE_DCHECK(!finished_);
    finished_ = true;
    const types::Value now = collection_.value();
    if (TERRACE_LIKELY(entry_ != nullptr && now.data == before_.data &&
                       now.encoding == before_.encoding && !MayHaveTimedItems(now.encoding) &&
                       collection_.Size() != 0)) {
      edit_.MarkCollection(entry_);
      return false;
    }
    return FinishMoved();
  }

 private:
  /// What Finish does for a collection that came, went or stands elsewhere.
  [[gnu::noinline]] bool FinishMoved() {
    if (TERRACE_LIKELY(collection_.Size() != 0)) {
      edit_.SetCollection(collection_.value());
      return false;
    }
    if (!existed()) {
      types::Destroy(collection_.value());
      return false;
    }
    edit_.entry()->set_collection(collection_.value());
    edit_.Delete();
    ctx_.unit.Notify(engine::kNotifyGeneric, ref_.db, "del", ref_.key);
    return true;
  }

  WriteContext& ctx_;
  engine::KeyRef& ref_;
  engine::Edit edit_;
  // Nobody else changes this key meanwhile, so its entry stays.
  engine::Entry* const entry_;
  const types::Value before_;
  T collection_;
  bool finished_ = false;
};

}  // namespace terrace::commands
