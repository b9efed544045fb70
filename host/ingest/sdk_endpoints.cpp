#include "ingest/sdk_endpoints.hpp"

#include "ingest/admission.hpp"
#include "ingest/door.hpp"
#include "ingest/validation.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"
#include "store/sdk_records.hpp"

namespace dunetrace::ingest {

namespace {

struct Deploy {
  std::string api_key, agent_id, version;
  std::string meta = "{}";
};

std::string text_of(const json::Value& value, std::string_view field, ValidationErrors& errors) {
  if (value.missing()) return errors.body("missing", field, "Field required"), std::string();
  const auto text = value.string();
  if (!text) return errors.body("string_type", field, "Input should be a valid string"), std::string();
  std::string clean(*text);
  std::erase(clean, '\0');  // the database cannot hold it
  if (clean.empty()) errors.body("string_too_short", field, "String should have at least 1 character");
  if (clean.size() > kLongestId)
    errors.body("string_too_long", field, "String should have at most " + std::to_string(kLongestId) + " bytes");
  return clean;
}

Deploy read_deploy(const std::string& body, ValidationErrors& errors) {
  Deploy deploy;
  if (is_blank(body)) return errors.body("missing", "", "Field required"), deploy;
  json::Parser parser;
  const auto root = parser.parse(body);
  if (!root) return errors.not_json(root.error().text), deploy;
  if (!root->is_object()) {
    errors.body("model_attributes_type", "", "Input should be a valid dictionary or object to extract fields from");
    return deploy;
  }
  if (const auto key = (*root)["api_key"]; !key.missing() && !key.is_null()) {
    const auto text = key.string();
    if (text)
      deploy.api_key = *text;
    else
      errors.body("string_type", "api_key", "Input should be a valid string");
  }
  deploy.agent_id = text_of((*root)["agent_id"], "agent_id", errors);
  deploy.version = text_of((*root)["version"], "version", errors);
  if (const auto meta = (*root)["meta"]; !meta.missing() && !meta.is_null()) {
    if (!meta.is_object()) {
      errors.body("dict_type", "meta", "Input should be a valid dictionary");
    } else {
      const std::string_view raw = json::raw_at(body, "/meta");
      deploy.meta = json::storable(raw).value_or(std::string(raw));
    }
  }
  return deploy;
}

std::string key_of(std::string key, const http::Request& request) {
  return key.empty() ? std::string(bearer_key(request.header("authorization"))) : key;
}

}  // namespace

http::Response SdkEndpoints::failed(const Error& error, const http::Request& request) {
  log_.warn("ingest.database_away", {{"reason", error.text}, {"request_id", request.request_id}});
  return unavailable();
}

http::Response SdkEndpoints::deploy(const http::Request& request) {
  ValidationErrors errors;
  const auto deploy = read_deploy(request.body, errors);
  const auto key = key_of(deploy.api_key, request);
  if (auto refused = refused_by_rate(rate_, auth_, key, request.client_address)) return std::move(*refused);
  if (!errors.empty()) return http::Response::json(422, errors.take());
  const auto verdict = wait_for_verdict(auth_, key, {deploy.agent_id}, request.body.size());
  if (verdict.kind != Verdict::Kind::allowed) return refusal(verdict);
  const auto added = store::add_deploy(db_, verdict.customer_id, deploy.agent_id, deploy.version, deploy.meta);
  if (!added && added.error().code == Code::invalid_argument) {
    errors.body("value_error", "meta", "the database does not take this value");
    return http::Response::json(422, errors.take());
  }
  if (!added) return failed(added.error(), request);
  json::Writer out;
  out.begin_object();
  out.field("id", added->id);
  out.field("agent_id", deploy.agent_id);
  out.field("version", deploy.version);
  out.field("deployed_at", added->deployed_at);
  out.end_object();
  return http::Response::json(202, out.take());
}

http::Response SdkEndpoints::policies(const http::Request& request) {
  const std::string agent(request.query_value("agent_id").value_or(""));
  if (agent.empty()) {
    ValidationErrors errors;
    errors.query("missing", "agent_id", "Field required");
    return http::Response::json(422, errors.take());
  }
  const auto key = key_of(std::string(request.query_value("api_key").value_or("")), request);
  const auto verdict = wait_for_verdict(auth_, key, {}, request.target.size());
  if (verdict.kind != Verdict::Kind::allowed) return refusal(verdict);
  const auto found = store::enabled_policies(db_, verdict.customer_id, agent);
  if (!found) return failed(found.error(), request);
  json::Writer out;
  out.begin_object();
  out.key("policies");
  out.begin_array();
  for (const auto& policy : *found) {
    out.begin_object();
    out.field("id", policy.id);
    out.field("agent_id", policy.agent_id);
    out.field("name", policy.name);
    out.field_raw("condition", policy.condition);
    out.field_raw("action", policy.action);
    out.field("enabled", true);
    out.field("priority", policy.priority);
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return http::Response::json(200, out.take()).with("Cache-Control", "no-store");
}

}  // namespace dunetrace::ingest
