#include "store/run_results.hpp"

#include <algorithm>

#include "store/claim_columns.hpp"
#include "store/issue_places.hpp"
#include "store/result_rows.hpp"
#include "store/usual_rows.hpp"

namespace dunetrace::store {
namespace {

constexpr std::int64_t kPruneEvery = 64;      // judgements of an agent
constexpr std::size_t kAllSamples = 100'000;  // more than are ever kept

// What earlier looks at these runs left. Nobody else changes it while the claims hold.
constexpr auto kEarlier = R"(
  SELECT w.place, p.agent_id, p.agent_version, s.failure_type, s.shadow,
         (extract(epoch FROM p.processed_at) * 1000000)::bigint, p.unjudged,
         p.unjudged IS NULL AND p.incomplete <> '[]'
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(customer_id, run_id, place)
  JOIN processed_runs p ON p.customer_id = w.customer_id AND p.run_id = w.run_id
  LEFT JOIN failure_signals s ON s.customer_id = w.customer_id AND s.run_id = w.run_id AND s.withdrawn_at IS NULL)";

// Takes the agents' order, one after the other as they are named. What is set here is computed once the row is locked.
// Each judgement has a microsecond of its own: the times of an agent's runs are their order.
constexpr auto kOrder = R"(
  INSERT INTO agent_judgements AS a (customer_id, agent_id, judged, last_at)
  SELECT customer_id, agent_id, runs, clock_timestamp() + runs * interval '1 microsecond'
  FROM unnest($1::text[], $2::text[], $3::bigint[]) AS w(customer_id, agent_id, runs)
  ON CONFLICT (customer_id, agent_id) DO UPDATE
    SET judged = a.judged + excluded.judged,
        last_at = greatest(clock_timestamp(), a.last_at) + excluded.judged * interval '1 microsecond'
  RETURNING a.customer_id, a.agent_id, a.judged, (extract(epoch FROM a.last_at) * 1000000)::bigint)";

// Keeps only runs whose claim is still this worker's, and ends the claim.
constexpr auto kFinish = R"(
  UPDATE runs r SET judged_events = w.seen, claimed_until = NULL, claim = NULL
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS w(customer_id, run_id, claim, seen)
  WHERE r.customer_id = w.customer_id AND r.run_id = w.run_id AND r.claim = w.claim::uuid
  RETURNING r.customer_id, r.run_id)";

AgentKey agent_of(const VersionKey& version) { return {version.customer_id, version.agent_id}; }

}  // namespace

// One attempt, in one transaction.
class ResultsWriter {
 public:
  ResultsWriter(pqxx::work& tx, std::span<RunResult> results, Usual& usual)
      : tx_(tx), results_(results), usual_(usual), earlier_(results.size()) {}

  // False: the baselines of some do not hold, they are in written().outdated, and the transaction has to go.
  bool write(const JudgeAgain& again) {
    read_earlier();
    finish_claims();  // before the order: whoever holds that keeps others waiting
    take_order();
    if (!settle_baselines(again)) return false;
    auto rows = make_rows(judged_);
    for (auto& row : rows) sort_out(row);
    follow_issues(rows);  // which asks about the signals of runs as they were judged before
    write_signals(tx_, rows);
    write_samples(tx_, rows);
    write_processed(tx_, rows);
    write_left_alone(tx_, make_rows(left_alone_));
    prune_samples(tx_, to_prune());
    return true;
  }

  [[nodiscard]] Written take() { return std::move(written_); }

  // Once it is committed, the worker knows it without asking.
  void learn() {
    for (const auto& [key, order] : orders_) {
      const auto agent = usual_.agents_.find(key);
      if (agent == usual_.agents_.end()) continue;
      if (agent->second.judged != order.before) usual_.drop_versions(agent->second);
      agent->second.judged = order.after;
    }
    for (auto& [version, runs] : after_) {
      if (usual_known_ && !runs.short_of_runs()) {
        usual_.put(version, orders_.at(agent_of(version)).after, std::move(runs));
      } else if (const auto agent = usual_.agents_.find(agent_of(version)); agent != usual_.agents_.end()) {
        usual_.drop_version(agent->second, version.agent_version);
      }
    }
  }

 private:
  struct Order {
    std::int64_t counted = 0;  // judgements of this batch
    std::int64_t before = 0, after = 0;
    std::int64_t next = 0;     // seq
    std::int64_t next_us = 0;  // processed_at
  };

  [[nodiscard]] bool moved(std::size_t place) const {
    return earlier_[place] && earlier_[place]->version != version_of(results_[place]);
  }

