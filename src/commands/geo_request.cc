#include "commands/geo_request.h"

#include <cstdio>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/error_text.h"
#include "commands/zset_operations.h"

namespace terrace::commands {

Result<GeoPosition, std::string> ParsePosition(Bytes longitude, Bytes latitude) {
  const auto x = ParseScore(longitude);
  const auto y = ParseScore(latitude);
  if (!x || !y) return Unexpected{std::string(kNotAFloatError)};
  const GeoPosition position{*x, *y};
  if (position.IsValid()) return position;
  char text[1024];  // 309 digits and six decimals, twice
  std::snprintf(text, sizeof text, "ERR invalid longitude,latitude pair %f,%f", *x, *y);
  return Unexpected{std::string(text)};
}

namespace {

// Reads words one after the other. A step that fails leaves the error's text and returns false.
class Parser {
 public:
  Parser(Args args, GeoForm form, bool may_store, const types::SortedSet* set)
      : args_(args), form_(form), may_store_(may_store), set_(set) {}

  bool Parse();
  std::string error;
  GeoRequest request;

 private:
  bool searches() const { return form_ == GeoForm::kSearch || form_ == GeoForm::kSearchStore; }
  bool Fail(Bytes text) {
    error = text;
    return false;
  }
  Bytes Command() const { return args_[0]; }

  bool ParsePlace();
  bool ParseWord(size_t* i);
  bool ParseSearchWord(size_t* i);
  bool TakeMember(Bytes member);
  bool TakePosition(size_t i);
  bool TakeUnit(Bytes unit);
  bool TakeRadius(size_t i);
  bool TakeBox(size_t i);
  bool TakeCount(Bytes text);
  bool CheckTogether();

