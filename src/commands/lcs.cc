#include "commands/lcs.h"

#include <algorithm>

namespace terrace::commands {

size_t LcsTable::BytesFor(size_t a_size, size_t b_size) {
  size_t bytes;
  // A cell holds a length.
  if (std::max(a_size, b_size) >= UINT32_MAX) return SIZE_MAX;
  if (__builtin_mul_overflow((a_size + 1) * sizeof(uint32_t), b_size + 1, &bytes)) return SIZE_MAX;
  return bytes;
}

LcsTable::LcsTable(Bytes a, Bytes b)
    : a_(a), b_(b), cells_(new uint32_t[(a.size() + 1) * (b.size() + 1)]) {
  const size_t width = b.size() + 1;
  std::fill_n(cells_.get(), width, 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    const uint32_t* above = cells_.get() + (i - 1) * width;
    uint32_t* row = cells_.get() + i * width;
    row[0] = 0;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = a[i - 1] == b[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
    }
  }
}

std::vector<LcsTable::Run> LcsTable::Runs() const {
  std::vector<Run> runs;
  size_t i = a_.size();
  size_t j = b_.size();
  while (i > 0 && j > 0) {
    size_t length = 0;
    while (i > 0 && j > 0 && a_[i - 1] == b_[j - 1]) {
      --i;
      --j;
      ++length;
    }
    if (length > 0) {
      runs.push_back({i, j, length});
    } else if (At(i - 1, j) > At(i, j - 1)) {
      --i;
    } else {
      --j;
    }
  }
  return runs;
}

std::string LcsTable::Text() const {
  std::string text;
  text.reserve(length());
  const std::vector<Run> runs = Runs();
  for (auto run = runs.rbegin(); run != runs.rend(); ++run)
    text.append(a_.substr(run->a_from, run->length));
  return text;
}

}  // namespace terrace::commands
