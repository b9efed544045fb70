#include "store/baselines.hpp"

#include "store/session.hpp"

namespace dunetrace::store {
namespace {

constexpr int kLeastRuns = 20;

// percentile_cont interpolates between order statistics exactly as the specification asks.
constexpr auto kSteps = R"(
  SELECT percentile_cont(0.75) WITHIN GROUP (ORDER BY max_step), count(*)
  FROM (SELECT r.max_step
        FROM processed_runs p JOIN runs r ON r.customer_id = p.customer_id AND r.run_id = p.run_id
        WHERE p.customer_id = $1 AND p.agent_id = $2 AND p.agent_version = $3 AND p.run_id <> $4
          AND r.outcome = 'completed' AND p.exit_reason IS DISTINCT FROM 'error'
        ORDER BY p.processed_at DESC LIMIT 50) AS usual)";

}  // namespace

Result<std::optional<double>> p75_steps(Database& db, const std::string& customer_id, const std::string& agent_id,
                                        const std::string& agent_version, const std::string& run_id) {
  return query(db, "load baseline", [&](pqxx::work& tx) -> Result<std::optional<double>> {
    const auto row = tx.exec_params1(kSteps, customer_id, agent_id, agent_version, run_id);
    if (row[1].as<int>() < kLeastRuns) return std::optional<double>();
    return row[0].is_null() ? std::optional<double>() : std::optional(row[0].as<double>());
  });
}

}  // namespace dunetrace::store
