// AofScanner: the commands of a Redis append only file, one after another, as the bytes they are:
//
//   *3 CRLF $3 CRLF SET CRLF $1 CRLF a CRLF $1 CRLF b CRLF      a command
//   #TS:1700000000 CRLF                                         a note: nothing to run
#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace terrace::server {

class AofScanner {
 public:
  enum class Item {
    kCommand,
    kNote,
    kEnd,
    kCutOff,   // the file ends within a command
    kDamaged,  // what stands here is no command
  };

  /// `file` outlives it; the first command begins at `offset`.
  AofScanner(Bytes file, size_t offset) : file_(file), offset_(offset) {}

  Item Next();
  /// What Next has found, if that was a command or a note.
  Bytes item() const { return file_.substr(begin_, offset_ - begin_); }
  /// Behind what was found; if nothing was, where that is.
  size_t offset() const { return offset_; }
  /// A command of this one word.
  bool IsWord(Bytes word) const;

 private:
  enum class Line { kFine, kCutOff, kDamaged };
  Line TakeNumber(char sign, size_t* at, size_t* number) const;
  Item TakeCommand();

  const Bytes file_;
  size_t offset_;
  size_t begin_ = 0;
  Bytes only_word_;
};

}  // namespace terrace::server
