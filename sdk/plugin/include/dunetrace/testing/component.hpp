// dunetrace/testing/component.hpp - one component of a plugin, made with the values of a test: what the headers for
// detectors, destinations and integrations share. Header only, C++17. What goes wrong is thrown as Failed.
#pragma once
#include <dunetrace/plugin.h>
#include <dunetrace/params.hpp>
#include <dunetrace/testing/host.hpp>
#include <dunetrace/view.hpp>

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace dunetrace {
inline namespace v1 {
namespace testing {

// The plugin refused, failed or broke the contract; the text says what the host would log.
class Failed : public std::runtime_error {
 public:
  Failed(dune_status status, const std::string& why) : std::runtime_error(why), status_(status) {}
  dune_status status() const noexcept { return status_; }

 private:
  dune_status status_;
};

// A parameter as in detectors.yml: {"max_tokens", 1000}.
class Setting {
 public:
  template <class V>
  Setting(std::string name, const V& value) : name_(std::move(name)) {
    if constexpr (std::is_same_v<V, bool>) {
      value_ = dunetrace::detail::value_of(value);
    } else if constexpr (std::is_integral_v<V>) {
      value_ = dunetrace::detail::value_of(static_cast<std::int64_t>(value));
    } else if constexpr (std::is_floating_point_v<V>) {
      value_ = dunetrace::detail::value_of(static_cast<double>(value));
    } else {
      text_ = std::string(std::string_view(value));
      value_.type = DUNE_VALUE_STRING;
    }
  }
  const std::string& name() const noexcept { return name_; }
  dune_value value() const noexcept {
    dune_value out = value_;
    if (out.type == DUNE_VALUE_STRING) out.as.s = str(text_);
    return out;
  }

 private:
  std::string name_, text_;
  dune_value value_{};
};
using Settings = std::vector<Setting>;

// The values of a Params struct as settings.
template <class T>
Settings settings_of(const typename T::Params& params) {
  Settings out;
  std::apply([&](const auto&... entry) { (out.emplace_back(entry.name, params.*(entry.member)), ...); }, T::params);
  return out;
}

namespace detail {

inline std::string message_of(const dune_error& error) {
  return std::string(error.message,
                     error.message_len < sizeof error.message ? error.message_len : sizeof error.message);
}

// The component of this interface: the only one, or the one that is called `id`.
inline const dune_component& component_of(const dune_plugin* plugin, std::string_view iface, std::string_view id = {}) {
  if (plugin == nullptr || plugin->magic != DUNE_MAGIC) throw Failed(DUNE_E_INVALID, "this is no plugin's descriptor");
  const dune_array all{plugin->components, plugin->component_count, plugin->component_stride};
  for (std::uint32_t i = 0; i < all.count; ++i) {
    const dune_component& component = *DUNE_AT(all, dune_component, i);
    if (view(component.iface) == iface && (id.empty() || view(component.id) == id)) return component;
  }
  throw Failed(DUNE_E_INVALID,
               "the plugin has no component for " + std::string(iface) + " called '" + std::string(id) + "'");
}

// The complete list of values that the host would pass: defaults, and what the test sets.
class Config {
 public:
  Config(const dune_component& component, Settings settings) : settings_(std::move(settings)) {
    const dune_array specs{component.params, component.param_count, component.param_stride};
    std::string names;
    for (std::uint32_t i = 0; i < specs.count; ++i) {
      const dune_param_spec& spec = *DUNE_AT(specs, dune_param_spec, i);
      names += (i == 0 ? "" : ", ") + std::string(view(spec.name));
      values_.push_back(value_of(spec));
    }
    for (const Setting& setting : settings_) {
      if (!known(specs, setting.name())) {
        throw Failed(DUNE_E_CONFIG, "there is no parameter '" + setting.name() + "'; there are: " + names);
      }
    }
    config_.struct_size = sizeof config_;
    config_.value_count = static_cast<std::uint32_t>(values_.size());
    config_.values = values_.data();
    config_.category = lit("default");
  }
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;
  const dune_config* raw() const noexcept { return &config_; }

 private:
  static bool known(const dune_array& specs, std::string_view name) {
    for (std::uint32_t i = 0; i < specs.count; ++i) {
      if (view(DUNE_AT(specs, dune_param_spec, i)->name) == name) return true;
    }
    return false;
  }
  dune_value value_of(const dune_param_spec& spec) const {
    const std::string name(view(spec.name));
    dune_value value = spec.def;
    bool given = spec.def.type != DUNE_VALUE_NONE;
    for (const Setting& setting : settings_) {
      if (setting.name() == name) value = setting.value(), given = true;
    }
    if (!given) {
      if ((spec.flags & DUNE_PARAM_REQUIRED) == 0) return value;
      throw Failed(DUNE_E_CONFIG, name + ": must be given");
    }
    if (spec.type == DUNE_VALUE_FLOAT && value.type == DUNE_VALUE_INT) {
      value = dunetrace::detail::value_of(static_cast<double>(value.as.i));
    }
    if (value.type != spec.type)
      throw Failed(DUNE_E_CONFIG, name + ": the value is of another type than the parameter");
    check_range(spec, value, name);
    return value;
  }
  static void check_range(const dune_param_spec& spec, const dune_value& value, const std::string& name) {
    const bool whole = spec.type == DUNE_VALUE_INT;
    if (!whole && spec.type != DUNE_VALUE_FLOAT) return;
    const bool low =
        spec.min.type != DUNE_VALUE_NONE && (whole ? value.as.i < spec.min.as.i : value.as.f < spec.min.as.f);
    const bool high =
        spec.max.type != DUNE_VALUE_NONE && (whole ? value.as.i > spec.max.as.i : value.as.f > spec.max.as.f);
    if (low || high) throw Failed(DUNE_E_CONFIG, name + (low ? ": is below its minimum" : ": is above its maximum"));
  }

  Settings settings_;  // owns the texts
  std::vector<dune_value> values_;
  dune_config config_{};
};

// An instance for the length of a test.
template <class Vtable>
class Instance {
 public:
  Instance(const dune_component& component, const FakeHost& host, const Config& config)
      : vtable_(*static_cast<const Vtable*>(component.vtable)), id_(view(component.id)) {
    dune_error error{};
    const dune_host* granted = host.raw();
    if constexpr (std::is_same_v<Vtable, dune_detector_v1>) {
      granted = host.for_detectors();
      if (vtable_.validate != nullptr) require(vtable_.validate(config.raw(), &error), error, "validate");
    }
    require(vtable_.create(granted, config.raw(), &instance_, &error), error, "create");
  }
  ~Instance() {
    if (instance_ != nullptr || created_) vtable_.destroy(instance_);
  }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  const Vtable& operator*() const noexcept { return vtable_; }
  const Vtable* operator->() const noexcept { return &vtable_; }
  void* raw() const noexcept { return instance_; }
  void require(dune_status status, const dune_error& error, const char* call) {
    if (status < 0) {
      throw Failed(status, id_ + ": " + call + " failed with " + std::to_string(status) + ": " + message_of(error));
    }
    created_ = std::string_view(call) == "create" || created_;
  }

 private:
  const Vtable& vtable_;
  std::string id_;
  void* instance_ = nullptr;
  bool created_ = false;
};

}  // namespace detail
}  // namespace testing
}  // namespace v1
}  // namespace dunetrace
