// dunetrace/detector.hpp - header-only C++17 layer over dunetrace/plugin.h. No virtual type, exception or std::
// object leaves the plugin: every C callback is noexcept and turns exceptions into dune_error.
#pragma once
#include <dunetrace/plugin.h>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace dunetrace {
inline namespace v1 {   // inline namespace + hidden visibility: two SDK versions can meet in one process

inline dune_str str(std::string_view s) noexcept { return {s.data(), s.size()}; }
constexpr dune_str lit(const char* s) noexcept { std::size_t n = 0; while (s[n]) ++n; return {s, n}; }
inline std::string_view view(dune_str s) noexcept { return {s.ptr ? s.ptr : "", s.len}; }

// Random-access view over a strided array of host records.
template <class T> class Span {
  dune_array a_{};
 public:
  Span(dune_array a) noexcept : a_(a) {}
  std::size_t size() const noexcept { return a_.count; }
  bool empty() const noexcept { return a_.count == 0; }
  const T& operator[](std::size_t i) const noexcept { return *DUNE_AT(a_, T, i); }
  const T& back() const noexcept { return (*this)[a_.count - 1]; }
  Span last(std::size_t n) const noexcept {
    if (n >= a_.count) return *this;
    dune_array r = a_;
    r.data = static_cast<const char*>(a_.data) + (a_.count - n) * a_.stride; r.count = static_cast<uint32_t>(n);
    return r;
  }
  struct iterator {
    const char* p; uint32_t stride;
    const T& operator*() const noexcept { return *reinterpret_cast<const T*>(p); }
    iterator& operator++() noexcept { p += stride; return *this; }
    bool operator!=(const iterator& o) const noexcept { return p != o.p; }
  };
  iterator begin() const noexcept { return {static_cast<const char*>(a_.data), a_.stride}; }
  iterator end() const noexcept { return {static_cast<const char*>(a_.data) + std::size_t{a_.count} * a_.stride, a_.stride}; }
  bool has_stride_for(std::size_t bytes) const noexcept { return a_.count == 0 || a_.stride >= bytes; }
};

class Run {
  const dune_run* r_;
 public:
  explicit Run(const dune_run* r) noexcept : r_(r) {}
  const dune_run& raw() const noexcept { return *r_; }
  int step() const noexcept { return r_->current_step; }
  Span<dune_tool_call> tool_calls() const noexcept { return r_->tool_calls; }
  Span<dune_llm_call> llm_calls() const noexcept { return r_->llm_calls; }
  Span<dune_retrieval> retrievals() const noexcept { return r_->retrievals; }
  Span<dune_event> events() const noexcept { return r_->events; }
  std::optional<double> baseline_p75_steps() const noexcept {
    if (r_->has & DUNE_RUN_HAS_BASELINE_P75_STEPS) return r_->baseline_p75_steps;
    return std::nullopt;
  }
};

enum class Severity : std::uint32_t { low = DUNE_SEVERITY_LOW, medium, high, critical };

class Signal {   // fluent: out.signal(Severity::high, 0.9, step).with("tool", name).with("count", n).emit();
  dune_sink* s_; dune_signal sig_{};
  dune_json* j() const noexcept { return s_->evidence; }
 public:
  Signal(dune_sink* s, Severity sev, double confidence, int step) noexcept : s_(s) {
    sig_.struct_size = sizeof sig_; sig_.severity = static_cast<std::uint32_t>(sev);
    sig_.confidence = confidence; sig_.step_index = step;
  }
  template <class V> Signal& with(std::string_view key, const V& v) {
    j()->key(j(), str(key)); value(v); return *this;
  }
  template <class V> void value(const V& v) {
    if constexpr (std::is_same_v<V, bool>) j()->boolean(j(), v);
    else if constexpr (std::is_integral_v<V>) j()->i64(j(), static_cast<std::int64_t>(v));
    else if constexpr (std::is_floating_point_v<V>) j()->f64(j(), static_cast<double>(v));
    else if constexpr (std::is_same_v<V, dune_str>) j()->str(j(), v);
    else if constexpr (std::is_convertible_v<V, std::string_view>) j()->str(j(), str(v));
    else { j()->begin_array(j()); for (const auto& e : v) value(e); j()->end_array(j()); }
  }
  dune_status emit() noexcept { return s_->emit(s_, &sig_); }
};

class Sink {
  dune_sink* s_;
 public:
  explicit Sink(dune_sink* s) noexcept : s_(s) {}
  Signal signal(Severity sev, double confidence, int step) noexcept { return {s_, sev, confidence, step}; }
  bool cancelled() const noexcept { return s_->cancelled(s_) != 0; }
};

// One entry of the parameter table: where the value lands plus what operators see.
template <class P, class V> struct Param {
  V P::*member; const char* name; V def, min, max; const char* unit; const char* doc;
};
template <class P, class V>
constexpr Param<P, V> param(V P::*m, const char* name, V def, V min, V max, const char* unit, const char* doc) {
  return {m, name, def, min, max, unit, doc};
}

namespace detail {
inline dune_value val(std::int64_t v) noexcept { dune_value r{}; r.type = DUNE_VALUE_INT; r.as.i = v; return r; }
inline dune_value val(double v) noexcept { dune_value r{}; r.type = DUNE_VALUE_FLOAT; r.as.f = v; return r; }
inline void get(const dune_value& v, std::int64_t& o) noexcept { o = v.as.i; }
inline void get(const dune_value& v, double& o) noexcept { o = v.as.f; }

inline dune_status fail(dune_error* e, dune_status code, const char* what) noexcept {
  if (e) {
    std::size_t n = std::strlen(what); if (n > sizeof e->message) n = sizeof e->message;
    e->code = code; std::memcpy(e->message, what, n); e->message_len = static_cast<std::uint32_t>(n);
  }
  return code;
}
template <class F> dune_status guard(dune_error* e, F f) noexcept {
  try { return f(); }
  catch (const std::bad_alloc&) { return fail(e, DUNE_E_LIMIT, "out of memory"); }
  catch (const std::exception& x) { return fail(e, DUNE_E_INTERNAL, x.what()); }
  catch (...) { return fail(e, DUNE_E_INTERNAL, "unknown exception"); }
}

template <class D> struct Thunk {
  using P = typename D::Params;
  static constexpr auto& table = D::params;
  static constexpr std::size_t count = std::tuple_size_v<std::decay_t<decltype(D::params)>>;

  static P load(const dune_config* c) {
    P p{}; std::size_t i = 0;
    std::apply([&](auto const&... e) { (get(c->values[i++], p.*(e.member)), ...); }, table);
    return p;
  }
  template <class T, class = void> struct has_check : std::false_type {};
  template <class T> struct has_check<T, std::void_t<decltype(T::check(std::declval<const P&>()))>> : std::true_type {};

  static dune_status validate(const dune_config* c, dune_error* e) noexcept {
    return guard(e, [&]() -> dune_status {
      if constexpr (has_check<D>::value) {
        if (const char* why = D::check(load(c))) return fail(e, DUNE_E_CONFIG, why);
      }
      return DUNE_OK;
    });
  }
  static dune_status create(const dune_host*, const dune_config* c, void** out, dune_error* e) noexcept {
    return guard(e, [&] { *out = new D(load(c)); return dune_status{DUNE_OK}; });
  }
  static void destroy(void* p) noexcept { delete static_cast<D*>(p); }
  static dune_status detect(void* p, const dune_run* r, dune_sink* s, dune_error* e) noexcept {
    return guard(e, [&] { Sink out(s); static_cast<const D*>(p)->detect(Run(r), out); return dune_status{DUNE_OK}; });
  }
  static const dune_plugin* plugin() noexcept {   // built once, then immutable
    static const auto specs = [] {
      std::vector<dune_param_spec> v;
      std::apply([&](auto const&... e) {
        ((v.push_back({sizeof(dune_param_spec), 0, lit(e.name), val(e.def).type, 0, val(e.def), val(e.min), val(e.max),
                       {}, lit(e.unit), lit(e.doc)})), ...);
      }, table);
      return v;
    }();
    static const dune_detector_v1 vt{sizeof(dune_detector_v1), 0, lit(D::signal), &D::text, 1, sizeof(dune_template),
                                   validate, create, destroy, detect, nullptr};
    static const dune_component comp{sizeof(dune_component), 0, lit(DUNE_IFACE_DETECTOR_V1), lit(D::id), lit(D::title), lit(D::doc),
                                   specs.data(), static_cast<uint32_t>(specs.size()), sizeof(dune_param_spec), &vt, nullptr};
    static const dune_plugin pl{DUNE_MAGIC, DUNE_ABI_MAJOR, DUNE_ABI_MINOR, sizeof(dune_plugin), 0, lit(D::plugin_id), lit(D::vendor),
                              lit(D::version), lit(D::license), &comp, 1, sizeof(dune_component)};
    return &pl;
  }
};
}  // namespace detail
}  // namespace v1
}  // namespace dunetrace

#define DUNE_DETECTOR_PLUGIN(D) \
  extern "C" DUNE_EXPORT const dune_plugin* dune_plugin_entry_v1(void) { return ::dunetrace::detail::Thunk<D>::plugin(); }