  Args args_;
  GeoForm form_;
  bool may_store_;
  const types::SortedSet* set_;
  size_t first_word_ = 0;
  bool from_member_ = false, from_position_ = false, by_radius_ = false, by_box_ = false;
};

bool Parser::TakeMember(Bytes member) {
  const auto score = set_->Score(member);
  if (!score) return Fail("ERR could not decode requested zset member");
  request.shape.center = DecodePosition(*score);
  return true;
}

bool Parser::TakePosition(size_t i) {
  const auto position = ParsePosition(args_[i], args_[i + 1]);
  if (!position.ok()) return Fail(position.error());
  request.shape.center = *position;
  return true;
}

bool Parser::TakeUnit(Bytes unit) {
  const auto metres = MetresIn(unit);
  if (!metres) return Fail(kUnknownUnitError);
  request.shape.unit_metres = *metres;
  return true;
}

bool Parser::TakeRadius(size_t i) {
  const auto radius = ParseScore(args_[i]);
  if (!radius) return Fail("ERR need numeric radius");
  if (*radius < 0) return Fail("ERR radius cannot be negative");
  request.shape.is_box = false;
  request.shape.radius = *radius;
  return TakeUnit(args_[i + 1]);
}

bool Parser::TakeBox(size_t i) {
  const auto width = ParseScore(args_[i]);
  if (!width) return Fail("ERR need numeric width");
  const auto height = ParseScore(args_[i + 1]);
  if (!height) return Fail("ERR need numeric height");
  if (*width < 0 || *height < 0) return Fail("ERR height or width cannot be negative");
  request.shape.is_box = true;
  request.shape.width = *width;
  request.shape.height = *height;
  return TakeUnit(args_[i + 2]);
}

bool Parser::TakeCount(Bytes text) {
  const auto count = ParseInt64(text);
  if (!count) return Fail(kNotAnIntegerError);
  if (*count <= 0) return Fail("ERR COUNT must be > 0");
  request.count = static_cast<size_t>(*count);
  return true;
}

// What stands before the words.
bool Parser::ParsePlace() {
  switch (form_) {
    case GeoForm::kRadius:
      first_word_ = 6;
      return TakePosition(2) && TakeRadius(4);
    case GeoForm::kRadiusByMember:
      first_word_ = 5;
      return set_ == nullptr || (TakeMember(args_[2]) && TakeRadius(3));
    case GeoForm::kSearch:
      first_word_ = 2;
      return true;
    case GeoForm::kSearchStore:
      first_word_ = 3;
      request.stores = true;
      request.destination = args_[1];
      return true;
  }
  return true;
}

// The word at args[*i], and with it what belongs to it: *i is its last one then.
bool Parser::ParseWord(size_t* i) {
  const Bytes word = args_[*i];
  const size_t behind = args_.size() - *i - 1;
  const auto is = [&](Bytes name) { return EqualsIgnoreCase(word, name); };
  if (is("WITHDIST")) {
    request.with_distance = true;
  } else if (is("WITHHASH")) {
    request.with_hash = true;
  } else if (is("WITHCOORD")) {
    request.with_coordinates = true;
  } else if (is("ANY")) {
    request.any = true;
  } else if (is("ASC")) {
    request.order = GeoOrder::kAscending;
  } else if (is("DESC")) {
    request.order = GeoOrder::kDescending;
  } else if (is("COUNT") && behind >= 1) {
    return TakeCount(args_[++*i]);
  } else if (may_store_ && !searches() && behind >= 1 && (is("STORE") || is("STOREDIST"))) {
    request.stores = true;
    request.stores_distance = is("STOREDIST");
    request.destination = args_[++*i];
  } else if (searches()) {
    return ParseSearchWord(i);
  } else {
    return Fail(kSyntaxError);
  }
  return true;
}

bool Parser::ParseSearchWord(size_t* i) {
  const Bytes word = args_[*i];
  const size_t behind = args_.size() - *i - 1;
  const size_t value = *i + 1;
  const auto is = [&](Bytes name) { return EqualsIgnoreCase(word, name); };
  if (is("FROMMEMBER") && behind >= 1 && !from_position_) {
    from_member_ = true;
    *i += 1;
    return set_ == nullptr || TakeMember(args_[value]);
  }
  if (is("FROMLONLAT") && behind >= 2 && !from_member_) {
    from_position_ = true;
    *i += 2;
    return TakePosition(value);
  }
  if (is("BYRADIUS") && behind >= 2 && !by_box_) {
    by_radius_ = true;
    *i += 2;
    return TakeRadius(value);
  }
  if (is("BYBOX") && behind >= 3 && !by_radius_) {
    by_box_ = true;
    *i += 3;
    return TakeBox(value);
  }
  if (is("STOREDIST") && form_ == GeoForm::kSearchStore) {
    request.stores_distance = true;
    return true;
  }
  return Fail(kSyntaxError);
}

bool Parser::CheckTogether() {
  if (request.stores && (request.with_distance || request.with_hash || request.with_coordinates)) {
    return Fail(
        form_ == GeoForm::kSearchStore
            ? "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            : "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and "
              "WITHCOORD options");
  }
  if (searches() && !from_member_ && !from_position_) {
    error = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " +
            std::string(Command());
    return false;
  }
  if (searches() && !by_radius_ && !by_box_) {
    error = "ERR exactly one of BYRADIUS and BYBOX can be specified for " + std::string(Command());
    return false;
  }
  if (request.any && request.count == 0)
    return Fail("ERR the ANY argument requires COUNT argument");
  // The closest are wanted, unless any will do.
  if (request.count != 0 && request.order == GeoOrder::kNone && !request.any)
    request.order = GeoOrder::kAscending;
  return true;
}

bool Parser::Parse() {
  if (!ParsePlace()) return false;
  for (size_t i = first_word_; i < args_.size(); ++i) {
    if (!ParseWord(&i)) return false;
  }
  return CheckTogether();
}

}  // namespace

Result<GeoRequest, std::string> ParseGeoRequest(Args args, GeoForm form, bool may_store,
                                                const types::SortedSet* set) {
  Parser parser(args, form, may_store, set);
  if (!parser.Parse()) return Unexpected{parser.error};
  return parser.request;
}

}  // namespace terrace::commands
