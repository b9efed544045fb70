#include "backtest/report.hpp"
#include "json/writer.hpp"

namespace dunetrace::backtest {
namespace {

void write_runs(json::Writer& out, std::string_view name, const std::vector<RunName>& runs) {
  out.key(name);
  out.begin_array();
  for (const auto& run : runs) {
    out.begin_object();
    if (!run.customer_id.empty()) out.field("customer_id", run.customer_id);
    out.field("run_id", run.run_id);
    out.field("agent_id", run.agent_id);
    out.end_object();
  }
  out.end_array();
}

double per_day(std::size_t count, std::size_t days) {
  return days == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(days);
}

void write_side(json::Writer& out, std::string_view name, State state, std::size_t fires, std::size_t alerts,
                std::size_t days) {
  out.key(name);
  out.begin_object();
  out.field("state", to_text(state));
  out.field("fires", fires);
  out.field("alerts", alerts);
  out.field("alerts_per_day", per_day(alerts, days));
  out.end_object();
}

void write_row(json::Writer& out, const Comparison& row, std::size_t days) {
  out.begin_object();
  out.field("detector", row.detector);
  out.field("failure_type", row.failure_type);
  write_side(out, "current", row.now, row.fires_now, row.alerts_now, days);
  write_side(out, "proposed", row.would, row.fires_would, row.alerts_would, days);
  write_runs(out, "newly_firing", row.newly);
  write_runs(out, "silenced", row.silenced);
  out.end_object();
}

void write_failures(json::Writer& out, const std::vector<Failed>& failures) {
  out.key("failed");
  out.begin_array();
  for (const auto& failed : failures) {
    out.begin_object();
    out.field("detector", failed.detector);
    out.field("runs_current", failed.now);
    out.field("runs_proposed", failed.would);
    out.field("first_reason", failed.reason);
    out.end_object();
  }
  out.end_array();
}

void write_skipped(json::Writer& out, const Report& report) {
  out.key("skipped");
  out.begin_object();
  out.field("count", report.skipped_count);
  out.key("first");
  out.begin_array();
  for (const auto& skipped : report.skipped) {
    out.begin_object();
    out.field("where", skipped.where);
    out.field("reason", skipped.reason);
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

}  // namespace

std::string to_json(const Report& report, const Sources& sources) {
  json::Writer out;
  out.begin_object();
  out.field("current", sources.current);
  out.field("proposed", sources.proposed);
  out.field("source", sources.runs);
  out.field("runs", report.runs);
  out.field("events", report.events);
  out.field("days", report.days);
  out.field("newly_firing", report.newly);
  out.field("silenced", report.silenced);
  out.key("left_out");
  out.begin_object();
  out.field("other_agents", report.other_agents);
  out.field("older", report.older);
  out.end_object();
  out.key("detectors");
  out.begin_array();
  for (const auto& row : report.rows) write_row(out, row, report.days);
  out.end_array();
  write_failures(out, report.failed);
  write_skipped(out, report);
  out.end_object();
  return out.take() + '\n';
}

}  // namespace dunetrace::backtest
