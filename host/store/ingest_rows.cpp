#include "store/ingest_rows.hpp"

#include <array>
#include <charconv>
#include <map>
#include <tuple>

#include "store/copy_rows.hpp"
#include "store/ingest_transaction.hpp"
#include "store/session.hpp"
#include "store/sql_array.hpp"

namespace dunetrace::store {
namespace {

const std::array<const char*, 10> kColumns{"customer_id",   "batch_id",   "event_type", "run_id",  "agent_id",
                                           "agent_version", "step_index", "timestamp",  "payload", "parent_run_id"};

// The first event in replay order names agent and version; the first terminal event received decides the outcome. Of
// two writers' transactions the older one may come last, and readers look for events from first_received_at on.
constexpr auto kUpsertRuns = R"(
  INSERT INTO runs AS r (customer_id, run_id, agent_id, agent_version, first_step, first_timestamp, parent_run_id, model,
                         started_at, completed_at, outcome, max_step, event_count, tool_calls, llm_calls, prompt_tokens,
                         completion_tokens, first_received_at, last_received_at)
  SELECT w.*, now(), now()
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::float8[], $7::text[], $8::text[],
              $9::float8[], $10::float8[], $11::text[], $12::int[], $13::bigint[], $14::bigint[], $15::bigint[],
              $16::bigint[], $17::bigint[]) AS w
  ON CONFLICT (customer_id, run_id) DO UPDATE SET
    agent_id = CASE WHEN (excluded.first_step, excluded.first_timestamp) < (r.first_step, r.first_timestamp)
                    THEN excluded.agent_id ELSE r.agent_id END,
    agent_version = CASE WHEN (excluded.first_step, excluded.first_timestamp) < (r.first_step, r.first_timestamp)
                         THEN excluded.agent_version ELSE r.agent_version END,
    first_step = least(r.first_step, excluded.first_step),
    first_timestamp = CASE WHEN (excluded.first_step, excluded.first_timestamp) < (r.first_step, r.first_timestamp)
                           THEN excluded.first_timestamp ELSE r.first_timestamp END,
    parent_run_id = coalesce(r.parent_run_id, excluded.parent_run_id),
    model = coalesce(r.model, excluded.model),
    started_at = least(r.started_at, excluded.started_at),
    completed_at = greatest(r.completed_at, excluded.completed_at),
    outcome = coalesce(r.outcome, excluded.outcome),
    max_step = greatest(r.max_step, excluded.max_step),
    event_count = r.event_count + excluded.event_count,
    tool_calls = r.tool_calls + excluded.tool_calls,
    llm_calls = r.llm_calls + excluded.llm_calls,
    prompt_tokens = r.prompt_tokens + excluded.prompt_tokens,
    completion_tokens = r.completion_tokens + excluded.completion_tokens,
    first_received_at = least(r.first_received_at, excluded.first_received_at),
    last_received_at = greatest(r.last_received_at, excluded.last_received_at)
  RETURNING outcome IS NOT NULL OR judged_events > 0)";

// Shortest text that reads back as the same number.
class NumberText {
 public:
  template <class T>
  explicit NumberText(T value) {
    end_ = std::to_chars(text_, text_ + sizeof text_, value).ptr;
  }
  operator std::string_view() const { return {text_, static_cast<std::size_t>(end_ - text_)}; }  // NOLINT: a text

 private:
  char text_[32];
  char* end_;
};

// What a group of events says about one run.
struct RunChange {
  const AcceptedEvent* first = nullptr;  // in replay order; of equal ones the first received
  std::string_view parent_run_id, model;
  std::optional<double> started_at, completed_at;
  std::string_view outcome;
  std::int32_t max_step = 0;
  std::int64_t events = 0, tool_calls = 0, llm_calls = 0, prompt_tokens = 0, completion_tokens = 0;

