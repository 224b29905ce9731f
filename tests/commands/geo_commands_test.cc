#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/numbers.h"
#include "base/random.h"
#include "commands/geo_search.h"
#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kSyntax = "(error) ERR syntax error";

// The expected replies were taken from a stock server.
struct GeoFixture : EngineFixture {
  GeoFixture()
      : EngineFixture(
            {StringCommands(), KeyCommands(), ZsetCommands(), ZsetRangeCommands(), GeoCommands()}) {
    Notify("An");
  }
  void AddSicily() {
    Run({"GEOADD", "Sicily", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669",
         "Catania"});
    Log();
    Events();
  }
};

TEST_SUITE("commands/geo") {
  TEST_CASE_FIXTURE(GeoFixture, "places are added as scores, and followers are told the scores") {
    CHECK(Run({"GEOADD", "Sicily", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669",
               "Catania"}) == "2");
    CHECK(Run({"GEOADD", "Sicily", "XX", "CH", "13.361389", "38.115556", "Catania"}) == "1");
    CHECK(Run({"GEOADD", "Sicily", "NX", "1", "1", "Catania"}) == "0");
    CHECK(Run({"ZSCORE", "Sicily", "Palermo"}) == "\"3479099956230698\"");
    CHECK(Log() == Lines{"zadd Sicily 3479099956230698 Palermo 3479447370796909 Catania",
                         "zadd Sicily XX CH 3479099956230698 Catania"});
    CHECK(Events() == Lines{"new Sicily", "zadd Sicily", "zadd Sicily"});
    CHECK(Run({"GEOADD", "Sicily", "NX", "XX", "1", "1", "a"}) == kSyntax);
    CHECK(Run({"GEOADD", "Sicily", "1", "1", "a", "2"}) == kSyntax);
    CHECK(Run({"GEOADD", "Sicily", "NX", "CH", "XX"}) == kSyntax);
    CHECK(Run({"GEOADD", "Sicily", "x", "1", "a"}) == "(error) ERR value is not a valid float");
    CHECK(Run({"GEOADD", "Sicily", "181", "86", "a"}) ==
          "(error) ERR invalid longitude,latitude pair 181.000000,86.000000");
  }

  TEST_CASE_FIXTURE(GeoFixture, "where members are and how far apart") {
    AddSicily();
    CHECK(Run({"GEOPOS", "Sicily", "Palermo", "none"}) ==
          "[[\"13.36138933897018433\", \"38.11555639549629859\"], null]");
    CHECK(Run({"GEOHASH", "Sicily", "Palermo", "Catania", "none"}) ==
          "[\"sqc8b49rny0\", \"sqdtr74hyu0\", null]");
    CHECK(Run({"GEOHASH", "none", "a"}) == "[null]");
    CHECK(Run({"GEOPOS", "Sicily"}) == "[]");
    CHECK(Run({"GEODIST", "Sicily", "Palermo", "Catania"}) == "\"166274.1516\"");
    CHECK(Run({"GEODIST", "Sicily", "Palermo", "Catania", "KM"}) == "\"166.2742\"");
    CHECK(Run({"GEODIST", "Sicily", "Palermo", "Catania", "mi"}) == "\"103.3182\"");
    CHECK(Run({"GEODIST", "Sicily", "Palermo", "Palermo", "ft"}) == "\"0.0000\"");
    CHECK(Run({"GEODIST", "Sicily", "Palermo", "none"}) == "null");
    CHECK(Run({"GEODIST", "none", "Palermo", "Catania"}) == "null");
    CHECK(Run({"GEODIST", "Sicily", "Palermo", "Catania", "inch"}) ==
          "(error) ERR unsupported unit provided. please use M, KM, FT, MI");
    session.reply.set_protocol(3);
    CHECK(Wire({"GEOPOS", "Sicily", "Palermo"}) ==
          "*1\r\n*2\r\n,13.36138933897018433\r\n,38.11555639549629859\r\n");
    CHECK(Wire({"GEODIST", "Sicily", "Palermo", "Catania", "km"}) == "$8\r\n166.2742\r\n");
  }

  TEST_CASE_FIXTURE(GeoFixture, "circles and boxes, with what is asked about the members in them") {
    AddSicily();
    CHECK(Run({"GEOSEARCH", "Sicily", "FROMLONLAT", "15", "37", "BYRADIUS", "200", "km", "ASC"}) ==
          "[\"Catania\", \"Palermo\"]");
    CHECK(Run({"GEOSEARCH", "Sicily", "FROMLONLAT", "15", "37", "BYBOX", "400", "400", "km", "DESC",
               "WITHDIST", "WITHCOORD", "WITHHASH", "COUNT", "1"}) ==
          "[[\"Palermo\", \"190.4424\", 3479099956230698, [\"13.36138933897018433\", "
          "\"38.11555639549629859\"]]]");
    CHECK(Run({"GEOSEARCH", "Sicily", "FROMMEMBER", "Palermo", "BYRADIUS", "100", "km"}) ==
          "[\"Palermo\"]");
    CHECK(Run({"GEORADIUS", "Sicily", "15", "37", "200", "km", "WITHDIST", "ASC"}) ==
          "[[\"Catania\", \"56.4413\"], [\"Palermo\", \"190.4424\"]]");
    CHECK(Run({"GEORADIUS_RO", "Sicily", "15", "37", "100", "km"}) == "[\"Catania\"]");
    CHECK(Run({"GEORADIUSBYMEMBER", "Sicily", "Catania", "200", "km", "COUNT", "1"}) ==
          "[\"Catania\"]");
    CHECK(Run({"GEORADIUSBYMEMBER_RO", "Sicily", "Catania", "10", "m"}) == "[\"Catania\"]");
    CHECK(Run({"GEOSEARCH", "Sicily", "FROMLONLAT", "15", "37", "BYRADIUS", "inf", "km", "ASC"}) ==
          "[\"Catania\", \"Palermo\"]");
    CHECK(Ask({"GEORADIUS", "Sicily", "15", "37", "200", "km", "COUNT", "1", "ANY"})
              .elements.size() == 1);
    CHECK(Run({"GEORADIUS", "none", "15", "37", "200", "km"}) == "[]");
    CHECK(Log().empty());
  }

  // The order that Redis has: the square in the middle, north, south, east, west, the corners; in each by score.
  TEST_CASE_FIXTURE(GeoFixture, "whoever asks for no order gets one all the same") {
    Run({"GEOADD", "g", "15", "37", "middle", "15", "38.3", "n", "15", "35.7", "s", "16.4", "37",
         "e", "13.6", "37", "w"});
    Run({"GEOADD", "g", "16", "38", "ne", "14", "38", "nw", "16", "36", "se", "14", "36", "sw",
         "30", "37", "far"});
    CHECK(Run({"GEOSEARCH", "g", "FROMLONLAT", "15.4", "37.2", "BYRADIUS", "200", "km"}) ==
          "[\"sw\", \"w\", \"s\", \"middle\", \"se\", \"e\", \"nw\", \"n\", \"ne\"]");
    CHECK(Run({"GEOSEARCH", "g", "FROMLONLAT", "15.4", "37.2", "BYBOX", "500", "300", "km"}) ==
          "[\"sw\", \"w\", \"middle\", \"se\", \"e\", \"nw\", \"n\", \"ne\"]");
    CHECK(Run({"GEORADIUS", "g", "15.4", "37.2", "200", "km", "COUNT", "3", "ANY"}) ==
          "[\"sw\", \"w\", \"s\"]");
    Run({"GEOADD", "pole", "45", "65", "near", "-135", "85.05", "beyond"});
    CHECK(Run({"GEORADIUSBYMEMBER", "pole", "near", "5009431", "m"}) == "[\"near\", \"beyond\"]");
  }

  TEST_CASE_FIXTURE(GeoFixture, "what is found is stored, as places or as distances") {
    AddSicily();
    CHECK(Run({"GEOSEARCHSTORE", "dst", "Sicily", "FROMLONLAT", "15", "37", "BYRADIUS", "200",
               "km"}) == "2");
    CHECK(Run({"ZSCORE", "dst", "Palermo"}) == "\"3479099956230698\"");
    CHECK(Run({"GEORADIUS", "Sicily", "15", "37", "200", "km", "STORE", "other", "STOREDIST",
               "dst"}) == "2");
    CHECK(Ask({"ZSCORE", "dst", "Catania"}).string.substr(0, 7) == "56.4412");
    CHECK(Run({"EXISTS", "other"}) == "0");
    CHECK(Run({"GEORADIUSBYMEMBER", "Sicily", "Catania", "1", "km", "STORE", "a", "STORE",
               "dst"}) == "1");
    CHECK(Run({"GEORADIUS", "Sicily", "-15", "37", "1", "km", "STORE", "dst"}) == "0");
    CHECK(Run({"GEORADIUSBYMEMBER", "none", "Catania", "1", "km", "STORE", "dst"}) == "0");
    CHECK(Log() == Lines{"GEOSEARCHSTORE dst Sicily FROMLONLAT 15 37 BYRADIUS 200 km",
                         "GEORADIUS Sicily 15 37 200 km STORE other STOREDIST dst",
                         "GEORADIUSBYMEMBER Sicily Catania 1 km STORE a STORE dst",
                         "GEORADIUS Sicily -15 37 1 km STORE dst"});
    CHECK(Events() == Lines{"new dst", "geosearchstore dst", "georadiusstore dst",
                            "georadiusstore dst", "del dst"});
  }

  TEST_CASE_FIXTURE(GeoFixture, "what is no request is refused") {
    AddSicily();
    Run({"SET", "s", "x"});
    CHECK(Run({"GEORADIUS", "s", "15", "37", "1", "km"}) ==
          "(error) WRONGTYPE Operation against a key holding the wrong kind of value");
    CHECK(Run({"GEORADIUS", "Sicily", "15", "37", "x", "km"}) == "(error) ERR need numeric radius");
    CHECK(Run({"GEORADIUS", "Sicily", "15", "37", "-1", "km"}) ==
          "(error) ERR radius cannot be negative");
    CHECK(Run({"GEORADIUS", "Sicily", "15", "37", "1", "km", "COUNT", "0"}) ==
          "(error) ERR COUNT must be > 0");
    CHECK(Run({"GEORADIUS", "Sicily", "15", "37", "1", "km", "ANY"}) ==
          "(error) ERR the ANY argument requires COUNT argument");
    CHECK(Run({"GEORADIUS", "Sicily", "15", "37", "1", "km", "STORE"}) == kSyntax);
    CHECK(Run({"GEORADIUS_RO", "Sicily", "15", "37", "1", "km", "STORE", "dst"}) == kSyntax);
    CHECK(Run({"GEORADIUS", "Sicily", "15", "37", "1", "km", "STORE", "dst", "WITHDIST"}) ==
          "(error) ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and "
          "WITHCOORD options");
    CHECK(Run({"GEORADIUSBYMEMBER", "Sicily", "none", "1", "km"}) ==
          "(error) ERR could not decode requested zset member");
    CHECK(Run({"GEOSEARCH", "Sicily", "BYRADIUS", "1", "km", "ASC", "WITHDIST"}) ==
          "(error) ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH");
    CHECK(Run({"geosearch", "Sicily", "FROMLONLAT", "1", "1", "ASC", "WITHDIST"}) ==
          "(error) ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch");
    CHECK(Run({"GEOSEARCH", "Sicily", "FROMLONLAT", "1", "1", "FROMMEMBER", "a", "ASC"}) ==
          kSyntax);
    CHECK(Run({"GEOSEARCH", "Sicily", "FROMLONLAT", "1", "1", "BYBOX", "1", "x", "km"}) ==
          "(error) ERR need numeric height");
    CHECK(Run({"GEOSEARCH", "Sicily", "FROMLONLAT", "1", "1", "BYBOX", "1", "-1", "km"}) ==
          "(error) ERR height or width cannot be negative");
    CHECK(Run({"GEOSEARCHSTORE", "dst", "Sicily", "FROMLONLAT", "1", "1", "BYRADIUS", "1", "km",
               "WITHHASH"}) ==
          "(error) ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD "
          "options");
  }

  TEST_CASE(
      "a search finds what looking at every place finds, also across the date line and near the "
      "poles") {
    Random random(77);
    types::SortedSet set = types::SortedSet::New();
    std::vector<GeoPosition> places;
    for (unsigned i = 0; i < 3000; ++i) {
      GeoPosition place{random.Unit() * 360 - 180, random.Unit() * 170 - 85};
      if (i % 3 == 0) place.longitude = random.Below(2) == 0 ? 179.9 : -179.9;
      if (i % 5 == 0) place.latitude = random.Below(2) == 0 ? 84.9 : -84.9;
      set.Set(std::to_string(i), static_cast<double>(EncodePosition(place)),
              {.listpack_entries = 0, .listpack_value_bytes = 0});
      places.push_back(DecodePosition(static_cast<double>(EncodePosition(place))));
    }
    for (unsigned round = 0; round < 300; ++round) {
      GeoShape shape;
      shape.center = {random.Unit() * 360 - 180, random.Unit() * 170 - 85};
      if (round % 4 == 0) shape.center = places[random.Below(places.size())];
      const double size = std::pow(10, random.Unit() * 7);  // 1 m to 10000 km
      shape.is_box = round % 2 == 0;
      shape.radius = size;
      shape.width = size;
      shape.height = size * (random.Unit() + 0.1);
      std::set<std::string> found, expected;
      for (const GeoHit& hit : SearchShape(set, shape, 0)) CHECK(found.insert(hit.member).second);
      for (size_t i = 0; i < places.size(); ++i) {
        if (shape.DistanceInside(places[i])) expected.insert(std::to_string(i));
      }
      CAPTURE(round);
      CHECK(found == expected);
    }
    types::Destroy(set.value());
  }
}

}  // namespace
}  // namespace terrace::commands
