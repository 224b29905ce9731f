// Topics: tls, scripting and debug.
#include "server/config/setting_table.h"

namespace terrace::config {
namespace {

constexpr EnumName kAuthClients[] = {Named("no", TlsAuthClients::kNo),
                                     Named("yes", TlsAuthClients::kYes),
                                     Named("optional", TlsAuthClients::kOptional)};

Setting NoTls(std::string_view name, Field field, std::string_view why, uint32_t flags = 0) {
  return {.name = name,
          .field = field,
          .why = why,
          .flags = flags,
          .state = State::kAcceptedWithoutEffect,
          .reason = "this version does not speak TLS"};
}

Setting ForTheSuite(std::string_view name, Field field, std::string_view why) {
  return {.name = name,
          .field = field,
          .why = why,
          .flags = kHidden,
          .state = State::kAcceptedWithoutEffect,
          .reason = "it exists for Redis' own tests"};
}

}  // namespace

std::span<const Setting> TlsSettings() {
  static const Setting rows[] = {
      {.name = "tls-port",
       .field = IntegerField{&Options::tls_port, 0, 65535},
       .why = "TCP port for clients that speak TLS; 0: none.",
       .state = State::kRefused,
       .reason = "this version does not speak TLS; put stunnel or another proxy in front"},
      NoTls("tls-cert-file", StringField{&Options::tls_cert_file}, "Certificate of the server."),
      NoTls("tls-key-file", StringField{&Options::tls_key_file}, "Its private key."),
      NoTls("tls-key-file-pass", StringField{&Options::tls_key_file_pass}, "Password of the key.",
            kSensitive),
      NoTls("tls-client-cert-file", StringField{&Options::tls_client_cert_file},
            "Certificate as a client."),
      NoTls("tls-client-key-file", StringField{&Options::tls_client_key_file}, "Its private key."),
      NoTls("tls-client-key-file-pass", StringField{&Options::tls_client_key_file_pass},
            "Password of that key.", kSensitive),
      NoTls("tls-dh-params-file", StringField{&Options::tls_dh_params_file},
            "Diffie-Hellman parameters."),
      NoTls("tls-ca-cert-file", StringField{&Options::tls_ca_cert_file},
            "Certificates to trust, in one file."),
      NoTls("tls-ca-cert-dir", StringField{&Options::tls_ca_cert_dir},
            "Certificates to trust, in a directory."),
      NoTls("tls-auth-clients", Enum<&Options::tls_auth_clients>(kAuthClients),
            "Whether clients need a certificate: no, yes, optional."),
      NoTls("tls-replication", BoolField{&Options::tls_replication}, "Speak TLS with the leader."),
      NoTls("tls-cluster", BoolField{&Options::tls_cluster}, "Speak TLS between nodes."),
      NoTls("tls-protocols", StringField{&Options::tls_protocols},
            "Versions of TLS; empty: the library's choice."),
      NoTls("tls-ciphers", StringField{&Options::tls_ciphers}, "Ciphers up to TLS 1.2."),
      NoTls("tls-ciphersuites", StringField{&Options::tls_ciphersuites}, "Ciphers of TLS 1.3."),
      NoTls("tls-prefer-server-ciphers", BoolField{&Options::tls_prefer_server_ciphers},
            "Prefer our order of ciphers."),
      NoTls("tls-session-caching", BoolField{&Options::tls_session_caching},
            "Let clients resume sessions."),
      NoTls("tls-session-cache-size", IntegerField{&Options::tls_session_cache_size, 0, kIntMax},
            "Sessions kept for that; 0: no limit."),
      NoTls("tls-session-cache-timeout",
            IntegerField{&Options::tls_session_cache_timeout_s, 0, kIntMax},
            "Seconds they are kept."),
      {.name = "max-new-tls-connections-per-cycle",
       .field = IntegerField{&Options::max_new_tls_connections_per_cycle, 1, 1000},
       .why = "TLS connections accepted in one go.",
       .flags = kOurs,
       .state = State::kAcceptedWithoutEffect,
       .reason = "this version does not speak TLS"},
  };
  return rows;
}

std::span<const Setting> ScriptingSettings() {
  static const Setting rows[] = {
      {.name = "busy-reply-threshold",
       .alias = "lua-time-limit",
       .field = IntegerField{&Options::busy_reply_threshold_ms, 0, kLongMax},
       .why = "Milliseconds after which a running script makes other clients get BUSY.",
       .state = State::kAcceptedWithoutEffect,
       .reason = "this version runs no scripts"},
  };
  return rows;
}

std::span<const Setting> DebugSettings() {
  static const Setting rows[] = {
      {.name = "key-load-delay",
       .field = IntegerField{&Options::key_load_delay_us, kIntMin, kIntMax},
       .why = "Microseconds to wait for each key loaded at the start; below zero: one for so many "
              "keys.",
       .flags = kHidden},
      ForTheSuite("rdb-key-save-delay",
                  IntegerField{&Options::rdb_key_save_delay_us, kIntMin, kIntMax},
                  "Microseconds to wait after each key saved."),
      ForTheSuite("loading-process-events-interval-bytes",
                  BytesField{&Options::loading_process_events_interval_bytes, 1024},
                  "Bytes loaded between two looks at clients."),
      ForTheSuite("use-exit-on-panic", BoolField{&Options::use_exit_on_panic},
                  "Exit instead of aborting."),
      ForTheSuite("watchdog-period", IntegerField{&Options::watchdog_period_ms, 0, kIntMax},
                  "Milliseconds after which a stuck turn is logged."),
  };
  return rows;
}

}  // namespace terrace::config
