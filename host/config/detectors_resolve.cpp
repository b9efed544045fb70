// The second phase of detectors.yml: every section against the parameter tables of the detectors that are loaded, then
// the sections laid over each other, parameter by parameter.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "config/detectors_file.hpp"
#include "config/names.hpp"
#include "config/parameter_value.hpp"

namespace dunetrace::config {

namespace {

constexpr std::array<std::string_view, 4> kHostKeys{"enabled", "shadow", "severity", "timeout_ms"};
constexpr std::int64_t kLongestTimeoutMs = 60'000;

// A value and the line it stands on.
template <class T>
struct Said {
  T value;
  int line;
};

// What one section says about one detector; empty members are inherited.
struct Overrides {
  std::optional<Said<bool>> enabled, shadow;
  std::optional<Said<Severity>> severity;
  std::optional<Said<int>> timeout_ms;
  std::vector<std::optional<Said<ParamValue>>> values;
  const YamlNode* place = nullptr;  // the detector's key in the section
};

using Layer = std::map<std::size_t, Overrides>;  // by index into the schemas

struct NamedLayer {
  std::string_view name;
  const Layer* layer;
};

template <class T>
void lay_over(T& value, SaidAt& from, const std::optional<Said<std::decay_t<T>>>& said, std::uint8_t layer) {
  if (!said) return;
  value = said->value;
  from = {layer, said->line};
}

}  // namespace

class DetectorsResolver {
 public:
  DetectorsResolver(const DetectorsFile& file, std::span<const ComponentSchema> schemas,
                    std::span<const std::string> shadow_types, std::span<const NotLoaded> absent)
      : file_(file), schemas_(schemas), shadow_types_(shadow_types), absent_(absent) {
    for (std::size_t i = 0; i < schemas.size(); ++i) {
      if (schemas[i].kind != "detector") continue;
      by_id_.emplace(schemas[i].id, i);
      ids_.push_back(schemas[i].id);
    }
  }

  Result<DetectorsConfig> resolve() {
    check_shadow_types();
    const auto base = file_.plugin_detectors_ != nullptr ? read_plugins(*file_.plugin_detectors_) : Layer{};
    const auto defaults = file_.default_ != nullptr ? read_section(*file_.default_, "default") : Layer{};
    std::map<const YamlEntry*, Layer> sections;
    for (const auto* section : file_.sections_) {
      sections.emplace(section, read_section(section->value, section->key.text));
    }
    choose_order();
    if (!problems_.empty()) return problems_.as_error();

    const std::vector<NamedLayer> everyone{{"plugins", &base}, {"default", &defaults}};
    add_profile("default", everyone);
    std::map<const YamlEntry*, std::size_t> category_profiles;
    for (const auto& category : file_.categories_) {
      auto layers = everyone;
      layers.push_back({category.section->key.text, &sections.at(category.section)});
      const auto index = add_profile(category.section->key.text, layers);
      category_profiles.emplace(category.section, index);
      for (const auto& member : category.members) {
        auto& names = member.is_prefix ? config_.prefixes_ : config_.exact_;
        names.emplace(member.agent, index);
      }
    }
    for (const auto* section : file_.sections_) add_agent(section, everyone, sections, category_profiles);
    if (!problems_.empty()) return problems_.as_error();
    return std::move(config_);
  }

 private:
  void wrong(const YamlNode& at, std::string_view what) {
    auto line = located(file_.name_, at, what);
    // The same section can be part of several profiles.
    if (reported_.insert(line).second) problems_.add(std::move(line));
  }