  void read_earlier() {
    Columns<2> columns;
    for (const auto& result : results_) {
      columns[0].add(result.run.customer_id);
      columns[1].add(result.run.run_id);
    }
    for (const auto& row : run(tx_, kEarlier, columns)) {
      const auto place = number<std::size_t>(row[0]) - 1;
      auto& look = earlier_[place];
      if (!look) {
        look.emplace();
        look->version = {results_[place].run.customer_id, std::string(text(row[1])), std::string(text(row[2]))};
        look->look = {number<std::int64_t>(row[5]), {}, texts(row[6]), text(row[7]) == "t"};
      }
      if (!row[3].is_null()) (text(row[4]) == "t" ? look->shadow : look->look.found).emplace_back(text(row[3]));
    }
  }

  // All agents whose samples or issues may change, in one order for everybody.
  void take_order() {
    for (std::size_t i = 0; i < results_.size(); ++i) {
      ++orders_[agent_of(version_of(results_[i]))].counted;
      if (moved(i)) ++orders_[agent_of(earlier_[i]->version)].counted;
    }
    Columns<3> columns;
    for (const auto& [key, order] : orders_) {
      columns[0].add(key.first);
      columns[1].add(key.second);
      columns[2].add_plain(std::to_string(order.counted));
    }
    for (const auto& row : run(tx_, kOrder, columns)) {
      auto& order = orders_.at({std::string(text(row[0])), std::string(text(row[1]))});
      order.after = number<std::int64_t>(row[2]);
      order.before = order.after - order.counted;
      order.next = order.before;
      order.next_us = number<std::int64_t>(row[3]) - order.counted;
    }
  }

  void finish_claims() {
    Places places;
    for (std::size_t i = 0; i < results_.size(); ++i) places.emplace(key_of(results_[i].run), i);
    Columns<4> claims;
    for (const auto& [key, place] : places) {
      claims[0].add(key.first);
      claims[1].add(key.second);
      claims[2].add(results_[place].run.claim);
      claims[3].add_plain(std::to_string(results_[place].run.event_count));
    }
    written_.places = found_in(run(tx_, kFinish, claims), places);
    for (const auto place : written_.places)
      (results_[place].nothing_to_judge ? left_alone_ : judged_).push_back(place);
  }

  // The baselines the results were judged with are those that hold at their place in the order, or they are judged
  // again.
  bool settle_baselines(const JudgeAgain& again) {
    if (as_planned()) {
      after_ = std::move(usual_.plan_.after);
      usual_.plan_ = {};
      return true;
    }
    auto most = UsualRuns::kLoaded;
    for (;;) {
      read_windows(most);
      replay_order();
      const auto is_short = [](const auto& one) { return one.second.short_of_runs(); };
      if (most == kAllSamples || std::ranges::none_of(after_, is_short)) break;
      most = kAllSamples;  // so many were taken back that older ones count
    }
    if (written_.outdated.empty()) return true;
    if (!again(written_.outdated)) return false;
    written_.outdated.clear();
    return true;
  }

  // Nobody came in between, and everything is written as it was planned.
  [[nodiscard]] bool as_planned() const {
    const auto& plan = usual_.plan_;
    if (plan.first != results_.data() || plan.size != results_.size()) return false;
    if (written_.places.size() != results_.size()) return false;
    for (std::size_t i = 0; i < results_.size(); ++i)
      if (moved(i)) return false;
    return std::ranges::all_of(plan.after, [&](const auto& one) {
      const auto agent = usual_.agents_.find(agent_of(one.first));
      return agent != usual_.agents_.end() && agent->second.judged == orders_.at(agent->first).before &&
             !one.second.short_of_runs();
    });
  }

  // What was usual before this batch, of all versions that it changes.
  void read_windows(std::size_t most) {
    after_.clear();
    for (const auto place : judged_) {
      after_[version_of(results_[place])];
      if (moved(place)) after_[earlier_[place]->version];
    }
    std::vector<AskedVersion> asked;
    for (auto& [version, runs] : after_) {
      const auto agent = usual_.agents_.find(agent_of(version));
      const auto* known = usual_.find(version);
      if (known != nullptr && agent->second.judged == orders_.at(agent->first).before && most != kAllSamples)
        runs = *known;
      else
        asked.push_back({version, -1});
    }
    if (asked.empty()) return;
    auto read = try_read_usual(tx_, asked, written_.usual_error, most);
    usual_known_ = written_.usual_error.empty();
    for (std::size_t i = 0; i < asked.size(); ++i) after_[asked[i].version] = std::move(read[i].runs);
  }

