#include "commands/syntax.h"

#include <algorithm>
#include <iterator>

#include "base/ascii.h"

namespace terrace::commands {
namespace {

using Type = SyntaxArg::Type;

constexpr Bytes kTypeNames[] = {"string",    "integer",    "double", "key",  "pattern",
                                "unix-time", "pure-token", "oneof",  "block"};

// What a name says about its value. Everything else is a string.
constexpr Bytes kKeyWords[] = {"key",         "key1",    "key2", "newkey", "source",
                               "destination", "destkey", "src",  "dst",    "sourcekey"};
constexpr Bytes kIntegerWords[] = {
    "bit",         "bits",      "bytes",        "client-id",      "count",
    "cursor",      "db",        "decrement",    "destination-db", "end",
    "frequency",   "increment", "index",        "index1",         "index2",
    "len",         "limit",     "milliseconds", "min-match-len",  "ms",
    "num-matches", "numkeys",   "numpat",       "numreplicas",    "offset",
    "port",        "protover",  "rank",         "samples",        "seconds",
    "slot",        "start",     "stop",         "timeout",        "ttl",
    "version",     "weight"};
constexpr Bytes kDoubleWords[] = {"height", "latitude", "longitude", "max",
                                  "min",    "radius",   "score",     "width"};

// What a choice between these is about; others are called by their alternatives, "on_off_skip".
struct ChoiceName {
  Bytes alternatives;
  Bytes name;
};
constexpr ChoiceName kChoiceNames[] = {
    {"nx_xx", "condition"},       {"nx_xx_gt_lt", "condition"},    {"gt_lt", "comparison"},
    {"before_after", "where"},    {"left_right", "where"},         {"min_max", "where"},
    {"asc_desc", "order"},        {"m_km_ft_mi", "unit"},          {"byte_bit", "unit"},
    {"async_sync", "flush-type"}, {"nosave_save", "save-selector"}};

template <size_t N>
bool Has(const Bytes (&words)[N], Bytes word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

Type TypeOfWord(Bytes word) {
  if (Has(kKeyWords, word)) return Type::kKey;
  if (Has(kIntegerWords, word)) return Type::kInteger;
  if (Has(kDoubleWords, word)) return Type::kDouble;
  if (word == "pattern") return Type::kPattern;
  if (word.starts_with("unix-time")) return Type::kUnixTime;
  return Type::kString;
}

// The notation itself, before tokens are joined with their values.
struct Node {
  enum class Kind : uint8_t { kToken, kValue, kOptional, kChoice, kRepeat, kEllipsis };
  using Sequence = std::vector<Node>;

  Kind kind;
  std::string word;                    // of kToken and kValue
  std::vector<Sequence> alternatives;  // of the others; a kRepeat has one

  bool operator==(const Node& other) const {
    return kind == other.kind && word == other.word && alternatives == other.alternatives;
  }
};

using Sequence = Node::Sequence;
using Kind = Node::Kind;

class Reader {
 public:
  explicit Reader(Bytes text) : text_(text) {}

  std::optional<Sequence> ReadAll() {
    std::optional<Sequence> sequence = ReadSequence();
    if (sequence && !rest().empty()) return std::nullopt;
    return sequence;
  }

 private:
  static constexpr Bytes kMarks = "[]<>| ";

  Bytes rest() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
    return text_.substr(position_);
  }

  // Up to a closing bracket, a bar or the end.
  std::optional<Sequence> ReadSequence() {
    Sequence sequence;
    while (!rest().empty()) {
      const char next = rest().front();
      if (next == ']' || next == '>' || next == '|') break;
      if (next == '[' || next == '<') {
        std::optional<Node> group = ReadGroup();
        if (!group) return std::nullopt;
        AppendGroup(std::move(*group), &sequence);
      } else {
        AppendWord(ReadWord(), &sequence);
      }
    }
    // "[key ...]": all of it any number of times.
    if (!sequence.empty() && sequence.back().kind == Kind::kEllipsis) {
      sequence.pop_back();
      if (sequence.empty()) return std::nullopt;
      sequence = {Node{Kind::kRepeat, {}, {std::move(sequence)}}};
    }
    return sequence;
  }

  std::optional<Node> ReadGroup() {
    const bool optional = text_[position_++] == '[';
    Node group{optional ? Kind::kOptional : Kind::kChoice, {}, {}};
    while (true) {
      std::optional<Sequence> alternative = ReadSequence();
      if (!alternative || alternative->empty() || rest().empty()) return std::nullopt;
      group.alternatives.push_back(std::move(*alternative));
      const char mark = text_[position_++];
      if (mark == '|') continue;
      if (mark != (optional ? ']' : '>')) return std::nullopt;
      return group;
    }
  }

  Bytes ReadWord() {
    const Bytes left = rest();
    const Bytes word = left.substr(0, std::min(left.find_first_of(kMarks), left.size()));
    position_ += word.size();
    return word;
  }

  static void AppendWord(Bytes word, Sequence* sequence) {
    const bool token =
        std::none_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    const Kind kind = word == "..." ? Kind::kEllipsis : token ? Kind::kToken : Kind::kValue;
    sequence->push_back(Node{kind, std::string(word), {}});
  }

  // "key value [key value ...]": what stands before the bracket and is repeated in it becomes one node.
  static void AppendGroup(Node group, Sequence* sequence) {
    if (group.kind == Kind::kOptional && group.alternatives.size() == 1 &&
        group.alternatives[0].size() == 1 && group.alternatives[0][0].kind == Kind::kRepeat) {
      const Sequence& repeated = group.alternatives[0][0].alternatives[0];
      const auto count = static_cast<std::ptrdiff_t>(repeated.size());
      if (sequence->size() >= repeated.size() &&
          std::equal(repeated.begin(), repeated.end(), sequence->end() - count)) {
        sequence->erase(sequence->end() - count, sequence->end());
        sequence->push_back(std::move(group.alternatives[0][0]));
        return;
      }
    }
    sequence->push_back(std::move(group));
  }

  const Bytes text_;
  size_t position_ = 0;
};

std::string JoinedNames(const std::vector<SyntaxArg>& args) {
  std::string joined;
  for (const SyntaxArg& arg : args) joined += (joined.empty() ? "" : "_") + arg.name;
  return joined;
}

std::string ChoiceNameOf(const std::vector<SyntaxArg>& args) {
  const std::string joined = JoinedNames(args);
  for (const ChoiceName& choice : kChoiceNames) {
    if (joined == choice.alternatives) return std::string(choice.name);
  }
  const auto is_called = [](Bytes name) {
    return [name](const SyntaxArg& arg) { return arg.name == name; };
  };
  if (std::any_of(args.begin(), args.end(), is_called("milliseconds"))) return "expiration";
  if (joined.starts_with("nx_xx")) return "condition";
  return joined;
}

SyntaxArg ValueArg(const std::string& word) {
  SyntaxArg arg;
  arg.name = word;
  arg.type = TypeOfWord(word);
  const size_t colon = word.rfind(':');
  if (colon == std::string::npos) return arg;
  // "ip:port" is a name with a colon in it; "increment:double" says the type.
  const auto* const said =
      std::find(std::begin(kTypeNames), std::end(kTypeNames), Bytes(word).substr(colon + 1));
  if (said == std::end(kTypeNames)) return arg;
  arg.name.resize(colon);
  arg.type = static_cast<Type>(said - std::begin(kTypeNames));
  return arg;
}

std::vector<SyntaxArg> ArgsOf(const Sequence& sequence, bool top);

// One argument for a whole sequence: itself if it is one, else a block.
SyntaxArg Joined(std::vector<SyntaxArg> args) {
  if (args.size() == 1) return std::move(args.front());
  SyntaxArg block;
  block.name = JoinedNames(args);
  block.type = Type::kBlock;
  block.arguments = std::move(args);
  return block;
}

SyntaxArg Chosen(const std::vector<Sequence>& alternatives) {
  if (alternatives.size() == 1) return Joined(ArgsOf(alternatives[0], false));
  SyntaxArg choice;
  choice.type = Type::kOneOf;
  for (const Sequence& alternative : alternatives)
    choice.arguments.push_back(Joined(ArgsOf(alternative, false)));
  choice.name = ChoiceNameOf(choice.arguments);
  return choice;
}

SyntaxArg ArgOf(const Node& node) {
  if (node.kind == Kind::kValue || node.kind == Kind::kEllipsis) return ValueArg(node.word);
  SyntaxArg arg = Chosen(node.alternatives);
  if (node.kind == Kind::kOptional) arg.optional = true;
  if (node.kind == Kind::kRepeat) {
    arg.multiple = true;
    arg.multiple_token = node.alternatives[0].front().kind == Kind::kToken;
  }
  return arg;
}

// A token and what belongs to it: `sequence` from `*i` on; moves `*i` behind it.
SyntaxArg TokenArg(const Sequence& sequence, bool top, size_t* i) {
  const std::string& word = sequence[(*i)++].word;
  Sequence owned;
  for (; *i < sequence.size(); ++*i) {
    const Kind kind = sequence[*i].kind;
    if (kind == Kind::kToken || (top && kind == Kind::kOptional)) break;
    owned.push_back(sequence[*i]);
  }
  SyntaxArg arg;
  if (owned.empty()) {
    arg.name = word;
    for (char& c : arg.name) c = ToLower(c);
    arg.type = Type::kPureToken;
  } else {
    std::vector<SyntaxArg> args = ArgsOf(owned, top);
    // An option that follows a token and is all of it keeps its own brackets: "[= | ~]".
    const bool needs_block = args.size() == 1 && (args[0].optional || !args[0].token.empty());
    arg = needs_block ? SyntaxArg{args[0].name, Type::kBlock, {}, false, false, false, args}
                      : Joined(std::move(args));
  }
  arg.token = word;
  return arg;
}

std::vector<SyntaxArg> ArgsOf(const Sequence& sequence, bool top) {
  std::vector<SyntaxArg> args;
  for (size_t i = 0; i < sequence.size();) {
    if (sequence[i].kind == Kind::kToken) {
      args.push_back(TokenArg(sequence, top, &i));
    } else {
      args.push_back(ArgOf(sequence[i++]));
    }
  }
  return args;
}

}  // namespace

Bytes SyntaxTypeName(SyntaxArg::Type type) { return kTypeNames[static_cast<size_t>(type)]; }

std::optional<std::vector<SyntaxArg>> ParseSyntax(Bytes text) {
  const std::optional<Sequence> sequence = Reader(text).ReadAll();
  if (!sequence) return std::nullopt;
  return ArgsOf(*sequence, true);
}

}  // namespace terrace::commands
