#include "support/case_watch.h"

#include <doctest/doctest.h>

#include <atomic>
#include <exception>

namespace terrace::integration {
namespace {

// doctest tells listeners, not test code, about failures; the listener must therefore leave a note outside
// itself.
std::atomic<bool>& Failed() {
  static std::atomic<bool> failed = false;
  return failed;
}

struct CaseWatch : doctest::IReporter {
  explicit CaseWatch(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData&) override { Failed() = false; }
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& assertion) override {
    if (assertion.m_failed) Failed() = true;
  }
  void log_message(const doctest::MessageData& message) override {
    if ((message.m_severity & doctest::assertType::is_warn) == 0) Failed() = true;
  }
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("case_watch", 1, CaseWatch);

}  // namespace

bool CurrentCaseFailed() { return Failed() || std::uncaught_exceptions() > 0; }

}  // namespace terrace::integration
