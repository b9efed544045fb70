// dunetrace/testing/expect.hpp - what a test expects, compared with what was found, with texts people can read. Works
// in any test framework (differences() is empty when all is well) and without one (Checks). Header only, C++17.
//
//   Checks checks;
//   checks.found("over budget", run_detector<TokenBudget>(run, {1000}),
//                {signal("TOKEN_BUDGET").severity(Severity::medium).confidence(0.75).evidence("total_tokens", 1500)});
//   return checks.result();
#pragma once
#include <dunetrace/testing/detector.hpp>

#include <cstdio>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace dunetrace {
inline namespace v1 {
namespace testing {

// One expected signal; only what is said about it is compared.
class ExpectedSignal {
 public:
  explicit ExpectedSignal(std::string type) : type_(std::move(type)) {}
  ExpectedSignal& severity(Severity severity) { return severity_ = severity, *this; }
  // To the fourth decimal, as people see it.
  ExpectedSignal& confidence(double confidence) { return confidence_ = confidence, *this; }
  ExpectedSignal& step(std::int32_t step) { return step_ = step, *this; }
  // A member of the evidence (or a JSON pointer into it) with this value: text, number, bool, nullptr, a list of these.
  template <class V>
  ExpectedSignal& evidence(std::string name, const V& value) {
    return evidence_.emplace_back(std::move(name), Json::of(value)), *this;
  }
  template <class V>
  ExpectedSignal& evidence(std::string name, std::initializer_list<V> values) {
    return evidence(std::move(name), std::vector<V>(values));
  }
  // A member that must not be there.
  ExpectedSignal& without(std::string name) { return without_.push_back(std::move(name)), *this; }

  const std::string& type() const noexcept { return type_; }
  // Adds one line per difference.
  void compare(const Signal& found, std::string& out) const {
    const auto differ = [&](const std::string& what, const std::string& expected, const std::string& got) {
      out += type_ + " " + what + ": expected " + expected + ", found " + got + "\n";
    };
    if (severity_ && *severity_ != found.severity) differ("severity", to_text(*severity_), to_text(found.severity));
    if (confidence_ && !(std::fabs(*confidence_ - found.confidence) <= 0.00005 + 1e-12)) {
      differ("confidence", Json::of(*confidence_).dump(), Json::of(found.confidence).dump());
    }
    if (step_ && *step_ != found.step) differ("step", std::to_string(*step_), std::to_string(found.step));
    for (const auto& [name, value] : evidence_) {
      const Json got = found[name];
      if (got != value) differ("evidence " + name, value.dump(), got.dump());
    }
    for (const auto& name : without_) {
      const Json got = found[name];
      if (!got.missing()) differ("evidence " + name, "nothing", got.dump());
    }
  }

 private:
  std::string type_;
  std::optional<Severity> severity_;
  std::optional<double> confidence_;
  std::optional<std::int32_t> step_;
  std::vector<std::pair<std::string, Json>> evidence_;
  std::vector<std::string> without_;
};

inline ExpectedSignal signal(std::string type) { return ExpectedSignal(std::move(type)); }

// One line per difference, both ways: a signal nobody expected is one, too. Empty = as expected.
inline std::string differences(const std::vector<Signal>& found, const std::vector<ExpectedSignal>& expected) {
  std::string out;
  std::vector<bool> matched(found.size());
  for (const auto& want : expected) {
    std::size_t i = 0;
    while (i < found.size() && (matched[i] || found[i].type != want.type())) ++i;
    if (i == found.size()) {
      out += want.type() + ": expected, not found\n";
      continue;
    }
    matched[i] = true;
    want.compare(found[i], out);
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!matched[i]) out += found[i].type + ": not expected, found " + found[i].text() + "\n";
  }
  return out;
}

// Counts and prints, for a test program of its own: return checks.result() from main().
class Checks {
 public:
  void found(const std::string& name, const std::vector<Signal>& found, const std::vector<ExpectedSignal>& expected) {
    note(name, differences(found, expected));
  }
  template <class A, class B>
  void equal(const std::string& name, const A& found, const B& expected) {
    note(name, found == expected ? "" : "expected " + text(expected) + ", found " + text(found) + "\n");
  }
  void that(const std::string& name, bool good) { note(name, good ? "" : "is not so\n"); }
  // The text of the Failed that `run` throws contains this.
  void fails(const std::string& name, const std::function<void()>& run, const std::string& part) {
    std::string got = "did not fail";
    try {
      run();
    } catch (const std::exception& failure) {
      got = failure.what();
    }
    note(name, got.find(part) != std::string::npos ? "" : "expected a failure with '" + part + "', got: " + got + "\n");
  }
  // 0 when everything was as expected.
  int result() const {
    std::printf("%d checks, %d failed\n", count_, failed_);
    return failed_ == 0 && count_ > 0 ? 0 : 1;
  }

 private:
  template <class V>
  static std::string text(const V& value) {
    if constexpr (std::is_same_v<V, Json>) {
      return value.dump();
    } else {
      std::ostringstream out;
      out << value;
      return out.str();
    }
  }
  void note(const std::string& name, const std::string& problem) {
    ++count_;
    if (problem.empty()) {
      std::printf("ok    %s\n", name.c_str());
      return;
    }
    ++failed_;
    std::printf("FAIL  %s\n%s", name.c_str(), problem.c_str());
  }
  int count_ = 0, failed_ = 0;
};

}  // namespace testing
}  // namespace v1
}  // namespace dunetrace
