#include "server/aof_scanner.h"

#include "base/ascii.h"
#include "base/numbers.h"

namespace terrace::server {
namespace {

constexpr Bytes kLineEnd = "\r\n";
// Sign, digits of any count there may be, and the line's end.
constexpr size_t kLineBytesMax = 32;
constexpr uint64_t kWordsMax = 1'048'576;

}  // namespace

// "*3\r\n" at `*at`, which goes behind it.
AofScanner::Line AofScanner::TakeNumber(char sign, size_t* at, size_t* number) const {
  const Bytes line = file_.substr(*at, kLineBytesMax);
  if (line.empty()) return Line::kCutOff;
  if (line[0] != sign) return Line::kDamaged;
  const size_t end = line.find(kLineEnd);
  if (end == Bytes::npos) return line.size() == kLineBytesMax ? Line::kDamaged : Line::kCutOff;
  const auto parsed = ParseUint64(line.substr(1, end - 1));
  if (!parsed) return Line::kDamaged;
  *number = *parsed;
  *at += end + kLineEnd.size();
  return Line::kFine;
}

AofScanner::Item AofScanner::Next() {
  begin_ = offset_;
  only_word_ = Bytes();
  if (offset_ == file_.size()) return Item::kEnd;
  if (file_[offset_] != '#') return TakeCommand();
  const size_t end = file_.find(kLineEnd, offset_);
  if (end == Bytes::npos) return Item::kCutOff;
  offset_ = end + kLineEnd.size();
  return Item::kNote;
}

AofScanner::Item AofScanner::TakeCommand() {
  const auto outcome = [](Line line) {
    return line == Line::kCutOff ? Item::kCutOff : Item::kDamaged;
  };
  size_t at = offset_, words = 0;
  if (const Line line = TakeNumber('*', &at, &words); line != Line::kFine) return outcome(line);
  if (words == 0 || words > kWordsMax) return Item::kDamaged;
  for (size_t i = 0; i < words; ++i) {
    size_t size = 0;
    if (const Line line = TakeNumber('$', &at, &size); line != Line::kFine) return outcome(line);
    if (size > file_.size() - at) return Item::kCutOff;
    const Bytes word = file_.substr(at, size);
    const Bytes end = file_.substr(at + size, kLineEnd.size());
    if (end != kLineEnd) return kLineEnd.starts_with(end) ? Item::kCutOff : Item::kDamaged;
    if (words == 1) only_word_ = word;
    at += size + kLineEnd.size();
  }
  offset_ = at;
  return Item::kCommand;
}

bool AofScanner::IsWord(Bytes word) const { return EqualsIgnoreCase(only_word_, word); }

}  // namespace terrace::server
