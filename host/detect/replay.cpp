#include "detect/replay.hpp"

#include <algorithm>
#include <memory_resource>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>

#include "detect/payload.hpp"

namespace dunetrace::detect {
namespace {

constexpr double kMaxGapMs = 9e15;                // keeps absurd timestamps inside of an integer
constexpr std::size_t kMaxIdlePayload = 1 << 20;  // bytes; a parser keeps several times its largest text

bool before(const Event& a, const Event& b) {
  if (a.step_index != b.step_index) return a.step_index < b.step_index;
  if (a.timestamp != b.timestamp) return a.timestamp < b.timestamp;
  return a.id < b.id;
}

// Events that equal an earlier one in type, step, time and payload are what a client sent twice. Equal events are
// neighbours up to (step, time), so only that group is searched.
void drop_repeats(std::vector<Event>& events) {
  constexpr std::size_t kScan = 16;  // groups are one or two events; only a hostile one needs the set
  std::vector<Event> kept;
  kept.reserve(events.size());
  std::size_t group = 0;
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const auto& event : events) {
    if (kept.size() > group &&
        (kept[group].step_index != event.step_index || kept[group].timestamp != event.timestamp)) {
      group = kept.size();
      seen.clear();
    }
    if (kept.size() - group == kScan && seen.empty()) {
      for (auto i = group; i < kept.size(); ++i) seen.emplace(kept[i].type, kept[i].payload);
    }
    const auto same = [&](const Event& other) { return other.type == event.type && other.payload == event.payload; };
    const bool repeat = seen.empty() ? std::any_of(kept.begin() + static_cast<std::ptrdiff_t>(group), kept.end(), same)
                                     : !seen.emplace(event.type, event.payload).second;
    if (!repeat) kept.push_back(event);
  }
  events = std::move(kept);
}

// Leaves the beginning of a long run and, as its last event, the terminal event that decides. `rest` follows `events`.
void cut(std::vector<Event>& events, std::span<const Event> rest) {
  std::optional<Event> end;  // the last terminal event beyond what is kept
  const auto note = [&end](const Event& event) {
    if (is_terminal(event.kind)) end = event;
  };
  for (auto i = kMaxEvents; i < events.size(); ++i) note(events[i]);
  std::ranges::for_each(rest, note);
  events.resize(std::min(events.size(), end ? kMaxEvents - 1 : kMaxEvents));
  if (end) events.push_back(*end);
}

// Calls waiting for an answer, by a key: the most recent one first, each at most once across several keys.
template <class Key>
class Waiting {
 public:
  void push(const Key& key, std::size_t call) { by_key_[key].push_back(call); }
  // The most recent call under `key` for which `open` holds; nothing when there is none.
  template <class Open>
  std::optional<std::size_t> newest(const Key& key, Open open) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return std::nullopt;
    auto& calls = found->second;
    while (!calls.empty() && !open(calls.back())) calls.pop_back();
    if (calls.empty()) return std::nullopt;
    return calls.back();
  }

 private:
  std::unordered_map<Key, std::vector<std::size_t>> by_key_;
};

// The pass over the events that fills a Run.
class Builder {
 public:
  Builder(Run& run, json::Parser& parser) : run_(run), parser_(parser) {}

  void build() {
    latency_.resize(run_.events.size());
    for (std::size_t i = 0; i < run_.events.size(); ++i) add(i, run_.events[i]);
    add_durations();
  }

 private:
  struct PendingLlm {  // llm.called without an answer yet
    std::size_t event;
    std::int32_t step_index;
    double timestamp;
    std::optional<std::string_view> model;
    std::optional<std::int64_t> prompt_tokens;
  };

