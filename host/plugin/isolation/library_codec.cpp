#include "plugin/isolation/library_codec.hpp"

#include <deque>

#include "plugin/describe.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

void pack(Packer& to, const std::optional<config::ParamValue>& value) {
  to.u32(value ? 1 : 0);
  if (value) to.value(*value);
}

void pack(Packer& to, const config::ParamSpec& spec) {
  to.text(spec.name).u32(static_cast<std::uint32_t>(spec.type));
  pack(to, spec.def);
  pack(to, spec.min);
  pack(to, spec.max);
  to.texts(spec.choices).text(spec.unit).text(spec.doc);
  to.u32(spec.required ? 1 : 0).u32(spec.secret ? 1 : 0).u32(spec.deprecated ? 1 : 0);
}

void pack(Packer& to, const Template& text) {
  to.text(text.signal_type).text(text.title).text(text.what).text(text.why_it_matters).text(text.evidence_summary);
  to.u32(static_cast<std::uint32_t>(text.fixes.size()));
  for (const auto& fix : text.fixes) to.text(fix.description).text(fix.language).text(fix.code);
}

void pack(Packer& to, const Component& component) {
  const auto& schema = component.schema;
  to.text(component.interface).text(schema.id).text(schema.title).text(schema.doc);
  to.text(component.default_signal_type).u32(component.explains ? 1 : 0).u32(schema.check ? 1 : 0);
  to.u32(component.max_batch);
  to.u32(static_cast<std::uint32_t>(schema.params.size()));
  for (const auto& param : schema.params) pack(to, param);
  to.u32(static_cast<std::uint32_t>(component.templates.size()));
  for (const auto& text : component.templates) pack(to, text);
  to.u32(static_cast<std::uint32_t>(component.actions.size()));
  for (const auto& action : component.actions)
    to.text(action.id).text(action.title).text(action.doc).text(action.input_schema).u32(action.mutates ? 1 : 0);
}

// The plugin's own tables, made again from what came over the wire, so that describe() can judge them. Deques keep
// what they hold at its place.
class Rebuilt {
 public:
  explicit Rebuilt(Unpacker& from) : from_(from) {}

  const dune_plugin* plugin() {
    plugin_.magic = DUNE_MAGIC;
    plugin_.abi_major = DUNE_ABI_MAJOR;
    plugin_.struct_size = sizeof plugin_;
    plugin_.abi_minor = static_cast<std::uint16_t>(from_.u32());
    plugin_.id = text();
    plugin_.vendor = text();
    plugin_.version = text();
    plugin_.license = text();
    const auto count = from_.count(kLeast);
    for (std::uint32_t i = 0; i < count && from_.ok(); ++i) components_.push_back(component());
    plugin_.components = components_.data();
    plugin_.component_count = static_cast<std::uint32_t>(components_.size());
    plugin_.component_stride = sizeof(dune_component);
    return &plugin_;
  }
  // In the order of the components.
  [[nodiscard]] const std::vector<bool>& explains() const { return explains_; }
  [[nodiscard]] const std::vector<bool>& validates() const { return validates_; }

 private:
  static constexpr std::size_t kLeast = 16;  // bytes that any entry of any table takes