  void add(const AcceptedEvent& event) {
    if (first == nullptr ||
        std::tie(event.step_index, event.timestamp) < std::tie(first->step_index, first->timestamp)) {
      first = &event;
    }
    if (parent_run_id.data() == nullptr) parent_run_id = event.parent_run_id;
    if (model.data() == nullptr) model = event.model;
    if (event.kind == EventKind::run_started)
      started_at = std::min(started_at.value_or(event.timestamp), event.timestamp);
    if (is_terminal(event.kind)) {
      completed_at = std::max(completed_at.value_or(event.timestamp), event.timestamp);
      if (outcome.empty()) outcome = event.kind == EventKind::run_completed ? "completed" : "errored";
    }
    max_step = std::max(max_step, event.step_index);
    ++events;
    if (event.kind == EventKind::tool_called) ++tool_calls;
    if (event.kind == EventKind::llm_called) ++llm_calls;
    prompt_tokens += event.prompt_tokens;  // a client gives them with the call or with the response, not with both
    completion_tokens += event.completion_tokens;
  }
};

// Sorted by key: two writers take the locks of common rows in one order. A judge takes them in another one; should the
// two deadlock, transact() repeats the transaction that the server gave up.
using RunChanges = std::map<std::pair<std::string_view, std::string_view>, RunChange>;

RunChanges changes_of(std::span<const BatchSlice> slices) {
  RunChanges changes;
  for (const auto& slice : slices) {
    for (auto i = slice.from; i < slice.to; ++i) {
      const auto& event = slice.batch->events[i];
      changes[{slice.batch->customer_id, event.run_id}].add(event);
    }
  }
  return changes;
}

void copy_events(pqxx::work& tx, std::span<const BatchSlice> slices) {
  pqxx::stream_to stream(tx, "events", kColumns);
  CopyRows rows(stream);
  for (const auto& slice : slices) {
    const auto& batch = *slice.batch;
    for (auto i = slice.from; i < slice.to; ++i) {
      const auto& event = batch.events[i];
      rows.text(batch.customer_id);
      rows.text(batch.batch_id);
      rows.plain(wire_name(event.kind));
      rows.text(event.run_id);
      rows.text(event.agent_id);
      rows.text(event.agent_version);
      rows.plain(NumberText(event.step_index));
      rows.plain(NumberText(event.timestamp));
      rows.text(event.payload);
      event.parent_run_id.data() == nullptr ? rows.null() : rows.text(event.parent_run_id);
      rows.end_row();
    }
  }
  rows.flush();
  stream.complete();
}

// One array per column of kUpsertRuns.
struct RunColumns {
  SqlArray customer, run, agent, version, first_step, first_time, parent, model, started, completed, outcome, max_step,
      events, tools, llms, prompt, completion;

  static void add_text(SqlArray& column, std::string_view text) {
    text.data() == nullptr ? column.add_null() : column.add(text);
  }
  static void add_time(SqlArray& column, const std::optional<double>& time) {
    time ? column.add_plain(NumberText(*time)) : column.add_null();
  }

  void add(const std::pair<std::string_view, std::string_view>& key, const RunChange& change) {
    customer.add(key.first);
    run.add(key.second);
    agent.add(change.first->agent_id);
    version.add(change.first->agent_version);
    first_step.add_plain(NumberText(change.first->step_index));
    first_time.add_plain(NumberText(change.first->timestamp));
    add_text(parent, change.parent_run_id);
    add_text(model, change.model);
    add_time(started, change.started_at);
    add_time(completed, change.completed_at);
    add_text(outcome, change.outcome);
    max_step.add_plain(NumberText(change.max_step));
    events.add_plain(NumberText(change.events));
    tools.add_plain(NumberText(change.tool_calls));
    llms.add_plain(NumberText(change.llm_calls));
    prompt.add_plain(NumberText(change.prompt_tokens));
    completion.add_plain(NumberText(change.completion_tokens));
  }
};

