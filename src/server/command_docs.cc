#include "server/command_docs.h"

#include <string>
#include <vector>

#include "base/ascii.h"
#include "commands/syntax.h"

namespace terrace::server {
namespace {

using commands::Command;
using commands::CommandSpec;
using commands::KeySpec;
using commands::SyntaxArg;

struct BitName {
  uint32_t bit;
  Bytes name;
};

// In Redis' order. Flags that Redis keeps to itself are missing.
constexpr BitName kFlagNames[] = {{commands::kWrite, "write"},
                                  {commands::kReadonly, "readonly"},
                                  {commands::kDenyOom, "denyoom"},
                                  {commands::kAdmin, "admin"},
                                  {commands::kPubSub, "pubsub"},
                                  {commands::kNoScript, "noscript"},
                                  {commands::kBlocking, "blocking"},
                                  {commands::kLoading, "loading"},
                                  {commands::kStale, "stale"},
                                  {commands::kSkipMonitor, "skip_monitor"},
                                  {commands::kSkipSlowlog, "skip_slowlog"},
                                  {commands::kFast, "fast"},
                                  {commands::kNoAuth, "no_auth"},
                                  {commands::kNoMandatoryKeys, "no_mandatory_keys"},
                                  {commands::kNoAsyncLoading, "no_async_loading"},
                                  {commands::kNoMulti, "no_multi"},
                                  {commands::kMovableKeys, "movablekeys"},
                                  {commands::kAllowBusy, "allow_busy"}};

constexpr BitName kCategoryNames[] = {{commands::kCatKeyspace, "@keyspace"},
                                      {commands::kCatRead, "@read"},
                                      {commands::kCatWrite, "@write"},
                                      {commands::kCatSet, "@set"},
                                      {commands::kCatSortedSet, "@sortedset"},
                                      {commands::kCatList, "@list"},
                                      {commands::kCatHash, "@hash"},
                                      {commands::kCatString, "@string"},
                                      {commands::kCatBitmap, "@bitmap"},
                                      {commands::kCatHyperLogLog, "@hyperloglog"},
                                      {commands::kCatGeo, "@geo"},
                                      {commands::kCatStream, "@stream"},
                                      {commands::kCatPubSub, "@pubsub"},
                                      {commands::kCatAdmin, "@admin"},
                                      {commands::kCatFast, "@fast"},
                                      {commands::kCatSlow, "@slow"},
                                      {commands::kCatBlocking, "@blocking"},
                                      {commands::kCatDangerous, "@dangerous"},
                                      {commands::kCatConnection, "@connection"},
                                      {commands::kCatTransaction, "@transaction"},
                                      {commands::kCatScripting, "@scripting"}};

constexpr BitName kKeyFlagNames[] = {{commands::kKeyRO, "RO"},
                                     {commands::kKeyRW, "RW"},
                                     {commands::kKeyOW, "OW"},
                                     {commands::kKeyRM, "RM"},
                                     {commands::kKeyAccess, "access"},
                                     {commands::kKeyUpdate, "update"},
                                     {commands::kKeyInsert, "insert"},
                                     {commands::kKeyDelete, "delete"},
                                     {commands::kKeyNotKey, "not_key"},
                                     {commands::kKeyIncomplete, "incomplete"},
                                     {commands::kKeyVariableFlags, "variable_flags"}};

// By commands::Group.
constexpr Bytes kGroupNames[] = {"generic",    "string", "list",      "set",
                                 "sorted-set", "hash",   "pubsub",    "transactions",
                                 "connection", "server", "scripting", "hyperloglog",
                                 "cluster",    "geo",    "stream",    "bitmap"};

template <size_t N>
void SetOfBits(resp::Reply& reply, uint32_t bits, const BitName (&names)[N]) {
  size_t count = 0;
  for (const BitName& name : names) count += (bits & name.bit) != 0;
  reply.Set(count);
  for (const BitName& name : names) {
    if ((bits & name.bit) != 0) reply.Simple(name.name);
  }
}

// --- INFO ---

void Tips(resp::Reply& reply, Bytes tips) {
  std::vector<Bytes> each;
  while (!tips.empty()) {
    const size_t end = std::min(tips.find(','), tips.size());
    each.push_back(tips.substr(0, end));
    tips.remove_prefix(std::min(end + 1, tips.size()));
  }
  reply.Set(each.size());
  for (const Bytes tip : each) reply.Bulk(tip);
}

void NumberField(resp::Reply& reply, Bytes name, int64_t value) {
  reply.Bulk(name);
  reply.Integer(value);
}

void BeginSearch(resp::Reply& reply, const KeySpec& keys) {
  reply.Bulk("begin_search");
  reply.Map(2);
  reply.Bulk("type");
  switch (keys.begin) {
    case KeySpec::Begin::kIndex:
      reply.Bulk("index");
      reply.Bulk("spec");
      reply.Map(1);
      return NumberField(reply, "index", keys.index);
    case KeySpec::Begin::kKeyword:
      reply.Bulk("keyword");
      reply.Bulk("spec");
      reply.Map(2);
      reply.Bulk("keyword");
      reply.Bulk(keys.keyword);
      return NumberField(reply, "startfrom", keys.index);
    case KeySpec::Begin::kUnknown:
      reply.Bulk("unknown");
      reply.Bulk("spec");
      return reply.Map(0);
  }
}

void FindKeysSpec(resp::Reply& reply, const KeySpec& keys) {
  reply.Bulk("find_keys");
  reply.Map(2);
  reply.Bulk("type");
  switch (keys.find) {
    case KeySpec::Find::kRange:
      reply.Bulk("range");
      reply.Bulk("spec");
      reply.Map(3);
      NumberField(reply, "lastkey", keys.last);
      NumberField(reply, "keystep", keys.step);
      return NumberField(reply, "limit", keys.limit);
    case KeySpec::Find::kKeyNumber:
      reply.Bulk("keynum");
      reply.Bulk("spec");
      reply.Map(3);
      NumberField(reply, "keynumidx", keys.number_index);
      NumberField(reply, "firstkey", keys.first_key);
      return NumberField(reply, "keystep", keys.step);
    case KeySpec::Find::kUnknown:
      reply.Bulk("unknown");
      reply.Bulk("spec");
      return reply.Map(0);
  }
}

void KeySpecInfo(resp::Reply& reply, const KeySpec& keys) {
  reply.Map(keys.notes == nullptr ? 3 : 4);
  if (keys.notes != nullptr) {
    reply.Bulk("notes");
    reply.Bulk(keys.notes);
  }
  reply.Bulk("flags");
  ReplyWithKeyFlags(reply, keys.flags);
  BeginSearch(reply, keys);
  FindKeysSpec(reply, keys);
}

// --- DOCS ---

/// Writes the arguments of one command; keys are numbered as they come, for key_spec_index.
class ArgumentWriter {
 public:
  ArgumentWriter(resp::Reply& reply, size_t key_specs) : reply_(reply), key_specs_(key_specs) {}

