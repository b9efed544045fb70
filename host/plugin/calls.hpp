// What every call into a plugin needs: its parameter values in the contract's form, its text of a failure, and a fence
// against exceptions. Internal to plugin/; each object is used by one thread.
#pragma once

#include <dunetrace/plugin.h>
#include <fmt/format.h>

#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/parameters.hpp"

namespace dunetrace::plugin {

// The plugin's text of a failure, repaired; a neutral one when it gave none.
[[nodiscard]] std::string reason(dune_status status, const dune_error& error);
// What it wrote into the record besides a positive outcome; empty when nothing.
[[nodiscard]] std::string remark(const dune_error& error);

// dune_config over host values; borrows their texts.
class ConfigValues {
 public:
  ConfigValues(std::span<const config::ParamValue> values, std::string_view category);
  ConfigValues(const ConfigValues&) = delete;
  ConfigValues& operator=(const ConfigValues&) = delete;
  [[nodiscard]] const dune_config* raw() const { return &config_; }

 private:
  dune_value convert(const config::ParamValue& value);

  std::vector<std::vector<dune_str>> lists_;
  std::vector<dune_value> values_;
  dune_config config_{};
};

// A plugin built by hand may let an exception out. Where it can be caught at all it becomes a failure; `threw` then
// tells it from one that the plugin reported, because the contract allows no exception.
template <class F>
dune_status guarded(dune_error& error, F call, bool* threw = nullptr) {
  try {
    return call();
  } catch (const std::exception& thrown) {
    error.message_len = static_cast<std::uint32_t>(
        fmt::format_to_n(error.message, sizeof error.message, "threw an exception: {}", thrown.what()).size);
  } catch (...) {
    error.message_len = static_cast<std::uint32_t>(
        fmt::format_to_n(error.message, sizeof error.message, "threw an unknown exception").size);
  }
  if (threw != nullptr) *threw = true;
  return DUNE_E_INTERNAL;
}

// An instance that a plugin made and only that plugin can end. `host` outlives it.
class Instance {
 public:
  explicit Instance(void (*destroy)(void*)) : destroy_(destroy) {}
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();
  // DUNE_OK, or what create() said; a failing create hands nothing over.
  [[nodiscard]] dune_status make(dune_status (*create)(const dune_host*, const dune_config*, void**, dune_error*),
                                 const dune_host* host, const dune_config* config, dune_error& error,
                                 bool* threw = nullptr);
  [[nodiscard]] void* get() const { return instance_; }

 private:
  void (*destroy_)(void*);
  void* instance_ = nullptr;
};

}  // namespace dunetrace::plugin