  void check_shadow_types() {
    std::vector<std::string> known;
    for (const auto& [id, index] : by_id_) {
      known.insert(known.end(), schemas_[index].signal_types.begin(), schemas_[index].signal_types.end());
    }
    for (const auto& type : shadow_types_) {
      if (std::ranges::find(known, type) != known.end()) continue;
      if (!absent_.empty()) {  // nobody knows which types those have
        config_.warnings_.push_back(
            fmt::format("SHADOW_DETECTORS: no detector that is loaded has the failure type '{}'", shown(type)));
        continue;
      }
      problems_.add(fmt::format("SHADOW_DETECTORS: unknown failure type '{}'{}; expected some of {}", shown(type),
                                did_you_mean(type, known), joined(known)));
    }
  }

  // The detector a key names, or nothing and a problem.
  const ComponentSchema* detector(const YamlNode& key, std::string_view section) {
    const auto found = by_id_.find(key.text);
    if (found != by_id_.end()) return &schemas_[found->second];
    if (const auto absent = std::ranges::find(absent_, key.text, &NotLoaded::id); absent != absent_.end()) {
      config_.warnings_.push_back(located(
          file_.name_, key, fmt::format("'{}' in {} is not loaded: {}", key.text, shown(section), absent->why)));
      return nullptr;
    }
    // All there are, once: a detector that is missing is missed in every section.
    const auto expected = ids_.empty() ? "; no detector is loaded" : "; expected one of " + joined(ids_);
    wrong(key, fmt::format("unknown detector '{}' in {}{}{}", shown(key.text), shown(section),
                           did_you_mean(key.text, ids_), listed_ ? "" : expected));
    listed_ = true;
    return nullptr;
  }

  bool is_mapping(const YamlEntry& entry) {
    if (entry.value.is_mapping_or_null()) return true;
    wrong(entry.value,
          fmt::format("expected a mapping of parameters in {}, got {}", entry.key.text, describe(entry.value)));
    return false;
  }

  template <class T>
  std::optional<Said<T>> take(const YamlEntry& entry, std::string_view detector_id, Parsed<T> parsed) {
    if (parsed) return Said<T>{std::move(*parsed), entry.key.line};
    wrong(entry.value, fmt::format("{}.{}: {}", detector_id, entry.key.text, parsed.error()));
    return std::nullopt;
  }

  // plugins.detectors: {tool: {enabled: false}, mine: {live: true}}
  Layer read_plugins(const YamlNode& detectors) {
    static const std::vector<std::string> kKeys{"enabled", "live"};
    Layer layer;
    for (const auto& entry : detectors.entries) {
      const auto* schema = detector(entry.key, "plugins.detectors");
      if (schema == nullptr || !is_mapping(entry)) continue;
      Overrides overrides;
      overrides.values.resize(schema->params.size());
      for (const auto& setting : entry.value.entries) {
        if (setting.key.text == "enabled") {
          overrides.enabled = take(setting, schema->id, parse_boolean(setting.value));
        } else if (setting.key.text == "live") {
          const auto live = take(setting, schema->id, parse_boolean(setting.value));
          if (live) overrides.shadow = {!live->value, live->line};
        } else {
          wrong(setting.key,
                fmt::format("unknown key '{}' in plugins.detectors.{}{}; expected one of {}", shown(setting.key.text),
                            schema->id, did_you_mean(setting.key.text, kKeys), joined(kKeys)));
        }
      }
      layer.emplace(by_id_.at(schema->id), std::move(overrides));
    }
    return layer;
  }

  Layer read_section(const YamlNode& section, std::string_view name) {
    Layer layer;
    for (const auto& entry : section.entries) {
      const auto* schema = detector(entry.key, name);
      if (schema == nullptr || !is_mapping(entry)) continue;
      Overrides overrides;
      overrides.values.resize(schema->params.size());
      overrides.place = &entry.key;
      for (const auto& setting : entry.value.entries) read_setting(setting, *schema, overrides);
      layer.emplace(by_id_.at(schema->id), std::move(overrides));
    }
    return layer;
  }

