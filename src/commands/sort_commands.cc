// SORT and SORT_RO: the elements of a list, set or sorted set in an order of the client's choice, or what patterns make of
// them.
//
// Elements that are alike in what they are sorted by follow in the order of their own bytes. So the result depends on
// nothing but the data: whoever applies a logged SORT ... STORE gets the same list, whatever the order of its tables. Text
// is compared as bytes.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/collection_edit.h"
#include "commands/families.h"
#include "commands/key_positions.h"
#include "commands/sort_request.h"
#include "types/hash.h"
#include "types/list.h"
#include "types/set.h"
#include "types/sorted_set.h"

namespace terrace::commands {
namespace {

constexpr Bytes kScoreError = "ERR One or more scores can't be converted into double";

// An element, and what it is sorted by.
struct SortItem {
  Bytes text;
  double score = 0;
  Bytes weight;             // of a sort by text with a pattern
  bool has_weight = false;  // those without one come first
};

// As many texts as one likes, end to end; views are good until the next one is added.
class TextStore {
 public:
  struct Place {
    size_t begin;
    size_t size;
  };
  Place Add(Bytes text) {
    bytes_.append(text);
    return {bytes_.size() - text.size(), text.size()};
  }
  Bytes At(Place place) const { return Bytes(bytes_).substr(place.begin, place.size); }

 private:
  std::string bytes_;
};

// The elements of a key that are to be sorted; those outside of the limit are left out already if the order is the stored
// one. A list's nodes are unpacked while they are walked, and a number has no text to point to: so the texts are copied.
class Elements {
 public:
  void Read(const engine::Entry& entry, const SortRequest& request);
  size_t size() const { return places_.size(); }
  Bytes operator[](size_t i) const { return texts_.At(places_[i]); }

  /// Where the limit begins and how many it takes of `size` elements.
  static size_t Begin(const SortRequest& request, size_t size) {
    return request.offset <= 0 ? 0 : std::min(static_cast<size_t>(request.offset), size);
  }
  static size_t Taken(const SortRequest& request, size_t size) {
    const size_t left = size - Begin(request, size);
    return request.count < 0 ? left : std::min(static_cast<size_t>(request.count), left);
  }
  /// The elements are the limit's already.
  bool limited = false;

 private:
  void Add(Bytes text) { places_.push_back(texts_.Add(text)); }
  void ReadList(const types::List& list, const SortRequest& request);
  void ReadZset(const types::SortedSet& set, const SortRequest& request);

  TextStore texts_;
  std::vector<TextStore::Place> places_;
};

void Elements::ReadList(const types::List& list, const SortRequest& request) {
  const size_t size = list.Size();
  size_t left = limited ? Taken(request, size) : size;
  if (left == 0) return;
  const size_t begin = limited ? Begin(request, size) : 0;
  const bool backwards = limited && request.descending;
  list.Walk(backwards ? size - 1 - begin : begin,
            backwards ? types::ListEnd::kHead : types::ListEnd::kTail,
            [&](const types::Element& element) {
              char digits[kInt64CharsMax];
              Add(element.Text(digits));
              return --left != 0;
            });
}

void Elements::ReadZset(const types::SortedSet& set, const SortRequest& request) {
  const size_t size = set.Size();
  const size_t taken = limited ? Taken(request, size) : size;
  if (taken == 0) return;
  const size_t begin = limited ? Begin(request, size) : 0;
  const bool backwards = limited && request.descending;
  types::SortedSet::Cursor at = set.At(backwards ? size - 1 - begin : begin);
  for (size_t i = 0; i < taken; ++i) {
    Add(at.member());
    if (i + 1 < taken) backwards ? at.Previous() : at.Next();
  }
}

void Elements::Read(const engine::Entry& entry, const SortRequest& request) {
  limited = request.keeps_order && entry.type() != Type::kSet;
  switch (entry.type()) {
    case Type::kList:
      return ReadList(types::List(entry.collection()), request);
    case Type::kZset:
      return ReadZset(types::SortedSet(entry.collection()), request);
    default:
      types::Set(entry.collection()).ForEach([&](const types::Element& element) {
        char digits[kInt64CharsMax];
        Add(element.Text(digits));
        return true;
      });
  }
}

// What a pattern leads to from an element; nullopt if there is nothing of the right kind. Good until the next call.
class PatternReader {
 public:
  explicit PatternReader(ReadContext& ctx) : ctx_(ctx) {}