  dune_str text() { return to_str(from_.text()); }
  dune_array texts() {
    auto& list = lists_.emplace_back();
    const auto count = from_.count(sizeof(std::uint32_t));
    for (std::uint32_t i = 0; i < count && from_.ok(); ++i) list.push_back(text());
    return {list.data(), static_cast<std::uint32_t>(list.size()), sizeof(dune_str)};
  }
  dune_value value() {
    dune_value out{};
    const auto index = from_.u32();
    out.type = index + DUNE_VALUE_BOOL;
    if (index == 0) out.as.i = from_.u32() != 0 ? 1 : 0;
    if (index == 1) out.as.i = from_.i64();
    if (index == 2) out.as.f = from_.f64();
    if (index == 3) out.as.s = text();
    if (index == 4) out.as.list = texts();
    return out;
  }
  dune_value optional_value() { return from_.u32() != 0 ? value() : dune_value{}; }
  dune_param_spec param() {
    dune_param_spec out{};
    out.struct_size = sizeof out;
    out.name = text();
    out.type = from_.u32() + DUNE_VALUE_BOOL;
    out.def = optional_value();
    out.min = optional_value();
    out.max = optional_value();
    out.choices = texts();
    out.unit = text();
    out.doc = text();
    if (from_.u32() != 0) out.flags |= DUNE_PARAM_REQUIRED;
    if (from_.u32() != 0) out.flags |= DUNE_PARAM_SECRET;
    if (from_.u32() != 0) out.flags |= DUNE_PARAM_DEPRECATED;
    return out;
  }
  dune_template explanation() {
    dune_template out{};
    out.struct_size = sizeof out;
    out.signal_type = text();
    out.title = text();
    out.what = text();
    out.why_it_matters = text();
    out.evidence_summary = text();
    auto& fixes = fixes_.emplace_back();
    const auto count = from_.count(kLeast / 2);
    for (std::uint32_t i = 0; i < count && from_.ok(); ++i) {
      const auto description = text();
      const auto language = text();
      fixes.push_back({description, language, text()});
    }
    out.fixes = fixes.data();
    out.fix_count = static_cast<std::uint32_t>(fixes.size());
    return out;
  }
  dune_action action() {
    dune_action out{};
    out.struct_size = sizeof out;
    out.id = text();
    out.title = text();
    out.doc = text();
    out.input_schema_json = text();
    out.mutates = from_.u32();
    return out;
  }
  template <class T, class Read>
  std::vector<T>& table(std::deque<std::vector<T>>& tables, Read read) {
    auto& out = tables.emplace_back();
    const auto count = from_.count(kLeast);
    for (std::uint32_t i = 0; i < count && from_.ok(); ++i) out.push_back(read());
    return out;
  }
  dune_component component() {
    dune_component out{};
    out.struct_size = sizeof out;
    out.iface = text();
    out.id = text();
    out.title = text();
    out.doc = text();
    const auto default_type = text();
    explains_.push_back(from_.u32() != 0);
    validates_.push_back(from_.u32() != 0);
    const auto max_batch = from_.u32();
    const auto& params = table(params_, [this] { return param(); });
    const auto& templates = table(templates_, [this] { return explanation(); });
    const auto& actions = table(actions_, [this] { return action(); });
    out.params = params.data();
    out.param_count = static_cast<std::uint32_t>(params.size());
    out.param_stride = sizeof(dune_param_spec);
    const auto iface = view(out.iface);
    if (iface == DUNE_IFACE_DETECTOR_V1) out.vtable = detector(default_type, templates);
    if (iface == DUNE_IFACE_ALERT_V1) out.vtable = alert(max_batch);
    if (iface == DUNE_IFACE_INTEGRATION_V1) out.vtable = integration(actions);
    return out;
  }
  // The functions are there to be seen, never to be called.
  const void* detector(dune_str default_type, const std::vector<dune_template>& templates) {
    auto& out = detectors_.emplace_back();
    out.struct_size = sizeof out;
    out.default_signal_type = default_type;
    out.templates = templates.data();
    out.template_count = static_cast<std::uint32_t>(templates.size());
    out.template_stride = sizeof(dune_template);
    out.create = [](const dune_host*, const dune_config*, void**, dune_error*) -> dune_status { return DUNE_OK; };
    out.destroy = [](void*) {};
    out.detect = [](void*, const dune_run*, dune_sink*, dune_error*) -> dune_status { return DUNE_OK; };
    return &out;
  }
  const void* alert(std::uint32_t max_batch) {
    auto& out = alerts_.emplace_back();
    out.struct_size = sizeof out;
    out.max_batch = max_batch;
    out.create = [](const dune_host*, const dune_config*, void**, dune_error*) -> dune_status { return DUNE_OK; };
    out.destroy = [](void*) {};
    out.deliver = [](void*, const dune_alert_batch*, dune_delivery*, dune_error*) -> dune_status { return DUNE_OK; };
    return &out;
  }
  const void* integration(const std::vector<dune_action>& actions) {
    auto& out = integrations_.emplace_back();
    out.struct_size = sizeof out;
    out.actions = actions.data();
    out.action_count = static_cast<std::uint32_t>(actions.size());
    out.action_stride = sizeof(dune_action);
    out.create = [](const dune_host*, const dune_config*, void**, dune_error*) -> dune_status { return DUNE_OK; };
    out.destroy = [](void*) {};
    out.invoke = [](void*, const dune_call*, dune_json*, dune_error*) -> dune_status { return DUNE_OK; };
    return &out;
  }

  Unpacker& from_;
  dune_plugin plugin_{};
  std::vector<dune_component> components_;
  std::vector<bool> explains_, validates_;
  std::deque<std::vector<dune_str>> lists_;
  std::deque<std::vector<dune_fix>> fixes_;
  std::deque<std::vector<dune_param_spec>> params_;
  std::deque<std::vector<dune_template>> templates_;
  std::deque<std::vector<dune_action>> actions_;
  std::deque<dune_detector_v1> detectors_;
  std::deque<dune_alert_v1> alerts_;
  std::deque<dune_integration_v1> integrations_;
};

}  // namespace

void pack(Packer& to, const Library& library) {
  to.u32(library.abi_minor).text(library.id).text(library.vendor).text(library.version).text(library.license);
  to.u32(static_cast<std::uint32_t>(library.components.size()));
  for (const auto& component : library.components) pack(to, component);
}

Result<Described> unpack_library(Unpacker& from) {
  Rebuilt tables(from);
  const auto* const plugin = tables.plugin();
  if (!from.done()) return fail(Code::invalid_argument, "its description makes no sense");
  DUNE_TRY(library, describe(plugin));
  // A runner leaves out what this host does not know, so the two lists are of one length or somebody cheats.
  if (library.components.size() != tables.explains().size())
    return fail(Code::invalid_argument, "its description makes no sense");
  for (std::size_t i = 0; i < library.components.size(); ++i) {
    library.components[i].vtable = nullptr;
    library.components[i].explains = tables.explains()[i];
  }
  return Described{std::move(library), tables.validates()};
}

}  // namespace dunetrace::plugin
