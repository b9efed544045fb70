// A destination and an integration built in memory that tests bend into every wrong shape, and services that remember
// what was asked of them.
#pragma once

#include <dunetrace/plugin.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "plugin/services.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {

using Deliver = std::function<dune_status(const dune_host*, const dune_alert_batch*, dune_delivery*, dune_error*)>;
using Invoke = std::function<dune_status(const dune_host*, const dune_call*, dune_json*, dune_error*)>;

// What deliver() and invoke() do; set by a test before it asks.
inline Deliver& on_deliver() {
  static Deliver now;
  return now;
}
inline Invoke& on_invoke() {
  static Invoke now;
  return now;
}
// What create() was given: the first text parameter.
inline std::string& created_with() {
  static std::string text;
  return text;
}

struct OutwardPlugin {
  dune_param_spec param{};
  dune_alert_v1 alert{};
  dune_action actions[2]{};
  dune_integration_v1 integration{};
  dune_component components[2]{};
  dune_plugin plugin{};

  OutwardPlugin() {
    param.struct_size = sizeof param;
    param.flags = DUNE_PARAM_SECRET;
    param.name = to_str("url");
    param.type = DUNE_VALUE_STRING;
    param.def.type = DUNE_VALUE_STRING;
    alert = {sizeof alert, 2, create, destroy,
             [](void* host, const dune_alert_batch* batch, dune_delivery* out, dune_error* error) {
               return on_deliver()(static_cast<const dune_host*>(host), batch, out, error);
             }};
    actions[0] = {sizeof(dune_action), 0, to_str("list"), to_str("List"), to_str(""), to_str("{}")};
    actions[1] = {sizeof(dune_action), 1, to_str("open"), to_str("Open"), to_str("d"), to_str(R"({"type":"object"})")};
    integration = {sizeof integration,
                   2,
                   actions,
                   sizeof(dune_action),
                   0,
                   create,
                   destroy,
                   [](void* host, const dune_call* call, dune_json* result, dune_error* error) {
                     return on_invoke()(static_cast<const dune_host*>(host), call, result, error);
                   }};
    for (auto& component : components) {
      component.struct_size = sizeof component;
      component.title = to_str("t");
      component.doc = to_str("d");
      component.params = &param;
      component.param_count = 1;
      component.param_stride = sizeof param;
    }
    components[0].iface = to_str(DUNE_IFACE_ALERT_V1);
    components[0].id = to_str("post");
    components[0].vtable = &alert;
    components[1].iface = to_str(DUNE_IFACE_INTEGRATION_V1);
    components[1].id = to_str("desk");
    components[1].vtable = &integration;
    plugin.magic = DUNE_MAGIC;
    plugin.abi_major = DUNE_ABI_MAJOR;
    plugin.abi_minor = DUNE_ABI_MINOR;
    plugin.struct_size = sizeof plugin;
    plugin.id = to_str("test.outward");
    plugin.version = to_str("1.0.0");
    plugin.components = components;
    plugin.component_count = 2;
    plugin.component_stride = sizeof(dune_component);
  }
  OutwardPlugin(const OutwardPlugin&) = delete;
  OutwardPlugin& operator=(const OutwardPlugin&) = delete;

 private:
  // The instance is the host itself: all a test wants to get at.
  static dune_status create(const dune_host* host, const dune_config* config, void** out, dune_error*) {
    created_with() = std::string(view(config->values[0].as.s));
    *out = const_cast<dune_host*>(host);
    return DUNE_OK;
  }
  static void destroy(void*) {}
};

class RememberingServices final : public Services {
 public:
  void log(std::string_view component, std::string_view, telemetry::Level, std::string_view text) override {
    lines.push_back(std::string(component) + ": " + std::string(text));
  }
  Result<HttpReply> http(std::string_view, const HttpRequest& request) override {
    requests.push_back(request);
    return reply;
  }
  Result<> counter_add(std::string_view, std::string_view name, double) override { return figure(name); }
  Result<> observe(std::string_view, std::string_view name, double) override { return figure(name); }

  std::vector<std::string> lines;
  std::vector<HttpRequest> requests;
  Result<HttpReply> reply = HttpReply{200, "{}", std::nullopt};
  Result<> figure_reply{};
  std::vector<std::string> figures;

 private:
  Result<> figure(std::string_view name) {
    figures.emplace_back(name);
    return figure_reply;
  }
};

// Writes into the error record as a plugin does.
inline dune_status failure(dune_error* error, dune_status status, std::string_view text) {
  error->code = status;
  error->message_len = static_cast<std::uint32_t>(text.size());
  std::copy(text.begin(), text.end(), error->message);
  return status;
}

}  // namespace dunetrace::plugin
