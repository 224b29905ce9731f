// Requests as a person types them: words, with "..." and '...' for what has blanks or unprintable bytes in
// it.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "resp/turn_arena.h"

namespace terrace::resp {

/// Splits one line (its end cut off) into `*argv`, which lies in the arena as do the bytes of the words.
/// Returns the number of words, or -1 if a quote is not closed or is followed by something other than a
/// blank.
///
///   set "a b" 'it\'s'   three words: set, a b, it's
///   "\x41\n\q"          A, a newline, q: \n \r \t \b \a and \xHH are translated, other bytes stand for
///   themselves a"b c"              one word, ab c: a quote may open, but not close, in mid-word
ptrdiff_t SplitInline(Bytes line, TurnArena& arena, const Bytes** argv);

}  // namespace terrace::resp
