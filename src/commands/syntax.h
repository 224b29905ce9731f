// The syntax of a command, as documentation writes it, read into the tree of arguments that COMMAND DOCS shows.
//
//   key value [NX | XX] [EX seconds | PX milliseconds]
//
//   key                  a value; its type follows from its name ("seconds" is an integer), or is said: increment:double
//   NX                   a token: a word without small letters
//   EX seconds           a value behind a token belongs to it; several values behind one are a block
//   [a]                  may be left out
//   [a | b]  <a | b>     one of these, or none; one of these
//   key [key ...]        once or more; [key ...]: any number of times; [GET pattern [GET pattern ...]]: with its token
//
// At the top a token takes the values up to the next bracket ("STREAMS key [key ...] id [id ...]"), inside of brackets
// everything up to the next token ("[LIMIT offset count]", "[COUNT count [ANY]]").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace terrace::commands {

/// One argument of a command, with those inside it if it is a choice or a block.
struct SyntaxArg {
  enum class Type : uint8_t {
    kString,
    kInteger,
    kDouble,
    kKey,
    kPattern,
    kUnixTime,
    kPureToken,
    kOneOf,
    kBlock
  };

  std::string name;
  Type type = Type::kString;
  std::string token;  ///< the word in front of it, or the word it is (kPureToken)
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;  ///< the token is repeated, too
  std::vector<SyntaxArg> arguments;
};

/// "unix-time", as COMMAND DOCS calls it.
Bytes SyntaxTypeName(SyntaxArg::Type type);

/// nullopt if brackets do not match or have nothing in them.
std::optional<std::vector<SyntaxArg>> ParseSyntax(Bytes text);

}  // namespace terrace::commands
