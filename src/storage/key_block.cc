#include "storage/key_block.h"

#include <bit>
#include <utility>

#include "base/check.h"

namespace terrace::storage {
namespace {

// The bits of a record's head.
constexpr unsigned kHashBytesMask = 0x0f;
constexpr unsigned kHasSub = 1 << 4;
constexpr unsigned kHasFlags = 1 << 5;
constexpr unsigned kHasDeadline = 1 << 6;
constexpr unsigned kHasSize = 1 << 7;
constexpr unsigned kInline = 1 << 8;
constexpr unsigned kNewBlock = 1 << 9;
constexpr unsigned kBitsEnd = 1 << 10;
constexpr unsigned kBitsOfValues = kHasDeadline | kHasSize | kInline | kNewBlock;

}  // namespace

void KeyBlockBuilder::Put(const KeyRecord& record, unsigned bits) {
  if (records_ == 0) {
    first_ = record.position();
    hash_ = record.hash;
  }
  TERRACE_CHECK(record.space == first_.space && record.hash >= hash_);
  const uint64_t more = record.hash - hash_;
  const auto more_bytes = static_cast<unsigned>((std::bit_width(more) + 7) / 8);
  if (record.sub != 0) bits |= kHasSub;
  if (record.flags != 0) bits |= kHasFlags;
  if (record.deadline_ms != 0) bits |= kHasDeadline;
  PutField(static_cast<uint16_t>(bits | more_bytes), &packed_);
  packed_.push_back(static_cast<char>(record.kind));
  if (record.flags != 0) packed_.push_back(static_cast<char>(record.flags));
  PutLowBytes(more, more_bytes, &packed_);
  PutVarint(record.key.size(), &packed_);
  packed_.append(record.key);
  if (record.sub != 0) PutVarint(record.sub, &packed_);
  if (record.deadline_ms != 0) PutVarint(record.deadline_ms, &packed_);
  hash_ = record.hash;
  ++records_;
}

void KeyBlockBuilder::Add(const KeyRecord& record, const ValueHandle& handle) {
  TERRACE_CHECK(!record.is_tombstone());
  const bool follows = handle.block == last_.block && handle.offset == last_.offset + last_.length;
  const bool has_size = record.size != handle.length;
  Put(record, (follows ? 0 : kNewBlock) | (has_size ? kHasSize : 0));
  PutVarint(handle.length, &packed_);
  if (!follows) {
    TERRACE_CHECK(handle.block >= last_.block);
    PutVarint(handle.block - last_.block, &packed_);
    PutVarint(handle.offset, &packed_);
  }
  if (has_size) PutVarint(record.size, &packed_);
  last_ = handle;
}

void KeyBlockBuilder::AddInline(const KeyRecord& record, Bytes value) {
  TERRACE_CHECK(!record.is_tombstone());
  const bool has_size = record.size != value.size();
  Put(record, kInline | (has_size ? kHasSize : 0));
  PutVarint(value.size(), &packed_);
  if (has_size) PutVarint(record.size, &packed_);
  packed_.append(value);
}

void KeyBlockBuilder::AddTombstone(const KeyRecord& record) {
  TERRACE_CHECK(record.is_tombstone() && record.deadline_ms == 0 && record.size == 0);
  Put(record, 0);
}

std::string KeyBlockBuilder::Finish() {
  std::string body;
  body.reserve(bytes());
  PutPosition(first_, &body);
  PutField(records_, &body);
  body.append(packed_);
  packed_.clear();
  records_ = 0;
  last_ = {};
  return body;
}

KeyBlockCursor::KeyBlockCursor(Bytes body, uint64_t offset) : in_(body), block_(offset) {
  head_.first = TakePosition(in_);
  head_.records = in_.Take<uint32_t>();
  left_ = head_.records;
  record_.space = head_.first.space;
  record_.hash = head_.first.hash;
  if (!in_.ok()) Refuse("the block is too short for its head");
}

bool KeyBlockCursor::Refuse(const char* why) {
  error_ = why;
  left_ = 0;
  in_.Fail();
  return false;
}

bool KeyBlockCursor::Next() {
  if (error_ != nullptr) return false;
  record_at_ = in_.offset();
  if (left_ == 0) return in_.finished() ? false : Refuse("there are bytes behind the last record");
  --left_;
  const unsigned head = in_.Take<uint16_t>();
  const unsigned more_bytes = head & kHashBytesMask;
  if (head >= kBitsEnd || more_bytes > sizeof(uint64_t))
    return Refuse("a record's head is not known");
  record_.kind = in_.Take<uint8_t>();
  record_.flags = (head & kHasFlags) != 0 ? in_.Take<uint8_t>() : uint8_t{0};
  const uint64_t more = in_.TakeLowBytes(more_bytes);
  const Bytes key = in_.TakeBytes(in_.TakeVarint());
  const uint64_t sub = (head & kHasSub) != 0 ? in_.TakeVarint() : 0;
  record_.deadline_ms = (head & kHasDeadline) != 0 ? in_.TakeVarint() : 0;
  if (record_.hash + more < more) return Refuse("hashes run over");
  if (first_) {
    if (more != 0) return Refuse("the first record has another hash than the block's head");
  } else if (more == 0) {
    const int order = record_.key.compare(key);
    if (order > 0 || (order == 0 && record_.sub >= sub)) return Refuse("records are out of order");
  }
  first_ = false;
  record_.hash += more;
  record_.key = key;
  record_.sub = sub;
  if (!TakeValue(head)) return false;
  return in_.ok() ? true : Refuse("a record is cut off");
}

bool KeyBlockCursor::TakeValue(unsigned bits) {
  record_.is_inline = (bits & kInline) != 0;
  record_.inline_value = {};
  record_.value = {};
  record_.size = 0;
  if (record_.is_tombstone()) {
    return (bits & kBitsOfValues) == 0 ? true : Refuse("a tombstone has a value");
  }
  const uint64_t length = in_.TakeVarint();
  if ((bits & kNewBlock) != 0) {
    if (record_.is_inline) return Refuse("a value is here and elsewhere");
    value_block_ += in_.TakeVarint();
    value_next_ = in_.TakeVarint();
    has_value_block_ = true;
  }
  record_.size = (bits & kHasSize) != 0 ? in_.TakeVarint() : length;
  if (record_.is_inline) {
    record_.value = {block_, static_cast<uint32_t>(in_.offset()), length};
    record_.inline_value = in_.TakeBytes(length);
    return true;
  }
  if (!has_value_block_ || value_next_ > UINT32_MAX) return Refuse("a value is nowhere");
  record_.value = {value_block_, static_cast<uint32_t>(value_next_), length};
  if (length > kValueBytesMax) return Refuse("a value is longer than any");
  value_next_ += length;
  return true;
}

}  // namespace terrace::storage
