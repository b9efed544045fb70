#include "store/sdk_records.hpp"

#include "store/session.hpp"

namespace dunetrace::store {

Result<DeployMarker> add_deploy(Database& db, const std::string& customer_id, const std::string& agent_id,
                                const std::string& version, const std::string& meta) {
  auto added = transact(db, "add deploy marker", [&](pqxx::work& tx) -> Result<DeployMarker> {
    const auto row = tx.exec_params1(
        "INSERT INTO deploy_events (customer_id, agent_id, version, meta) VALUES ($1, $2, $3, $4::jsonb) "
        "RETURNING id, extract(epoch FROM deployed_at)::float8",
        customer_id, agent_id, version, meta);
    return DeployMarker{row[0].as<std::int64_t>(), row[1].as<double>()};
  });
  if (!added && sqlstate_of(added.error()).starts_with("22")) {
    auto error = std::move(added).error();
    error.code = Code::invalid_argument;
    return tl::unexpected(std::move(error));
  }
  return added;
}

Result<std::vector<Policy>> enabled_policies(Database& db, const std::string& customer_id,
                                             const std::string& agent_id) {
  return query(db, "list enabled policies", [&](pqxx::work& tx) -> Result<std::vector<Policy>> {
    std::vector<Policy> policies;
    const auto rows = tx.exec_params(
        "SELECT id, agent_id, name, condition::text, action::text, priority FROM policies "
        "WHERE customer_id = $1 AND agent_id IN ($2, '*') AND enabled ORDER BY priority, id",
        customer_id, agent_id);
    for (const auto& row : rows) {
      policies.push_back({row[0].as<std::int64_t>(), row[1].as<std::string>(), row[2].as<std::string>(),
                          row[3].as<std::string>(), row[4].as<std::string>(), row[5].as<std::int32_t>()});
    }
    return policies;
  });
}

}  // namespace dunetrace::store
