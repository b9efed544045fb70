// dunetrace/signal.hpp - how a detector reports what it found: C++17 over dune_sink and dune_json. Header only. Used
// inside detect() alone, by the thread that called it.
#pragma once
#include <dunetrace/view.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace dunetrace {
inline namespace v1 {

enum class Severity : std::uint32_t {
  low = DUNE_SEVERITY_LOW,
  medium = DUNE_SEVERITY_MEDIUM,
  high = DUNE_SEVERITY_HIGH,
  critical = DUNE_SEVERITY_CRITICAL
};

namespace detail {
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
}  // namespace detail

// Writes JSON through the host, which escapes, repairs UTF-8 and turns non-finite numbers into null. Errors stick and
// come back from emit(), so callers write straight on.
class JsonWriter {
 public:
  explicit JsonWriter(dune_json* json) noexcept : json_(json) {}

  // bool, integers, floating point, text, nullptr, std::optional of these (empty = null), ranges of these (arrays).
  template <class V>
  JsonWriter& value(const V& v) {
    if constexpr (std::is_same_v<V, std::nullptr_t> || std::is_same_v<V, std::nullopt_t>) {
      json_->null(json_);
    } else if constexpr (detail::is_optional<V>::value) {
      v ? value(*v) : value(nullptr);
    } else if constexpr (std::is_same_v<V, bool>) {
      json_->boolean(json_, v ? 1u : 0u);
    } else if constexpr (std::is_integral_v<V>) {
      json_->i64(json_, static_cast<std::int64_t>(v));
    } else if constexpr (std::is_floating_point_v<V>) {
      json_->f64(json_, static_cast<double>(v));
    } else if constexpr (std::is_same_v<V, dune_str>) {
      v.ptr ? json_->str(json_, v) : json_->null(json_);
    } else if constexpr (std::is_convertible_v<const V&, std::string_view>) {
      json_->str(json_, str(v));
    } else {
      json_->begin_array(json_);
      for (const auto& element : v) value(element);
      json_->end_array(json_);
    }
    return *this;
  }
  JsonWriter& raw(std::string_view json) { return json_->raw(json_, str(json)), *this; }  // one JSON value as text
  // fill(JsonWriter&) writes the elements, for instance with value().
  template <class F>
  JsonWriter& array(F&& fill) {
    json_->begin_array(json_);
    fill(*this);
    json_->end_array(json_);
    return *this;
  }
  // fill(JsonWriter&) writes the members with the key forms below.
  template <class F>
  JsonWriter& object(F&& fill) {
    json_->begin_object(json_);
    fill(*this);
    json_->end_object(json_);
    return *this;
  }

  JsonWriter& key(std::string_view name) { return json_->key(json_, str(name)), *this; }
  template <class V>
  JsonWriter& value(std::string_view name, const V& v) {
    return key(name).value(v);
  }
  JsonWriter& raw(std::string_view name, std::string_view json) { return key(name).raw(json); }
  template <class F>
  JsonWriter& array(std::string_view name, F&& fill) {
    return key(name).array(fill);
  }
  template <class F>
  JsonWriter& object(std::string_view name, F&& fill) {
    return key(name).object(fill);
  }

 private:
  dune_json* json_;
};

// out.signal(Severity::high, 0.9, step).with("tool", name).with("count", n).emit();
// Evidence that was begun must be emitted before the next signal begins: both share the host's writer.
class Signal {
 public:
  Signal(dune_sink* sink, Severity severity, double confidence, std::int32_t step) noexcept
      : sink_(sink), json_(sink->evidence) {
    record_.struct_size = sizeof record_;
    record_.severity = static_cast<std::uint32_t>(severity);
    record_.confidence = confidence;
    record_.step_index = step;
  }

  // Only for detectors with several signal types; the text must live until emit().
  Signal& type(std::string_view name) noexcept { return record_.type = str(name), *this; }
  template <class V>
  Signal& with(std::string_view key, const V& v) {
    return json_.value(key, v), *this;
  }
  template <class V>
  Signal& with_if(bool wanted, std::string_view key, const V& v) {
    return wanted ? with(key, v) : *this;
  }
  template <class F>
  Signal& with_array(std::string_view key, F&& fill) {
    return json_.array(key, fill), *this;
  }
  template <class F>
  Signal& with_object(std::string_view key, F&& fill) {
    return json_.object(key, fill), *this;
  }
  Signal& with_raw(std::string_view key, std::string_view json) { return json_.raw(key, json), *this; }
  // The whole evidence as finished text, one JSON object; replaces what was written with with(). Lives until emit().
  Signal& evidence(std::string_view json) noexcept { return record_.evidence_json = str(json), *this; }
  // Straight access for evidence that is written in loops.
  JsonWriter& json() noexcept { return json_; }

  // DUNE_E_INVALID when the host refuses the signal; the host logs the reason itself.
  dune_status emit() noexcept { return sink_->emit(sink_, &record_); }

 private:
  dune_sink* sink_;
  JsonWriter json_;
  dune_signal record_{};
};

class Sink {
 public:
  explicit Sink(dune_sink* sink) noexcept : sink_(sink) {}
  Signal signal(Severity severity, double confidence, std::int32_t step) noexcept {
    return {sink_, severity, confidence, step};
  }
  // True once the time for this run is used up: return as soon as possible. Poll in long loops.
  bool cancelled() const noexcept { return sink_->cancelled(sink_) != 0; }

 private:
  dune_sink* sink_;
};

}  // namespace v1
}  // namespace dunetrace
