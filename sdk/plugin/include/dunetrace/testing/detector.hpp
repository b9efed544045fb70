// dunetrace/testing/detector.hpp - lets a detector judge a run in a test, as the host would. Header only, C++17.
//
//   const auto found = run_detector<TokenBudget>(RunBuilder().llm(900).done(), {1000});   // values of its Params
//   const auto found = run_detector(dune_plugin_entry_v1(), run, {{"max_tokens", 1000}}); // any language's
#pragma once
#include <dunetrace/detector.hpp>
#include <dunetrace/testing/component.hpp>
#include <dunetrace/testing/run_builder.hpp>

#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunetrace {
inline namespace v1 {
namespace testing {

inline const char* to_text(Severity severity) noexcept {
  switch (severity) {
    case Severity::low:
      return "LOW";
    case Severity::medium:
      return "MEDIUM";
    case Severity::high:
      return "HIGH";
    case Severity::critical:
      return "CRITICAL";
  }
  return "?";
}

// A signal as the plugin emitted it; the host may raise severity and confidence when a run has several failures.
struct Signal {
  std::string type;
  Severity severity = Severity::low;
  double confidence = 0;
  std::int32_t step = 0;
  std::string evidence;  // JSON text

  // A member of the evidence: signal["tool"] == "search"; with a leading slash a JSON pointer: signal["/steps/0"] == 3.
  Json operator[](std::string_view name) const {
    const auto json = Json::parse(evidence);
    if (!json) return {};
    if (name.empty() || name.front() != '/') return (*json)[name];
    const Json* found = json->at(name);
    return found ? *found : Json();
  }
  std::string text() const {
    std::string number;
    testing::detail::append_number(number, confidence);
    return type + " " + to_text(severity) + " confidence " + number + " step " + std::to_string(step) + " " + evidence;
  }
  friend bool operator==(const Signal& a, const Signal& b) {
    return a.type == b.type && a.severity == b.severity && a.confidence == b.confidence && a.step == b.step &&
           a.evidence == b.evidence;
  }
  friend bool operator!=(const Signal& a, const Signal& b) { return !(a == b); }
};

namespace detail {

// Takes signals with the host's checks; the first violation is kept.
class TestSink {
 public:
  TestSink(const dune_component& component, std::int32_t last_step)
      : vtable_(*static_cast<const dune_detector_v1*>(component.vtable)), last_step_(last_step) {
    sink_.struct_size = sizeof sink_;
    sink_.impl = this;
    sink_.evidence = evidence_.table();
    sink_.emit = [](dune_sink* sink, const dune_signal* signal) {
      return static_cast<TestSink*>(sink->impl)->emit(*signal);
    };
    sink_.cancelled = [](dune_sink*) { return 0u; };
    reset();
  }
  TestSink(const TestSink&) = delete;
  TestSink& operator=(const TestSink&) = delete;

  dune_sink* raw() noexcept { return &sink_; }
  std::vector<Signal>& signals() noexcept { return signals_; }
  const std::string& violation() const noexcept { return violation_; }

 private:
  static constexpr std::size_t kMostSignals = 8, kMostEvidence = 1024 * 1024;

  void reset() {
    evidence_.clear();
    evidence_.table()->begin_object(evidence_.table());
  }
  dune_status refuse(std::string why) {
    if (violation_.empty()) violation_ = "emit: " + std::move(why);
    reset();
    return DUNE_E_INVALID;
  }
  bool is_type(std::string_view type) const {
    if (type == view(vtable_.default_signal_type)) return true;
    const dune_array all{vtable_.templates, vtable_.template_count, vtable_.template_stride};
    for (std::uint32_t i = 0; i < all.count; ++i) {
      if (view(DUNE_AT(all, dune_template, i)->signal_type) == type) return true;
    }
    return false;
  }
  dune_status emit(const dune_signal& given) {
    Signal signal;
    signal.type = std::string(view(given.type.ptr ? given.type : vtable_.default_signal_type));
    signal.severity = static_cast<Severity>(given.severity);
    signal.confidence = given.confidence;
    signal.step = given.step_index;
    if (signals_.size() >= kMostSignals) return refuse("more than 8 signals for one run");
    if (!is_type(signal.type)) {
      return refuse("type '" + signal.type + "' is neither the default nor one of the templates");
    }
    if (given.severity < DUNE_SEVERITY_LOW || given.severity > DUNE_SEVERITY_CRITICAL) {
      return refuse("severity " + std::to_string(given.severity) + " is not 1 to 4");
    }
    if (!std::isfinite(given.confidence) || given.confidence < 0 || given.confidence > 1) {
      return refuse("confidence " + std::to_string(given.confidence) + " is not within 0 and 1");
    }
    if (given.step_index < 0 || given.step_index > last_step_) {
      return refuse("step " + std::to_string(given.step_index) + " is not within the run (0 to " +
                    std::to_string(last_step_) + ")");
    }
    if (given.evidence_json.ptr != nullptr) {
      signal.evidence = std::string(view(given.evidence_json));
    } else {
      evidence_.table()->end_object(evidence_.table());
      if (!evidence_.complete()) {
        return refuse("evidence is not well-formed (a key without a value, or something left open)");
      }
      signal.evidence = evidence_.text();
    }
    const auto json = Json::parse(signal.evidence);
    if (!json || json->type() != Json::Type::object) return refuse("evidence is no JSON object: " + signal.evidence);
    if (signal.evidence.size() > kMostEvidence) return refuse("evidence is larger than 1 MiB");
    signals_.push_back(std::move(signal));
    reset();
    return DUNE_OK;
  }

  const dune_detector_v1& vtable_;
  std::int32_t last_step_;
  JsonSink evidence_;
  dune_sink sink_{};
  std::vector<Signal> signals_;
  std::string violation_;
};

}  // namespace detail

// What a plugin's detector finds; `id` names it when the library has several. Throws Failed when the parameters are
// refused, when a call fails, and when the host would refuse what it emitted.
inline std::vector<Signal> run_detector(const dune_plugin* plugin, const OwnedRun& run, Settings settings = {},
                                        std::string_view id = {}, const FakeHost& host = FakeHost()) {
  const dune_component& component = detail::component_of(plugin, DUNE_IFACE_DETECTOR_V1, id);
  const detail::Config config(component, std::move(settings));
  detail::Instance<dune_detector_v1> detector(component, host, config);
  detail::TestSink sink(component, run.raw()->current_step);
  dune_error error{};
  detector.require(detector->detect(detector.raw(), run.raw(), sink.raw(), &error), error, "detect");
  if (!sink.violation().empty())
    throw Failed(DUNE_E_INVALID, std::string(view(component.id)) + ": " + sink.violation());
  return std::move(sink.signals());
}

// The same for a detector class of this program, with its default parameters or with these values.
template <class T>
std::vector<Signal> run_detector(const OwnedRun& run) {
  return run_detector(dunetrace::detail::Thunk<T>::plugin(), run);
}
template <class T>
std::vector<Signal> run_detector(const OwnedRun& run, const typename T::Params& params,
                                 const FakeHost& host = FakeHost()) {
  return run_detector(dunetrace::detail::Thunk<T>::plugin(), run, settings_of<T>(params), {}, host);
}

}  // namespace testing
}  // namespace v1
}  // namespace dunetrace
