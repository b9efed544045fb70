#include "api/signal_json.hpp"

#include "api/answers.hpp"
#include "core/signal.hpp"

namespace dunetrace::api {

explain::SignalFacts facts_of(const store::SignalRow& signal) {
  explain::SignalFacts facts;
  facts.failure_type = signal.failure_type;
  facts.severity = severity_from(signal.severity).value_or(Severity::low);
  facts.confidence = rounded4(signal.confidence);
  facts.step_index = signal.step_index;
  facts.run_id = signal.run_id;
  facts.agent_id = signal.agent_id;
  facts.agent_version = signal.agent_version;
  facts.evidence = signal.evidence;
  return facts;
}

namespace {

void write_explanation(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer) {
  const auto explanation = explainer.explain(facts_of(signal));
  out.field("title", explanation.title.empty() ? signal.failure_type : explanation.title);
  out.field("what", explanation.what);
  out.field("why_it_matters", explanation.why_it_matters);
  out.field("evidence_summary", explanation.evidence_summary);
  out.key("suggested_fixes");
  out.begin_array();
  for (const auto& fix : explanation.suggested_fixes) {
    out.begin_object();
    out.field("description", fix.description);
    out.field("language", fix.language);
    out.field("code", fix.code);
    out.end_object();
  }
  out.end_array();
}

void write_members(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer,
                   bool listed) {
  out.field("id", signal.id);
  out.field("failure_type", signal.failure_type);
  out.field("severity", signal.severity);
  if (listed) {
    out.field("run_id", signal.run_id);
    out.field("agent_id", signal.agent_id);
    out.field("agent_version", signal.agent_version);
  }
  out.field("step_index", signal.step_index);
  out.field("confidence", rounded4(signal.confidence));
  out.field("detected_at", signal.detected_at);
  out.field_raw("evidence", signal.evidence);
  out.field("co_signal_count", signal.co_signal_count);
  out.field("shadow", signal.shadow);
  if (listed) out.field("alerted", signal.alerted);
  out.field("detector_id", signal.detector_id);
  out.field("detector_version", signal.detector_version);
  out.field("config_hash", signal.config_hash);
  write_explanation(out, signal, explainer);
}

}  // namespace

void write_signal(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer) {
  out.begin_object();
  write_members(out, signal, explainer, false);
  out.end_object();
}

void write_listed_signal(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer,
                         bool with_withdrawn) {
  out.begin_object();
  write_listed_members(out, signal, explainer);
  if (with_withdrawn && signal.withdrawn_at) out.field("withdrawn_at", *signal.withdrawn_at);
  if (with_withdrawn && !signal.withdrawn_at) out.field_null("withdrawn_at");
  out.end_object();
}

void write_listed_members(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer) {
  write_members(out, signal, explainer, true);
}

}  // namespace dunetrace::api
