// Random commands that write collections, and what keys of any type hold, in words that do not depend on any order but
// that of lists.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/numbers.h"
#include "base/random.h"
#include "engine/entry.h"
#include "types/items.h"
#include "types/stream_text.h"

namespace terrace::testing {

// L, H, S, Z, X, B, P, G: a key that mostly holds a list, hash, set, sorted set, stream, bits, HyperLogLog, places; K: any.
// t: text, m: one of few texts, i: an index, n: a number, d: a decimal, g: one of few groups, c: one of few consumers, e: an
// id that an entry may have.
inline const char* const kCollectionCommands[] = {
    // lists
    "RPUSH L t t m",
    "LPUSH L t",
    "RPUSH L t t t t t t t",
    "LPUSHX L m",
    "RPUSHX L m",
    "LPOP L",
    "RPOP L i",
    "LSET L i t",
    "LINSERT L BEFORE m t",
    "LTRIM L i -1",
    "LREM L i m",
    "LMOVE L L LEFT RIGHT",
    "RPOPLPUSH L L",
    "LMPOP 2 L L LEFT COUNT i",
    "RPUSH K t",
    "BLPOP L L 0",
    "BRPOP L 0",
    "BLMOVE L L RIGHT LEFT 0",
    "BRPOPLPUSH L L 0",
    "BLMPOP 0 2 L L RIGHT COUNT i",
    // hashes
    "HSET H m t m t m t",
    "HSET H t t",
    "HSETNX H m t",
    "HMSET H m t m t",
    "HDEL H m m",
    "HINCRBY H n n",
    "HINCRBYFLOAT H n d",
    "HSET K m t",
    // deadlines of fields: most come while the traffic goes on
    "HPEXPIRE H n FIELDS 4 m m m m",
    "HPEXPIRE H n GT FIELDS 2 m m",
    "HPEXPIRE H n LT FIELDS 3 m m m",
    "HEXPIRE H i FIELDS 2 m m",
    "HPEXPIREAT H n FIELDS 1 m",
    "HEXPIREAT H n NX FIELDS 1 m",
    "HPERSIST H FIELDS 3 m m m",
    "HSETEX H PX n FIELDS 3 m t m t n d",
    "HSETEX H FNX EX i FIELDS 1 m t",
    "HSETEX H KEEPTTL FIELDS 2 m t m t",
    "HGETEX H PX n FIELDS 3 m m m",
    "HGETEX H PERSIST FIELDS 2 m m",
    "HGETDEL H FIELDS 2 m m",
    // sets
    "SADD S m m t",
    "SADD S n n n",
    "SREM S m m n",
    "SPOP S",
    "SPOP S i",
    "SMOVE S S m",
    "SINTERSTORE S S S",
    "SUNIONSTORE S S S",
    "SDIFFSTORE S S S",
    "SADD K m",
    // sorted sets
    "ZADD Z d m n t",
    "ZADD Z NX d m",
    "ZADD Z XX GT CH d m",
    "ZADD Z INCR d m",
    "ZINCRBY Z d m",
    "ZREM Z m m",
    "ZPOPMIN Z",
    "ZPOPMAX Z i",
    "ZMPOP 2 Z Z MIN COUNT i",
    "ZREMRANGEBYRANK Z i i",
    "ZREMRANGEBYSCORE Z n inf",
    "ZREMRANGEBYLEX Z [m [x",
    "ZRANGESTORE Z Z i -1",
    "ZUNIONSTORE Z 2 Z Z",
    "ZINTERSTORE Z 2 Z S",
    "ZDIFFSTORE Z 2 Z Z",
    "ZADD K n m",
    "BZPOPMIN Z Z 0",
    "BZPOPMAX Z 0",
    "BZMPOP 0 2 Z Z MAX COUNT i",
    // across
    "DEL L",
    "DEL H",
    "DEL S",
    "DEL Z",
    "DEL X",
    "XGROUP DESTROY X g",
    "UNLINK L",
    "PEXPIRE K n",
    "COPY K K REPLACE",
    "RENAME K K",
    "MOVE K 1",
    "SET K t",
    // streams
    "XADD X * m t",
    "XADD X * m t m t",
    "XADD X NOMKSTREAM * m n",
    "XADD X MAXLEN ~ 20 * m t",
    "XADD X MAXLEN 30 * m t m n",
    "XADD X e m t",
    "XADD X MINID ~ e LIMIT n * m t",
    "XTRIM X MAXLEN ~ 15",
    "XTRIM X MINID = e",
    "XDEL X e e e e",
    "XSETID X e",
    "XGROUP CREATE X g $",
    "XGROUP CREATE X g 0 MKSTREAM",
    "XGROUP CREATE X g e ENTRIESREAD n",
    "XGROUP SETID X g e",
    "XGROUP SETID X g 0 ENTRIESREAD 0",
    "XGROUP CREATECONSUMER X g c",
    "XGROUP DELCONSUMER X g c",
    "XREADGROUP GROUP g c COUNT 3 STREAMS X >",
    "XREADGROUP GROUP g c STREAMS X >",
    "XREADGROUP GROUP g c NOACK COUNT 2 STREAMS X >",
    "XREADGROUP GROUP g c COUNT 2 STREAMS X 0",
    "XACK X g e e e e",
    "XCLAIM X g c 0 e e e e",
    "XCLAIM X g c 2 e e FORCE JUSTID",
    "XCLAIM X g c 0 e RETRYCOUNT n TIME n LASTID e",
    "XAUTOCLAIM X g c 0 e COUNT 3",
    "XAUTOCLAIM X g c 3 0 JUSTID",
    // bits, and what is counted in them
    "SETBIT B i 1",
    "BITOP OR B B B",
    "BITFIELD B SET u8 i n",
    "PFADD P m t",
    "PFMERGE P P P",
    "PFCOUNT P",
    "PFDEBUG TODENSE P",
    // places
    "GEOADD G n i m n i m",
    "GEOADD G CH n i m",
    "GEOSEARCHSTORE G G FROMLONLAT n i BYRADIUS n km",
    "GEORADIUS G n i n km STORE G",
    "GEORADIUSBYMEMBER G m n km STOREDIST Z",
    // in order
    "SORT L ALPHA STORE L",
    "SORT S BY nosort STORE L",
    "SORT Z ALPHA DESC LIMIT i i STORE L",
    "SORT S ALPHA BY H*->m1 GET # GET k* STORE L",
};

class CollectionTraffic {
 public:
  explicit CollectionTraffic(Random& random) : random_(random) {}
  /// What ids of streams lie around.
  void set_now_ms(uint64_t now_ms) { now_ms_ = now_ms; }

