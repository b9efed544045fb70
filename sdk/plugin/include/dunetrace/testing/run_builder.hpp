// dunetrace/testing/run_builder.hpp - a run for a test, written as what the agent did. Header only, C++17.
//
//   const OwnedRun run = RunBuilder("agent").tool("search").fails().x(3).llm(500).completed().done();
//
// The run has the events a client sends for it and the records the host makes of them: a call advances the step, its
// answer has the same step, 125 ms lie between two events. Without completed() or errored() it is a run that stalled.
#pragma once
#include <dunetrace/signal.hpp>
#include <dunetrace/testing/json.hpp>
#include <dunetrace/view.hpp>

#include <cstring>
#include <deque>
#include <initializer_list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunetrace {
inline namespace v1 {
namespace testing {

// A run and the memory behind it. Movable; the view stays valid as long as the run lives.
class OwnedRun {
 public:
  OwnedRun() = default;
  OwnedRun(OwnedRun&&) = default;
  OwnedRun& operator=(OwnedRun&&) = default;
  OwnedRun(const OwnedRun&) = delete;
  OwnedRun& operator=(const OwnedRun&) = delete;

  const dune_run* raw() const noexcept { return &run_; }
  Run view() const noexcept { return Run(&run_); }

 private:
  friend class RunBuilder;

  dune_str keep(std::string_view text) {
    const std::string& kept = texts_.emplace_back(text);
    return {kept.data(), kept.size()};  // never NULL: empty text differs from absent text
  }
  template <class T>
  dune_array table(const std::vector<T>& records, std::size_t padding) {
    const std::size_t stride = sizeof(T) + padding;
    auto& bytes = tables_.emplace_back(stride * records.size(), static_cast<unsigned char>(0xEE));
    for (std::size_t i = 0; i < records.size(); ++i) std::memcpy(bytes.data() + i * stride, &records[i], sizeof(T));
    return {bytes.data(), static_cast<std::uint32_t>(records.size()), static_cast<std::uint32_t>(stride)};
  }

  dune_run run_{};
  std::deque<std::string> texts_;  // a deque keeps its elements where they are, also when it is moved
  std::vector<std::vector<unsigned char>> tables_;
};

// Usual values of earlier runs; what is not given is not known.
struct Baselines {
  std::optional<double> steps, tool_latency_ms, llm_latency_ms, token_growth, llm_tool_ratio;
};

// Every function adds one thing or changes the latest one, and gives the builder back. Copyable: a common beginning can
// go on in several ways. A modifier that does not fit (fails() after llm()) throws std::logic_error.
class RunBuilder {
 public:
  explicit RunBuilder(std::string agent_id = "agent") : agent_id_(std::move(agent_id)) {}

  // ---- about the whole run
  RunBuilder& run_id(std::string id) { return run_id_ = std::move(id), *this; }
  RunBuilder& version(std::string version) { return version_ = std::move(version), *this; }
  RunBuilder& category(std::string section) { return category_ = std::move(section), *this; }
  RunBuilder& parent(std::string run_id) { return parent_ = std::move(run_id), *this; }
  RunBuilder& input_hash(std::string hash) { return input_hash_ = std::move(hash), *this; }
  RunBuilder& tools(std::vector<std::string> available) { return tools_ = std::move(available), *this; }
  RunBuilder& baselines(Baselines usual) { return baselines_ = std::move(usual), *this; }
  RunBuilder& truncated() { return truncated_ = true, *this; }
  // Every record is followed by 24 bytes of 0xEE, as a newer host's would be followed by fields: a detector that
  // steps by its own sizeof finds something else.
  RunBuilder& padded(std::size_t bytes = 24) { return padding_ = bytes, *this; }

  // ---- what the agent did
  RunBuilder& tool(std::string name) { return add(What::tool, std::move(name)); }
  RunBuilder& llm(std::int64_t prompt_tokens = 0) {
    add(What::llm, "gpt-4o");
    if (prompt_tokens != 0) last().prompt = prompt_tokens;
    return *this;
  }
  RunBuilder& retrieval(std::string index) { return add(What::retrieval, std::move(index)); }
  RunBuilder& signal(std::string name) { return add(What::signal, std::move(name)); }  // external.signal
  // An event of any other type, with its payload as JSON text.
  RunBuilder& event(std::string type, std::string payload_json = "{}") {
    add(What::event, std::move(type));
    last().json = std::move(payload_json);
    return *this;
  }
  RunBuilder& completed(std::string exit_reason = "completed") { return add(What::completed, std::move(exit_reason)); }
  RunBuilder& errored() { return add(What::errored, "error"); }

  // ---- more about the latest thing
  RunBuilder& x(int times) { return last().times = times, *this; }             // it happened so often
  RunBuilder& step(std::int32_t index) { return last().step = index, *this; }  // its step, also of what follows
  RunBuilder& after(std::int64_t ms) { return last().after_ms = ms, *this; }   // since the event before
  RunBuilder& takes(std::int64_t ms) { return of({What::tool, What::llm}, "takes").latency_ms = ms, *this; }
  RunBuilder& output(std::int64_t length) { return of({What::tool, What::llm}, "output").output = length, *this; }
  RunBuilder& unanswered() {
    return of({What::tool, What::llm, What::retrieval}, "unanswered").answered = false, *this;
  }
  RunBuilder& fails(std::string error_hash = "") {
    Item& call = of({What::tool}, "fails");
    call.success = false;
    if (!error_hash.empty()) call.error_hash = std::move(error_hash);
    return *this;
  }
  RunBuilder& args(std::string hash) { return of({What::tool}, "args").args = std::move(hash), *this; }
  RunBuilder& model(std::string name) { return of({What::llm}, "model").name = std::move(name), *this; }
  RunBuilder& finish(std::string reason) { return of({What::llm}, "finish").finish = std::move(reason), *this; }
  RunBuilder& completion(std::int64_t tokens) { return of({What::llm}, "completion").completion = tokens, *this; }
  RunBuilder& results(std::int64_t count) { return of({What::retrieval}, "results").results = count, *this; }
  RunBuilder& score(double top) { return of({What::retrieval}, "score").score = top, *this; }
  RunBuilder& source(std::string name) { return of({What::signal}, "source").source = std::move(name), *this; }
  RunBuilder& meta(std::string json_object) { return of({What::signal}, "meta").json = std::move(json_object), *this; }

  OwnedRun done() const;

 private:
  enum class What { tool, llm, retrieval, signal, event, completed, errored };
  struct Item {
    What what;
    std::string name;
    int times = 1;
    std::optional<std::int32_t> step;
    std::optional<std::int64_t> after_ms, latency_ms, output, prompt, completion, results;
    std::optional<double> score;
    std::optional<std::string> args, error_hash, source;
    std::string finish = "stop", json = "{}";
    bool success = true, answered = true;
  };

  RunBuilder& add(What what, std::string name) {
    Item item{};
    item.what = what;
    item.name = std::move(name);
    items_.push_back(std::move(item));
    return *this;
  }
  Item& last() {
    if (items_.empty()) throw std::logic_error("RunBuilder: nothing happened yet that this could be said about");
    return items_.back();
  }
  Item& of(std::initializer_list<What> kinds, const char* modifier) {
    Item& item = last();
    for (const What kind : kinds) {
      if (item.what == kind) return item;
    }
    throw std::logic_error(std::string("RunBuilder: ") + modifier + "() says nothing about '" + item.name + "'");
  }

  class Maker;

  std::string agent_id_, run_id_ = "run-1", version_ = "v1", category_ = "default";
  std::optional<std::string> parent_, input_hash_;
  std::vector<std::string> tools_;
  Baselines baselines_;
  bool truncated_ = false;
  std::size_t padding_ = 0;
  std::vector<Item> items_;
};

// Plays the items once: events first, and from each what the host would make of it.
class RunBuilder::Maker {
 public:
  explicit Maker(const RunBuilder& of) : of_(of) {}

  OwnedRun make() {
    start();
    for (const Item& item : of_.items_) {
      for (int i = 0; i < item.times; ++i) play(item);
    }
    add_durations();
    head();
    dune_run& run = out_.run_;
    run.available_tools = out_.table(texts(of_.tools_), of_.padding_);
    run.tool_calls = out_.table(tool_calls_, of_.padding_);
    run.llm_calls = out_.table(llm_calls_, of_.padding_);
    run.retrievals = out_.table(retrievals_, of_.padding_);
    run.events = out_.table(events_, of_.padding_);
    run.external_signals = out_.table(signals_, of_.padding_);
    run.step_durations = out_.table(durations_, of_.padding_);
    return std::move(out_);
  }

 private:
  static constexpr double kBegin = 1767225600;  // 2026-01-01 00:00:00 UTC
  static constexpr std::int64_t kTickMs = 125;  // exact in binary, so durations come out as they were written

  // A payload under construction.
  class Payload {
   public:
    Payload() { sink_.table()->begin_object(sink_.table()); }
    Payload& with(std::string_view name, std::string_view text) { return raw(name, Json::of(text).dump()); }
    template <class V>
    Payload& with(std::string_view name, const V& value) {
      if constexpr (dunetrace::detail::is_optional<V>::value) {
        return value ? with(name, *value) : *this;
      } else {
        return raw(name, Json::of(value).dump());
      }
    }
    Payload& raw(std::string_view name, std::string_view json) {
      sink_.table()->key(sink_.table(), str(name));
      sink_.table()->raw(sink_.table(), str(json));
      return *this;
    }
    std::string text() {
      sink_.table()->end_object(sink_.table());
      return sink_.text();
    }

   private:
    JsonSink sink_;
  };

  void start() {
    Payload payload;
    payload.with("input_hash", of_.input_hash_);
    if (!of_.tools_.empty()) payload.with("tools", of_.tools_);
    emit(DUNE_EVENT_RUN_STARTED, "run.started", payload.text());
  }

  void play(const Item& item) {
    if (item.after_ms) now_ms_ += *item.after_ms - kTickMs;
    const bool call = item.what == What::tool || item.what == What::llm || item.what == What::retrieval;
    if (item.step && *item.step < step_) throw std::logic_error("RunBuilder: step() must not go back");
    step_ = item.step ? *item.step : call ? step_ + 1 : step_;
    switch (item.what) {
      case What::tool:
        return tool(item);
      case What::llm:
        return llm(item);
      case What::retrieval:
        return retrieval(item);
      case What::signal:
        return signal(item);
      case What::event:
        return event(item);
      case What::completed:
        exit_reason_ = item.name;
        emit(DUNE_EVENT_RUN_COMPLETED, "run.completed", Payload().with("exit_reason", item.name).text());
        return;
      case What::errored:
        exit_reason_ = item.name;
        emit(DUNE_EVENT_RUN_ERRORED, "run.errored", "{}");
        return;
    }
  }

  void tool(const Item& item) {
    dune_tool_call call{};
    call.step_index = step_;
    call.ts = now();
    call.tool_name = out_.keep(item.name);
    call.args_hash = out_.keep(item.args.value_or(""));
    const auto called = emit(DUNE_EVENT_TOOL_CALLED, "tool.called",
                             Payload().with("tool_name", item.name).with("args_hash", item.args).text());
    if (item.answered) {
      answer_after(item, called);
      call.has |= DUNE_TOOL_HAS_SUCCESS;
      call.success = item.success ? 1 : 0;
      if (item.error_hash) call.error_hash = out_.keep(*item.error_hash);
      set(call.latency_ms, item.latency_ms, call.has, DUNE_TOOL_HAS_LATENCY);
      set(call.output_length, item.output, call.has, DUNE_TOOL_HAS_OUTPUT_LENGTH);
      emit(DUNE_EVENT_TOOL_RESPONDED, "tool.responded",
           Payload()
               .with("tool_name", item.name)
               .with("success", item.success)
               .with("error_hash", item.error_hash)
               .with("latency_ms", item.latency_ms)
               .with("output_length", item.output)
               .text());
    }
    tool_calls_.push_back(call);
  }

  void llm(const Item& item) {
    dune_llm_call call{};
    call.step_index = step_;
    call.ts = now();
    const auto called = emit(DUNE_EVENT_LLM_CALLED, "llm.called",
                             Payload().with("model", item.name).with("prompt_tokens", item.prompt).text());
    if (!item.answered) return;  // the view has answered model calls only
    answer_after(item, called);
    call.model = out_.keep(item.name);
    call.finish_reason = out_.keep(item.finish);
    const std::optional<std::int64_t> length = item.output.value_or(20);
    set(call.prompt_tokens, item.prompt, call.has, DUNE_LLM_HAS_PROMPT_TOKENS);
    set(call.completion_tokens, item.completion, call.has, DUNE_LLM_HAS_COMPLETION_TOKENS);
    set(call.latency_ms, item.latency_ms, call.has, DUNE_LLM_HAS_LATENCY);
    set(call.output_length, length, call.has, DUNE_LLM_HAS_OUTPUT_LENGTH);
    llm_calls_.push_back(call);
    emit(DUNE_EVENT_LLM_RESPONDED, "llm.responded",
         Payload()
             .with("finish_reason", item.finish)
             .with("output_length", length)
             .with("completion_tokens", item.completion)
             .with("latency_ms", item.latency_ms)
             .text());
  }

  void retrieval(const Item& item) {
    emit(DUNE_EVENT_RETRIEVAL_CALLED, "retrieval.called", Payload().with("index_name", item.name).text());
    if (!item.answered) return;
    dune_retrieval found{};
    found.step_index = step_;
    found.ts = now();
    found.index_name = out_.keep(item.name);
    found.result_count = item.results.value_or(0);
    if (item.score) found.has |= DUNE_RETRIEVAL_HAS_TOP_SCORE, found.top_score = *item.score;
    retrievals_.push_back(found);
    emit(DUNE_EVENT_RETRIEVAL_RESPONDED, "retrieval.responded",
         Payload()
             .with("index_name", item.name)
             .with("result_count", item.results)
             .with("top_score", item.score)
             .text());
  }

  void signal(const Item& item) {
    dune_external_signal found{};
    found.step_index = step_;
    found.ts = now();
    found.name = out_.keep(item.name);
    if (item.source) found.source = out_.keep(*item.source);
    found.meta_json = out_.keep(sorted(item.json));
    signals_.push_back(found);
    emit(DUNE_EVENT_EXTERNAL_SIGNAL, "external.signal",
         Payload().with("signal_name", item.name).with("source", item.source).raw("meta", item.json).text());
  }

  void event(const Item& item) {
    static constexpr std::string_view kOwn[] = {"run.", "llm.", "tool.", "retrieval.", "external."};
    for (const std::string_view prefix : kOwn) {
      if (std::string_view(item.name).substr(0, prefix.size()) == prefix) {
        throw std::logic_error("RunBuilder: event(\"" + item.name + "\"): there is a function of its own for that");
      }
    }
    emit(item.name == "policy.triggered" ? DUNE_EVENT_POLICY_TRIGGERED : DUNE_EVENT_OTHER, item.name,
         object(item.json));
  }

  // The host hands the members of an external signal on in the order of their names.
  static std::string sorted(const std::string& text) {
    const auto json = Json::parse(object(text));
    std::map<std::string, std::string> members;
    for (std::size_t i = 0; i < json->size(); ++i) members[json->name(i)] = json->operator[](i).dump();
    Payload out;
    for (const auto& [name, value] : members) out.raw(name, value);
    return out.text();
  }
  static const std::string& object(const std::string& text) {
    const auto json = Json::parse(text);
    if (json && json->type() == Json::Type::object) return text;
    throw std::logic_error("RunBuilder: expected one JSON object, got '" + text + "'");
  }

  void answer_after(const Item& item, std::size_t call) {
    if (!item.latency_ms) return;
    latency_[call] = *item.latency_ms;
    now_ms_ += *item.latency_ms - kTickMs;
  }
  template <class T>
  static void set(T& field, const std::optional<T>& value, std::uint32_t& has, std::uint32_t bit) {
    if (value) field = *value, has |= bit;
  }

  double now() const { return kBegin + static_cast<double>(now_ms_) / 1000.0; }
  std::size_t emit(std::uint32_t kind, std::string_view type, std::string_view payload) {
    dune_event event{};
    event.step_index = step_;
    event.ts = now();
    event.kind = kind;
    event.type = out_.keep(type);
    event.payload_json = out_.keep(payload);
    events_.push_back(event);
    latency_.push_back(0);
    highest_ = step_ > highest_ ? step_ : highest_;
    now_ms_ += kTickMs;
    return events_.size() - 1;
  }

  void add_durations() {
    const dune_event* before = nullptr;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const dune_event& event = events_[i];
      if (Event(&event).is_annotation()) continue;
      const double gap = before ? (event.ts - before->ts) * 1000.0 : -1.0;
      if (gap > -1.0) {
        const auto ms = static_cast<std::int64_t>(gap);
        const std::int64_t reported = latency_[static_cast<std::size_t>(before - events_.data())];
        durations_.push_back(
            {0, before->step_index, before->ts, before->kind, 0, before->type, ms > reported ? ms : reported});
      }
      before = &event;
    }
  }

  void head() {
    dune_run& run = out_.run_;
    run.struct_size = sizeof run;
    run.run_id = out_.keep(of_.run_id_);
    run.agent_id = out_.keep(of_.agent_id_);
    run.agent_version = out_.keep(of_.version_);
    run.category = out_.keep(of_.category_);
    if (of_.parent_) run.parent_run_id = out_.keep(*of_.parent_);
    if (of_.input_hash_) run.input_hash = out_.keep(*of_.input_hash_);
    if (exit_reason_) run.exit_reason = out_.keep(*exit_reason_), run.has |= DUNE_RUN_IS_COMPLETE;
    if (of_.truncated_) run.has |= DUNE_RUN_IS_TRUNCATED;
    run.current_step = highest_;
    const Baselines& usual = of_.baselines_;
    set(run.baseline_p75_steps, usual.steps, run.has, DUNE_RUN_HAS_BASELINE_P75_STEPS);
    set(run.baseline_p75_tool_latency_ms, usual.tool_latency_ms, run.has, DUNE_RUN_HAS_BASELINE_P75_TOOL_LATENCY);
    set(run.baseline_p75_llm_latency_ms, usual.llm_latency_ms, run.has, DUNE_RUN_HAS_BASELINE_P75_LLM_LATENCY);
    set(run.baseline_p75_token_growth, usual.token_growth, run.has, DUNE_RUN_HAS_BASELINE_P75_TOKEN_GROWTH);
    set(run.baseline_p75_llm_tool_ratio, usual.llm_tool_ratio, run.has, DUNE_RUN_HAS_BASELINE_P75_LLM_TOOL_RATIO);
  }

  std::vector<dune_str> texts(const std::vector<std::string>& of) {
    std::vector<dune_str> all;
    for (const auto& text : of) all.push_back(out_.keep(text));
    return all;
  }

  const RunBuilder& of_;
  OwnedRun out_;
  std::int32_t step_ = 0, highest_ = 0;
  std::int64_t now_ms_ = 0;
  std::optional<std::string> exit_reason_;
  std::vector<dune_tool_call> tool_calls_;
  std::vector<dune_llm_call> llm_calls_;
  std::vector<dune_retrieval> retrievals_;
  std::vector<dune_event> events_;
  std::vector<dune_external_signal> signals_;
  std::vector<dune_step_duration> durations_;
  std::vector<std::int64_t> latency_;  // per event: what its answer reported
};

inline OwnedRun RunBuilder::done() const { return Maker(*this).make(); }

}  // namespace testing
}  // namespace v1
}  // namespace dunetrace
