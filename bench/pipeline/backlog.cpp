#include "pipeline/backlog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace dunetrace::load {
namespace {

constexpr std::size_t kCopyBytes = 8 * 1024 * 1024;

// What the ingest writer keeps about each run. Runs whose end was cut off are not taken.
constexpr auto kAddRuns = R"(
  INSERT INTO runs (customer_id, run_id, agent_id, agent_version, first_step, first_timestamp, started_at, completed_at,
                    outcome, max_step, event_count, tool_calls, llm_calls, first_received_at, last_received_at)
  SELECT customer_id, run_id, min(agent_id), min(agent_version), min(step_index), min("timestamp"), min("timestamp"),
         max("timestamp"),
         CASE WHEN bool_or(event_type = 'run.completed') THEN 'completed' WHEN bool_or(event_type = 'run.errored') THEN 'errored' END,
         max(step_index), count(*), count(*) FILTER (WHERE event_type = 'tool.called'),
         count(*) FILTER (WHERE event_type = 'llm.called'), min(received_at), max(received_at)
  FROM events WHERE id > {} GROUP BY customer_id, run_id)";

// Ids as random as real ones, but written in their order, which fills the indexes many times as fast.
constexpr auto kFill = R"(
  WITH numbers AS MATERIALIZED (
    SELECT 'filler-' || (n % 100) AS agent, gen_random_uuid()::text AS run FROM generate_series(1, {}) n ORDER BY run),
  filled AS (
    INSERT INTO events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index, "timestamp", payload)
    SELECT 'load-copy', 'filler', 'run.completed', run, agent, 'v1', 0, 1767225600, '{{"exit_reason": "completed"}}'
    FROM numbers),
  judged AS (
    INSERT INTO processed_runs (customer_id, run_id, agent_id, agent_version, trigger, exit_reason)
    SELECT 'load-copy', run, agent, 'v1', 'completed', 'completed' FROM numbers)
  INSERT INTO runs (customer_id, run_id, agent_id, agent_version, first_step, first_timestamp, outcome, max_step,
                    event_count, judged_events, first_received_at, last_received_at)
  SELECT 'load-copy', run, agent, 'v1', 0, 1767225600, 'completed', 0, 1, 1, now(), now() FROM numbers)";

constexpr auto kSelect = R"(
  SELECT id, run_id, event_type, step_index, "timestamp", agent_id, agent_version, payload, parent_run_id
  FROM events WHERE customer_id = $1 AND run_id = ANY($2::text[]))";

}  // namespace

std::uint32_t add_backlog(Connection& to, std::vector<Batch>& batches, std::size_t runs, std::uint32_t first_lap) {
  const auto before = to.scalar("SELECT coalesce(max(id), 0) FROM events");
  const auto command = fmt::format("COPY events ({}) FROM STDIN", kCopyColumns);
  const auto last_event = [&] { return to.scalar("SELECT coalesce(max(id), 0) FROM events"); };
  std::size_t added = 0;
  auto lap = first_lap;
  for (std::string rows; added < runs; ++lap) {
    const auto lap_begin = last_event();
    for (auto& batch : batches) {
      rows += batch.rows.of_lap(lap);
      if (rows.size() < kCopyBytes && &batch != &batches.back()) continue;
      to.copy(command, rows);
      rows.clear();
    }
    to.exec(fmt::format(kAddRuns, lap_begin));
    to.exec(fmt::format("DELETE FROM runs WHERE outcome IS NULL AND judged_events = 0"));
    added = std::stoul(to.scalar("SELECT count(*) FROM runs WHERE judged_events = 0"));
  }
  to.exec(
      fmt::format("DELETE FROM runs WHERE (customer_id, run_id) IN (SELECT customer_id, run_id FROM runs "
                  "WHERE judged_events = 0 LIMIT {})",
                  added - runs));
  return lap;
}

void fill_up(Connection& to, std::size_t runs) {
  const auto there = std::stoul(to.scalar("SELECT count(*) FROM runs"));
  if (there < runs) to.exec(fmt::format(kFill, runs - there));
  to.exec("VACUUM ANALYZE");
}

Selected select_events(const std::string& url, int connections, std::size_t at_once) {
  Connection first(url);
  const auto runs = first.column("SELECT run_id FROM runs WHERE judged_events < event_count ORDER BY last_received_at");
  std::vector<std::string> lists;
  for (std::size_t i = 0; i < runs.size(); i += at_once) {
    auto& list = lists.emplace_back("{");
    for (auto j = i; j < std::min(runs.size(), i + at_once); ++j) list += (j > i ? "," : "") + runs[j];
    list += "}";
  }
  std::vector<std::unique_ptr<Connection>> sessions;
  for (int i = 0; i < connections; ++i) sessions.push_back(std::make_unique<Connection>(url));
  std::atomic<std::size_t> next{0}, events{0};
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (auto& session : sessions) {
      threads.emplace_back([&] {
        for (auto i = next++; i < lists.size(); i = next++) events += session->select(kSelect, {"load-copy", lists[i]});
      });
    }
  }
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), events};
}

}  // namespace dunetrace::load
