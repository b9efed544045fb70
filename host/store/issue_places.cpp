#include "store/issue_places.hpp"

#include <algorithm>
#include <functional>
#include <span>
#include <string_view>
#include <tuple>

#include "store/claim_columns.hpp"

namespace dunetrace::store {
namespace {

constexpr std::size_t kBeside = 6;  // five clean ones and the affected one before them decide nearly always

// Before each, and behind it up to the next one that is taken out.
constexpr auto kNeighbours = R"(
  SELECT w.place, n.after, (extract(epoch FROM n.processed_at) * 1000000)::bigint,
         ARRAY(SELECT s.failure_type FROM failure_signals s
               WHERE s.customer_id = w.customer_id AND s.run_id = n.run_id AND NOT s.shadow AND s.withdrawn_at IS NULL),
         n.unjudged, n.unjudged IS NULL AND n.incomplete <> '[]'
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
    AS w(customer_id, agent_id, at_us, next_us, place)
  CROSS JOIN LATERAL (
    SELECT 'epoch'::timestamptz + w.at_us * interval '1 microsecond' AS at,
           coalesce('epoch'::timestamptz + w.next_us * interval '1 microsecond', 'infinity') AS next) AS t
  CROSS JOIN LATERAL (
    (SELECT false AS after, p.run_id, p.processed_at, p.unjudged, p.incomplete FROM processed_runs p
     WHERE p.customer_id = w.customer_id AND p.agent_id = w.agent_id AND p.processed_at < t.at
     ORDER BY p.processed_at DESC LIMIT $5)
    UNION ALL
    (SELECT true, p.run_id, p.processed_at, p.unjudged, p.incomplete FROM processed_runs p
     WHERE p.customer_id = w.customer_id AND p.agent_id = w.agent_id AND p.processed_at > t.at
       AND p.processed_at < t.next
     ORDER BY p.processed_at LIMIT $5)) AS n)";

// The next run that is affected by a type.
constexpr auto kAffectedBefore = R"(
  SELECT (extract(epoch FROM processed_at) * 1000000)::bigint FROM failure_signals
  WHERE customer_id = $1 AND agent_id = $2 AND failure_type = $3 AND NOT shadow AND withdrawn_at IS NULL
    AND processed_at < 'epoch'::timestamptz + $4::bigint * interval '1 microsecond'
  ORDER BY processed_at DESC LIMIT 1)";
constexpr auto kAffectedAfter = R"(
  SELECT (extract(epoch FROM processed_at) * 1000000)::bigint FROM failure_signals
  WHERE customer_id = $1 AND agent_id = $2 AND failure_type = $3 AND NOT shadow AND withdrawn_at IS NULL
    AND processed_at > 'epoch'::timestamptz + $4::bigint * interval '1 microsecond' AND run_id <> ALL($5::text[])
  ORDER BY processed_at LIMIT 1)";

// Five runs between two places that are affected by a type or clean of it.
std::string known_runs(std::string_view order) {
  return "SELECT (extract(epoch FROM processed_at) * 1000000)::bigint, affected FROM ("
         "  SELECT p.processed_at, p.unjudged, p.incomplete, EXISTS (SELECT FROM failure_signals s"
         "    WHERE s.customer_id = p.customer_id AND s.run_id = p.run_id AND s.failure_type = $3 AND NOT s.shadow"
         "      AND s.withdrawn_at IS NULL) AS affected"
         "  FROM processed_runs p WHERE p.customer_id = $1 AND p.agent_id = $2 AND p.run_id <> ALL($6::text[])"
         "    AND p.processed_at > 'epoch'::timestamptz + $4::bigint * interval '1 microsecond'"
         "    AND p.processed_at < coalesce('epoch'::timestamptz + $5::bigint * interval '1 microsecond', 'infinity'))"
         "  AS k WHERE affected OR NOT coalesce($3 = ANY(unjudged), incomplete <> '[]') ORDER BY processed_at " +
         std::string(order) + " LIMIT " + std::to_string(kCleanRunsToResolve);
}

// What stands beside one run, by its agent's tables.
class Asked {
 public:
  // `gone`: run ids, as an array; those behind the run that are taken out already.
  Asked(pqxx::work& tx, const Placed& run, std::string gone) : tx_(tx), run_(run), gone_(std::move(gone)) {}

