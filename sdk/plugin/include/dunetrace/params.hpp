// dunetrace/params.hpp - the parameter table of a component class, and what all kinds of components share: C++17 over
// dunetrace/plugin.h, header only. detector.hpp, alert.hpp and integration.hpp include it.
#pragma once
#include <dunetrace/plugin.h>
#include <dunetrace/host.hpp>
#include <dunetrace/view.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace dunetrace {
inline namespace v1 {

// One entry of the parameter table: where the value lands, and what operators see. V is std::int64_t, double, bool,
// std::string or std::string_view-like text kept as std::string in the Params.
template <class P, class V, class D>
struct Param {
  V P::*member;
  const char* name;
  D def, min, max;  // min and max are not used for bool and text
  const char* unit;
  const char* doc;
  std::uint32_t flags = 0;  // DUNE_PARAM_*
};

template <class P>
constexpr auto param(std::int64_t P::*member, const char* name, std::int64_t def, std::int64_t min, std::int64_t max,
                     const char* unit, const char* doc) {
  return Param<P, std::int64_t, std::int64_t>{member, name, def, min, max, unit, doc};
}
template <class P>
constexpr auto param(double P::*member, const char* name, double def, double min, double max, const char* unit,
                     const char* doc) {
  return Param<P, double, double>{member, name, def, min, max, unit, doc};
}
template <class P>
constexpr auto param(bool P::*member, const char* name, bool def, const char* doc) {
  return Param<P, bool, bool>{member, name, def, false, false, "", doc};
}
template <class P>
constexpr auto param(std::string P::*member, const char* name, const char* def, const char* unit, const char* doc) {
  return Param<P, std::string, const char*>{member, name, def, nullptr, nullptr, unit, doc};
}
// A text that the operator must give: there is no default that makes sense.
template <class P>
constexpr auto required(std::string P::*member, const char* name, const char* unit, const char* doc) {
  return Param<P, std::string, const char*>{member, name, nullptr, nullptr, nullptr, unit, doc, DUNE_PARAM_REQUIRED};
}
// The operator writes a reference (env:NAME, file:/path) instead of the value, and the host never shows it:
// secret(required(&Params::token, …)), or secret(param(…, "", …)) for one that may be left out.
template <class P>
constexpr auto secret(Param<P, std::string, const char*> of) {
  of.flags |= DUNE_PARAM_SECRET;
  return of;
}

namespace detail {

// With a braced initialiser only the union's first member could be set at compile time; hence functions.
inline dune_value value_of(std::int64_t v) noexcept {
  dune_value out{};
  out.type = DUNE_VALUE_INT;
  out.as.i = v;
  return out;
}
inline dune_value value_of(double v) noexcept {
  dune_value out{};
  out.type = DUNE_VALUE_FLOAT;
  out.as.f = v;
  return out;
}
inline dune_value value_of(bool v) noexcept {
  dune_value out{};
  out.type = DUNE_VALUE_BOOL;
  out.as.i = v ? 1 : 0;
  return out;
}
inline dune_value value_of(const char* v) noexcept {
  dune_value out{};
  out.type = DUNE_VALUE_STRING;
  out.as.s = lit(v);
  return out;
}
inline void read(const dune_value& v, std::int64_t& out) noexcept { out = v.as.i; }
inline void read(const dune_value& v, double& out) noexcept { out = v.as.f; }
inline void read(const dune_value& v, bool& out) noexcept { out = v.as.i != 0; }
inline void read(const dune_value& v, std::string& out) { out = view(v.as.s); }

template <class P, class V, class D>
dune_param_spec spec_of(const Param<P, V, D>& p) noexcept {
  dune_param_spec spec{};
  spec.struct_size = sizeof spec;
  spec.flags = p.flags;
  spec.name = lit(p.name);
  if constexpr (std::is_same_v<D, const char*>) {
    spec.type = DUNE_VALUE_STRING;
    if (p.def != nullptr) spec.def = value_of(p.def);
  } else {
    spec.def = value_of(p.def);
    spec.type = spec.def.type;
  }
  if constexpr (std::is_same_v<D, std::int64_t> || std::is_same_v<D, double>) {
    spec.min = value_of(p.min);
    spec.max = value_of(p.max);
  }
  spec.unit = lit(p.unit);
  spec.doc = lit(p.doc);
  return spec;
}

inline dune_status fail(dune_error* error, dune_status code, const char* why) noexcept {
  if (error != nullptr) {
    const std::size_t length = std::strlen(why);
    const std::size_t kept = length < sizeof error->message ? length : sizeof error->message;
    error->code = code;
    std::memcpy(error->message, why, kept);
    error->message_len = static_cast<std::uint32_t>(kept);
  }
  return code;
}

// Runs f and turns whatever it throws into a status: nothing may be thrown across the boundary.
template <class F>
dune_status guard(dune_error* error, F&& f) noexcept {
  try {
    return f();
  } catch (const Failure& failure) {
    return fail(error, failure.code(), failure.what());
  } catch (const std::bad_alloc&) {
    return fail(error, DUNE_E_LIMIT, "out of memory");
  } catch (const std::exception& exception) {
    return fail(error, DUNE_E_INTERNAL, exception.what());
  } catch (...) {
    return fail(error, DUNE_E_INTERNAL, "unknown exception");
  }
}

template <class D, class = void>
struct has_check : std::false_type {};
template <class D>
struct has_check<D, std::void_t<decltype(D::check(std::declval<const typename D::Params&>()))>> : std::true_type {};

// What every kind of component class has: the parameter table and its values.
template <class D>
struct Table {
  using P = typename D::Params;
  static constexpr std::size_t kParams = std::tuple_size_v<std::decay_t<decltype(D::params)>>;

  static P load(const dune_config* config) {
    if (config == nullptr || config->value_count < kParams) {
      throw Failure(DUNE_E_INVALID, "the host passed fewer values than the parameter table has");
    }
    P params{};
    std::size_t i = 0;
    static_cast<void>(i);
    std::apply([&](const auto&... entry) { (read(config->values[i++], params.*(entry.member)), ...); }, D::params);
    return params;
  }
  static D* make(const P& params, [[maybe_unused]] const dune_host* host) {
    if constexpr (std::is_constructible_v<D, const P&, Host>) {
      return new D(params, Host(host));
    } else {
      return new D(params);
    }
  }
  // Why these values make no sense together; nullptr when they do.
  static const char* check([[maybe_unused]] const P& params) {
    if constexpr (has_check<D>::value) {
      return D::check(params);
    } else {
      return nullptr;
    }
  }
  static std::array<dune_param_spec, kParams> specs() noexcept {
    return std::apply([](const auto&... entry) { return std::array<dune_param_spec, kParams>{spec_of(entry)...}; },
                      D::params);
  }
  // create() of the interfaces that have no validate(): the rule over several values is asked here.
  static dune_status checked_create(const dune_host* host, const dune_config* config, void** out,
                                    dune_error* error) noexcept {
    return guard(error, [&]() -> dune_status {
      const P params = load(config);
      if (const char* why = check(params)) return fail(error, DUNE_E_CONFIG, why);
      return *out = make(params, host), DUNE_OK;
    });
  }
  static void destroy(void* instance) noexcept { delete static_cast<D*>(instance); }

  // The descriptor of a library with this one component. Built at the first call, immutable afterwards, without
  // allocation. `vtable` is static.
  static const dune_plugin* plugin(const char* iface, const void* vtable) noexcept {
    static const auto params = specs();
    static const dune_component component{
        sizeof(dune_component),  0,           lit(iface),    lit(D::id),
        lit(D::title),           lit(D::doc), params.data(), static_cast<std::uint32_t>(kParams),
        sizeof(dune_param_spec), vtable,      nullptr};
    static const dune_plugin plugin{
        DUNE_MAGIC,     DUNE_ABI_MAJOR,  DUNE_ABI_MINOR,  sizeof(dune_plugin), 0, lit(D::plugin_id),
        lit(D::vendor), lit(D::version), lit(D::license), &component,          1, sizeof(dune_component)};
    return &plugin;
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace dunetrace
