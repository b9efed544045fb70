// A plugin's tables as another compiler, another version or a mistake may lay them out: every size, stride, count and
// text is chosen by the input. Each record lies in memory of its own that ends where the record says it ends, so that a
// read behind it is seen. What cannot be tested is a table that is shorter than its count: nobody but the plugin could
// know. A library that passes is described the same to a host that only gets it through a runner.
#include <dunetrace/plugin.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "fuzz.hpp"
#include "plugin/describe.hpp"
#include "plugin/isolation/library_codec.hpp"
#include "plugin/take.hpp"

namespace dunetrace::fuzz {
namespace {

using namespace plugin;

class Plugin {
 public:
  explicit Plugin(std::string_view input) : choices_(input) {}

  const dune_plugin* make() {
    dune_plugin out{};
    out.magic = choices_.below(32) == 31 ? 7 : DUNE_MAGIC;
    out.abi_major = choices_.below(32) == 31 ? 9 : DUNE_ABI_MAJOR;
    out.abi_minor = static_cast<std::uint16_t>(choices_.byte());
    out.min_host_minor = choices_.below(16) == 15 ? 200 : 0;
    out.id = text("com.example.x");
    out.vendor = text("");
    out.version = text("1.0");
    out.license = text("");
    const auto components = table<dune_component>(3, [this] { return component(); });
    out.components = static_cast<const dune_component*>(components.data);
    out.component_count = components.count;
    out.component_stride = components.stride;
    const auto size = size_of(sizeof out, 16);  // its first 16 bytes are always there
    out.struct_size = static_cast<std::uint32_t>(size);
    return static_cast<const dune_plugin*>(keep(&out, sizeof out, size));
  }

