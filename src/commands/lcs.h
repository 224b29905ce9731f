// The longest common subsequence of two strings: the classic table.
//
//            m  y  n  e  w          cell (i, j): how long the common subsequence of the first i bytes of a
//      o     0  0  0  0  0          and the first j bytes of b is
//      h     0  0  0  0  0
//      m     1  1  1  1  1
//      y     1  2  2  2  2          the way back from the last cell finds the bytes, last one first
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace terrace::commands {

class LcsTable {
 public:
  /// A run of bytes that stands in both strings: `length` bytes from a[a_from] and b[b_from].
  struct Run {
    size_t a_from;
    size_t b_from;
    size_t length;
  };

  /// Memory the table of two strings takes; SIZE_MAX if that is no number.
  static size_t BytesFor(size_t a_size, size_t b_size);

  /// CONTRACT: the strings outlive the table; BytesFor() was looked at.
  LcsTable(Bytes a, Bytes b);

  uint32_t length() const { return At(a_.size(), b_.size()); }
  /// The runs the subsequence is made of, from the last to the first.
  std::vector<Run> Runs() const;
  /// The subsequence itself.
  std::string Text() const;

 private:
  uint32_t At(size_t i, size_t j) const { return cells_[i * (b_.size() + 1) + j]; }

  const Bytes a_;
  const Bytes b_;
  std::unique_ptr<uint32_t[]> cells_;
};

}  // namespace terrace::commands