  std::optional<Bytes> Read(const KeyPattern& pattern, Bytes element) {
    if (pattern.is_element()) return element;
    if (!pattern.has_star()) return std::nullopt;
    pattern.NameFor(element, &name_);
    const engine::Entry* entry = ctx_.FindBeyond(name_);
    if (entry == nullptr) return std::nullopt;
    if (!pattern.field()) {
      if (entry->type() != Type::kString) return std::nullopt;
      return entry->StringBytes(&integer_);
    }
    if (entry->type() != Type::kHash) return std::nullopt;
    const auto value = types::Hash(entry->collection()).Get(*pattern.field());
    if (!value) return std::nullopt;
    return value->Text(digits_);
  }

 private:
  ReadContext& ctx_;
  std::string name_;
  engine::IntegerText integer_;
  char digits_[kInt64CharsMax];
};

// As strtod reads the whole of it, so "" is 0 and blanks may stand in front; nullopt if there is more, or it is no number
// that a double can hold.
std::optional<double> ScoreOf(Bytes text) {
  double score;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (TERRACE_LIKELY(error == std::errc() && end == text.data() + text.size() &&
                     std::isfinite(score)))
    return score;
  const std::string terminated(text);
  char* behind;
  errno = 0;
  score = std::strtod(terminated.c_str(), &behind);
  if (*behind != '\0' || errno == ERANGE || std::isnan(score)) return std::nullopt;
  return score;
}

// Puts the weights into the items; false if one is no number.
bool Weigh(ReadContext& ctx, const SortRequest& request, std::vector<SortItem>* items,
           TextStore* weights) {
  PatternReader reader(ctx);
  std::vector<TextStore::Place> places;
  for (SortItem& item : *items) {
    const std::optional<Bytes> by = request.by ? reader.Read(*request.by, item.text) : item.text;
    if (request.by_text) {
      if (!request.by) return true;  // their own text is what they are sorted by
      item.has_weight = by.has_value();
      places.push_back(weights->Add(by.value_or(Bytes())));
    } else if (by) {
      const auto score = ScoreOf(*by);
      if (!score) return false;
      item.score = *score;
    }
  }
  for (size_t i = 0; i < places.size(); ++i) (*items)[i].weight = weights->At(places[i]);
  return true;
}

int Compare(const SortItem& left, const SortItem& right) {
  if (left.score != right.score) return left.score < right.score ? -1 : 1;
  if (left.has_weight != right.has_weight) return right.has_weight ? -1 : 1;
  if (const int order = left.weight.compare(right.weight); order != 0) return order;
  return left.text.compare(right.text);
}

// Sorts so much of the items that the first `wanted` of them are the right ones.
void Sort(bool descending, size_t wanted, std::vector<SortItem>* items) {
  const auto precedes = [descending](const SortItem& left, const SortItem& right) {
    const int order = Compare(left, right);
    return descending ? order > 0 : order < 0;
  };
  // A heap of the wanted ones is cheaper than a whole sort while they are few.
  constexpr size_t kFew = 8;
  if (wanted < items->size() / kFew) {
    std::partial_sort(items->begin(), items->begin() + static_cast<std::ptrdiff_t>(wanted),
                      items->end(), precedes);
  } else {
    std::sort(items->begin(), items->end(), precedes);
  }
}

// What a SORT has found: its elements in order, of which it shows some.
class SortResult {
 public:
  /// False: an element has no score.
  bool Find(ReadContext& ctx, const SortRequest& request, const engine::Entry& entry);
  size_t size() const { return taken_; }

