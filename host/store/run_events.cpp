#include "store/run_events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <tuple>

#include "store/claim_columns.hpp"
#include "store/removed_events.hpp"

namespace dunetrace::store {
namespace {

// A payload of more than 256 KiB of text is left out (null), so that what a run takes in memory follows from the number
// of its events; no detector needs so much of one. What is stored in more than 2 MiB, compressed or not, is left out
// without being read: jsonb takes several times its text at most, never eight times. That alone would not do, for what
// is stored may be hundreds of times smaller than its text (compression, 1e9999). So all others become text, which they
// have to anyway, and the text is measured; OFFSET 0 keeps it at one conversion.
//
// Agent and version are sent where they are not the run's own. The bounds are the batch's, as plain values, so that the
// planner never looks at other partitions. OFFSET keeps this one step in the index per run; the order is made here, for
// the rows mostly come in it.
constexpr auto kWholeRuns = R"(
  SELECT w.place, e.id, e.event_type, e.step_index, e."timestamp", nullif(e.agent_id, w.agent_id),
         nullif(e.agent_version, w.agent_version),
         CASE WHEN octet_length(e.payload) <= 262144 THEN e.payload END, e.parent_run_id
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
         WITH ORDINALITY AS w(customer_id, run_id, agent_id, agent_version, place)
  CROSS JOIN LATERAL (
    SELECT id, event_type, step_index, "timestamp", agent_id, agent_version, parent_run_id,
           CASE WHEN pg_column_size(payload) <= 2097152 THEN payload::text END AS payload
    FROM events
    WHERE customer_id = w.customer_id AND run_id = w.run_id
      AND received_at >= to_timestamp($5::float8) AND received_at <= to_timestamp($6::float8) OFFSET 0) AS e)";

// Payloads become text outside of the limit: what is cut off is not converted.
constexpr auto kFirstEvents = R"(
  SELECT w.place, e.id, e.event_type, e.step_index, e."timestamp", nullif(e.agent_id, w.agent_id),
         nullif(e.agent_version, w.agent_version),
         CASE WHEN octet_length(e.payload) <= 262144 THEN e.payload END, e.parent_run_id
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
         WITH ORDINALITY AS w(customer_id, run_id, agent_id, agent_version, place)
  CROSS JOIN LATERAL (
    SELECT id, event_type, step_index, "timestamp", agent_id, agent_version, parent_run_id,
           CASE WHEN pg_column_size(payload) <= 2097152 THEN payload::text END AS payload
    FROM (SELECT * FROM events
          WHERE customer_id = w.customer_id AND run_id = w.run_id
            AND received_at >= to_timestamp($5::float8) AND received_at <= to_timestamp($6::float8)
          ORDER BY step_index, "timestamp", id LIMIT $7) AS first OFFSET 0) AS e)";

// Of runs that were cut: the last terminal event, and the last event of all, which has the largest step.
constexpr auto kLastEvents = R"(
  SELECT w.place, e.id, e.event_type, e.step_index, e."timestamp", nullif(e.agent_id, w.agent_id),
         nullif(e.agent_version, w.agent_version),
         CASE WHEN octet_length(e.payload) <= 262144 THEN e.payload END, e.parent_run_id
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
         WITH ORDINALITY AS w(customer_id, run_id, agent_id, agent_version, place)
  CROSS JOIN LATERAL (
    SELECT id, event_type, step_index, "timestamp", agent_id, agent_version, parent_run_id,
           CASE WHEN pg_column_size(payload) <= 2097152 THEN payload::text END AS payload
    FROM (
    (SELECT * FROM events
     WHERE customer_id = w.customer_id AND run_id = w.run_id
       AND received_at >= to_timestamp($5::float8) AND received_at <= to_timestamp($6::float8)
       AND event_type IN ('run.completed', 'run.errored')
     ORDER BY step_index DESC, "timestamp" DESC, id DESC LIMIT 1)
    UNION ALL
    (SELECT * FROM events
     WHERE customer_id = w.customer_id AND run_id = w.run_id
       AND received_at >= to_timestamp($5::float8) AND received_at <= to_timestamp($6::float8)
     ORDER BY step_index DESC, "timestamp" DESC, id DESC LIMIT 1)) AS last OFFSET 0) AS e
  ORDER BY w.place, e.step_index, e."timestamp", e.id)";

constexpr double kYoung = 20 * 3600.0;  // seconds: the first events of a run that lasted so long cannot be gone
constexpr double kLeeway = 1.0;         // seconds: `runs` may have been filled with rounded times

bool before(const Event& a, const Event& b) {
  return std::tie(a.step_index, a.timestamp, a.id) < std::tie(b.step_index, b.timestamp, b.id);
}

// Agent and version of a run whose events do not name another: the results have none to point at.
struct RunNames {
  std::string agent_id;
  std::string agent_version;
};

// Everything that the events of a batch point into.
struct Storage {
  std::vector<pqxx::result> results;
  std::vector<RunNames> names;  // one per run
};