  Walk walk(const std::string& type, Side side, bool to_affected) const {
    const auto at_us = run_.look.at_us;
    if (side == Side::before) {
      const auto affected_us = to_affected ? next(kAffectedBefore, type) : std::nullopt;
      if (!affected_us) return known("DESC", type, 0, at_us);
      auto way = known("", type, *affected_us, at_us);
      std::ranges::reverse(way.clean_us);
      way.affected_us = affected_us;
      return way;
    }
    auto way = known("", type, at_us, std::nullopt);
    if (to_affected) way.affected_us = next(kAffectedAfter, type);
    return way;
  }

 private:
  std::optional<std::int64_t> next(const char* sql, const std::string& type) const {
    const auto& [customer, agent] = run_.agent;
    const auto rows = sql == kAffectedAfter ? tx_.exec_params(sql, customer, agent, type, run_.look.at_us, gone_)
                                            : tx_.exec_params(sql, customer, agent, type, run_.look.at_us);
    if (rows.empty()) return {};
    return number<std::int64_t>(rows[0][0]);
  }
  Walk known(std::string_view order, const std::string& type, std::int64_t from_us,
             std::optional<std::int64_t> until_us) const {
    Walk way;
    for (const auto& row : tx_.exec_params(known_runs(order), run_.agent.first, run_.agent.second, type, from_us,
                                           until_us, until_us ? "{}" : gone_)) {
      const auto at_us = number<std::int64_t>(row[0]);
      if (text(row[1]) == "t") {
        way.affected_us = at_us;
        break;
      }
      way.clean_us.push_back(at_us);
    }
    return way;
  }

  pqxx::work& tx_;
  const Placed& run_;
  std::string gone_;
};

// Of runs of one agent or several, in order within each agent. What is taken out behind a run does not stand there any
// more, since the last one goes first.
std::vector<Beside> read_beside(pqxx::work& tx, std::span<const Placed> runs) {
  const auto follows = [&](std::size_t i) { return i + 1 < runs.size() && runs[i + 1].agent == runs[i].agent; };
  Columns<4> asked;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    asked[0].add(runs[i].agent.first);
    asked[1].add(runs[i].agent.second);
    asked[2].add_plain(std::to_string(runs[i].look.at_us));
    follows(i) ? asked[3].add_plain(std::to_string(runs[i + 1].look.at_us)) : asked[3].add_null();
  }
  std::vector<Beside> found(runs.size());
  for (const auto& row :
       tx.exec_params(kNeighbours, asked[0].text(), asked[1].text(), asked[2].text(), asked[3].text(), kBeside)) {
    auto& beside = found[number<std::size_t>(row[0]) - 1];
    (text(row[1]) == "t" ? beside.after : beside.before)
        .push_back({number<std::int64_t>(row[2]), texts(row[3]), texts(row[4]), text(row[5]) == "t"});
  }
  for (std::size_t i = runs.size(); i-- > 0;) {
    auto& [before, after, all_before, all_after] = found[i];
    std::ranges::sort(before, std::ranges::greater{}, &Look::at_us);
    std::ranges::sort(after, std::ranges::less{}, &Look::at_us);
    all_before = before.size() < kBeside;
    all_after = after.size() < kBeside;
    if (!all_after || !follows(i)) continue;
    after.insert(after.end(), found[i + 1].after.begin(), found[i + 1].after.end());
    all_after = after.size() <= kBeside && found[i + 1].all_after;
    if (after.size() > kBeside) after.resize(kBeside);
  }
  return found;
}

}  // namespace

void take_out(pqxx::work& tx, IssuesByAgent& issues, std::vector<Placed> runs) {
  std::erase_if(runs, [&](const Placed& run) { return issues.at(run.agent).empty(); });
  if (runs.empty()) return;
  std::ranges::sort(runs, {}, [](const Placed& run) { return std::tie(run.agent, run.look.at_us); });
  const auto beside = read_beside(tx, runs);
  SqlArray gone;
  for (auto i = runs.size(); i-- > 0;) {
    if (i + 1 < runs.size() && runs[i + 1].agent != runs[i].agent) gone = {};
    const Asked asked(tx, runs[i], gone.text());
    take_out(issues.at(runs[i].agent), runs[i].look, beside[i],
             [&](const std::string& type, Side side, bool to_affected) { return asked.walk(type, side, to_affected); });
    gone.add(runs[i].run_id);
  }
}

}  // namespace dunetrace::store
