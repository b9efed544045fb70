// dunetrace/view.hpp - the run as a detector sees it: C++17 views over the host's records. Header only. Nothing is
// copied: every view and every text is valid until detect() returns.
#pragma once
#include <dunetrace/plugin.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace dunetrace {
inline namespace v1 {  // inline namespace and hidden visibility: two SDK versions can meet in one process

inline dune_str str(std::string_view text) noexcept { return {text.data() ? text.data() : "", text.size()}; }
constexpr dune_str lit(const char* text) noexcept {
  std::size_t length = 0;
  while (text[length] != '\0') ++length;
  return {text, length};
}
inline std::string_view view(dune_str text) noexcept { return {text.ptr ? text.ptr : "", text.ptr ? text.len : 0}; }
// Absent text differs from empty text.
inline std::optional<std::string_view> optional_view(dune_str text) noexcept {
  return text.ptr ? std::optional(view(text)) : std::nullopt;
}

// Random access over a strided array of host records, each seen through V (built from a pointer to V::Record).
template <class V>
class List {
 public:
  using Record = typename V::Record;
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = V;
    using reference = V;
    using pointer = void;
    using difference_type = std::ptrdiff_t;
    Iterator(const char* at, std::uint32_t stride) noexcept : at_(at), stride_(stride) {}
    V operator*() const noexcept { return V(reinterpret_cast<const Record*>(at_)); }
    Iterator& operator++() noexcept { return at_ += stride_, *this; }
    Iterator operator++(int) noexcept {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const noexcept { return at_ == other.at_; }
    bool operator!=(const Iterator& other) const noexcept { return at_ != other.at_; }

   private:
    const char* at_;
    std::uint32_t stride_;
  };

  explicit List(dune_array array) noexcept : array_(array) {}
  std::size_t size() const noexcept { return array_.count; }
  bool empty() const noexcept { return array_.count == 0; }
  V operator[](std::size_t index) const noexcept { return V(DUNE_AT(array_, Record, index)); }
  V front() const noexcept { return (*this)[0]; }
  V back() const noexcept { return (*this)[array_.count - 1]; }
  // The last `count` elements, or all of them when there are fewer.
  List last(std::size_t count) const noexcept {
    if (count >= array_.count) return *this;
    return List({base() + (array_.count - count) * array_.stride, static_cast<std::uint32_t>(count), array_.stride});
  }
  Iterator begin() const noexcept { return {base(), array_.stride}; }
  Iterator end() const noexcept { return {base() + std::size_t{array_.count} * array_.stride, array_.stride}; }

 private:
  const char* base() const noexcept { return static_cast<const char*>(array_.data); }
  dune_array array_;
};

namespace detail {
// What all elements of a run begin with.
template <class R>
class Element {
 public:
  using Record = R;
  explicit Element(const R* record) noexcept : record_(record) {}
  const R& raw() const noexcept { return *record_; }
  std::int32_t step() const noexcept { return record_->step_index; }
  double timestamp() const noexcept { return record_->ts; }  // Unix seconds exactly as received

 protected:
  template <class T>
  std::optional<T> when(std::uint32_t bit, T value) const noexcept {
    return (record_->has & bit) != 0 ? std::optional<T>(value) : std::nullopt;
  }
  const R* record_;
};
}  // namespace detail

class ToolCall : public detail::Element<dune_tool_call> {
 public:
  using Element::Element;
  std::string_view name() const noexcept { return view(raw().tool_name); }
  std::string_view args_hash() const noexcept { return view(raw().args_hash); }
  std::optional<std::string_view> error_hash() const noexcept { return optional_view(raw().error_hash); }
  // Empty while the call is unanswered or its outcome unknown.
  std::optional<bool> success() const noexcept { return when(DUNE_TOOL_HAS_SUCCESS, raw().success != 0); }
  bool failed() const noexcept { return success() == false; }
  std::optional<std::int64_t> latency_ms() const noexcept { return when(DUNE_TOOL_HAS_LATENCY, raw().latency_ms); }
  std::optional<std::int64_t> output_length() const noexcept {
    return when(DUNE_TOOL_HAS_OUTPUT_LENGTH, raw().output_length);
  }
};

class LlmCall : public detail::Element<dune_llm_call> {  // only answered calls
 public:
  using Element::Element;
  std::string_view model() const noexcept { return view(raw().model); }
  std::optional<std::string_view> finish_reason() const noexcept { return optional_view(raw().finish_reason); }
  std::optional<std::int64_t> prompt_tokens() const noexcept {
    return when(DUNE_LLM_HAS_PROMPT_TOKENS, raw().prompt_tokens);
  }
  std::optional<std::int64_t> completion_tokens() const noexcept {
    return when(DUNE_LLM_HAS_COMPLETION_TOKENS, raw().completion_tokens);
  }
  std::optional<std::int64_t> latency_ms() const noexcept { return when(DUNE_LLM_HAS_LATENCY, raw().latency_ms); }
  std::optional<std::int64_t> output_length() const noexcept {
    return when(DUNE_LLM_HAS_OUTPUT_LENGTH, raw().output_length);
  }
};

class Retrieval : public detail::Element<dune_retrieval> {
 public:
  using Element::Element;
  std::string_view index_name() const noexcept { return view(raw().index_name); }
  std::int64_t result_count() const noexcept { return raw().result_count; }
  std::optional<double> top_score() const noexcept { return when(DUNE_RETRIEVAL_HAS_TOP_SCORE, raw().top_score); }
};

class Event : public detail::Element<dune_event> {
 public:
  using Element::Element;
  std::uint32_t kind() const noexcept { return raw().kind; }  // DUNE_EVENT_*
  std::string_view type() const noexcept { return view(raw().type); }
  std::string_view payload_json() const noexcept { return view(raw().payload_json); }
  // Annotations describe the current step and are no step themselves.
  bool is_annotation() const noexcept {
    return kind() == DUNE_EVENT_EXTERNAL_SIGNAL || kind() == DUNE_EVENT_POLICY_TRIGGERED;
  }
};

class ExternalSignal : public detail::Element<dune_external_signal> {
 public:
  using Element::Element;
  std::string_view name() const noexcept { return view(raw().name); }
  std::string_view source() const noexcept { return view(raw().source); }
  std::string_view meta_json() const noexcept { return view(raw().meta_json); }  // one JSON object, or empty
};

class StepDuration : public detail::Element<dune_step_duration> {
 public:
  using Element::Element;
  std::uint32_t kind() const noexcept { return raw().kind; }  // DUNE_EVENT_* of the event that began the step
  std::string_view type() const noexcept { return view(raw().type); }
  std::int64_t duration_ms() const noexcept { return raw().duration_ms; }
};

// An element of an array of texts.
class Text {
 public:
  using Record = dune_str;
  explicit Text(const dune_str* record) noexcept : text_(view(*record)) {}
  operator std::string_view() const noexcept { return text_; }

 private:
  std::string_view text_;
};

class Run {
 public:
  explicit Run(const dune_run* run) noexcept : run_(run) {}
  const dune_run& raw() const noexcept { return *run_; }

  std::string_view run_id() const noexcept { return view(run_->run_id); }
  std::string_view agent_id() const noexcept { return view(run_->agent_id); }
  std::string_view agent_version() const noexcept { return view(run_->agent_version); }
  std::string_view category() const noexcept { return view(run_->category); }
  std::optional<std::string_view> parent_run_id() const noexcept { return optional_view(run_->parent_run_id); }
  std::optional<std::string_view> input_hash() const noexcept { return optional_view(run_->input_hash); }
  // Empty while the run has no terminal event.
  std::optional<std::string_view> exit_reason() const noexcept { return optional_view(run_->exit_reason); }
  bool ended_with(std::string_view reason) const noexcept { return exit_reason() == reason; }
  bool is_complete() const noexcept { return (run_->has & DUNE_RUN_IS_COMPLETE) != 0; }
  bool is_truncated() const noexcept { return (run_->has & DUNE_RUN_IS_TRUNCATED) != 0; }
  std::int32_t step() const noexcept { return run_->current_step; }  // the largest step index of any event

  List<Text> available_tools() const noexcept { return List<Text>(run_->available_tools); }
  List<ToolCall> tool_calls() const noexcept { return List<ToolCall>(run_->tool_calls); }
  List<LlmCall> llm_calls() const noexcept { return List<LlmCall>(run_->llm_calls); }
  List<Retrieval> retrievals() const noexcept { return List<Retrieval>(run_->retrievals); }
  List<Event> events() const noexcept { return List<Event>(run_->events); }
  List<ExternalSignal> external_signals() const noexcept { return List<ExternalSignal>(run_->external_signals); }
  List<StepDuration> step_durations() const noexcept { return List<StepDuration>(run_->step_durations); }

  // Learned from earlier runs of this agent and version; empty while there are too few of them.
  std::optional<double> baseline_p75_steps() const noexcept {
    return baseline(DUNE_RUN_HAS_BASELINE_P75_STEPS, run_->baseline_p75_steps);
  }
  std::optional<double> baseline_p75_tool_latency_ms() const noexcept {
    return baseline(DUNE_RUN_HAS_BASELINE_P75_TOOL_LATENCY, run_->baseline_p75_tool_latency_ms);
  }
  std::optional<double> baseline_p75_llm_latency_ms() const noexcept {
    return baseline(DUNE_RUN_HAS_BASELINE_P75_LLM_LATENCY, run_->baseline_p75_llm_latency_ms);
  }
  std::optional<double> baseline_p75_token_growth() const noexcept {
    return baseline(DUNE_RUN_HAS_BASELINE_P75_TOKEN_GROWTH, run_->baseline_p75_token_growth);
  }
  std::optional<double> baseline_p75_llm_tool_ratio() const noexcept {
    return baseline(DUNE_RUN_HAS_BASELINE_P75_LLM_TOOL_RATIO, run_->baseline_p75_llm_tool_ratio);
  }

 private:
  std::optional<double> baseline(std::uint32_t bit, double value) const noexcept {
    return (run_->has & bit) != 0 ? std::optional(value) : std::nullopt;
  }
  const dune_run* run_;
};

}  // namespace v1
}  // namespace dunetrace
