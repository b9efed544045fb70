// GET /v1/agents/{agent_id}/signals
#include "api/answers.hpp"
#include "api/params.hpp"
#include "api/service.hpp"
#include "api/signal_json.hpp"
#include "core/signal.hpp"

namespace dunetrace::api {

namespace {

std::vector<std::string> severities() {
  std::vector<std::string> names;
  for (const auto s : {Severity::low, Severity::medium, Severity::high, Severity::critical}) {
    names.emplace_back(to_text(s));
  }
  return names;
}

// Fills `value` with the known spelling of the parameter; Code::invalid_argument with the list when it is none of them.
Result<> read_choice(const QueryReader& query, std::string_view name, std::string_view what,
                     const std::vector<std::string>& choices, std::optional<std::string>& value) {
  const auto text = query.text(name);
  if (!text) return {};
  value = choice(*text, choices);
  if (!value) return fail(Code::invalid_argument, unknown_choice(what, *text, choices));
  return {};
}

Result<> read_filter(const QueryReader& query, const Vocabulary& vocabulary, store::SignalFilter& filter) {
  DUNE_TRY_VOID(read_choice(query, "severity", "severity", severities(), filter.severity));
  return read_choice(query, "failure_type", "failure type", vocabulary.failure_types, filter.failure_type);
}

}  // namespace

http::Response get_agent_signals(const Service& service, const store::Scope& scope, const http::Request& request) {
  QueryReader query(request);
  const auto page = query.page(service.options);
  store::SignalFilter filter;
  filter.include_shadow = query.boolean("include_shadow").value_or(false);
  filter.include_withdrawn = query.boolean("include_withdrawn").value_or(false);
  if (auto refusal = query.refusal()) return *std::move(refusal);
  const auto vocabulary = service.vocabulary();
  if (const auto read = read_filter(query, *vocabulary, filter); !read) {
    return refuse(read.error(), request, service.log);
  }
  const auto signals = store::list_signals(service.db, scope, request.param("agent_id"), filter, page);
  if (!signals) return refuse(signals.error(), request, service.log);
  json::Writer out;
  out.begin_object();
  out.key("signals");
  out.begin_array();
  for (const auto& signal : signals->rows)
    write_listed_signal(out, signal, vocabulary->explainer, filter.include_withdrawn);
  out.end_array();
  write_page(out, page, signals->total);
  out.end_object();
  return http::Response::json(200, out.take());
}

}  // namespace dunetrace::api