  void add(std::size_t index, const Event& event) {
    run_.current_step = std::max(run_.current_step, event.step_index);
    if (run_.parent_run_id.data() == nullptr) run_.parent_run_id = event.parent_run_id;
    const Payload payload(parser_, event.payload, *run_.arena);
    switch (event.kind) {
      case EventKind::run_started:
        started(payload);
        break;
      case EventKind::run_completed:
        run_.exit_reason = payload.text("exit_reason").value_or("completed");
        break;
      case EventKind::run_errored:
        run_.exit_reason = "error";
        break;
      case EventKind::llm_called:
        llm_called(index, event, payload);
        break;
      case EventKind::llm_responded:
        llm_responded(event, payload);
        break;
      case EventKind::tool_called:
        tool_called(index, event, payload);
        break;
      case EventKind::tool_responded:
        tool_responded(event, payload);
        break;
      case EventKind::retrieval_responded:
        retrieval(event, payload);
        break;
      case EventKind::external_signal:
        external_signal(event, payload);
        break;
      default:
        break;
    }
  }

  void started(const Payload& payload) {
    if (const auto hash = payload.text("input_hash")) run_.input_hash = *hash;
    if (auto tools = payload.texts("tools")) run_.available_tools = std::move(*tools);
  }

  void tool_called(std::size_t index, const Event& event, const Payload& payload) {
    ToolCall call;
    call.tool_name = payload.text("tool_name").value_or("unknown");
    call.args_hash = payload.text("args_hash").value_or("");
    call.step_index = event.step_index;
    call.timestamp = event.timestamp;
    const auto at = run_.tool_calls.size();
    run_.tool_calls.push_back(call);
    tool_event_.push_back(index);
    tools_by_name_.push(call.tool_name, at);
    tools_by_step_.push(call.step_index, at);
    tools_any_.push_back(at);
  }

  // spec 1.3: by name, then at the same step, then, for an answer without a name, any.
  std::optional<std::size_t> unanswered(const Event& event, std::string_view name) {
    const auto open = [this](std::size_t at) { return !run_.tool_calls[at].success.has_value(); };
    if (!name.empty()) {
      if (const auto found = tools_by_name_.newest(name, open)) return found;
    }
    if (const auto found = tools_by_step_.newest(event.step_index, open)) return found;
    if (!name.empty()) return std::nullopt;
    while (!tools_any_.empty() && !open(tools_any_.back())) tools_any_.pop_back();
    if (tools_any_.empty()) return std::nullopt;
    return tools_any_.back();
  }

  void tool_responded(const Event& event, const Payload& payload) {
    const auto success = payload.truth("success");
    if (!success) return;
    const auto at = unanswered(event, payload.text("tool_name").value_or(""));
    if (!at) return;
    auto& call = run_.tool_calls[*at];
    call.success = *success;
    if (const auto hash = payload.text("error_hash")) call.error_hash = *hash;
    call.latency_ms = payload.whole("latency_ms");
    call.output_length = payload.whole("output_length");
    latency_[tool_event_[*at]] = call.latency_ms.value_or(0);
  }

  void llm_called(std::size_t index, const Event& event, const Payload& payload) {
    pending_llm_.push_back(
        {index, event.step_index, event.timestamp, payload.text("model"), payload.whole("prompt_tokens")});
  }

  // spec 1.4
  void llm_responded(const Event& event, const Payload& payload) {
    LlmCall call;
    call.step_index = event.step_index;
    call.timestamp = event.timestamp;
    call.finish_reason = payload.text("finish_reason").value_or(std::string_view());
    call.output_length = payload.whole("output_length");
    call.completion_tokens = payload.whole("completion_tokens");
    call.latency_ms = payload.whole("latency_ms");
    auto model = payload.text("model");
    auto tokens = payload.whole("prompt_tokens");
    if (!pending_llm_.empty()) {
      const PendingLlm called = pending_llm_.back();
      pending_llm_.pop_back();
      call.step_index = called.step_index;
      call.timestamp = called.timestamp;
      if (called.model) model = called.model;
      if (called.prompt_tokens.value_or(0) != 0) tokens = called.prompt_tokens;
      latency_[called.event] = call.latency_ms.value_or(0);
    }
    call.model = model.value_or("unknown");
    if (tokens.value_or(0) != 0) call.prompt_tokens = tokens;
    run_.llm_calls.push_back(call);
  }