  void replay_order() {
    written_.outdated.clear();
    for (const auto place : judged_) {
      const auto& result = results_[place];
      if (moved(place)) after_[earlier_[place]->version].judged(result.run.run_id, nullptr);
      auto& runs = after_[version_of(result)];
      const auto usual = runs.baselines(result.run.run_id);
      if (result.baselines && *result.baselines != usual) written_.outdated.push_back({place, usual});
      runs.judged(result.run.run_id, result.sample);
    }
  }

  std::vector<ResultRow> make_rows(const std::vector<std::size_t>& places) {
    std::vector<ResultRow> rows;
    for (const auto place : places) {
      auto& order = orders_.at(agent_of(version_of(results_[place])));
      ResultRow row;
      row.result = &results_[place];
      row.earlier = earlier_[place] ? &*earlier_[place] : nullptr;
      row.seq = ++order.next;
      row.at_us = row.place_us = ++order.next_us;
      rows.push_back(std::move(row));
    }
    return rows;
  }

  // Of what an earlier look found: what still stands because nobody could look, and what does not hold any more.
  static void sort_out(ResultRow& row) {
    if (row.earlier == nullptr) return;
    for (const auto* types : {&row.earlier->look.found, &row.earlier->shadow}) {
      for (const auto& type : *types) {
        const auto found = [&](const Signal& signal) { return signal.failure_type == type; };
        if (std::ranges::any_of(row.result->signals, found)) continue;
        const bool unknown = std::ranges::count(row.result->unjudged_types, type) > 0;
        (unknown ? row.standing : row.withdrawn).push_back(type);
      }
    }
    const bool same_agent = agent_of(row.earlier->version) == agent_of(version_of(*row.result));
    if (same_agent && row.earlier->look.says_the_same(look_of(row))) row.place_us = row.earlier->look.at_us;
  }

  // Those that say something else than before leave their old places; then all join at the end.
  void follow_issues(const std::vector<ResultRow>& rows) {
    if (rows.empty()) return;
    std::vector<AgentKey> agents;
    for (const auto& [key, order] : orders_) agents.push_back(key);
    const auto before = read_issues(tx_, agents);
    auto issues = before;
    std::vector<Placed> leaving;
    for (const auto& row : rows)
      if (row.earlier != nullptr && row.place_us == row.at_us)
        leaving.push_back({row.result->run.run_id, agent_of(row.earlier->version), row.earlier->look});
    take_out(tx_, issues, std::move(leaving));
    for (const auto& row : rows)
      if (row.place_us == row.at_us) append(issues.at(agent_of(version_of(*row.result))), look_of(row));
    write_issues(tx_, before, issues);
  }

  static Look look_of(const ResultRow& row) {
    Look look{row.place_us, {}, row.result->unjudged_types, false};
    for (const auto& signal : row.result->signals)
      if (!signal.shadow) look.found.push_back(signal.failure_type);
    for (const auto& type : row.standing)
      if (std::ranges::count(row.earlier->look.found, type) > 0) look.found.push_back(type);
    return look;
  }

  [[nodiscard]] std::set<VersionKey> to_prune() const {
    std::set<VersionKey> versions;
    for (const auto place : judged_) {
      const auto version = version_of(results_[place]);
      const auto& order = orders_.at(agent_of(version));
      if (order.before / kPruneEvery != order.after / kPruneEvery) versions.insert(version);
    }
    return versions;
  }

  pqxx::work& tx_;
  std::span<RunResult> results_;
  Usual& usual_;
  std::vector<std::optional<EarlierLook>> earlier_;
  std::map<AgentKey, Order> orders_;
  UsualByVersion after_;  // what is usual once this is written
  bool usual_known_ = true;
  std::vector<std::size_t> judged_, left_alone_;  // of written_.places
  Written written_;
};

Result<Written> write_results(Database& db, std::span<RunResult> results, Usual& usual, const JudgeAgain& again) {
  std::optional<ResultsWriter> writer;
  const auto done = transact(db, "write results", [&](pqxx::work& tx) -> Result<> {
    usual.follow(db);
    writer.emplace(tx, results, usual);
    if (!writer->write(again))
      return fail(Code::conflict, "write results: other runs of the agents were judged meanwhile");
    return {};
  });
  if (!done && done.error().code == Code::unavailable) usual.forget();
  if (!done && done.error().code != Code::conflict) return tl::unexpected<Error>(done.error());
  if (done) writer->learn();
  auto written = writer->take();
  if (!done) written.places.clear();
  return written;
}

}  // namespace dunetrace::store
