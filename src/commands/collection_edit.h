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
        existed_(edit_.entry() != nullptr),
        collection_(existed_ ? T(edit_.entry()->collection()) : T::New()) {}
  ~CollectionEdit() { TERRACE_DCHECK(finished_); }
  CollectionEdit(const CollectionEdit&) = delete;
  CollectionEdit& operator=(const CollectionEdit&) = delete;

  T* operator->() { return &collection_; }
  T& operator*() { return collection_; }
  bool existed() const { return existed_; }

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
    if (TERRACE_LIKELY(collection_.Size() != 0)) {
      edit_.SetCollection(collection_.value());
      return false;
    }
    if (!existed_) {
      types::Destroy(collection_.value());
      return false;
    }
    edit_.entry()->set_collection(collection_.value());
    edit_.Delete();
    ctx_.unit.Notify(engine::kNotifyGeneric, ref_.db, "del", ref_.key);
    return true;
  }

 private:
  WriteContext& ctx_;
  engine::KeyRef& ref_;
  engine::Edit edit_;
  const bool existed_;
  T collection_;
  bool finished_ = false;
};

}  // namespace terrace::commands