 private:
  // Exactly `size` bytes, the first of them from `from`.
  void* keep(const void* from, std::size_t have, std::size_t size) {
    auto& block = blocks_.emplace_back(new char[size]());
    if (have > 0) std::memcpy(block.get(), from, std::min(have, size));
    return block.get();
  }
  std::size_t size_of(std::size_t full, std::size_t least = 4) {
    switch (choices_.below(16)) {
      case 0:
        return std::max(least, choices_.byte() % full);
      case 1:
        return full + choices_.byte();
      default:
        return full;
    }
  }
  dune_str text(std::string_view usual) {
    switch (choices_.below(8)) {
      case 0: {
        const auto given = choices_.text();
        return {static_cast<const char*>(keep(given.data(), given.size(), given.size())), given.size()};
      }
      case 1:
        return {nullptr, choices_.flag() ? 5u : 0u};
      case 2:
        return {usual.data(), std::size_t{1} << (20 + choices_.below(40))};  // refused before it is read
      default:
        return {usual.data(), usual.size()};
    }
  }
  // A record as a pointer, as large as it says.
  template <class T>
  const void* record(T one) {
    const auto size = size_of(sizeof one);
    one.struct_size = static_cast<std::uint32_t>(size);
    return keep(&one, sizeof one, size);
  }
  // Records beside each other; behind the last one there is room for what it says.
  template <class T, class Make>
  dune_array table(unsigned most, Make make) {
    const auto count = choices_.below(most + 1);
    const auto stride = static_cast<std::uint32_t>(size_of(sizeof(T)));
    std::string all(static_cast<std::size_t>(count) * stride + sizeof(T) + 256, '\0');
    for (unsigned i = 0; i < count; ++i) {
      T one = make();
      one.struct_size = static_cast<std::uint32_t>(size_of(sizeof one));
      std::memcpy(all.data() + static_cast<std::size_t>(i) * stride, &one, sizeof one);
    }
    const bool lies = choices_.below(32) == 31;
    return {choices_.below(32) == 31 ? nullptr : keep(all.data(), all.size(), all.size()), lies ? 100'000 : count,
            stride};
  }
  dune_array texts() {
    std::vector<dune_str> all;
    for (auto n = choices_.below(4); n > 0; --n) all.push_back(text("a"));
    const auto count = static_cast<std::uint32_t>(all.size());
    const auto bytes = all.size() * sizeof(dune_str);
    return {keep(all.data(), bytes, bytes), choices_.below(32) == 31 ? 100'000 : count, sizeof(dune_str)};
  }
  dune_value value() {
    dune_value out{};
    out.type = choices_.below(8);
    if (out.type == DUNE_VALUE_BOOL || out.type == DUNE_VALUE_INT) out.as.i = choices_.number<std::int8_t>();
    if (out.type == DUNE_VALUE_FLOAT) out.as.f = choices_.number<double>();
    if (out.type == DUNE_VALUE_STRING) out.as.s = text("b");
    if (out.type == DUNE_VALUE_STRING_LIST) out.as.list = texts();
    return out;
  }
  dune_param_spec param() {
    dune_param_spec out{};
    out.flags = choices_.byte();
    const auto given = choices_.take(1);
    out.name = given.empty() ? text("limit") : text(given);
    out.type = choices_.below(8);
    out.def = value();
    out.min = value();
    out.max = value();
    out.choices = texts();
    out.unit = text("");
    out.doc = text("");
    return out;
  }
  dune_template explanation() {
    dune_template out{};
    out.signal_type = text("ODD_RUN");
    out.title = text("t");
    out.what = text("w");
    out.why_it_matters = text("y");
    out.evidence_summary = text("e");
    std::vector<dune_fix> fixes;
    for (auto n = choices_.below(3); n > 0; --n) fixes.push_back({text("d"), text("text"), text("c")});
    const auto bytes = fixes.size() * sizeof(dune_fix);
    out.fixes = static_cast<const dune_fix*>(keep(fixes.data(), bytes, bytes));
    out.fix_count = choices_.below(32) == 31 ? 100'000 : static_cast<std::uint32_t>(fixes.size());
    return out;
  }
  dune_action action() {
    dune_action out{};
    out.mutates = choices_.byte();
    const auto given = choices_.take(1);
    out.id = given.empty() ? text("act") : text(given);
    out.title = text("t");
    out.doc = text("");
    out.input_schema_json = text("{}");
    return out;
  }
  const void* detector() {
    dune_detector_v1 out{};
    out.default_signal_type = text("ODD_RUN");
    const auto templates = table<dune_template>(2, [this] { return explanation(); });
    out.templates = static_cast<const dune_template*>(templates.data);
    out.template_count = templates.count;
    out.template_stride = templates.stride;
    out.create = [](const dune_host*, const dune_config*, void**, dune_error*) -> dune_status { return DUNE_OK; };
    if (choices_.below(16) != 15) out.destroy = [](void*) {};
    out.detect = [](void*, const dune_run*, dune_sink*, dune_error*) -> dune_status { return DUNE_OK; };
    if (choices_.flag())
      out.explain = [](const dune_explain_in*, dune_explain_out*, dune_error*) -> dune_status { return DUNE_OK; };
    return record(out);
  }
  const void* alert() {
    dune_alert_v1 out{};
    out.max_batch = choices_.number<std::uint32_t>();
    out.create = [](const dune_host*, const dune_config*, void**, dune_error*) -> dune_status { return DUNE_OK; };
    out.destroy = [](void*) {};
    if (choices_.below(16) != 15)
      out.deliver = [](void*, const dune_alert_batch*, dune_delivery*, dune_error*) -> dune_status { return DUNE_OK; };
    return record(out);
  }
  const void* integration() {
    dune_integration_v1 out{};
    const auto actions = table<dune_action>(3, [this] { return action(); });
    out.actions = static_cast<const dune_action*>(actions.data);
    out.action_count = actions.count;
    out.action_stride = actions.stride;
    out.create = [](const dune_host*, const dune_config*, void**, dune_error*) -> dune_status { return DUNE_OK; };
    out.destroy = [](void*) {};
    if (choices_.below(16) != 15)
      out.invoke = [](void*, const dune_call*, dune_json*, dune_error*) -> dune_status { return DUNE_OK; };
    return record(out);
  }
  dune_component component() {
    dune_component out{};
    const auto given = choices_.take(1);
    out.id = given.empty() ? text("odd_run") : text(given);
    out.title = text("t");
    out.doc = text("");
    const auto params = table<dune_param_spec>(3, [this] { return param(); });
    out.params = static_cast<const dune_param_spec*>(params.data);
    out.param_count = params.count;
    out.param_stride = params.stride;
    switch (choices_.below(5)) {
      case 0:
        out.iface = text(DUNE_IFACE_ALERT_V1);
        out.vtable = alert();
        break;
      case 1:
        out.iface = text(DUNE_IFACE_INTEGRATION_V1);
        out.vtable = integration();
        break;
      case 2:
        out.iface = text("dune.unknown/1");
        break;
      default:
        out.iface = text(DUNE_IFACE_DETECTOR_V1);
        out.vtable = detector();
    }
    // An interface that was chosen by the input must not read another one's table.
    const auto name = view(out.iface.len > 100 ? dune_str{} : out.iface);
    const bool known =
        name == DUNE_IFACE_ALERT_V1 || name == DUNE_IFACE_INTEGRATION_V1 || name == DUNE_IFACE_DETECTOR_V1;
    if (!known) out.vtable = nullptr;
    return out;
  }

  Choices choices_;
  std::deque<std::unique_ptr<char[]>> blocks_;
};

void check(const Component& component) {
  DUNE_HOLDS(!component.schema.id.empty() && !component.schema.kind.empty(), component.schema.id);
  for (const auto& param : component.schema.params) {
    DUNE_HOLDS(param.def || param.required, param.name);
    if (param.def) DUNE_HOLDS(param.def->index() == static_cast<std::size_t>(param.type), param.name);
  }
  for (const auto& one : component.templates) {
    DUNE_HOLDS(std::ranges::count(component.schema.signal_types, one.signal_type) == 1, one.signal_type);
  }
}

}  // namespace

void run(std::string_view input) {
  Plugin tables(input);
  const auto library = describe(tables.make());
  if (!library) {
    DUNE_HOLDS(library.error().code == Code::invalid_argument && is_utf8(library.error().text), library.error().text);
    return;
  }
  for (const auto& component : library->components) check(component);
  if (library->components.empty()) return;
  Packer packed;
  pack(packed, *library);
  Unpacker unpacker(packed.bytes());
  const auto again = unpack_library(unpacker);
  DUNE_HOLDS(again.has_value(), again.error().text);
  Packer twice;
  pack(twice, again->library);
  DUNE_HOLDS(twice.bytes() == packed.bytes(), library->id);
}

}  // namespace dunetrace::fuzz