// True when a run is ready to be judged.
bool upsert_runs(pqxx::work& tx, std::span<const BatchSlice> slices) {
  RunColumns c;
  for (const auto& [key, change] : changes_of(slices)) c.add(key, change);
  const auto rows = tx.exec_params(
      kUpsertRuns, c.customer.text(), c.run.text(), c.agent.text(), c.version.text(), c.first_step.text(),
      c.first_time.text(), c.parent.text(), c.model.text(), c.started.text(), c.completed.text(), c.outcome.text(),
      c.max_step.text(), c.events.text(), c.tools.text(), c.llms.text(), c.prompt.text(), c.completion.text());
  for (const auto& row : rows) {
    if (row[0].as<bool>()) return true;
  }
  return false;
}

}  // namespace

Error sorted_write_error(Error error) {
  const auto state = sqlstate_of(error);
  const bool is_value = state.starts_with("22") || state.starts_with("23") || state.starts_with("54");
  if (is_value) {
    error.code = Code::invalid_argument;
  } else if (error.code != Code::timeout) {
    error.code = Code::unavailable;
  }
  return error;
}

namespace {

// The position, when it is beyond `from` already.
std::optional<std::uint64_t> written_before(pqxx::work& tx, const SpoolRef& spool, std::uint64_t from,
                                            std::uint64_t to) {
  // Waits for another transaction of this spool: a commit whose outcome is in doubt is over before this one looks.
  const auto advanced = tx.exec_params(
      "INSERT INTO spool_positions AS p (spool_id, position, durable) VALUES ($1::uuid, $3, $4) "
      "ON CONFLICT (spool_id) DO UPDATE SET position = excluded.position, updated_at = now() WHERE p.position <= $2 "
      "RETURNING 1",
      std::string(spool.id), static_cast<std::int64_t>(from), static_cast<std::int64_t>(to), spool.durable);
  if (!advanced.empty()) return std::nullopt;
  const auto row =
      tx.exec_params1("SELECT position FROM spool_positions WHERE spool_id = $1::uuid", std::string(spool.id));
  return static_cast<std::uint64_t>(row[0].as<std::int64_t>());
}

}  // namespace

Result<std::uint64_t> store_at_position(Database& db, std::string_view what, const SpoolRef& spool, std::uint64_t from,
                                        std::uint64_t to, const std::function<void(pqxx::work&)>& store) {
  bool moved = false, foreign = false;
  auto written = transact(db, what, [&](pqxx::work& tx) -> Result<std::uint64_t> {
    moved = false;
    if (const auto before = written_before(tx, spool, from, to)) {
      if (*before <= spool.furthest) return *before;
      foreign = true;
      return fail(Code::conflict, "the position of spool " + std::string(spool.id) + " is " + std::to_string(*before) +
                                      ", it came to " + std::to_string(spool.furthest) + " itself");
    }
    moved = true;
    store(tx);
    return to;
  });
  if (written || foreign) return written;
  auto error = sorted_write_error(std::move(written).error());
  if (!moved && error.code == Code::invalid_argument) error.code = Code::unavailable;
  return tl::unexpected(std::move(error));
}

void store_slices(pqxx::work& tx, std::span<const BatchSlice> slices) {
  copy_events(tx, slices);
  if (upsert_runs(tx, slices)) tx.exec0(std::string("NOTIFY ").append(kRunsChannel));
}

Result<std::uint64_t> write_events(Database& db, const SpoolRef& spool, std::span<const BatchSlice> slices) {
  DUNE_CHECK(!slices.empty(), "there is something to write");
  return store_at_position(db, "write events", spool, slices.front().begin(), slices.back().end(),
                           [&](pqxx::work& tx) { store_slices(tx, slices); });
}

Result<> forget_memory_spools(Database& db) {
  return transact(db, "forget spools", [&](pqxx::work& tx) -> Result<> {
    tx.exec0("DELETE FROM spool_positions WHERE NOT durable AND updated_at < now() - interval '7 days'");
    return {};
  });
}

}  // namespace dunetrace::store
