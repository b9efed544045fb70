#include <fmt/format.h>

#include <algorithm>

#include "backtest/report.hpp"
#include "explain/text.hpp"

namespace dunetrace::backtest {
namespace {

constexpr std::size_t kShownRuns = 10;
constexpr std::size_t kShownSkipped = 5;
constexpr std::size_t kNameChars = 80;
constexpr std::size_t kReasonChars = 200;

// Ids are a stranger's and may hold what moves a terminal's cursor.
std::string name_of(const RunName& run) {
  return fmt::format("{} ({})", explain::clean(run.run_id, kNameChars), explain::clean(run.agent_id, kNameChars));
}

// "1 run", "2 runs"
std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string per_day(std::size_t count, std::size_t days) {
  return days == 0 ? "-" : fmt::format("{:.1f}", static_cast<double>(count) / static_cast<double>(days));
}

std::string alerts(const Comparison& row, std::size_t days) {
  return fmt::format("{} -> {}", per_day(row.alerts_now, days), per_day(row.alerts_would, days));
}

std::string states(const Comparison& row) {
  if (row.now == row.would) return std::string(to_text(row.now));
  return fmt::format("{} -> {}", to_text(row.now), to_text(row.would));
}

void add_runs(std::string& out, const char* what, const std::vector<RunName>& runs) {
  if (runs.empty()) return;
  out += fmt::format("  {} ({}):\n", what, runs.size());
  for (std::size_t i = 0; i < std::min(runs.size(), kShownRuns); ++i) out += fmt::format("    {}\n", name_of(runs[i]));
  if (runs.size() > kShownRuns) out += fmt::format("    … {} more (--json has all)\n", runs.size() - kShownRuns);
}

void add_table(std::string& out, const Report& report) {
  out += fmt::format("{:<28} {:<16} {:>9} {:>10} {:>7} {:>8}   {}\n", "FAILURE TYPE", "STATE", "FIRES NOW",
                     "WOULD FIRE", "NEW", "SILENCED", "ALERTS/DAY");
  for (const auto& row : report.rows) {
    out += fmt::format("{:<28} {:<16} {:>9} {:>10} {:>7} {:>8}   {}\n", row.failure_type, states(row), row.fires_now,
                       row.fires_would, row.newly.size(), row.silenced.size(), alerts(row, report.days));
  }
}

void add_notes(std::string& out, const Report& report) {
  if (report.older > 0) out += fmt::format("left out: {}\n", counted(report.older, "older run"));
  if (report.other_agents > 0)
    out += fmt::format("left out: {} of other agents\n", counted(report.other_agents, "run"));
  for (const auto& failed : report.failed) {
    out += fmt::format("{} could not judge {} now, {} proposed; first: {}\n", failed.detector,
                       counted(failed.now, "run"), failed.would, explain::one_line(failed.reason, kReasonChars));
  }
  if (report.skipped_count == 0) return;
  out += fmt::format("skipped: {}\n", report.skipped_count);
  for (std::size_t i = 0; i < std::min(report.skipped.size(), kShownSkipped); ++i) {
    out += fmt::format("    {}: {}\n", explain::clean(report.skipped[i].where, kNameChars),
                       explain::one_line(report.skipped[i].reason, kReasonChars));
  }
  if (report.skipped_count > kShownSkipped) out += fmt::format("    … {} more\n", report.skipped_count - kShownSkipped);
}

}  // namespace

std::string_view to_text(State state) {
  switch (state) {
    case State::absent:
      return "absent";
    case State::off:
      return "off";
    case State::shadow:
      return "shadow";
    case State::live:
      return "live";
  }
  return "absent";
}

std::string to_text(const Report& report, const Sources& sources) {
  std::string out = fmt::format("now:      {}\nproposed: {}\nruns:     {} ({}, {}, {} with runs)\n\n", sources.current,
                                sources.proposed, sources.runs, counted(report.runs, "run"),
                                counted(report.events, "event"), counted(report.days, "day"));
  add_table(out, report);
  out += '\n';
  for (const auto& row : report.rows) {
    if (row.newly.empty() && row.silenced.empty()) continue;
    out += fmt::format("{} ({})\n", row.failure_type, row.detector);
    add_runs(out, "newly firing", row.newly);
    add_runs(out, "silenced", row.silenced);
  }
  add_notes(out, report);
  out += fmt::format("{} newly firing, {} silenced\n", report.newly, report.silenced);
  return out;
}

}  // namespace dunetrace::backtest
