// Both forms of a report. Texts that came out of a plugin are cleaned before they reach a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "conformance/finding.hpp"
#include "explain/text.hpp"
#include "json/writer.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::size_t kLineChars = 600;

std::string line(std::string_view text) { return explain::one_line(text, kLineChars); }

}  // namespace

std::size_t Report::count(Verdict verdict) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(outcomes, [&](const Outcome& one) { return one.finding.verdict == verdict; }));
}

std::string report_text(const Report& report) {
  std::string out = line(report.file) + "\n";
  for (const auto& one : report.outcomes) {
    const auto& finding = one.finding;
    out += fmt::format("  {} {:<20} {:>5} ms", to_text(finding.verdict), one.name, one.took.count());
    if (finding.verdict != Verdict::fail) {
      out += finding.found.empty() ? "\n" : "  " + line(finding.found) + "\n";
      continue;
    }
    out += fmt::format("\n       expected: {}\n       found:    {}\n       mend:     {}\n", line(one.expected),
                       line(finding.found), line(finding.mend.empty() ? one.mend : finding.mend));
  }
  out += fmt::format("{} tests: {} passed, {} failed, {} skipped\n", report.outcomes.size(),
                     report.count(Verdict::pass), report.count(Verdict::fail), report.count(Verdict::skip));
  return out;
}

std::string report_json(const Report& report) {
  json::Writer out;
  out.begin_object();
  out.field("file", report.file);
  out.field("ok", report.ok());
  for (const auto verdict : {Verdict::pass, Verdict::fail, Verdict::skip}) {
    out.field(to_text(verdict), report.count(verdict));
  }
  out.key("tests");
  out.begin_array();
  for (const auto& one : report.outcomes) {
    out.begin_object();
    out.field("name", one.name);
    out.field("result", to_text(one.finding.verdict));
    out.field("expected", one.expected);
    out.field("found", one.finding.found);
    out.field("mend", one.finding.verdict != Verdict::fail ? std::string_view()
                      : one.finding.mend.empty()           ? std::string_view(one.mend)
                                                           : std::string_view(one.finding.mend));
    out.field("duration_ms", one.took.count());
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take() + '\n';
}

}  // namespace dunetrace::conformance
