// The customer API on a real PostgreSQL, asked over real sockets; rows are put in by SQL. One test at a time.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/role.hpp"
#include "json/reader.hpp"
#include "store/database.hpp"
#include "testing/fake_clock.hpp"
#include "testing/postgres.hpp"

namespace dunetrace::api {

constexpr double kNow = 1767787200;  // 2026-01-07 12:00:00 UTC

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Times are Unix seconds.
struct TestRun {
  std::string run_id;
  std::string agent_id = "agent";
  std::string customer_id = "dev_customer";
  std::optional<std::string> trigger = "completed";  // nothing = not judged
  double processed_at = 1767780000;
  double received_at = 1767780000;
  std::optional<double> started_at = 1767779990.5;
  std::optional<double> completed_at = 1767779999.25;
  int max_step = 9;
  std::optional<std::string> exit_reason = "final_answer";
  std::optional<std::string> parent_run_id = {};
  std::optional<std::string> model = {};
  std::string incomplete = "[]";
};

struct TestEvent {
  std::string run_id;
  std::string type;
  int step = 0;
  double timestamp = 1767779990.5;
  std::string payload = "{}";
  std::string customer_id = "dev_customer";
  double received_at = 1767780000;
  std::optional<std::string> parent_run_id = {};
};

struct TestSignal {
  std::string run_id;
  std::string failure_type = "DEMO_TYPE";
  std::string severity = "HIGH";
  std::string agent_id = "agent";
  std::string customer_id = "dev_customer";
  int step = 9;
  double confidence = 0.7667;
  std::string evidence = R"({"tool": "search"})";
  double detected_at = 1767780000;
  bool shadow = false;
  bool alerted = false;
  int co_signals = 0;
  std::optional<double> withdrawn_at = {};
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest();
  ~ApiTest() override;

  VocabularySource vocabulary() {
    return [this] {
      const std::lock_guard lock(vocabulary_mutex_);
      return vocabulary_;
    };
  }
  void set_vocabulary(std::shared_ptr<const Vocabulary> words) {
    const std::lock_guard lock(vocabulary_mutex_);
    vocabulary_ = std::move(words);
  }
  // Dev mode unless `prod`.
  void serve(bool prod = false, Options options = {});
  // The request may be any method; the path is sent as it is.
  Answer ask(std::string_view method, std::string_view path, const std::vector<std::string>& header_lines = {}) const;
  Answer get(std::string_view path) const { return ask("GET", path); }
  Answer get_as(std::string_view key, std::string_view path) const;
  // The body of an answer that must be a 200.
  std::string body(std::string_view path) const;
  // The values of `member` in the array `array` of such a body, as JSON text.
  std::vector<std::string> values(std::string_view path, std::string_view array, std::string_view member) const;

  void add(const TestRun& run);
  void add(const TestEvent& event);
  void add(const TestSignal& signal);
  // A key of the customer with the scope `read` (or another one); its secret.
  std::string key_of(const std::string& customer_id, const std::string& scope = "read",
                     const std::optional<std::string>& agent_id = {});

  testing::TestDatabase database_;
  store::Database& db_ = database_.db();
  testing::FakeClock clock_{kNow};
  std::mutex vocabulary_mutex_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  plugin::Live live_{std::make_shared<const plugin::Generation>()};
  std::unique_ptr<Role> role_;
};

}  // namespace dunetrace::api
