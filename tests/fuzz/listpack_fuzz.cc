// A listpack and an intset from a stranger. What is accepted must walk the same way forwards and backwards inside its
// own bytes and bear an edit at every element; the input is tried as it is and, as a run of elements, with a header and
// an end put on.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.h"
#include "types/intset.h"
#include "types/listpack.h"

namespace {

using terrace::Bytes;
using terrace::types::Intset;
using terrace::types::Listpack;

constexpr size_t kInputBytesMax = 16 * terrace::kKiB;

bool Accepted(Bytes bytes, size_t* count) { return Listpack::Validate(bytes, count); }

void Walk(const Listpack& list, size_t count) {
  std::vector<Listpack::Position> positions;
  size_t text_bytes = 0;
  for (auto at = list.First(); at != nullptr; at = list.Next(at)) {
    positions.push_back(at);
    char digits[terrace::kInt64CharsMax];
    const std::string text(list.Get(at).Text(digits));
    text_bytes += text.size();
    const auto found = list.Find(list.First(), text);
    TERRACE_CHECK(found != nullptr && found <= at);
    if (positions.size() > 64) break;  // finding is quadratic
  }
  positions.clear();
  for (auto at = list.First(); at != nullptr; at = list.Next(at)) positions.push_back(at);
  TERRACE_CHECK(positions.size() == count && list.Count() == count);
  TERRACE_CHECK(text_bytes <= list.TotalBytes() * terrace::kInt64CharsMax);
  auto at = list.Last();
  for (size_t i = count; i-- > 0; at = list.Previous(at)) TERRACE_CHECK(at == positions[i]);
  TERRACE_CHECK(at == nullptr);
}

void TryListpack(Bytes bytes) {
  size_t count = 0;
  if (!Accepted(bytes, &count)) return;
  Listpack list = Listpack::Copy(bytes);
  Walk(list, count);
  if (count != 0) {
    const auto middle = static_cast<int64_t>(count / 2);
    list.Replace(list.Seek(middle), "replaced");
    list.Erase(list.Seek(-1));
    list.Prepend("-1");
    size_t now = 0;
    TERRACE_CHECK(Accepted(list.bytes(), &now) && now == count);
    Walk(list, count);
  }
  list.Free();
}

void TryIntset(Bytes bytes) {
  if (!Intset::Validate(bytes)) return;
  Intset set = Intset::Copy(bytes);
  const size_t count = set.Count();
  for (size_t i = 0; i < count; ++i) TERRACE_CHECK(set.Contains(set.At(i)));
  const int64_t middle = set.At(count / 2);
  TERRACE_CHECK(set.Remove(middle) && !set.Contains(middle) && set.Add(middle) &&
                set.Count() == count);
  TERRACE_CHECK(Intset::Validate(set.bytes()));
  set.Free();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  TryListpack(input);
  TryIntset(input);
  std::string framed(Listpack::kHeaderBytes, '\xff');
  framed += input;
  framed += '\xff';
  const auto total = static_cast<uint32_t>(framed.size());
  std::memcpy(framed.data(), &total, sizeof total);
  TryListpack(framed);
  return 0;
}