class Loading {
 public:
  Loading(pqxx::work& tx, const std::vector<ClaimedRun>& runs) : tx_(tx), runs_(runs), out_(runs.size()) {
    storage_->names.reserve(runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i) {
      storage_->names.push_back({runs[i].agent_id, runs[i].agent_version});
      out_[i].customer_id = runs[i].customer_id;
      out_[i].run_id = runs[i].run_id;
      out_[i].storage = storage_;
    }
  }

  std::vector<LoadedRun> load(std::size_t max_events) {
    std::vector<std::size_t> whole, first, cut, uncertain;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const auto& run = runs_[i];
      const auto count = run.event_count;
      const bool fits = count > 0 && run.last_received_at > 0 && static_cast<std::size_t>(count) <= max_events;
      (fits ? whole : first).push_back(i);
      if (!fits || run.last_received_at - run.first_received_at > kYoung) uncertain.push_back(i);
    }
    // Events and their number belong together where they are counted.
    if (!uncertain.empty()) tx_.exec0("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    ask(kWholeRuns, whole);
    for (const auto i : whole) {
      auto& events = out_[i].events;
      out_[i].events_removed = events.size() < static_cast<std::size_t>(runs_[i].event_count);
      if (!std::is_sorted(events.begin(), events.end(), before)) std::sort(events.begin(), events.end(), before);
    }
    ask(kFirstEvents, first, max_events);
    for (const auto i : first) {
      if (out_[i].events.size() == max_events) cut.push_back(i);
    }
    look_for_removed(uncertain, max_events);
    last_ = true;
    ask(kLastEvents, cut);
    return std::move(out_);
  }

 private:
  // Writers count an event in the transaction that stores it. A claim's count is of a time at which all of its events
  // were there, unless they were removed. Where a run was not loaded whole, or is so old that as many may have come
  // since the claim as were removed, they are counted anew.
  void look_for_removed(const std::vector<std::size_t>& which, std::size_t max_events) {
    if (which.empty()) return;
    std::vector<ClaimedRun> runs;
    std::vector<std::size_t> found;
    for (const auto i : which) {
      runs.push_back(runs_[i]);
      const bool whole = runs_[i].event_count > 0 && static_cast<std::size_t>(runs_[i].event_count) <= max_events;
      found.push_back(whole ? max_events : out_[i].events.size());
    }
    for (const auto place : runs_with_removed_events(tx_, runs, found, max_events))
      out_[which[place]].events_removed = true;
  }

  template <class... Limit>
  void ask(const char* sql, const std::vector<std::size_t>& which, Limit... limit) {
    if (which.empty()) return;
    Columns<4> columns;
    double since = runs_[which.front()].first_received_at, until = 0;
    bool bounded = true;
    for (const auto i : which) {
      const auto& run = runs_[i];
      columns[0].add(run.customer_id);
      columns[1].add(run.run_id);
      columns[2].add(run.agent_id);
      columns[3].add(run.agent_version);
      since = std::min(since, run.first_received_at);
      until = std::max(until, run.last_received_at);
      bounded = bounded && run.last_received_at > 0;
    }
    const auto& rows = storage_->results.emplace_back(tx_.exec_params(
        sql, columns[0].text(), columns[1].text(), columns[2].text(), columns[3].text(),
        fmt::format("{}", since - kLeeway), bounded ? fmt::format("{}", until + kLeeway) : "infinity", limit...));
    for (const auto& row : rows) add(which[number<std::size_t>(row[0]) - 1], row);
  }

  void add(std::size_t place, const pqxx::row& row) {
    auto& events = out_[place].events;
    if (events.empty() && runs_[place].event_count > 0)
      events.reserve(static_cast<std::size_t>(std::min<std::int64_t>(runs_[place].event_count, kLongRun)));
    Event event;
    event.id = number<std::int64_t>(row[1]);
    event.type = text(row[2]);
    event.kind = event_kind(event.type);
    event.step_index = number<std::int32_t>(row[3]);
    event.timestamp = number<double>(row[4]);
    const auto& names = storage_->names[place];
    const auto agent = row[5], version = row[6], parent = row[8];
    event.agent_id = agent.is_null() ? std::string_view(names.agent_id) : text(agent);
    event.agent_version = version.is_null() ? std::string_view(names.agent_version) : text(version);
    const auto payload = row[7];
    if (payload.is_null()) out_[place].truncated = true;
    event.payload = payload.is_null() ? std::string_view("{}") : text(payload);
    if (!parent.is_null()) event.parent_run_id = text(parent);
    if (last_ && !events.empty() && !before(events.back(), event)) return;  // what comes last may have come already
    events.push_back(event);
  }

  pqxx::work& tx_;
  const std::vector<ClaimedRun>& runs_;
  std::vector<LoadedRun> out_;
  const std::shared_ptr<Storage> storage_ = std::make_shared<Storage>();
  bool last_ = false;
};

}  // namespace

Result<std::vector<LoadedRun>> load_events(Database& db, const std::vector<ClaimedRun>& runs, std::size_t max_events) {
  return query(db, "load events",
               [&](pqxx::work& tx) -> Result<std::vector<LoadedRun>> { return Loading(tx, runs).load(max_events); });
}

}  // namespace dunetrace::store
