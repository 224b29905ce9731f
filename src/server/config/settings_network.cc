// Topics: network, clients.
#include "server/config/setting_table.h"
#include "server/config/special_values.h"

namespace terrace::config {

std::span<const Setting> NetworkSettings() {
  static const Setting rows[] = {
      {.name = "threads",
       .field = IntegerField{&Options::threads, 0, 1024},
       .why = "Threads that serve clients; 0: as many as the CPUs this process may use.",
       .flags = kImmutable | kOurs},
      {.name = "bind",
       .field = BindField(),
       .why =
           "Addresses to listen on; '-' in front: no complaint when the machine does not have it.",
       .flags = kAppliedByListener},
      {.name = "port",
       .field = IntegerField{&Options::port, 0, 65535},
       .why = "TCP port for clients; 0: none.",
       .flags = kAppliedByListener},
      {.name = "unixsocket",
       .field = StringField{&Options::unixsocket},
       .why = "Path of a Unix socket to listen on as well; one left over from an earlier run is "
              "removed.",
       .flags = kImmutable},
      {.name = "unixsocketperm",
       .field = IntegerField{&Options::unixsocketperm, 0, 0777, 8},
       .why = "Mode of that socket in octal, e.g. \"770\"; 0: as the umask leaves it.",
       .flags = kImmutable},
      {.name = "protected-mode",
       .field = BoolField{&Options::protected_mode},
       .why = "Without a password and a bind address, refuse clients from other machines."},
      {.name = "tcp-backlog",
       .field = IntegerField{&Options::tcp_backlog, 0, kIntMax},
       .why = "Connections the kernel holds for us until they are accepted.",
       .flags = kImmutable},
      {.name = "tcp-keepalive",
       .field = IntegerField{&Options::tcp_keepalive_s, 0, kIntMax},
       .why = "Seconds of silence after which the kernel asks whether a client is still there; 0: "
              "never."},
      {.name = "timeout",
       .field = IntegerField{&Options::timeout_s, 0, kIntMax},
       .why = "Seconds of idling after which a client is closed; 0: never."},
      {.name = "max-new-connections-per-cycle",
       .field = IntegerField{&Options::max_new_connections_per_cycle, 1, 1000},
       .why = "Connections accepted in one go.",
       .flags = kOurs,
       .state = State::kAcceptedWithoutEffect,
       .reason = "accepting takes turns with serving by itself"},
      {.name = "bind-source-addr",
       .field = StringField{&Options::bind_source_addr},
       .why = "Address that outgoing connections come from.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "this version opens no outgoing connections"},
      {.name = "socket-mark-id",
       .field = IntegerField{&Options::socket_mark_id, 0, 4294967295},
       .why = "Mark for the kernel's packet filter on our sockets; 0: none.",
       .flags = kImmutable,
       .state = State::kAcceptedWithoutEffect,
       .reason = "this version does not mark its sockets"},
  };
  return rows;
}

std::span<const Setting> ClientSettings() {
  static const Setting rows[] = {
      {.name = "maxclients",
       .field = IntegerField{&Options::maxclients, 1, 4294967295},
       .why = "Connections served at the same time; further ones get an error."},
      {.name = "client-output-buffer-limit",
       .field = OutputBufferLimitField(),
       .why =
           "Close a client whose unread replies pass the hard limit, or the soft limit for so many "
           "seconds; 0: no limit."},
      {.name = "client-query-buffer-limit",
       .field = BytesField{&Options::client_query_buffer_limit_bytes, kMiB},
       .why = "Close a client whose unfinished request is larger than this."},
      {.name = "proto-max-bulk-len",
       .field = BytesField{&Options::proto_max_bulk_len_bytes, kMiB},
       .why = "The longest single string a client may send."},
      {.name = "maxmemory-clients",
       .field = MaxmemoryClientsField(),
       .why = "Memory all clients' buffers may take, in bytes or % of maxmemory; beyond it the "
              "largest "
              "close; 0: no limit."},
      {.name = "tracking-table-max-keys",
       .field = IntegerField{&Options::tracking_table_max_keys, 0, kLongMax},
       .why = "Keys remembered for client-side caching; 0: no limit.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "this version has no client-side caching"},
  };
  return rows;
}

}  // namespace terrace::config