  void read_setting(const YamlEntry& setting, const ComponentSchema& schema, Overrides& overrides) {
    const auto& key = setting.key.text;
    if (key == "enabled") {
      overrides.enabled = take(setting, schema.id, parse_boolean(setting.value));
    } else if (key == "shadow") {
      overrides.shadow = take(setting, schema.id, parse_boolean(setting.value));
    } else if (key == "severity") {
      const auto severity = severity_from(setting.value.text);
      if (severity && setting.value.kind == YamlNode::Kind::scalar) {
        overrides.severity = {*severity, setting.key.line};
      } else {
        wrong(setting.value, fmt::format("{}.severity: expected one of LOW, MEDIUM, HIGH, CRITICAL, got {}", schema.id,
                                         describe(setting.value)));
      }
    } else if (key == "timeout_ms") {
      const auto timeout = parse_integer(setting.value);
      if (timeout && *timeout >= 1 && *timeout <= kLongestTimeoutMs) {
        overrides.timeout_ms = {static_cast<int>(*timeout), setting.key.line};
      } else {
        wrong(setting.value, fmt::format("{}.timeout_ms: expected a whole number from 1 to {} ms, got {}", schema.id,
                                         kLongestTimeoutMs, describe(setting.value)));
      }
    } else {
      read_parameter(setting, schema, overrides);
    }
  }

  void read_parameter(const YamlEntry& setting, const ComponentSchema& schema, Overrides& overrides) {
    const auto& key = setting.key;
    const auto spec = std::ranges::find(schema.params, key.text, &ParamSpec::name);
    if (spec == schema.params.end()) {
      std::vector<std::string> names;
      for (const auto& param : schema.params) names.push_back(param.name);
      auto all = names;
      all.insert(all.end(), kHostKeys.begin(), kHostKeys.end());
      wrong(key, fmt::format("unknown key '{}' in {}{}; expected one of {}", shown(key.text), schema.id,
                             did_you_mean(key.text, all), joined(names.empty() ? all : names)));
      return;
    }
    if (spec->deprecated) {
      config_.warnings_.push_back(located(
          file_.name_, key,
          fmt::format("{}.{} is deprecated{}", schema.id, spec->name, spec->doc.empty() ? "" : ": " + spec->doc)));
    }
    auto value = parse_parameter(setting.value, *spec);
    const auto index = static_cast<std::size_t>(spec - schema.params.begin());
    if (value) {
      overrides.values[index] = {std::move(*value), key.line};
    } else {
      // A secret's value is not repeated.
      wrong(setting.value, fmt::format("{}.{}: {}", schema.id, spec->name,
                                       spec->secret ? std::string("not a valid value") : value.error()));
    }
  }

  // Judging order: as the default section lists them, the others after, by id.
  void choose_order() {
    std::set<std::size_t> listed;
    if (file_.default_ != nullptr) {
      for (const auto& entry : file_.default_->entries) {
        const auto found = by_id_.find(entry.key.text);
        if (found != by_id_.end() && listed.insert(found->second).second) order_.push_back(found->second);
      }
    }
    for (const auto& [id, index] : by_id_) {
      if (!listed.contains(index)) order_.push_back(index);
    }
  }

  std::size_t add_profile(std::string name, const std::vector<NamedLayer>& layers) {
    Profile profile{std::move(name), {}, {"detector"}};
    for (const auto& layer : layers) profile.layers.emplace_back(layer.name);
    for (const auto index : order_) profile.detectors.push_back(merge(index, layers));
    config_.profiles_.push_back(std::move(profile));
    return config_.profiles_.size() - 1;
  }

  void add_agent(const YamlEntry* section, std::vector<NamedLayer> layers,
                 const std::map<const YamlEntry*, Layer>& sections,
                 const std::map<const YamlEntry*, std::size_t>& category_profiles) {
    const auto& agent = section->key.text;
    const YamlEntry* category = category_of(agent);
    const auto own = category_profiles.find(section);
    if (own != category_profiles.end() && (category == nullptr || category == section)) {
      config_.exact_.insert_or_assign(agent, own->second);  // an agent named like the category
      return;
    }
    if (category != nullptr && category != section) layers.push_back({category->key.text, &sections.at(category)});
    layers.push_back({agent, &sections.at(section)});
    config_.exact_.insert_or_assign(agent, add_profile(agent, layers));
  }