  /// Calls emit(optional<Bytes>) for every part of the reply.
  template <typename Emit>
  void ForEach(ReadContext& ctx, const SortRequest& request, Emit emit) const {
    PatternReader reader(ctx);
    for (size_t i = begin_; i < begin_ + taken_; ++i) {
      const Bytes text = items_[i].text;
      if (request.gets.empty()) emit(std::optional<Bytes>(text));
      for (const KeyPattern& pattern : request.gets) emit(reader.Read(pattern, text));
    }
  }

 private:
  Elements elements_;
  std::vector<SortItem> items_;
  size_t begin_ = 0;
  size_t taken_ = 0;
};

bool SortResult::Find(ReadContext& ctx, const SortRequest& request, const engine::Entry& entry) {
  elements_.Read(entry, request);
  items_.resize(elements_.size());
  for (size_t i = 0; i < items_.size(); ++i) items_[i].text = elements_[i];
  begin_ = elements_.limited ? 0 : Elements::Begin(request, items_.size());
  taken_ = elements_.limited ? items_.size() : Elements::Taken(request, items_.size());
  if (request.keeps_order) return true;
  TextStore weights;
  if (!Weigh(ctx, request, &items_, &weights)) return false;
  Sort(request.descending, begin_ + taken_, &items_);
  return true;
}

bool CanBeSorted(const engine::Entry& entry) {
  return entry.type() == Type::kList || entry.type() == Type::kSet || entry.type() == Type::kZset;
}

void Show(ReadContext& ctx, const SortRequest& request, const SortResult& result) {
  ctx.reply.Array(result.size() * request.width());
  result.ForEach(ctx, request, [&](const std::optional<Bytes>& part) {
    part ? ctx.reply.Bulk(*part) : ctx.reply.Null();
  });
}

Effect Store(WriteContext& ctx, const SortRequest& request, const SortResult& result) {
  const Bytes key = *request.destination;
  const size_t size = result.size() * request.width();
  ctx.reply.Integer(static_cast<int64_t>(size));
  if (size == 0) {
    if (ctx.Peek(key) == nullptr) return Effect::None();
    ctx.Edit(key).Delete();
    ctx.Notify(engine::kNotifyGeneric, "del", key);
    return Effect::AsReceived();
  }
  const auto limits = types::ListLimits::From(ctx.unit.settings.encoding);
  types::List list = types::List::New();
  result.ForEach(ctx, request, [&](const std::optional<Bytes>& part) {
    list.Push(types::ListEnd::kTail, part.value_or(Bytes()), limits);
  });
  ctx.Edit(key).ReplaceWithCollection(list.value());
  ctx.Notify(engine::kNotifyList, "sortstore", key);
  return Effect::AsReceived().Counting(size);
}

// Reads the words and the key; false if the reply is an error already.
bool Run(ReadContext& ctx, Args args, bool may_store, SortRequest* request, SortResult* result) {
  Bytes error;
  auto parsed = ParseSortRequest(args, may_store, &error);
  if (!parsed) {
    ctx.reply.Error(error);
    return false;
  }
  *request = std::move(*parsed);
  const engine::Entry* entry = ctx.Find(args[1]);
  if (entry == nullptr) return true;
  if (!CanBeSorted(*entry)) {
    ReplyError(ctx, Errc::kWrongType);
    return false;
  }
  // A set has no order that would be the same elsewhere, where the stored list has to be made again.
  if (request->keeps_order && request->destination && entry->type() == Type::kSet) {
    request->keeps_order = false;
    request->by.reset();
    request->by_text = true;
  }
  if (result->Find(ctx, *request, *entry)) return true;
  ctx.reply.Error(kScoreError);
  return false;
}

// SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]
Effect SortCommand(WriteContext& ctx, Args args) {
  SortRequest request;
  SortResult result;
  if (!Run(ctx, args, true, &request, &result)) return Effect::None();
  if (request.destination) return Store(ctx, request, result);
  Show(ctx, request, result);
  return Effect::None();
}

// SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]
void SortRo(ReadContext& ctx, Args args) {
  SortRequest request;
  SortResult result;
  if (Run(ctx, args, false, &request, &result)) Show(ctx, request, result);
}

// Calls visit(word's index, values behind it) for the words; the values of none are taken for a word.
template <typename Visit>
void ForEachWord(Args args, Visit visit) {
  for (size_t i = 2; i < args.size(); ++i) {
    const Bytes word = args[i];
    visit(i);
    if (EqualsIgnoreCase(word, "LIMIT")) {
      i += 2;
    } else if (EqualsIgnoreCase(word, "GET") || EqualsIgnoreCase(word, "BY") ||
               EqualsIgnoreCase(word, "STORE")) {
      i += 1;
    }
  }
}

bool ReachesBeyond(Args args) {
  bool reaches = false;
  ForEachWord(args, [&](size_t i) {
    if (i + 1 >= args.size()) return;
    const bool is_pattern = EqualsIgnoreCase(args[i], "GET") || EqualsIgnoreCase(args[i], "BY");
    if (is_pattern && KeyPattern(args[i + 1]).reads_keys()) reaches = true;
  });
  return reaches;
}

bool FindSortRoKeys(Args, KeyPositions* positions) {
  positions->Add(1, kKeyRO | kKeyAccess);
  return true;
}

// STORE may be repeated, and the last one counts.
bool FindSortKeys(Args args, KeyPositions* positions) {
  positions->Add(1, kKeyRO | kKeyAccess);
  size_t destination = 0;
  ForEachWord(args, [&](size_t i) {
    if (EqualsIgnoreCase(args[i], "STORE") && i + 1 < args.size()) destination = i + 1;
  });
  if (destination != 0) positions->Add(destination, kKeyOW | kKeyUpdate);
  return true;
}

constexpr KeySpec kPatternKeys = {
    .flags = kKeyRO | kKeyAccess,
    .begin = KeySpec::Begin::kUnknown,
    .find = KeySpec::Find::kUnknown,
    .notes = "the keys that BY and GET read are made of the elements"};
constexpr KeySpec kSortKeys[] = {OneKey(kKeyRO | kKeyAccess),
                                 kPatternKeys,
                                 {.flags = kKeyOW | kKeyUpdate,
                                  .begin = KeySpec::Begin::kUnknown,
                                  .find = KeySpec::Find::kUnknown,
                                  .notes = "STORE may stand anywhere among the words"}};
constexpr KeySpec kSortRoKeys[] = {OneKey(kKeyRO | kKeyAccess), kPatternKeys};
constexpr const char* kSortCost =
    "O(N + M log M), N being the elements of the key, M those returned; O(N) where nothing is "
    "sorted";

constexpr CommandSpec kSortCommands[] = {
    {.name = "sort",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .categories = kCatSet | kCatSortedSet | kCatList | kCatDangerous,
     .group = Group::kGeneric,
     .keys = kSortKeys,
     .key_finder = FindSortKeys,
     .reaches_beyond = ReachesBeyond,
     .write = SortCommand,
     .since = "1.0.0",
     .complexity = kSortCost,
     .summary = "Returns or stores the elements of a list, set or sorted set in order.",
     .syntax = "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] "
               "[ALPHA] "
               "[STORE destination]"},
    {.name = "sort_ro",
     .arity = -2,
     .flags = kReadonly,
     .categories = kCatSet | kCatSortedSet | kCatList | kCatDangerous,
     .group = Group::kGeneric,
     .keys = kSortRoKeys,
     .key_finder = FindSortRoKeys,
     .reaches_beyond = ReachesBeyond,
     .read = SortRo,
     .since = "7.0.0",
     .complexity = kSortCost,
     .summary = "Returns the elements of a list, set or sorted set in order.",
     .syntax = "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] "
               "[ALPHA]"},
};

}  // namespace

std::span<const CommandSpec> SortCommands() { return kSortCommands; }

}  // namespace terrace::commands