  void Write(const std::vector<SyntaxArg>& arguments) {
    reply_.Array(arguments.size());
    for (const SyntaxArg& argument : arguments) WriteOne(argument);
  }

 private:
  void WriteOne(const SyntaxArg& argument) {
    const bool nested = !argument.arguments.empty();
    // What is called like a key is one only if the command has keys.
    const bool key = argument.type == SyntaxArg::Type::kKey && key_specs_ > 0;
    const bool flags = argument.optional || argument.multiple;
    reply_.Map(2 + !nested + key + !argument.token.empty() + flags + nested);
    Field("name", argument.name);
    const bool only_named_so = argument.type == SyntaxArg::Type::kKey && !key;
    Field("type", SyntaxTypeName(only_named_so ? SyntaxArg::Type::kString : argument.type));
    if (!nested) Field("display_text", argument.name);
    if (key) {
      NumberField(reply_, "key_spec_index",
                  static_cast<int64_t>(std::min(keys_seen_, key_specs_ - 1)));
      ++keys_seen_;
    }
    if (!argument.token.empty()) Field("token", argument.token);
    if (flags) Flags(argument);
    if (!nested) return;
    reply_.Bulk("arguments");
    Write(argument.arguments);
  }

  void Flags(const SyntaxArg& argument) {
    reply_.Bulk("flags");
    reply_.Set(size_t{argument.optional} + argument.multiple + argument.multiple_token);
    if (argument.optional) reply_.Simple("optional");
    if (argument.multiple) reply_.Simple("multiple");
    if (argument.multiple_token) reply_.Simple("multiple_token");
  }

  void Field(Bytes name, Bytes value) {
    reply_.Bulk(name);
    reply_.Bulk(value);
  }

