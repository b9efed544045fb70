// Pieces of SQL and of row reading that the read_*.cpp files have in common. Only for them: it shows libpqxx.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/read_scope.hpp"
#include "store/read_signals.hpp"
#include "store/session.hpp"

namespace dunetrace::store {

// The customers that `scope` may see, for a parameter `$1::text[]`. Queries read customer by customer,
// `FROM unnest($1::text[]) AS c(customer_id) CROSS JOIN LATERAL (…)`, because every index begins with customer_id;
// given as a value, the array tells the planner how many there are.
[[nodiscard]] std::string customers_of(pqxx::work& tx, const Scope& scope);

// The columns that signal_row reads, of a row `s` of failure_signals.
constexpr std::string_view kSignalColumns =
    "s.id, s.failure_type, s.severity, s.run_id, s.agent_id, s.agent_version, s.step_index, "
    "s.confidence::float8 AS confidence, s.evidence::text AS evidence, "
    "extract(epoch FROM s.detected_at)::float8 AS detected_at, s.shadow, s.alerted, s.co_signal_count, "
    "s.detector_id, s.detector_version, s.config_hash, "
    "extract(epoch FROM s.withdrawn_at)::float8 AS withdrawn_at";

[[nodiscard]] SignalRow signal_row(const pqxx::row& row);

[[nodiscard]] std::optional<std::string> optional_text(const pqxx::field& field);
[[nodiscard]] std::optional<double> optional_real(const pqxx::field& field);

// Text that PostgreSQL can hold: valid UTF-8 without U+0000. A name that is not cannot be stored anywhere, and must not
// reach libpqxx, which cuts parameters at the NUL.
[[nodiscard]] bool storable_text(std::string_view text);

// Whether the customer has this agent: it sent something, or a key of the customer names it.
[[nodiscard]] bool owns_agent(pqxx::work& tx, const std::string& customer_id, const std::string& agent_id);

// What the list of an agent without rows is: empty for who may see everything and for the owner, Code::not_found for
// anybody else.
[[nodiscard]] Result<> check_unseen_agent(pqxx::work& tx, const Scope& scope, const std::string& agent_id);
[[nodiscard]] Error unknown_agent(std::string_view agent_id);

}  // namespace dunetrace::store
