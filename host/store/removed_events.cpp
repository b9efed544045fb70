#include "store/removed_events.hpp"

#include <fmt/format.h>

#include "store/claim_columns.hpp"

namespace dunetrace::store {
namespace {

// Writers count an event in the transaction that stores it, so a smaller number than theirs means removal and nothing
// else. Runs that were cut are counted, unless they are so young that nobody has removed anything of them.
constexpr auto kRemoved = R"(
  SELECT w.place
  FROM unnest($1::text[], $2::text[], $3::float8[], $4::bigint[]) WITH ORDINALITY
    AS w(customer_id, run_id, since, found, place)
  JOIN runs r ON r.customer_id = w.customer_id AND r.run_id = w.run_id
  WHERE r.event_count > CASE
    WHEN w.found < $5 THEN w.found
    WHEN w.since > extract(epoch FROM now() - interval '20 hours') THEN r.event_count
    ELSE (SELECT count(*) FROM events e WHERE e.customer_id = w.customer_id AND e.run_id = w.run_id) END)";

}  // namespace

std::vector<std::size_t> runs_with_removed_events(pqxx::work& tx, const std::vector<ClaimedRun>& runs,
                                                  const std::vector<std::size_t>& found, std::size_t max_events) {
  Columns<4> columns;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    columns[0].add(runs[i].customer_id);
    columns[1].add(runs[i].run_id);
    columns[2].add_plain(fmt::format("{}", runs[i].first_received_at));
    columns[3].add_plain(std::to_string(found[i]));
  }
  std::vector<std::size_t> removed;
  for (const auto& row : tx.exec_params(kRemoved, columns[0].text(), columns[1].text(), columns[2].text(),
                                        columns[3].text(), static_cast<std::int64_t>(max_events))) {
    removed.push_back(number<std::size_t>(row[0]) - 1);
  }
  return removed;
}

}  // namespace dunetrace::store