  resp::Reply& reply_;
  const size_t key_specs_;
  size_t keys_seen_ = 0;
};

/// A map whose pairs are known before they are counted.
class TextFields {
 public:
  void Add(Bytes name, const char* value) {
    if (value != nullptr && *value != '\0') fields_.emplace_back(name, value);
  }
  size_t size() const { return fields_.size(); }
  void Write(resp::Reply& reply) const {
    for (const auto& [name, value] : fields_) {
      reply.Bulk(name);
      reply.Bulk(value);
    }
  }

 private:
  std::vector<std::pair<Bytes, Bytes>> fields_;
};

void DocsOf(resp::Reply& reply, const Command& command) {
  const CommandSpec& spec = *command.spec;
  TextFields about;
  about.Add("summary", spec.summary);
  about.Add("since", spec.since);
  about.Add("group", kGroupNames[static_cast<size_t>(spec.group)].data());
  about.Add("complexity", spec.complexity);
  TextFields deprecation;
  deprecation.Add("deprecated_since", spec.deprecated_since);
  deprecation.Add("replaced_by", spec.replaced_by);
  const bool deprecated = spec.deprecated_since != nullptr;
  const auto arguments = commands::ParseSyntax(spec.syntax);
  const bool has_arguments = arguments && !arguments->empty();
  const bool has_subcommands = !command.subcommands.empty();

  reply.Map(about.size() + (deprecated || spec.internal) + deprecation.size() + has_arguments +
            has_subcommands);
  about.Write(reply);
  if (deprecated || spec.internal) {
    reply.Bulk("doc_flags");
    reply.Set(size_t{deprecated} + size_t{spec.internal});
    if (deprecated) reply.Simple("deprecated");
    if (spec.internal) reply.Simple("syscmd");
  }
  deprecation.Write(reply);
  if (has_arguments) {
    reply.Bulk("arguments");
    ArgumentWriter(reply, spec.keys.size()).Write(*arguments);
  }
  if (has_subcommands) {
    reply.Bulk("subcommands");
    reply.Map(command.subcommands.size());
    for (const Command& sub : command.subcommands) ReplyWithDocs(reply, sub);
  }
}

// Redis' range of key positions has shard channels in it, though they are no keys.
void ReplyWithRange(resp::Reply& reply, const Command& command) {
  const std::span<const KeySpec> keys = command.spec->keys;
  const bool channels =
      command.first_key == 0 && !keys.empty() && (keys[0].flags & commands::kKeyNotKey) != 0;
  reply.Integer(channels ? keys[0].index : command.first_key);
  reply.Integer(!channels           ? command.last_key
                : keys[0].last >= 0 ? keys[0].index + keys[0].last
                                    : keys[0].last);
  reply.Integer(channels ? keys[0].step : command.key_step);
}

}  // namespace

void ReplyWithKeyFlags(resp::Reply& reply, uint16_t flags) {
  SetOfBits(reply, flags, kKeyFlagNames);
}

void ReplyWithInfo(resp::Reply& reply, const Command& command) {
  reply.Array(10);
  reply.Bulk(command.full_name());
  reply.Integer(command.spec->arity);
  SetOfBits(reply, command.flags, kFlagNames);
  ReplyWithRange(reply, command);
  SetOfBits(reply, command.categories, kCategoryNames);
  Tips(reply, command.spec->tips);
  reply.Set(command.spec->keys.size());
  for (const KeySpec& keys : command.spec->keys) KeySpecInfo(reply, keys);
  // Redis' own quirk: subcommands are an array, but no subcommands are an empty set.
  command.subcommands.empty() ? reply.Set(0) : reply.Array(command.subcommands.size());
  for (const Command& sub : command.subcommands) ReplyWithInfo(reply, sub);
}

void ReplyWithDocs(resp::Reply& reply, const Command& command) {
  reply.Bulk(command.full_name());
  DocsOf(reply, command);
}

uint32_t FindCategory(Bytes name) {
  for (const BitName& category : kCategoryNames) {
    if (EqualsIgnoreCase(category.name.substr(1), name)) return category.bit;
  }
  return 0;
}

void ReplyWithHelp(resp::Reply& reply, const CommandSpec& container) {
  const std::string name = ToUpper(Bytes(container.name));
  reply.Array(1 + 2 * container.subcommands.size());
  reply.Simple(name + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const CommandSpec& sub : container.subcommands) {
    const std::string word = ToUpper(Bytes(sub.name));
    reply.Simple(*sub.syntax == '\0' ? word : word + " " + sub.syntax);
    reply.Simple("    " + std::string(sub.summary));
  }
}

}  // namespace terrace::server
