// Events of a run, one per line: `f 3 12.5 {"tool_name":"a"}` is kind, step, time, payload. Neither the order in which
// they came nor what was sent twice changes the replayed run, and its parts have the sizes the events give them.
#include "detect/replay.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "fuzz.hpp"
#include "json/reader.hpp"

namespace dunetrace::fuzz {
namespace {

std::string_view word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto out = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return out;
}

std::vector<Event> events_of(std::string_view text) {
  std::vector<Event> out;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    Event event;
    const auto kind = word(line);
    event.kind = kind.empty() ? EventKind::other : static_cast<EventKind>((kind[0] - 'a') & 15);
    if (event.kind > EventKind::policy_triggered) event.kind = EventKind::other;
    event.type = event.kind == EventKind::other ? "odd.event" : wire_name(event.kind);
    const auto step = word(line);
    std::from_chars(step.data(), step.data() + step.size(), event.step_index);
    const auto time = word(line);
    std::from_chars(time.data(), time.data() + time.size(), event.timestamp);
    if (!std::isfinite(event.timestamp) || event.step_index < 0) continue;  // nobody accepts them
    event.id = static_cast<std::int64_t>(out.size()) + 1;
    event.agent_id = "agent";
    event.agent_version = "v1";
    event.payload = line;
    out.push_back(event);
  }
  return out;
}

class Dump {
 public:
  template <class... T>
  void line(const T&... parts) {
    (part(parts), ...);
    out_ += '\n';
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void part(std::string_view text) { out_.append(text.data() == nullptr ? "(none)" : text).append(1, '|'); }
  void part(const char* text) { part(std::string_view(text)); }
  template <class T>
  requires std::is_arithmetic_v<T>
  void part(T value) { part(std::string_view(std::to_string(value))); }
  template <class T>
  void part(const std::optional<T>& value) {
    if (value)
      part(*value);
    else
      part("?");
  }
  std::string out_;
};

std::string dump(const Run& run) {
  Dump out;
  out.line(run.agent_id, run.parent_run_id, run.input_hash, run.exit_reason, run.current_step, run.truncated);
  for (const auto& one : run.available_tools) out.line("tool", one);
  for (const auto& c : run.tool_calls)
    out.line(c.tool_name, c.args_hash, c.error_hash, c.step_index, c.timestamp, c.success, c.latency_ms,
             c.output_length);
  for (const auto& c : run.llm_calls)
    out.line(c.model, c.finish_reason, c.step_index, c.timestamp, c.prompt_tokens, c.completion_tokens, c.latency_ms);
  for (const auto& r : run.retrievals) out.line(r.index_name, r.step_index, r.timestamp, r.result_count, r.top_score);
  for (const auto& s : run.external_signals) out.line(s.name, s.source, s.meta, s.step_index, s.timestamp);
  for (const auto& e : run.events) out.line(e.id, e.type, e.step_index, e.timestamp, e.payload);
  for (const auto& s : run.steps) out.line(s.type, s.step_index, s.timestamp, s.duration_ms);
  return out.take();
}

std::size_t count(const Run& run, EventKind kind) {
  return static_cast<std::size_t>(std::ranges::count(run.events, kind, &Event::kind));
}

void check(const Run& run, std::string_view input) {
  DUNE_HOLDS(run.tool_calls.size() == count(run, EventKind::tool_called), input);
  DUNE_HOLDS(run.llm_calls.size() == count(run, EventKind::llm_responded), input);
  DUNE_HOLDS(run.retrievals.size() == count(run, EventKind::retrieval_responded), input);
  DUNE_HOLDS(run.external_signals.size() == count(run, EventKind::external_signal), input);
  DUNE_HOLDS(run.steps.size() < run.events.size() || run.steps.empty(), input);
  const auto ends = count(run, EventKind::run_completed) + count(run, EventKind::run_errored);
  DUNE_HOLDS(run.has_exit_reason() == (ends > 0), input);
  for (const auto& step : run.steps) DUNE_HOLDS(step.duration_ms >= 0, input);
  json::Parser parser;
  for (const auto& signal : run.external_signals) {
    const auto meta = parser.parse(signal.meta);
    DUNE_HOLDS(meta && meta->is_object(), signal.meta);
  }
}

}  // namespace

void run(std::string_view input) {
  detect::Replayer replayer;
  auto events = events_of(input);
  const auto replay = [&](const std::vector<Event>& all) { return replayer.replay({"customer", "run", all, nullptr}); };
  const auto run = replay(events);
  check(run, input);
  const auto expected = dump(run);
  Random random(input);
  // What a client sends again comes later, in any order.
  const auto sent = events.size();
  for (std::size_t i = 0; i < sent; ++i) {
    if (random.below(3) != 0) continue;
    events.push_back(events[random.below(sent)]);
    events.back().id = static_cast<std::int64_t>(events.size());
  }
  for (auto i = events.size(); i > 1; --i) std::swap(events[i - 1], events[random.below(i)]);
  const auto again = dump(replay(events));
  DUNE_HOLDS(again == expected, "first:\n" + expected + "again:\n" + again);
}

}  // namespace dunetrace::fuzz
