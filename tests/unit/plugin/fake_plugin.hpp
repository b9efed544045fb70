// A descriptor built in memory that tests bend, field by field, into every wrong shape.
#pragma once

#include <dunetrace/plugin.h>

#include <functional>
#include <string>

#include "plugin/take.hpp"

namespace dunetrace::plugin {

inline dune_value int_value(std::int64_t v) {
  dune_value value{};
  value.type = DUNE_VALUE_INT;
  value.as.i = v;
  return value;
}

// What the detector's detect() does; set by a test before it asks.
inline std::function<dune_status(const dune_run*, dune_sink*, dune_error*)>& behaviour() {
  static std::function<dune_status(const dune_run*, dune_sink*, dune_error*)> now;
  return now;
}

struct FakePlugin {
  dune_param_spec param{};
  dune_fix fix{to_str("Do less"), to_str("text"), to_str("Stop.")};
  dune_template text{};
  dune_detector_v1 table{};
  dune_component component{};
  dune_plugin plugin{};

  FakePlugin() {
    param.struct_size = sizeof param;
    param.name = to_str("threshold");
    param.type = DUNE_VALUE_INT;
    param.def = int_value(3);
    param.min = int_value(1);
    param.max = int_value(10);
    param.unit = to_str("calls");
    param.doc = to_str("How many.");
    text.struct_size = sizeof text;
    text.fix_count = 1;
    text.fixes = &fix;
    text.title = to_str("t");
    text.what = to_str("w");
    text.why_it_matters = to_str("y");
    text.evidence_summary = to_str("e");
    table.struct_size = sizeof table;
    table.default_signal_type = to_str("ODD_RUN");
    table.templates = &text;
    table.template_count = 1;
    table.template_stride = sizeof text;
    table.create = [](const dune_host*, const dune_config*, void** out, dune_error*) -> dune_status {
      *out = new int(1);
      return DUNE_OK;
    };
    table.destroy = [](void* instance) { delete static_cast<int*>(instance); };
    table.detect = [](void*, const dune_run* run, dune_sink* sink, dune_error* error) -> dune_status {
      return behaviour()(run, sink, error);
    };
    component.struct_size = sizeof component;
    component.iface = to_str(DUNE_IFACE_DETECTOR_V1);
    component.id = to_str("odd_run");
    component.title = to_str("Odd run");
    component.doc = to_str("d");
    component.params = &param;
    component.param_count = 1;
    component.param_stride = sizeof param;
    component.vtable = &table;
    plugin.magic = DUNE_MAGIC;
    plugin.abi_major = DUNE_ABI_MAJOR;
    plugin.abi_minor = DUNE_ABI_MINOR;
    plugin.struct_size = sizeof plugin;
    plugin.id = to_str("test.odd");
    plugin.vendor = to_str("Test");
    plugin.version = to_str("1.2.3");
    plugin.license = to_str("Apache-2.0");
    plugin.components = &component;
    plugin.component_count = 1;
    plugin.component_stride = sizeof component;
  }
  FakePlugin(const FakePlugin&) = delete;
  FakePlugin& operator=(const FakePlugin&) = delete;
};

}  // namespace dunetrace::plugin
