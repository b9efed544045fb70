#include "store/work_queue.hpp"

#include <algorithm>

#include "core/ids.hpp"
#include "store/claim_columns.hpp"
#include "store/claim_sql.hpp"

namespace dunetrace::store {
namespace {

// Customers that a claim walks on either side of where its turns begin. One with open runs may have none that stalled,
// so more are walked for them; a step costs some microseconds.
constexpr int kWalked = 100;
constexpr int kWalkedForStalled = 2'000;

// Keeps what is still this worker's.
constexpr auto kExtend = R"(
  UPDATE runs r SET claimed_until = now() + $4 * interval '1 millisecond'
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w(customer_id, run_id, claim)
  WHERE r.customer_id = w.customer_id AND r.run_id = w.run_id AND r.claim = w.claim::uuid
  RETURNING r.customer_id, r.run_id)";

constexpr auto kRelease = R"(
  UPDATE runs r SET claimed_until = NULL, claim = NULL
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w(customer_id, run_id, claim)
  WHERE r.customer_id = w.customer_id AND r.run_id = w.run_id AND r.claim = w.claim::uuid)";

ClaimedRun run_of(const pqxx::row& row, const std::string& claim) {
  ClaimedRun run;
  run.customer_id = text(row[0]);
  run.run_id = text(row[1]);
  run.claim = claim;
  run.agent_id = text(row[2]);
  run.agent_version = text(row[3]);
  run.trigger = text(row[4]);
  run.first_received_at = number<double>(row[5]);
  run.last_received_at = number<double>(row[6]);
  run.event_count = number<std::int64_t>(row[7]);
  return run;
}

// One transaction that takes from one queue after the other.
class Claiming {
 public:
  Claiming(pqxx::work& tx, const ClaimRules& rules, ClaimTurns& turns)
      : tx_(tx), rules_(rules), turns_(turns), claim_(new_uuid()) {
    turns_.more = turns_.more_stalled = false;
  }

  std::vector<ClaimedRun> claim() {
    take(Queue::finished_short, rules_.limit, rules_.max_events);
    if (rules_.stall_timeout) {
      take(Queue::stalled_short, std::max({1, rules_.limit / 4, rules_.limit - static_cast<int>(claimed_.size())}),
           std::max(rules_.max_events / 4, rules_.max_events - events_));
    }
    take(Queue::finished_long, 1, 0);
    if (rules_.stall_timeout) take(Queue::stalled_long, 1, 0);
    return std::move(claimed_);
  }

 private:
  void take(Queue queue, int limit, std::int64_t events) {
    const bool stalled = queue == Queue::stalled_short || queue == Queue::stalled_long;
    auto& after = turns_.after[static_cast<std::size_t>(queue)];
    const auto rows = ask(queue, limit, events, after);
    // The last turn that was taken; a walk that found nothing goes on where it ended.
    std::int64_t last_turn = 0;
    if (rows[0][0].is_null()) after = rows[0][10].is_null() ? std::string() : text_of(rows[0][10]);
    for (const auto& row : rows) {
      if (row[0].is_null()) break;
      claimed_.push_back(run_of(row, claim_));
      events_ += claimed_.back().event_count;
      const auto turn = number<std::int64_t>(row[8]);
      if (turn < last_turn) continue;
      last_turn = turn;
      after = claimed_.back().customer_id;
    }
    const bool more = text(rows[0][11]) == "t";
    turns_.more = turns_.more || more;
    turns_.more_stalled = turns_.more_stalled || (stalled && more);
  }

  // Prepared once per connection: planning takes longer than claiming.
  pqxx::result ask(Queue queue, int limit, std::int64_t events, const std::string& after) {
    const auto name = "claim_" + std::to_string(static_cast<int>(queue));
    tx_.conn().prepare(name, claim_sql(queue));
    const auto lease = rules_.lease.count();
    if (queue == Queue::finished_short || queue == Queue::finished_long)
      return tx_.exec_prepared(name, limit, lease, claim_, events, after, kWalked);
    return tx_.exec_prepared(name, limit, lease, claim_, events, after, kWalkedForStalled,
                             rules_.stall_timeout->count());
  }

  static std::string text_of(const pqxx::field& field) { return std::string(text(field)); }

  pqxx::work& tx_;
  const ClaimRules& rules_;
  ClaimTurns& turns_;
  const std::string claim_;
  std::vector<ClaimedRun> claimed_;
  std::int64_t events_ = 0;
};

}  // namespace

Result<std::vector<ClaimedRun>> claim_runs(Database& db, const ClaimRules& rules, ClaimTurns& turns) {
  const auto before = turns;
  return transact(db, "claim runs", [&](pqxx::work& tx) -> Result<std::vector<ClaimedRun>> {
    turns = before;  // begun again
    return Claiming(tx, rules, turns).claim();
  });
}

Result<std::vector<ClaimedRun>> claim_runs(Database& db, const ClaimRules& rules) {
  ClaimTurns turns;
  return claim_runs(db, rules, turns);
}

Result<std::vector<std::size_t>> extend_claim(Database& db, const std::vector<ClaimedRun>& runs,
                                              std::chrono::milliseconds lease) {
  return transact(db, "extend claim", [&](pqxx::work& tx) -> Result<std::vector<std::size_t>> {
    const auto places = places_of(runs);
    const auto claims = claims_of(runs, places);
    return found_in(tx.exec_params(kExtend, claims[0].text(), claims[1].text(), claims[2].text(), lease.count()),
                    places);
  });
}

Result<> release_runs(Database& db, const std::vector<ClaimedRun>& runs) {
  return transact(db, "release runs", [&](pqxx::work& tx) -> Result<> {
    run(tx, kRelease, claims_of(runs, places_of(runs)));
    return {};
  });
}

Result<std::int64_t> pending_runs(Database& db, std::chrono::milliseconds stall_timeout) {
  return query(db, "count pending runs", [&](pqxx::work& tx) -> Result<std::int64_t> {
    const auto row = tx.exec_params1(
        "SELECT (SELECT count(*) FROM runs WHERE outcome IS NOT NULL AND judged_events < event_count) + "
        "(SELECT count(*) FROM runs WHERE outcome IS NULL AND judged_events < event_count "
        " AND last_received_at < now() - $1 * interval '1 millisecond')",
        stall_timeout.count());
    return number<std::int64_t>(row[0]);
  });
}

Result<std::int64_t> unjudged_runs(Database& db) {
  return query(db, "count unjudged runs", [](pqxx::work& tx) -> Result<std::int64_t> {
    return number<std::int64_t>(tx.exec1("SELECT count(*) FROM runs WHERE judged_events < event_count")[0]);
  });
}

Result<bool> no_runs(Database& db) {
  return query(db, "look for runs",
               [](pqxx::work& tx) -> Result<bool> { return tx.exec("SELECT 1 FROM runs LIMIT 1").empty(); });
}

}  // namespace dunetrace::store
