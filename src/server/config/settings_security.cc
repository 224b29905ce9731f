// Topic: security.
#include "server/config/setting_table.h"
#include "server/config/special_values.h"

namespace terrace::config {
namespace {

constexpr EnumName kCommandAccess[] = {Named("no", CommandAccess::kNo),
                                       Named("yes", CommandAccess::kYes),
                                       Named("local", CommandAccess::kLocal)};
constexpr EnumName kSanitize[] = {Named("no", SanitizeDumpPayload::kNo),
                                  Named("yes", SanitizeDumpPayload::kYes),
                                  Named("clients", SanitizeDumpPayload::kClients)};
constexpr EnumName kPubsubDefault[] = {Named("allchannels", AclPubsubDefault::kAllChannels),
                                       Named("resetchannels", AclPubsubDefault::kResetChannels)};

}  // namespace

std::span<const Setting> SecuritySettings() {
  static const Setting rows[] = {
      {.name = "requirepass",
       .field = StringField{&Options::requirepass},
       .why = "Password clients must give with AUTH; empty: none. Better from "
              "TERRACE_REQUIREPASS_FILE than "
              "from here.",
       .flags = kSensitive},
      {.name = "enable-debug-command",
       .field = Enum<&Options::enable_debug_command>(kCommandAccess),
       .why = "Who may use DEBUG: no (nobody), yes (anybody), local (clients on this machine).",
       .flags = kImmutable},
      {.name = "enable-protected-configs",
       .field = Enum<&Options::enable_protected_configs>(kCommandAccess),
       .why = "Who may CONFIG SET dir and dbfilename: no, yes, local.",
       .flags = kImmutable},
      {.name = "enable-module-command",
       .field = Enum<&Options::enable_module_command>(kCommandAccess),
       .why = "Who may use MODULE.",
       .flags = kImmutable,
       .state = State::kAcceptedWithoutEffect,
       .reason = "Terrace loads no modules"},
      {.name = "aclfile",
       .field = StringField{&Options::aclfile},
       .why = "File with users and their rights.",
       .flags = kImmutable,
       .state = State::kRefused,
       .reason = "this version has no users besides the default one, and would let everybody do "
                 "everything"},
      {.name = "acllog-max-len",
       .field = IntegerField{&Options::acllog_max_len, 0, kLongMax},
       .why = "Entries of the log of denied commands.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "this version has no users besides the default one"},
      {.name = "acl-pubsub-default",
       .field = Enum<&Options::acl_pubsub_default>(kPubsubDefault),
       .why = "Channels a new user may reach: allchannels or resetchannels (none).",
       .state = State::kAcceptedWithoutEffect,
       .reason = "this version has no users besides the default one"},
      {.name = "sanitize-dump-payload",
       .field = Enum<&Options::sanitize_dump_payload>(kSanitize),
       .why = "How closely RESTORE checks what it is given: no, yes, clients.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "every payload is checked in full"},
      {.name = "hide-user-data-from-log",
       .field = BoolField{&Options::hide_user_data_from_log},
       .why = "Keep keys and values out of the log.",
       .flags = kOurs,
       .state = State::kAcceptedWithoutEffect,
       .reason = "keys and values are never logged"},
      {.name = "user",
       .field = UserField(),
       .why = "A user and its rights, one each.",
       .flags = kFileOnly | kSensitive,
       .state = State::kRefused,
       .reason = "this version has no users besides the default one, and would let everybody do "
                 "everything"},
      {.name = "rename-command",
       .field = RenameCommandField(),
       .why = "Another name for a command, or \"\" to take it away.",
       .flags = kFileOnly | kSensitive,
       .state = State::kRefused,
       .reason = "this version cannot rename commands, and the old name would still work"},
      {.name = "loadmodule",
       .field = LoadmoduleField(),
       .why = "A module to load.",
       .flags = kFileOnly,
       .state = State::kRefused,
       .reason = "Terrace loads no modules"},
  };
  return rows;
}

}  // namespace terrace::config
