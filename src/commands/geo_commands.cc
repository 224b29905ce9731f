// Places in sorted sets: adding them, where they are, how far apart, and which are near.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/families.h"
#include "commands/geo_request.h"
#include "commands/key_positions.h"
#include "commands/zset_operations.h"

namespace terrace::commands {
namespace {

using types::SortedSet;

// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
Effect GeoAdd(WriteContext& ctx, Args args) {
  AddConditions conditions;
  bool count_scored = false;
  size_t first = 2;
  for (; first < args.size(); ++first) {
    if (EqualsIgnoreCase(args[first], "NX")) {
      conditions.only_new = true;
    } else if (EqualsIgnoreCase(args[first], "XX")) {
      conditions.only_present = true;
    } else if (EqualsIgnoreCase(args[first], "CH")) {
      count_scored = true;
    } else {
      break;
    }
  }
  const size_t words = args.size() - first;
  if (words == 0 || words % 3 != 0 || (conditions.only_new && conditions.only_present))
    return Fail(ctx, kSyntaxError);
  std::vector<ScoredMember> members;
  members.reserve(words / 3);
  for (size_t i = first; i < args.size(); i += 3) {
    const auto position = ParsePosition(args[i], args[i + 1]);
    if (!position.ok()) return Fail(ctx, position.error());
    members.push_back({static_cast<double>(EncodePosition(*position)), args[i + 2]});
  }
  const auto found = PeekZset(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  const AddOutcome outcome = AddToZset(ctx, args[1], *found, members, conditions, "zadd");
  ctx.reply.Integer(static_cast<int64_t>(outcome.added + (count_scored ? outcome.scored : 0)));
  if (!outcome.changed()) return Effect::None();
  // Followers get the scores: they need not compute the same ones.
  std::vector<std::string> scores;
  scores.reserve(members.size());
  for (const ScoredMember& member : members)
    scores.push_back(FormatInt64(static_cast<int64_t>(member.score)));
  std::vector<Bytes> log = {"zadd"};
  log.insert(log.end(), args.begin() + 1, args.begin() + first);
  for (size_t i = 0; i < members.size(); ++i) log.insert(log.end(), {scores[i], members[i].member});
  ctx.unit.LogArgs(ctx.db, log.data(), log.size());
  return Effect::Logged().Counting(outcome.added + outcome.scored);
}

void ReplyCoordinate(resp::Reply& reply, double degrees) {
  if (reply.protocol() == 2) return reply.BulkLongDouble(degrees);
  reply.Raw("," + FormatLongDoubleHuman(degrees) + "\r\n");
}

void ReplyPosition(resp::Reply& reply, const GeoPosition& position) {
  reply.Array(2);
  ReplyCoordinate(reply, position.longitude);
  ReplyCoordinate(reply, position.latitude);
}

void ReplyDistance(resp::Reply& reply, double distance) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, "%.4f", distance);
  reply.Bulk(Bytes(text, static_cast<size_t>(size)));
}

// reply_one(position or nullopt) for each member named from args[2] on.
template <typename ReplyOne>
void ForMembers(ReadContext& ctx, Args args, ReplyOne reply_one) {
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Array(args.size() - 2);
  for (size_t i = 2; i < args.size(); ++i) {
    const auto score = *found ? (*found)->Score(args[i]) : std::nullopt;
    reply_one(score ? std::optional(DecodePosition(*score)) : std::nullopt);
  }
}

// GEOPOS key [member [member ...]]
void GeoPos(ReadContext& ctx, Args args) {
  ForMembers(ctx, args, [&](const std::optional<GeoPosition>& position) {
    position ? ReplyPosition(ctx.reply, *position) : ctx.reply.NullArray();
  });
}

// GEOHASH key [member [member ...]]
void GeoHash(ReadContext& ctx, Args args) {
  ForMembers(ctx, args, [&](const std::optional<GeoPosition>& position) {
    position ? ctx.reply.Bulk(StandardGeohash(*position)) : ctx.reply.Null();
  });
}

// GEODIST key member1 member2 [M | KM | FT | MI]
void GeoDist(ReadContext& ctx, Args args) {
  double unit = 1;
  if (args.size() == 5) {
    const auto metres = MetresIn(args[4]);
    if (!metres) return ctx.reply.Error(kUnknownUnitError);
    unit = *metres;
  } else if (args.size() > 5) {
    return ReplyError(ctx, Errc::kSyntax);
  }
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (!*found) return ctx.reply.Null();
  const auto a = (*found)->Score(args[2]);
  const auto b = (*found)->Score(args[3]);
  if (!a || !b) return ctx.reply.Null();
  ReplyDistance(ctx.reply, DistanceMetres(DecodePosition(*a), DecodePosition(*b)) / unit);
}

// What a request finds, in its order and number.
std::vector<GeoHit> Hits(const SortedSet& set, const GeoRequest& request) {
  std::vector<GeoHit> hits = SearchShape(set, request.shape, request.any ? request.count : 0);
  const size_t wanted = request.count == 0 ? hits.size() : std::min(request.count, hits.size());
  const auto nearer = [](const GeoHit& a, const GeoHit& b) {
    return a.distance_metres < b.distance_metres;
  };
  const auto further = [](const GeoHit& a, const GeoHit& b) {
    return a.distance_metres > b.distance_metres;
  };
  const auto until = hits.begin() + static_cast<std::ptrdiff_t>(wanted);
  const auto sort = [&](const auto& precedes) {
    // Of all of them, those equally far away stay in the order they were found in, as in Redis.
    if (until == hits.end()) return std::stable_sort(hits.begin(), until, precedes);
    std::partial_sort(hits.begin(), until, hits.end(), precedes);
  };
  if (request.order == GeoOrder::kAscending) sort(nearer);
  if (request.order == GeoOrder::kDescending) sort(further);
  hits.erase(until, hits.end());
  return hits;
}

void ReplyHits(resp::Reply& reply, const std::vector<GeoHit>& hits, const GeoRequest& request) {
  const size_t extras =
      size_t{request.with_distance} + size_t{request.with_hash} + size_t{request.with_coordinates};
  reply.Array(hits.size());
  for (const GeoHit& hit : hits) {
    if (extras != 0) reply.Array(1 + extras);
    reply.Bulk(hit.member);
    if (request.with_distance)
      ReplyDistance(reply, hit.distance_metres / request.shape.unit_metres);
    if (request.with_hash) reply.Integer(static_cast<int64_t>(hit.score));
    if (request.with_coordinates) ReplyPosition(reply, hit.position);
  }
}

void Search(ReadContext& ctx, const std::optional<SortedSet>& set, const GeoRequest& request) {
  if (!set) return ctx.reply.Array(0);
  ReplyHits(ctx.reply, Hits(*set, request), request);
}

Effect SearchAndStore(WriteContext& ctx, const std::optional<SortedSet>& set,
                      const GeoRequest& request, Bytes event) {
  SortedSet result = SortedSet::New();
  if (set) {
    const SortedSet::Limits limits = ZsetLimits(ctx);
    for (const GeoHit& hit : Hits(*set, request)) {
      const double score =
          request.stores_distance ? hit.distance_metres / request.shape.unit_metres : hit.score;
      result.Set(hit.member, score, limits);
    }
  }
  const size_t stored = result.Size();
  const Effect effect = StoreZset(ctx, request.destination, result, event);
  return stored == 0 ? effect : effect.Counting(stored);
}

void SearchOnly(ReadContext& ctx, Args args, GeoForm form) {
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  const auto request = ParseGeoRequest(args, form, false, *found ? &**found : nullptr);
  if (!request.ok()) return ctx.reply.Error(request.error());
  Search(ctx, *found, *request);
}

Effect SearchAnd(WriteContext& ctx, Args args, GeoForm form, Bytes event) {
  const auto found = FindZset(ctx, args[form == GeoForm::kSearchStore ? 2 : 1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  const auto request = ParseGeoRequest(args, form, true, *found ? &**found : nullptr);
  if (!request.ok()) return Fail(ctx, request.error());
  if (request->stores) return SearchAndStore(ctx, *found, *request, event);
  Search(ctx, *found, *request);
  return Effect::None();
}

void GeoSearch(ReadContext& ctx, Args args) { SearchOnly(ctx, args, GeoForm::kSearch); }
void GeoRadiusRo(ReadContext& ctx, Args args) { SearchOnly(ctx, args, GeoForm::kRadius); }
void GeoRadiusByMemberRo(ReadContext& ctx, Args args) {
  SearchOnly(ctx, args, GeoForm::kRadiusByMember);
}
Effect GeoSearchStore(WriteContext& ctx, Args args) {
  return SearchAnd(ctx, args, GeoForm::kSearchStore, "geosearchstore");
}
Effect GeoRadius(WriteContext& ctx, Args args) {
  return SearchAnd(ctx, args, GeoForm::kRadius, "georadiusstore");
}
Effect GeoRadiusByMember(WriteContext& ctx, Args args) {
  return SearchAnd(ctx, args, GeoForm::kRadiusByMember, "georadiusstore");
}

// STORE and STOREDIST may be repeated, and the last one counts; all of them are locked.
bool FindRadiusKeys(Args args, size_t first_word, KeyPositions* positions) {
  positions->Add(1, kKeyRO | kKeyAccess);
  for (size_t i = first_word; i + 1 < args.size(); ++i) {
    if (!EqualsIgnoreCase(args[i], "STORE") && !EqualsIgnoreCase(args[i], "STOREDIST")) continue;
    positions->Add(++i, kKeyOW | kKeyUpdate);
  }
  return true;
}
bool FindGeoRadiusKeys(Args args, KeyPositions* positions) {
  return FindRadiusKeys(args, 6, positions);
}
bool FindGeoRadiusByMemberKeys(Args args, KeyPositions* positions) {
  return FindRadiusKeys(args, 5, positions);
}

constexpr KeySpec StoreKey(int16_t from, const char* word) {
  return {.flags = kKeyOW | kKeyUpdate,
          .begin = KeySpec::Begin::kKeyword,
          .index = from,
          .keyword = word};
}
constexpr KeySpec kRadiusKeys[] = {OneKey(kKeyRO | kKeyAccess), StoreKey(6, "STORE"),
                                   StoreKey(6, "STOREDIST")};
constexpr KeySpec kRadiusByMemberKeys[] = {OneKey(kKeyRO | kKeyAccess), StoreKey(5, "STORE"),
                                           StoreKey(5, "STOREDIST")};
constexpr KeySpec kSearchStoreKeys[] = {OneKey(kKeyOW | kKeyUpdate),
                                        OneKey(kKeyRO | kKeyAccess, 2)};
constexpr const char* kSearchCost =
    "O(N + log M), N being the places in squares around the shape, M the size of the sorted set";

constexpr CommandSpec kGeoCommands[] = {
    {.name = "geoadd",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .group = Group::kGeo,
     .keys = kUpdateKey,
     .write = GeoAdd,
     .since = "3.2.0",
     .complexity = "O(log N) a place, N being the size of the sorted set",
     .summary = "Adds places to a sorted set or moves them; makes the key if it is not there.",
     .syntax = "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]"},
    {.name = "geopos",
     .arity = -2,
     .flags = kReadonly,
     .group = Group::kGeo,
     .keys = kReadKey,
     .read = GeoPos,
     .since = "3.2.0",
     .complexity = "O(1) a member",
     .summary = "Returns the coordinates of members.",
     .syntax = "key [member [member ...]]"},
    {.name = "geohash",
     .arity = -2,
     .flags = kReadonly,
     .group = Group::kGeo,
     .keys = kReadKey,
     .read = GeoHash,
     .since = "3.2.0",
     .complexity = "O(1) a member",
     .summary = "Returns the geohashes of members.",
     .syntax = "key [member [member ...]]"},
    {.name = "geodist",
     .arity = -4,
     .flags = kReadonly,
     .group = Group::kGeo,
     .keys = kReadKey,
     .read = GeoDist,
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Returns how far two members are apart.",
     .syntax = "key member1 member2 [M | KM | FT | MI]"},
    {.name = "geosearch",
     .arity = -7,
     .flags = kReadonly,
     .group = Group::kGeo,
     .keys = kReadKey,
     .read = GeoSearch,
     .since = "6.2.0",
     .complexity = kSearchCost,
     .summary = "Returns the members in a circle or a box.",
     .syntax = "key <FROMMEMBER member | FROMLONLAT longitude latitude> "
               "<BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> "
               "[ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]"},
    {.name = "geosearchstore",
     .arity = -8,
     .flags = kWrite | kDenyOom,
     .group = Group::kGeo,
     .keys = kSearchStoreKeys,
     .write = GeoSearchStore,
     .since = "6.2.0",
     .complexity = kSearchCost,
     .summary = "Makes a sorted set of the members in a circle or a box.",
     .syntax = "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> "
               "<BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> "
               "[ASC | DESC] [COUNT count [ANY]] [STOREDIST]"},
    {.name = "georadius",
     .arity = -6,
     .flags = kWrite | kDenyOom,
     .group = Group::kGeo,
     .keys = kRadiusKeys,
     .key_finder = FindGeoRadiusKeys,
     .write = GeoRadius,
     .since = "3.2.0",
     .complexity = kSearchCost,
     .summary = "Returns the members in a circle, or stores them.",
     .syntax = "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
               "[COUNT count [ANY]] "
               "[ASC | DESC] [STORE key] [STOREDIST key]",
     .deprecated_since = "6.2.0",
     .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"},
    {.name = "georadiusbymember",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .group = Group::kGeo,
     .keys = kRadiusByMemberKeys,
     .key_finder = FindGeoRadiusByMemberKeys,
     .write = GeoRadiusByMember,
     .since = "3.2.0",
     .complexity = kSearchCost,
     .summary = "Returns the members in a circle around one of them, or stores them.",
     .syntax = "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT "
               "count [ANY]] [ASC | DESC] "
               "[STORE key] [STOREDIST key]",
     .deprecated_since = "6.2.0",
     .replaced_by =
         "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"},
    {.name = "georadius_ro",
     .arity = -6,
     .flags = kReadonly,
     .group = Group::kGeo,
     .keys = kReadKey,
     .read = GeoRadiusRo,
     .since = "3.2.10",
     .complexity = kSearchCost,
     .summary = "Returns the members in a circle.",
     .syntax = "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
               "[COUNT count [ANY]] "
               "[ASC | DESC]",
     .deprecated_since = "6.2.0",
     .replaced_by = "`GEOSEARCH` with the `BYRADIUS` argument"},
    {.name = "georadiusbymember_ro",
     .arity = -5,
     .flags = kReadonly,
     .group = Group::kGeo,
     .keys = kReadKey,
     .read = GeoRadiusByMemberRo,
     .since = "3.2.10",
     .complexity = kSearchCost,
     .summary = "Returns the members in a circle around one of them.",
     .syntax = "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT "
               "count [ANY]] [ASC | DESC]",
     .deprecated_since = "6.2.0",
     .replaced_by = "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"},
};

}  // namespace

std::span<const CommandSpec> GeoCommands() { return kGeoCommands; }

}  // namespace terrace::commands
