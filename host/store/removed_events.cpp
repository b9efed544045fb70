#include "store/removed_events.hpp"

#include "store/claim_columns.hpp"

namespace dunetrace::store {
namespace {

constexpr double kYoung = 12 * 3600;  // retention removes nothing younger than a day; clocks may differ by the rest

// Writers count an event in the transaction that stores it, so a smaller number means removal and nothing else.
constexpr auto kRemoved = R"(
  SELECT w.place
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS w(customer_id, run_id, found, place)
  JOIN runs r ON r.customer_id = w.customer_id AND r.run_id = w.run_id
  WHERE r.event_count > CASE WHEN w.found < $5 THEN w.found ELSE
    (SELECT count(*) FROM events e WHERE e.customer_id = w.customer_id AND e.run_id = w.run_id) END)";

}  // namespace

bool wants_count(const ClaimedRun& run, double now) {
  return run.event_count == 0 || run.first_received_at < now - kYoung;
}

std::vector<std::size_t> runs_with_removed_events(pqxx::work& tx, const std::vector<ClaimedRun>& runs,
                                                  const std::vector<std::size_t>& found, std::size_t max_events,
                                                  double now) {
  std::vector<std::size_t> removed;
  Columns<4> asked;
  bool any = false;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (found[i] < max_events && static_cast<std::int64_t>(found[i]) < runs[i].event_count) {
      removed.push_back(i);  // there were more when it was claimed
    } else if (wants_count(runs[i], now)) {
      asked[0].add(runs[i].customer_id);
      asked[1].add(runs[i].run_id);
      asked[2].add_plain(std::to_string(found[i]));
      asked[3].add_plain(std::to_string(i));
      any = true;
    }
  }
  if (!any) return removed;
  for (const auto& row : tx.exec_params(kRemoved, asked[0].text(), asked[1].text(), asked[2].text(), asked[3].text(),
                                        static_cast<std::int64_t>(max_events))) {
    removed.push_back(number<std::size_t>(row[0]));
  }
  return removed;
}

}  // namespace dunetrace::store
