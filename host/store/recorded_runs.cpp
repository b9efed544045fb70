#include "store/recorded_runs.hpp"

#include "store/session.hpp"

namespace dunetrace::store {
namespace {

// The primary key gives the order, so every page goes on where the last one ended.
constexpr auto kPage = R"(
  SELECT customer_id, run_id, agent_id, agent_version, extract(epoch FROM first_received_at)::float8,
         outcome IS NULL AND judged_events = 0, extract(epoch FROM last_received_at)::float8, event_count
  FROM runs
  WHERE (customer_id, run_id) > ($1, $2) AND last_received_at >= to_timestamp($3::float8) AND ($4 = '' OR agent_id = $4)
  ORDER BY customer_id, run_id LIMIT $5)";

}  // namespace

Result<std::vector<RecordedRun>> recorded_runs(Database& db, const RecordedFilter& filter, const RunKey& after,
                                               int limit) {
  return query(db, "list recorded runs", [&](pqxx::work& tx) -> Result<std::vector<RecordedRun>> {
    std::vector<RecordedRun> out;
    for (const auto& row :
         tx.exec_params(kPage, after.customer_id, after.run_id, filter.received_after, filter.agent, limit)) {
      out.push_back({{row[0].as<std::string>(), row[1].as<std::string>()},
                     row[2].as<std::string>(),
                     row[3].as<std::string>(),
                     row[4].as<double>(),
                     row[5].as<bool>(),
                     row[6].as<double>(),
                     row[7].as<std::int64_t>()});
    }
    return out;
  });
}

}  // namespace dunetrace::store
