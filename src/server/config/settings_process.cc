// Topics: log, process.
#include "server/config/setting_table.h"
#include "server/config/special_values.h"

namespace terrace::config {
namespace {

constexpr EnumName kLogLevels[] = {
    Named("debug", LogLevel::kDebug), Named("verbose", LogLevel::kVerbose),
    Named("notice", LogLevel::kNotice), Named("warning", LogLevel::kWarning),
    Named("nothing", LogLevel::kNothing)};
constexpr EnumName kFacilities[] = {
    Named("user", SyslogFacility::kUser),     Named("local0", SyslogFacility::kLocal0),
    Named("local1", SyslogFacility::kLocal1), Named("local2", SyslogFacility::kLocal2),
    Named("local3", SyslogFacility::kLocal3), Named("local4", SyslogFacility::kLocal4),
    Named("local5", SyslogFacility::kLocal5), Named("local6", SyslogFacility::kLocal6),
    Named("local7", SyslogFacility::kLocal7)};
constexpr EnumName kSupervised[] = {Named("upstart", Supervised::kUpstart),
                                    Named("systemd", Supervised::kSystemd),
                                    Named("auto", Supervised::kAuto), Named("no", Supervised::kNo)};
constexpr EnumName kOomScoreAdj[] = {
    Named("no", OomScoreAdj::kNo), Named("yes", OomScoreAdj::kRelative),
    Named("relative", OomScoreAdj::kRelative), Named("absolute", OomScoreAdj::kAbsolute)};

constexpr std::string_view kNoPinning = "threads are not pinned to CPUs; use taskset or a cgroup";

Setting Pinning(std::string_view name, std::string Options::*field, std::string_view why) {
  return {.name = name,
          .field = StringField{field},
          .why = why,
          .flags = kImmutable,
          .state = State::kAcceptedWithoutEffect,
          .reason = kNoPinning};
}

Setting WithoutEffect(std::string_view name, Field field, std::string_view why,
                      std::string_view reason, uint32_t flags = 0) {
  return {.name = name,
          .field = field,
          .why = why,
          .flags = flags,
          .state = State::kAcceptedWithoutEffect,
          .reason = reason};
}

}  // namespace

std::span<const Setting> LogSettings() {
  static const Setting rows[] = {
      {.name = "loglevel",
       .field = Enum<&Options::loglevel>(kLogLevels),
       .why = "What is logged: debug, verbose, notice, warning, nothing."},
      {.name = "logfile",
       .field = StringField{&Options::logfile},
       .why = "File to log to; empty: standard output.",
       .flags = kImmutable},
      WithoutEffect("syslog-enabled", BoolField{&Options::syslog_enabled}, "Log to syslog as well.",
                    "this version does not speak to syslog", kImmutable),
      WithoutEffect("syslog-ident", StringField{&Options::syslog_ident}, "Name in syslog.",
                    "this version does not speak to syslog", kImmutable),
      WithoutEffect("syslog-facility", Enum<&Options::syslog_facility>(kFacilities),
                    "Facility in syslog.", "this version does not speak to syslog", kImmutable),
      WithoutEffect("crash-log-enabled", BoolField{&Options::crash_log_enabled},
                    "Log a report when crashing.", "a crash leaves a core dump and no report"),
      WithoutEffect("crash-memcheck-enabled", BoolField{&Options::crash_memcheck_enabled},
                    "Test the memory when crashing.", "a crash leaves a core dump and no report"),
      WithoutEffect("always-show-logo", BoolField{&Options::always_show_logo},
                    "Show a logo at start.", "there is no logo", kImmutable),
  };
  return rows;
}

std::span<const Setting> ProcessSettings() {
  static const Setting rows[] = {
      {.name = "dir",
       .field = StringField{&Options::dir},
       .why = "Working directory, where files are kept.",
       .flags = kProtected},
      {.name = "shutdown-timeout",
       .field = IntegerField{&Options::shutdown_timeout_s, 0, kIntMax},
       .why = "Seconds a stop may take to make a last checkpoint, without which the next start "
              "takes longer; 0: as long as it "
              "takes."},
      WithoutEffect("shutdown-on-sigint", ShutdownOnSigintField(), "What SIGINT does.",
                    "there is nothing to save yet: every signal stops the server in good order"),
      WithoutEffect("shutdown-on-sigterm", ShutdownOnSigtermField(), "What SIGTERM does.",
                    "there is nothing to save yet: every signal stops the server in good order"),
      {.name = "pidfile",
       .field = StringField{&Options::pidfile},
       .why = "File to write the process id to.",
       .flags = kImmutable},
      WithoutEffect("daemonize", BoolField{&Options::daemonize}, "Go to the background.",
                    "the process stays in the foreground; let a service manager run it",
                    kImmutable),
      WithoutEffect("supervised", Enum<&Options::supervised>(kSupervised),
                    "Which service manager to tell.",
                    "the process needs no help from its service manager", kImmutable),
      WithoutEffect("set-proc-title", BoolField{&Options::set_proc_title},
                    "Show addresses in the process list.",
                    "the process keeps the title it was started with", kImmutable),
      WithoutEffect(
          "proc-title-template", StringField{&Options::proc_title_template, CheckProcTitle},
          "Title in the process list.", "the process keeps the title it was started with"),
      WithoutEffect("oom-score-adj", Enum<&Options::oom_score_adj>(kOomScoreAdj),
                    "Tell the kernel whom to kill first.",
                    "set it from outside, e.g. OOMScoreAdjust= of systemd"),
      WithoutEffect("oom-score-adj-values", OomScoreAdjValuesField(),
                    "Scores for a leader, a replica and a child.",
                    "set it from outside, e.g. OOMScoreAdjust= of systemd"),
      WithoutEffect("disable-thp", BoolField{&Options::disable_thp},
                    "Do without transparent huge pages.", "nothing forks, so huge pages do no harm",
                    kImmutable),
      WithoutEffect("ignore-warnings", StringField{&Options::ignore_warnings},
                    "Warnings to start in spite of.", "no warning stops the start"),
      Pinning("server_cpulist", &Options::server_cpulist, "CPUs of the serving threads."),
      Pinning("bio_cpulist", &Options::bio_cpulist, "CPUs of the background threads."),
      Pinning("aof_rewrite_cpulist", &Options::aof_rewrite_cpulist, "CPUs of the log's rewriting."),
      Pinning("bgsave_cpulist", &Options::bgsave_cpulist, "CPUs of the saving."),
      WithoutEffect("io-threads", IntegerField{&Options::io_threads, 1, 128},
                    "Threads for reading and writing.",
                    "use `threads`: each of them reads, runs and writes", kImmutable),
      WithoutEffect("io-threads-do-reads", BoolField{&Options::io_threads_do_reads},
                    "Read in those threads too.",
                    "use `threads`: each of them reads, runs and writes", kImmutable),
      WithoutEffect("locale-collate", StringField{&Options::locale_collate},
                    "Locale for sorting texts.", "texts sort by their bytes", kOurs),
  };
  return rows;
}

}  // namespace terrace::config
