// GET /v1/agents
#include "api/answers.hpp"
#include "api/params.hpp"
#include "api/service.hpp"
#include "store/read_agents.hpp"

namespace dunetrace::api {

namespace {

void write_agent(json::Writer& out, const store::AgentRow& agent) {
  out.begin_object();
  out.field("agent_id", agent.agent_id);
  out.field("last_seen", agent.last_seen);
  out.field("run_count", agent.run_count);
  out.field("signal_count", agent.signal_count);
  out.field("critical_count", agent.critical_count);
  out.field("high_count", agent.high_count);
  out.key("sparkline");
  out.begin_array();
  for (const auto count : agent.sparkline) out.integer(count);
  out.end_array();
  out.key("failure_types");
  out.begin_object();
  for (const auto& [type, count] : agent.failure_types) out.field(type, count);
  out.end_object();
  out.end_object();
}

}  // namespace

http::Response get_agents(const Service& service, const store::Scope& scope, const http::Request& request) {
  QueryReader query(request);
  const auto page = query.page(service.options);
  if (auto refusal = query.refusal()) return *std::move(refusal);
  const auto agents = store::list_agents(service.db, scope, page, service.clock.unix_seconds());
  if (!agents) return refuse(agents.error(), request, service.log);
  json::Writer out;
  out.begin_object();
  out.key("agents");
  out.begin_array();
  for (const auto& agent : agents->rows) write_agent(out, agent);
  out.end_array();
  write_page(out, page, agents->total);
  out.end_object();
  return http::Response::json(200, out.take());
}

}  // namespace dunetrace::api
