// What COMMAND and HELP say about a command, written from its spec: the two long replies, INFO's array and DOCS' map.
#pragma once

#include "commands/command_table.h"
#include "resp/reply.h"

namespace terrace::server {

/// One element of COMMAND INFO: name, arity, flags, key range, ACL categories, tips, key specifications, subcommands.
void ReplyWithInfo(resp::Reply& reply, const commands::Command& command);

/// One entry of COMMAND DOCS: the full name, then the map.
void ReplyWithDocs(resp::Reply& reply, const commands::Command& command);

/// The names of key flags ("RW", "access"), as COMMAND GETKEYSANDFLAGS shows them: a set.
void ReplyWithKeyFlags(resp::Reply& reply, uint16_t flags);

/// The bit of an ACL category by its name without the '@', in any letter case; 0 if there is none.
uint32_t FindCategory(Bytes name);

/// What HELP of a container answers: how to call each subcommand, and what it does.
void ReplyWithHelp(resp::Reply& reply, const commands::CommandSpec& container);

}  // namespace terrace::server
