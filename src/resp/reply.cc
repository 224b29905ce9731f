#include "resp/reply.h"

#include <algorithm>
#include <string>

#include "base/check.h"

namespace terrace::resp {

namespace {

// A piece of its own and a reference cost about as much as copying this.
constexpr size_t kBlobCopyMax = 4 * kKiB;

}  // namespace

void Reply::Number(char type, int64_t value) {
  if (muted_) return;
  char* const start = buffer_->Reserve(kHeaderBytesMax);
  char* out = start;
  *out++ = type;
  out += FormatInt64(value, out);
  *out++ = '\r';
  *out++ = '\n';
  buffer_->Commit(static_cast<size_t>(out - start));
}

void Reply::Line(char type, Bytes text) {
  if (muted_) return;
  char* const start = buffer_->Reserve(text.size() + 3);
  *start = type;
  if (!text.empty()) std::memcpy(start + 1, text.data(), text.size());
  start[1 + text.size()] = '\r';
  start[2 + text.size()] = '\n';
  buffer_->Commit(text.size() + 3);
}

void Reply::CountError(Bytes text) {
  ++errors_;
  const Bytes code = text.substr(0, text.find(' '));
  error_code_size_ = static_cast<uint8_t>(std::min(code.size(), sizeof error_code_));
  if (error_code_size_ != 0) std::memcpy(error_code_, code.data(), error_code_size_);
}

void Reply::Error(Bytes text) {
  CountError(text);
  if (text.find_first_of("\r\n") == Bytes::npos) return Line('-', text);
  std::string one_line(text);
  for (char& c : one_line) {
    if (c == '\r' || c == '\n') c = ' ';
  }
  Line('-', one_line);
}

void Reply::LongBulk(Bytes text) {
  Header('$', text.size());
  buffer_->Append(text);
  buffer_->Append("\r\n");
}

void Reply::BulkSlice(const BlobRef& blob, size_t from, size_t size) {
  if (size <= kBlobCopyMax) return Bulk(blob->bytes().substr(from, size));
  if (muted_) return;
  Header('$', size);
  buffer_->AppendBlob(blob, from, size);
  buffer_->Append("\r\n");
}

void Reply::BulkInt(int64_t value) {
  char digits[kInt64CharsMax];
  Bulk(Bytes(digits, FormatInt64(value, digits)));
}

void Reply::Double(double value) {
  const std::string text = FormatDouble(value);
  protocol_ == 2 ? Bulk(text) : Line(',', text);
}

void Reply::Bool(bool value) {
  if (protocol_ == 2) return Integer(value ? 1 : 0);
  Fixed(value ? Bytes("#t\r\n") : Bytes("#f\r\n"));
}

void Reply::BigNumber(Bytes digits) { protocol_ == 2 ? Bulk(digits) : Line('(', digits); }

void Reply::Verbatim(Bytes format, Bytes text) {
  TERRACE_DCHECK(format.size() == 3);
  if (protocol_ == 2) return Bulk(text);
  if (muted_) return;
  Header('=', text.size() + 4);
  buffer_->Append(format);
  buffer_->Append(":");
  buffer_->Append(text);
  buffer_->Append("\r\n");
}

void Reply::Attribute(size_t n) {
  TERRACE_DCHECK(protocol_ == 3);
  Header('|', n);
}

void Reply::SetDeferred(Slot slot, size_t n) {
  if (muted_) return;
  if (protocol_ == 2 && slot.type == '%') n *= 2;
  char header[kHeaderBytesMax];
  const char* const end = PutHeader(header, protocol_ == 2 ? '*' : slot.type, n);
  buffer_->Insert(slot.mark, Bytes(header, static_cast<size_t>(end - header)));
}

}  // namespace terrace::resp
