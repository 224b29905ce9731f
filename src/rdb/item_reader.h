// Items of a collection as a body of any layout holds them, one after another: the plain layouts, ziplists, zipmaps,
// intsets, listpacks and quicklists of either kind. Bodies may come from an attacker.
//
// What is taken may still be wrong as a whole, because a body is read and checked in one go: whoever builds a value of
// the items throws it away if ReadItems says no.
#pragma once

#include "rdb/dump_payload.h"

namespace terrace::rdb {

/// Takes items as they are read; false refuses one, and the reading ends. A text is good during the call only.
class ItemTaker {
 public:
  virtual ~ItemTaker() = default;

  /// An element of a list, in order, or a member of a set.
  virtual bool TakeElement(Bytes element) = 0;
  virtual bool TakeField(Bytes field, Bytes value) = 0;
  /// A field with a time of its own: it goes when `deadline_ms` has passed.
  virtual bool TakeFieldUntil(Bytes field, Bytes value, uint64_t deadline_ms) = 0;
  /// A member of a sorted set, in any order. The score is not NaN.
  virtual bool TakeScore(Bytes member, double score) = 0;
};

/// False if the body is damaged, holds nothing, is of a type that has no items, or the taker refused one.
bool ReadItems(const PayloadBody& body, ItemTaker& taker);

}  // namespace terrace::rdb
