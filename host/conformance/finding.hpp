// What one test of the conformance tool comes to. Plain values; made in a child process, read in the parent.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunetrace::conformance {

enum class Verdict : std::uint8_t { pass, fail, skip };

[[nodiscard]] constexpr std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::skip:
      return "skip";
  }
  return "fail";
}

struct Finding {
  Verdict verdict = Verdict::pass;
  std::string found;  // of a pass: a figure worth knowing; of a skip: the reason
  std::string mend;   // empty: the test's own advice
};

[[nodiscard]] inline Finding passed(std::string found = {}) { return {Verdict::pass, std::move(found), {}}; }
[[nodiscard]] inline Finding skipped(std::string reason) { return {Verdict::skip, std::move(reason), {}}; }
[[nodiscard]] inline Finding failed(std::string found, std::string mend = {}) {
  return {Verdict::fail, std::move(found), std::move(mend)};
}

// One line of the report.
struct Outcome {
  std::string name;
  std::string expected;
  std::string mend;
  Finding finding;
  std::chrono::milliseconds took{0};
};

struct Report {
  std::string file;
  std::vector<Outcome> outcomes;  // in the order of the tests

  [[nodiscard]] std::size_t count(Verdict verdict) const;
  [[nodiscard]] bool ok() const { return count(Verdict::fail) == 0; }
};

// One line per test, what is wrong below it, and a summary.
[[nodiscard]] std::string report_text(const Report& report);
[[nodiscard]] std::string report_json(const Report& report);

}  // namespace dunetrace::conformance
