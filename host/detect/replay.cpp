#include "detect/replay.hpp"

#include <algorithm>
#include <array>
#include <memory_resource>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>

#include "detect/payload.hpp"

namespace dunetrace::detect {
namespace {

constexpr double kMaxGapMs = 9e15;                               // keeps absurd timestamps inside of an integer
constexpr std::size_t kMaxIdlePayload = 1 << 20;                 // bytes; a parser keeps several times its largest text
constexpr std::size_t kScratchBytes = 32 << 10;                  // enough for runs of a few hundred events
constexpr std::size_t kLeastArena = 256, kMostArena = 64 << 10;  // bytes of a run's first chunk

bool before(const Event& a, const Event& b) {
  if (a.step_index != b.step_index) return a.step_index < b.step_index;
  if (a.timestamp != b.timestamp) return a.timestamp < b.timestamp;
  return a.id < b.id;
}

// Where the replay keeps what it needs only meanwhile.
using Scratch = std::pmr::monotonic_buffer_resource;

// Events that equal an earlier one in type, step, time and payload are what a client sent twice. Equal events are
// neighbours up to (step, time), so only that group is searched.
void drop_repeats(std::vector<Event>& events, Scratch& scratch) {
  constexpr std::size_t kScan = 16;  // groups are one or two events; only a hostile one needs the set
  std::pmr::set<std::pair<std::string_view, std::string_view>> seen(&scratch);
  std::size_t kept = 0, group = 0;  // events[0, kept) stay, events[group, kept) are the group
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event event = events[i];
    if (kept > group && (events[group].step_index != event.step_index || events[group].timestamp != event.timestamp)) {
      group = kept;
      seen.clear();
    }
    if (kept - group == kScan && seen.empty()) {
      for (auto k = group; k < kept; ++k) seen.emplace(events[k].type, events[k].payload);
    }
    const auto first = events.begin() + static_cast<std::ptrdiff_t>(group);
    const auto end = events.begin() + static_cast<std::ptrdiff_t>(kept);
    const auto same = [&](const Event& other) { return other.type == event.type && other.payload == event.payload; };
    const bool repeat = seen.empty() ? std::any_of(first, end, same) : !seen.emplace(event.type, event.payload).second;
    if (!repeat) events[kept++] = event;
  }
  events.resize(kept);
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

// Tool calls that wait for an answer. A call is in several lists at once and leaves each of them when it comes up
// there answered, so that finding one costs no more than having put it in.
class OpenCalls {
 public:
  OpenCalls(const std::vector<ToolCall>& calls, Scratch& scratch)
      : calls_(calls), by_name_(&scratch), at_step_(&scratch), all_(&scratch) {}

  void reserve(std::size_t calls) {
    at_step_.reserve(calls);
    all_.reserve(calls);
  }
  void push(std::size_t call) {
    by_name_[calls_[call].tool_name].push_back(call);
    enter(calls_[call].step_index);
    at_step_.push_back(call);
    all_.push_back(call);
  }
  // The most recent one of that name; at that step, which is not before the latest call's; of all.
  std::optional<std::size_t> newest_named(std::string_view name) {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? std::nullopt : newest(found->second);
  }
  std::optional<std::size_t> newest_at(std::int32_t step) {
    enter(step);
    return newest(at_step_);
  }
  std::optional<std::size_t> newest() { return newest(all_); }

 private:
  using List = std::pmr::vector<std::size_t>;

  // Events come in the order of their steps: what was open at an earlier one is not asked for again.
  void enter(std::int32_t step) {
    if (step != step_) at_step_.clear();
    step_ = step;
  }
  std::optional<std::size_t> newest(List& list) const {
    while (!list.empty() && calls_[list.back()].success.has_value()) list.pop_back();
    if (list.empty()) return std::nullopt;
    return list.back();
  }

