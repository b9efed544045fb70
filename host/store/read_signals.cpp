#include "store/read_signals.hpp"

#include "store/read_sql.hpp"

namespace dunetrace::store {

namespace {

// $1 customers, $2 agent, $3 severity, $4 failure type, $5 with shadow signals, $6 with withdrawn ones. Written so
// that planning with the values leaves `NOT s.shadow AND s.withdrawn_at IS NULL`, the predicate of the partial index,
// and nothing of an absent filter.
constexpr std::string_view kMatching = R"(
  FROM failure_signals s
  WHERE s.customer_id = c.customer_id AND s.agent_id = $2 AND (s.withdrawn_at IS NULL OR $6::boolean)
    AND (NOT s.shadow OR $5::boolean)
    AND ($3::text IS NULL OR s.severity = $3) AND ($4::text IS NULL OR s.failure_type = $4))";

}  // namespace

Result<Listing<SignalRow>> list_signals(Database& db, const Scope& scope, const std::string& agent_id,
                                        const SignalFilter& filter, PageRequest page) {
  if (!storable_text(agent_id)) {
    if (scope.customer_id) return tl::unexpected<Error>(unknown_agent(agent_id));
    return Listing<SignalRow>{};
  }
  static const std::string count_sql =
      std::string("SELECT count(*) FROM unnest($1::text[]) AS c(customer_id) CROSS JOIN LATERAL (SELECT 1")
          .append(kMatching)
          .append(") n");
  static const std::string page_sql =
      std::string("SELECT ")
          .append(kSignalColumns)
          .append(" FROM unnest($1::text[]) AS c(customer_id) CROSS JOIN LATERAL (SELECT s.*")
          .append(kMatching)
          .append(
              " ORDER BY s.detected_at DESC, s.id DESC LIMIT $7::bigint + $8::bigint) s"
              " ORDER BY s.detected_at DESC, s.id DESC OFFSET $7::bigint LIMIT $8::bigint");
  return query(db, "list signals", [&](pqxx::work& tx) -> Result<Listing<SignalRow>> {
    const std::string customers = customers_of(tx, scope);
    Listing<SignalRow> list;
    list.total = tx.exec_params(count_sql, customers, agent_id, filter.severity, filter.failure_type,
                                filter.include_shadow, filter.include_withdrawn)
                     .at(0)
                     .at(0)
                     .as<std::int64_t>();
    if (list.total == 0) DUNE_TRY_VOID(check_unseen_agent(tx, scope, agent_id));
    if (page.offset >= list.total) return list;
    for (const auto& row : tx.exec_params(page_sql, customers, agent_id, filter.severity, filter.failure_type,
                                          filter.include_shadow, filter.include_withdrawn, page.offset, page.limit)) {
      list.rows.push_back(signal_row(row));
    }
    return list;
  });
}

Result<StoredSignal> load_signal(Database& db, const Scope& scope, std::int64_t id) {
  static const std::string sql =
      std::string("SELECT s.customer_id, ")
          .append(kSignalColumns)
          .append(" FROM failure_signals s WHERE s.id = $1 AND ($2::text IS NULL OR s.customer_id = $2)");
  return query(db, "load signal", [&](pqxx::work& tx) -> Result<StoredSignal> {
    const auto rows = tx.exec_params(sql, id, scope.customer_id);
    if (rows.empty()) return fail(Code::not_found, "signal " + std::to_string(id) + " does not exist");
    const auto& row = rows.at(0);
    return StoredSignal{signal_row(row), row["customer_id"].as<std::string>()};
  });
}

}  // namespace dunetrace::store
