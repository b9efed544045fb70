// GET /v1/plugins: what the detect processes have loaded, how it behaves, and what is off. Facts about the host, the
// same for every customer; paths, host names and reasons of reloads are for admin keys, runs for their customer.
#include "api/answers.hpp"
#include "api/service.hpp"
#include "store/read_plugins.hpp"

namespace dunetrace::api {

namespace {

// Dev mode has no customers and no keys: whoever asks runs the host.
bool sees_host(const store::Scope& scope) { return scope.admin || !scope.customer_id; }

bool sees_run(const store::Scope& scope, const store::LastStrike& strike) {
  return !scope.customer_id || *scope.customer_id == strike.customer_id;
}

std::string_view state_of(const store::PluginRow& row) {
  if (row.absent_since) return "absent";
  return row.quarantine ? "quarantined" : store::shown_state(row.component);
}

void write_last_strike(json::Writer& out, const store::Scope& scope, const std::optional<store::LastStrike>& strike) {
  if (!strike) return out.field_null("last_strike");
  const bool own = sees_run(scope, *strike);
  out.key("last_strike");
  out.begin_object();
  out.field("at", strike->at);
  out.field("offence", strike->offence);
  // What the host says of a violation may quote the plugin, and with it the run.
  if (own || sees_host(scope) || strike->run_id.empty() || strike->offence != "violation") {
    out.field("text", strike->text);
  } else {
    out.field_null("text");
  }
  if (own && !strike->run_id.empty()) {
    out.field("run_id", strike->run_id);
  } else {
    out.field_null("run_id");
  }
  out.end_object();
}

void write_quarantine(json::Writer& out, const std::optional<store::PluginQuarantine>& quarantine) {
  if (!quarantine) return out.field_null("quarantine");
  out.key("quarantine");
  out.begin_object();
  out.field("since", quarantine->since);
  out.field("reason", quarantine->reason);
  out.end_object();
}

void write_component(json::Writer& out, const store::Scope& scope, const store::PluginRow& row) {
  const auto& component = row.component;
  out.begin_object();
  out.field("component", component.component);
  out.field("kind", component.kind);
  out.field("title", component.title);
  out.field("state", state_of(row));
  out.field("configured", store::shown_state(component));
  out.key("signal_types");
  out.begin_array();
  for (const auto& type : component.signal_types) out.string(type);
  out.end_array();
  out.field("mode", component.mode);
  out.field("sandbox", component.sandbox);
  out.field("library", component.library);
  out.field("version", component.version);
  out.field("sha256", component.sha256);
  out.field("abi", component.abi);
  out.field("first_party", component.first_party);
  out.field("strikes_10m", row.strikes_10m);
  out.field("strikes_total", row.strikes_total);
  write_last_strike(out, scope, row.last_strike);
  write_quarantine(out, row.quarantine);
  out.field("failed_runs_24h", row.failed_runs_24h);
  out.field("reported_at", row.reported_at);
  write_optional(out, "absent_since", row.absent_since);
  if (sees_host(scope)) {
    out.field("reported_by", row.reported_by);
    out.field("file", component.file);
  }
  out.end_object();
}

void write_notices(json::Writer& out, const std::vector<store::PluginRow>& rows) {
  out.key("notices");
  out.begin_array();
  for (const auto& row : rows) {
    if (!row.quarantine || row.absent_since) continue;
    out.begin_object();
    out.field("component", row.component.component);
    out.field("version", row.component.version);
    out.field("sha256", row.component.sha256);
    out.field("since", row.quarantine->since);
    out.field("reason", row.quarantine->reason);
    out.field("remedy", "replace its file, or run: dunetrace plugins enable " + row.component.component);
    out.end_object();
  }
  out.end_array();
}

// The host in most need of attention speaks for all.
void write_reload(json::Writer& out, const store::Scope& scope, const std::vector<store::PluginHost>& hosts) {
  if (hosts.empty()) return out.field_null("reload");
  const auto& host = hosts.front();
  out.key("reload");
  out.begin_object();
  out.field("generation", host.generation);
  write_optional(out, "at", host.reload_at);
  out.field("ok", host.reload_ok);
  if (host.reload_ok) {
    out.field_null("error");
  } else {
    out.field("error", sees_host(scope) ? std::string_view(host.reload_error)
                                        : std::string_view("refused; a key with the scope 'admin' sees why"));
  }
  if (sees_host(scope)) out.field("host", host.host);
  out.end_object();
}

// What a host left out and what it would say about itself.
void write_hosts(json::Writer& out, const std::vector<store::PluginHost>& hosts) {
  out.key("hosts");
  out.begin_array();
  for (const auto& host : hosts) {
    out.begin_object();
    out.field("host", host.host);
    out.field("generation", host.generation);
    out.field_raw("not_loaded", host.refusals);
    out.field_raw("notes", host.notes);
    out.field("unlocked", host.unlocked);
    out.end_object();
  }
  out.end_array();
}

}  // namespace

http::Response get_plugins(const Service& service, const store::Scope& scope, const http::Request& request) {
  const auto all = store::plugin_overview(service.db, scope);
  if (!all) return refuse(all.error(), request, service.log);
  json::Writer out;
  out.begin_object();
  out.key("components");
  out.begin_array();
  for (const auto& row : all->components) write_component(out, scope, row);
  out.end_array();
  write_notices(out, all->components);
  write_reload(out, scope, all->hosts);
  if (sees_host(scope)) write_hosts(out, all->hosts);
  out.end_object();
  return http::Response::json(200, out.take());
}

}  // namespace dunetrace::api