  const std::vector<ToolCall>& calls_;
  std::pmr::unordered_map<std::string_view, List> by_name_;
  List at_step_, all_;
  std::int32_t step_ = 0;
};

// The pass over the events that fills a Run.
class Builder {
 public:
  Builder(Run& run, json::Parser& parser, json::Writer& writer, Scratch& scratch)
      : run_(run),
        parser_(parser),
        writer_(writer),
        latency_(run.events.size(), &scratch),
        pending_llm_(&scratch),
        tool_event_(&scratch),
        open_tools_(run.tool_calls, scratch) {}

  void build() {
    reserve();
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

  // Every list at its full length at once: a run costs a handful of allocations, however many events it has.
  void reserve() {
    std::array<std::size_t, static_cast<std::size_t>(EventKind::policy_triggered) + 1> counts{};
    for (const auto& event : run_.events) ++counts[static_cast<std::size_t>(event.kind)];
    const auto count = [&](EventKind kind) { return counts[static_cast<std::size_t>(kind)]; };
    run_.tool_calls.reserve(count(EventKind::tool_called));
    run_.llm_calls.reserve(count(EventKind::llm_responded));
    run_.retrievals.reserve(count(EventKind::retrieval_responded));
    run_.external_signals.reserve(count(EventKind::external_signal));
    run_.steps.reserve(run_.events.size());
    tool_event_.reserve(count(EventKind::tool_called));
    pending_llm_.reserve(count(EventKind::llm_called));
    open_tools_.reserve(count(EventKind::tool_called));
  }

  void add(std::size_t index, const Event& event) {
    run_.current_step = std::max(run_.current_step, event.step_index);
    if (run_.parent_run_id.data() == nullptr) run_.parent_run_id = event.parent_run_id;
    const bool is_read = event.kind != EventKind::retrieval_called && event.kind != EventKind::policy_triggered &&
                         event.kind != EventKind::run_errored;
    const Payload payload(parser_, is_read ? event.payload : std::string_view(), *run_.arena);
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
    payload.texts("tools", run_.available_tools);
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
    open_tools_.push(at);
  }

  // spec 1.3: by name, then at the same step, then, for an answer without a name, any.
  std::optional<std::size_t> unanswered(const Event& event, std::string_view name) {
    if (!name.empty()) {
      if (const auto found = open_tools_.newest_named(name)) return found;
    }
    if (const auto found = open_tools_.newest_at(event.step_index)) return found;
    return name.empty() ? open_tools_.newest() : std::nullopt;
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
    signal.meta = payload.meta(writer_);
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
  json::Writer& writer_;
  std::pmr::vector<std::int64_t> latency_;  // per event: what its answer reported, 0 = nothing
  std::pmr::vector<PendingLlm> pending_llm_;
  std::pmr::vector<std::size_t> tool_event_;  // tool call → its event
  OpenCalls open_tools_;
};

std::size_t payload_bytes(const std::vector<Event>& events) {
  return std::accumulate(events.begin(), events.end(), std::size_t{0},
                         [](std::size_t sum, const Event& event) { return sum + event.payload.size(); });
}

}  // namespace

Replayer::Replayer() : scratch_(kScratchBytes) {}

Run Replayer::replay(RunEvents events, const Baselines& baselines) {
  Scratch scratch(scratch_.data(), scratch_.size());
  Run run;
  run.source = std::move(events);
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
  drop_repeats(run.events, scratch);
  if (looked_at != all.end() || run.events.size() > kMaxEvents) {
    run.truncated = true;
    const auto last = std::find_if(all.rbegin(), all.rend(), known);
    if (last != all.rend()) run.current_step = last->step_index;  // the largest: they are sorted by it
    cut(run.events, {looked_at, all.end()});
  }
  const auto bytes = payload_bytes(run.events);
  // The texts that are kept are rarely half of the payloads they stand in; a longer run takes a few chunks more.
  run.arena = std::make_shared<std::pmr::monotonic_buffer_resource>(std::clamp(bytes / 2, kLeastArena, kMostArena));
  Builder(run, parser_, writer_, scratch).build();
  run.truncated = run.truncated || run.source.truncated;  // after it: without payloads there is no gap in time
  if (bytes > kMaxIdlePayload) {
    parser_ = json::Parser();
    writer_ = json::Writer();
  }
  return run;
}

}  // namespace dunetrace::detect
