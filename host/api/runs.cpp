// GET /v1/agents/{agent_id}/runs and GET /v1/runs/{run_id}
#include "api/answers.hpp"
#include "api/params.hpp"
#include "api/service.hpp"
#include "api/signal_json.hpp"
#include "store/read_runs.hpp"

namespace dunetrace::api {

namespace {

// Bounds the memory of one answer; far above what an agent does in one run.
constexpr std::int64_t kMaxEvents = 20'000;

void write_run(json::Writer& out, const store::RunRow& run) {
  out.begin_object();
  out.field("run_id", run.run_id);
  out.field("agent_id", run.agent_id);
  out.field("agent_version", run.agent_version);
  write_optional(out, "started_at", run.started_at);
  write_optional(out, "completed_at", run.completed_at);
  write_optional(out, "exit_reason", run.trigger);
  out.field("step_count", run.step_count);
  out.field("signal_count", run.signal_count);
  out.field("has_signals", run.signal_count > 0);
  write_optional(out, "parent_run_id", run.parent_run_id);
  write_optional(out, "model", run.model);
  out.field_raw("incomplete", run.incomplete);
  out.end_object();
}

void write_event(json::Writer& out, const store::EventRow& event) {
  out.begin_object();
  out.field("event_type", event.event_type);
  out.field("step_index", event.step_index);
  out.field("timestamp", event.timestamp);
  out.field_raw("payload", event.payload);
  write_optional(out, "parent_run_id", event.parent_run_id);
  out.end_object();
}

void write_detail(json::Writer& out, const store::RunDetail& detail, const explain::Explainer& explainer) {
  const auto& run = detail.run;
  out.begin_object();
  out.field("run_id", run.run_id);
  out.field("agent_id", run.agent_id);
  out.field("agent_version", run.agent_version);
  write_optional(out, "started_at", run.started_at);
  write_optional(out, "completed_at", run.completed_at);
  write_optional(out, "exit_reason", run.trigger);
  write_optional(out, "run_exit_reason", detail.exit_reason);
  out.field("step_count", run.step_count);
  write_optional(out, "parent_run_id", run.parent_run_id);
  write_optional(out, "model", run.model);
  out.field_raw("incomplete", run.incomplete);
  out.field("truncated", detail.truncated);
  out.field("event_count", detail.event_count);
  out.field("events_truncated", detail.events_truncated);
  out.field("events_removed", detail.events_removed);
  if (detail.retention_days)
    out.field("event_retention_days", *detail.retention_days);
  else
    out.field_null("event_retention_days");
  out.key("events");
  out.begin_array();
  for (const auto& event : detail.events) write_event(out, event);
  out.end_array();
  out.key("signals");
  out.begin_array();
  for (const auto& signal : detail.signals) write_signal(out, signal, explainer);
  out.end_array();
  out.end_object();
}

}  // namespace

http::Response get_agent_runs(const Service& service, const store::Scope& scope, const http::Request& request) {
  QueryReader query(request);
  const auto page = query.page(service.options);
  const auto has_signals = query.boolean("has_signals");
  if (auto refusal = query.refusal()) return *std::move(refusal);
  const auto runs = store::list_runs(service.db, scope, request.param("agent_id"), has_signals, page);
  if (!runs) return refuse(runs.error(), request, service.log);
  json::Writer out;
  out.begin_object();
  out.key("runs");
  out.begin_array();
  for (const auto& run : runs->rows) write_run(out, run);
  out.end_array();
  write_page(out, page, runs->total);
  out.end_object();
  return http::Response::json(200, out.take());
}

http::Response get_run(const Service& service, const store::Scope& scope, const http::Request& request) {
  QueryReader query(request);
  const bool include_shadow = query.boolean("include_shadow").value_or(false);
  if (auto refusal = query.refusal()) return *std::move(refusal);
  const auto detail = store::load_run(service.db, scope, request.param("run_id"), include_shadow, kMaxEvents);
  if (!detail) return refuse(detail.error(), request, service.log);
  json::Writer out;
  write_detail(out, *detail, service.vocabulary()->explainer);
  return http::Response::json(200, out.take());
}

}  // namespace dunetrace::api
