// The parent: which tests apply, children on all cores, the report.
#include "conformance/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "conformance/child.hpp"
#include "conformance/elf_file.hpp"
#include "conformance/sample_runs.hpp"
#include "conformance/tests.hpp"

namespace dunetrace::conformance {
namespace {

constexpr int kTimingAttempts = 3;

std::vector<std::string> child_arguments(const CheckOptions& options, std::string_view test) {
  std::vector<std::string> out{"plugin",          "check",   options.file.string(),        "--child",
                               std::string(test), "--kinds", std::to_string(options.kinds)};
  const auto add = [&](const char* name, const std::vector<std::string>& values) {
    for (const auto& value : values) out.insert(out.end(), {name, value});
  };
  add("--run", options.runs);
  add("--cases", options.cases);
  add("--param", options.params);
  return out;
}

// A test that measures time gets another chance: the machine may have been busy.
ChildResult run_test(const CheckOptions& options, const Test& test) {
  const int attempts = test.measures_time ? kTimingAttempts : 1;
  ChildResult result;
  for (int i = 0; i < attempts; ++i) {
    result = run_child(options.executable, child_arguments(options, test.name));
    if (result.finding.verdict != Verdict::fail) break;
  }
  return result;
}

Outcome outcome_of(const Test& test, ChildResult result) {
  return {std::string(test.name), std::string(test.expected), std::string(test.mend), std::move(result.finding),
          result.took};
}

// Runs `tests` on `jobs` threads; the order of the outcomes is that of the tests.
// `unusable`: why tests of the tables' components make no sense; empty when they do.
std::vector<Outcome> run_all(const CheckOptions& options, const std::vector<const Test*>& tests,
                             const std::string& unusable) {
  std::vector<Outcome> outcomes(tests.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < tests.size(); i = next++) {
      const Test& test = *tests[i];
      if (test.needs_tables && !unusable.empty()) {
        outcomes[i] = outcome_of(test, {skipped("the library cannot be " + unusable), {}, false, 0});
      } else {
        outcomes[i] = outcome_of(test, run_test(options, test));
      }
    }
  };
  const auto cores = options.jobs != 0 ? options.jobs : std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < std::min<std::size_t>(cores, tests.size()); ++i) threads.emplace_back(work);
  threads.clear();  // joins
  return outcomes;
}

}  // namespace

Result<Report> check(const CheckOptions& given) {
  auto options = given;
  std::error_code error;
  if (!std::filesystem::is_regular_file(options.file, error)) {
    return fail(Code::not_found, options.file.string() + ": is no file");
  }
  if (!options.only.empty() && find_test(options.only) == nullptr) {
    return fail(Code::invalid_argument, "--only " + options.only + ": there is no such test; --list names them");
  }
  // What was given wrongly is no fault of the plugin's.
  const auto file = ElfFile::read(options.file);
  if (!file) return fail(Code::invalid_argument, options.file.string() + ": " + file.error().text);
  DUNE_TRY(extra, GivenRuns::read(options.runs, options.cases));
  // The first child says what the library has, so that the parent need not look.
  const Test& scan = *find_test("scan");
  const auto scanned = run_test(options, scan);
  options.kinds = scanned.kinds;

  std::vector<const Test*> tests;
  for (const auto& test : all_tests()) {
    if (test.name == scan.name || (!options.only.empty() && test.name != options.only)) continue;
    const bool applies = test.kinds == kAny || !scanned.loaded || (test.kinds & scanned.kinds) != 0;
    const bool known = scanned.loaded || test.kinds == kAny || (test.kinds & kDetector) != 0;
    if ((applies && known) || !options.only.empty()) tests.push_back(&test);
  }
  const std::string unusable = scanned.loaded                             ? ""
                               : scanned.finding.verdict == Verdict::pass ? "described: see tables"
                                                                          : "loaded: see scan";
  Report report{options.file.string(), run_all(options, tests, unusable)};
  if (options.only.empty() || options.only == scan.name) {
    const auto place = std::ranges::find(report.outcomes, "imports", &Outcome::name);
    report.outcomes.insert(place == report.outcomes.end() ? place : place + 1, outcome_of(scan, scanned));
  }
  return report;
}

}  // namespace dunetrace::conformance
