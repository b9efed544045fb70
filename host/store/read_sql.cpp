#include "store/read_sql.hpp"

#include "json/writer.hpp"
#include "store/sql_array.hpp"

namespace dunetrace::store {

namespace {

// Every customer that has runs: one index probe each instead of a scan.
constexpr const char* kAllCustomers = R"(
  WITH RECURSIVE walk(customer_id) AS (
    SELECT min(customer_id) FROM runs
    UNION ALL
    SELECT (SELECT min(r.customer_id) FROM runs r WHERE r.customer_id > w.customer_id)
    FROM walk w WHERE w.customer_id IS NOT NULL
  )
  SELECT customer_id FROM walk WHERE customer_id IS NOT NULL)";

}  // namespace

std::string customers_of(pqxx::work& tx, const Scope& scope) {
  SqlArray customers;
  if (scope.customer_id) {
    customers.add(*scope.customer_id);
  } else {
    for (const auto& row : tx.exec(kAllCustomers)) customers.add(row[0].as<std::string>());
  }
  return customers.text();
}

SignalRow signal_row(const pqxx::row& row) {
  SignalRow s;
  s.id = row["id"].as<std::int64_t>();
  s.failure_type = row["failure_type"].as<std::string>();
  s.severity = row["severity"].as<std::string>();
  s.run_id = row["run_id"].as<std::string>();
  s.agent_id = row["agent_id"].as<std::string>();
  s.agent_version = row["agent_version"].as<std::string>();
  s.step_index = row["step_index"].as<std::int32_t>();
  s.confidence = row["confidence"].as<double>();
  s.evidence = row["evidence"].as<std::string>();
  s.detected_at = row["detected_at"].as<double>();
  s.shadow = row["shadow"].as<bool>();
  s.alerted = row["alerted"].as<bool>();
  s.co_signal_count = row["co_signal_count"].as<std::int32_t>();
  s.detector_id = row["detector_id"].as<std::string>();
  s.detector_version = row["detector_version"].as<std::string>();
  s.config_hash = row["config_hash"].as<std::string>();
  s.withdrawn_at = optional_real(row["withdrawn_at"]);
  return s;
}

std::optional<std::string> optional_text(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return field.as<std::string>();
}

std::optional<double> optional_real(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return field.as<double>();
}

bool storable_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && json::repair_utf8(text) == text;
}

bool owns_agent(pqxx::work& tx, const std::string& customer_id, const std::string& agent_id) {
  return tx
      .exec_params(
          "SELECT EXISTS (SELECT 1 FROM runs WHERE customer_id = $1 AND agent_id = $2)"
          "    OR EXISTS (SELECT 1 FROM processed_runs WHERE customer_id = $1 AND agent_id = $2)"
          "    OR EXISTS (SELECT 1 FROM api_keys WHERE customer_id = $1 AND agent_id = $2 AND active)",
          customer_id, agent_id)
      .at(0)
      .at(0)
      .as<bool>();
}

Error unknown_agent(std::string_view agent_id) {
  return Error{Code::not_found, std::string("agent ").append(agent_id).append(" does not exist")};
}

Result<> check_unseen_agent(pqxx::work& tx, const Scope& scope, const std::string& agent_id) {
  if (!scope.customer_id || owns_agent(tx, *scope.customer_id, agent_id)) return {};
  return tl::unexpected<Error>(unknown_agent(agent_id));
}

}  // namespace dunetrace::store