  // The section of the category an agent belongs to: named by id, else by the longest prefix.
  [[nodiscard]] const YamlEntry* category_of(std::string_view agent) const {
    const YamlEntry* best = nullptr;
    std::size_t length = 0;
    for (const auto& category : file_.categories_) {
      for (const auto& member : category.members) {
        if (!member.is_prefix && member.agent == agent) return category.section;
        if (member.is_prefix && agent.starts_with(member.agent) && (best == nullptr || member.agent.size() > length)) {
          best = category.section;
          length = member.agent.size();
        }
      }
    }
    return best;
  }

  DetectorSettings merge(std::size_t index, const std::vector<NamedLayer>& layers) {
    const auto& schema = schemas_[index];
    DetectorSettings out;
    out.component = index;
    out.id = schema.id;
    out.shadow = !schema.starts_live();
    std::vector<std::optional<ParamValue>> values;
    for (const auto& param : schema.params) values.push_back(param.def);
    out.values_from.resize(values.size());
    const YamlNode* place = nullptr;
    std::uint8_t number = 0;
    for (const auto& [name, layer] : layers) {
      ++number;
      const auto found = layer->find(index);
      if (found == layer->end()) continue;
      const auto& overrides = found->second;
      if (overrides.place != nullptr) place = overrides.place;
      lay_over(out.enabled, out.enabled_from, overrides.enabled, number);
      lay_over(out.shadow, out.shadow_from, overrides.shadow, number);
      lay_over(out.timeout_ms, out.timeout_from, overrides.timeout_ms, number);
      if (overrides.severity)
        out.severity = overrides.severity->value, out.severity_from = {number, overrides.severity->line};
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (overrides.values[i]) {
          values[i] = overrides.values[i]->value;
          out.values_from[i] = {number, overrides.values[i]->line};
        }
      }
    }
    for (const auto& type : schema.signal_types) {
      if (std::ranges::find(shadow_types_, type) != shadow_types_.end()) out.shadow_types.push_back(type);
    }
    finish(out, schema, values, place);
    return out;
  }

  void finish(DetectorSettings& out, const ComponentSchema& schema, std::vector<std::optional<ParamValue>>& values,
              const YamlNode* place) {
    static const YamlNode kTop;  // 1:1, for a detector that the file does not mention
    const auto& at = place != nullptr ? *place : kTop;
    bool complete = true;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i] && out.enabled) {
        wrong(at, fmt::format("{}: parameter '{}' has no default and is required", schema.id, schema.params[i].name));
        complete = false;
      }
      out.values.push_back(values[i].value_or(ParamValue{}));
    }
    if (!complete || !out.enabled || !schema.check) return;
    if (const auto reason = schema.check(out.values)) wrong(at, fmt::format("{}: {}", schema.id, *reason));
  }

  const DetectorsFile& file_;
  std::span<const ComponentSchema> schemas_;
  std::span<const std::string> shadow_types_;
  std::span<const NotLoaded> absent_;
  std::map<std::string, std::size_t, std::less<>> by_id_;
  std::vector<std::string> ids_;
  std::vector<std::size_t> order_;
  std::set<std::string> reported_;
  bool listed_ = false;  // the detectors there are
  Problems problems_;
  DetectorsConfig config_;
};

Result<DetectorsConfig> DetectorsFile::resolve(std::span<const ComponentSchema> components,
                                               std::span<const std::string> shadow_failure_types,
                                               std::span<const NotLoaded> absent) const {
  return DetectorsResolver(*this, components, shadow_failure_types, absent).resolve();
}

}  // namespace dunetrace::config