  std::vector<std::string> Command() {
    std::vector<std::string> words;
    const std::string form = kCollectionCommands[random_.Below(std::size(kCollectionCommands))];
    for (size_t at = 0; at < form.size();) {
      const size_t end = std::min(form.find(' ', at), form.size());
      words.push_back(Word(form.substr(at, end - at)));
      at = end + 1;
    }
    return words;
  }
  std::string AnyKey() { return Key("LHSZX"[random_.Below(5)]); }

 private:
  std::string Key(char family) { return family + std::to_string(random_.Below(6)); }
  std::string Word(const std::string& word) {
    if (word.size() != 1) return word;
    switch (word[0]) {
      case 'L':
      case 'H':
      case 'S':
      case 'Z':
      case 'X':
      case 'B':
      case 'P':
      case 'G':
        return Key(word[0]);
      case 'K':
        return AnyKey();
      case 't':
        return random_.Below(3) == 0 ? std::to_string(random_.Below(100'000))
                                     : std::string(random_.Below(90), 'x') + "y";
      case 'm':
        return "m" + std::to_string(random_.Below(300));
      case 'i':
        return std::to_string(random_.Below(4));
      case 'n':
        return std::to_string(random_.Below(200));
      case 'g':
        return "g" + std::to_string(random_.Below(2));
      case 'c':
        return "c" + std::to_string(random_.Below(3));
      case 'e':
        return std::to_string(now_ms_ + random_.Below(4) -
                              std::min<uint64_t>(random_.Below(200), now_ms_)) +
               "-0";
      case 'd':
        return FormatDouble(static_cast<double>(random_.Below(2000)) / 8 - 100);
      default:
        return word;
    }
  }

  Random& random_;
  uint64_t now_ms_ = 0;
};

/// "deadline text", or "deadline type items".
inline std::string Describe(const engine::Entry& entry) {
  std::string text = std::to_string(entry.deadline_ms());
  if (!IsCollection(entry.encoding())) {
    engine::IntegerText digits;
    return text.append(" ").append(entry.StringBytes(&digits));
  }
  text.append(" ").append(TypeName(entry.type()));
  std::vector<std::string> items;
  const auto add = [&](Bytes first, Bytes second) {
    items.push_back(std::string(first) + "=" + std::string(second));
  };
  const types::Value value = entry.collection();
  if (value.type == Type::kStream)
    return text.append(" ").append(StreamText(types::Stream(value), false));
  switch (value.type) {
    case Type::kHash:
      types::ForEachTimedField(value, [&](Bytes field, Bytes item, uint64_t deadline_ms) {
        add(field, std::string(item) + "@" + std::to_string(deadline_ms));
      });
      break;
    case Type::kZset:
      types::ForEachScore(value,
                          [&](Bytes member, double score) { add(member, FormatDouble(score)); });
      break;
    default:
      types::ForEachElement(value, [&](Bytes element) { add(element, ""); });
  }
  if (value.type != Type::kList) std::sort(items.begin(), items.end());
  for (const std::string& item : items) text.append(" ").append(item);
  return text;
}

}  // namespace terrace::testing