  void retrieval(const Event& event, const Payload& payload) {
    Retrieval found;
    found.index_name = payload.text("index_name").value_or("unknown");
    found.result_count = payload.whole("result_count").value_or(0);
    found.top_score = payload.number("top_score");
    found.step_index = event.step_index;
    found.timestamp = event.timestamp;
    run_.retrievals.push_back(found);
  }

  void external_signal(const Event& event, const Payload& payload) {
    ExternalSignal signal;
    signal.name = payload.text("signal_name").value_or("");
    signal.source = payload.text("source").value_or(std::string_view());
    signal.meta = payload.meta();
    signal.step_index = event.step_index;
    signal.timestamp = event.timestamp;
    run_.external_signals.push_back(signal);
  }

  // spec 1.5
  void add_durations() {
    const Event* previous = nullptr;
    std::size_t previous_index = 0;
    // The end of a run that was cut does not follow the event before it.
    const bool gap = run_.truncated && !run_.events.empty() && is_terminal(run_.events.back().kind);
    const auto end = run_.events.size() - (gap ? 1 : 0);
    for (std::size_t i = 0; i < end; ++i) {
      const Event& event = run_.events[i];
      if (is_annotation(event.kind)) continue;
      if (previous != nullptr) add_duration(*previous, previous_index, event.timestamp);
      previous = &event;
      previous_index = i;
    }
  }

  void add_duration(const Event& event, std::size_t index, double next) {
    const double gap = (next - event.timestamp) * 1000.0;
    if (!(gap > -1.0)) return;  // negative when truncated: clock skew
    StepDuration step;
    step.kind = event.kind;
    step.type = event.type;
    step.step_index = event.step_index;
    step.timestamp = event.timestamp;
    step.duration_ms = std::max(static_cast<std::int64_t>(std::min(gap, kMaxGapMs)), latency_[index]);
    run_.steps.push_back(step);
  }

  Run& run_;
  json::Parser& parser_;
  std::vector<std::int64_t> latency_;  // per event: what its answer reported, 0 = nothing
  std::vector<PendingLlm> pending_llm_;
  std::vector<std::size_t> tool_event_;  // tool call → its event
  Waiting<std::string_view> tools_by_name_;
  Waiting<std::int32_t> tools_by_step_;
  std::vector<std::size_t> tools_any_;
};

}  // namespace

Run Replayer::replay(RunEvents events, const Baselines& baselines) {
  Run run;
  run.source = std::move(events);
  run.arena = std::make_shared<std::pmr::monotonic_buffer_resource>();
  run.baselines = baselines;
  auto& all = run.source.events;
  if (!std::is_sorted(all.begin(), all.end(), before)) std::sort(all.begin(), all.end(), before);
  if (!all.empty()) {
    run.agent_id = all.front().agent_id;
    run.agent_version = all.front().agent_version;
  }
  const auto known = [](const Event& event) { return event.kind != EventKind::other; };
  const auto looked_at = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kMaxLoaded));
  run.events.reserve(static_cast<std::size_t>(looked_at - all.begin()));
  std::copy_if(all.begin(), looked_at, std::back_inserter(run.events), known);
  drop_repeats(run.events);
  if (looked_at != all.end() || run.events.size() > kMaxEvents) {
    run.truncated = true;
    const auto last = std::find_if(all.rbegin(), all.rend(), known);
    if (last != all.rend()) run.current_step = last->step_index;  // the largest: they are sorted by it
    cut(run.events, {looked_at, all.end()});
  }
  Builder(run, parser_).build();
  const auto bytes = std::accumulate(run.events.begin(), run.events.end(), std::size_t{0},
                                     [](std::size_t sum, const Event& event) { return sum + event.payload.size(); });
  if (bytes > kMaxIdlePayload) parser_ = json::Parser();
  return run;
}

}  // namespace dunetrace::detect
