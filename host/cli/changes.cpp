#include "cli/changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "cli/plugin_values.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::size_t kMostChars = 1'000;  // of one log line's field

// Text of a change → the profiles in which it happened, in the order of their first.
class List {
 public:
  void add(std::string what, const std::string& profile = {}) {
    const auto found = std::ranges::find(items_, what, &Item::what);
    auto& item = found != items_.end() ? *found : items_.emplace_back(Item{std::move(what), {}});
    if (!profile.empty()) item.profiles.push_back(profile);
  }

  [[nodiscard]] std::string text() const {
    std::string out;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (out.size() >= kMostChars) return out + fmt::format("; {} more", items_.size() - i);
      if (i > 0) out += "; ";
      out += items_[i].what;
      const auto& profiles = items_[i].profiles;
      if (profiles.empty()) continue;
      out += " (" + profiles.front();
      if (profiles.size() == 2) out += ", " + profiles[1];
      if (profiles.size() > 2) out += fmt::format(" and {} more", profiles.size() - 1);
      out += ')';
    }
    return out;
  }

 private:
  struct Item {
    std::string what;
    std::vector<std::string> profiles;
  };
  std::vector<Item> items_;
};

bool same_code(const plugin::Library& a, const plugin::Library& b) {
  return a.sha256 == b.sha256 && a.mode == b.mode && a.version == b.version;
}

void compare_libraries(const plugin::Registry& before, const plugin::Registry& after, List& to) {
  const auto find = [](const plugin::Registry& registry, const std::string& path) {
    const auto& all = registry.libraries();
    const auto found = std::ranges::find(all, path, &plugin::Library::path);
    return found == all.end() ? nullptr : &*found;
  };
  for (const auto& library : after.libraries()) {
    const auto* old = find(before, library.path);
    if (old == nullptr)
      to.add(fmt::format("plugin {} added", library.path));
    else if (old->version != library.version)
      to.add(fmt::format("plugin {} replaced: {} -> {}", library.path, old->version, library.version));
    else if (!same_code(*old, library))
      to.add(fmt::format("plugin {} replaced", library.path));
  }
  for (const auto& library : before.libraries()) {
    if (find(after, library.path) == nullptr) to.add(fmt::format("plugin {} removed", library.path));
  }
}

bool same_refusals(const plugin::Registry& before, const plugin::Registry& after) {
  const auto equal = [](const plugin::Refusal& a, const plugin::Refusal& b) {
    return a.file == b.file && a.reason == b.reason;
  };
  return std::ranges::equal(before.refusals(), after.refusals(), equal);
}

// What lies in the directories and is not what runs.
void compare_left_out(const plugin::Registry& before, const plugin::Registry& after, List& to) {
  for (const auto& notice : after.notices()) {
    if (std::ranges::find(before.notices(), notice) == before.notices().end()) to.add(notice);
  }
  if (same_refusals(before, after)) return;
  const auto left_out = after.refusals().size();
  to.add(left_out == 0 ? "every file loaded"
                       : fmt::format("{} {} not loaded", left_out, left_out == 1 ? "file" : "files"));
}

std::string shown(const config::ParamSpec& spec, const config::ParamValue& value) {
  return spec.secret ? "***" : value_text(value);
}

std::string severity_text(const std::optional<Severity>& severity) {
  return severity ? std::string(to_text(*severity)) : "its own";
}

// One detector of one profile, enabled before and after.
void compare_settings(const config::ComponentSchema& was_schema, const config::DetectorSettings& was,
                      const config::ComponentSchema& schema, const config::DetectorSettings& now,
                      const std::string& profile, List& to) {
  const auto& id = now.id;
  if (was.shadow != now.shadow) to.add(id + (now.shadow ? " in shadow" : " live"), profile);
  if (was.severity != now.severity) {
    to.add(fmt::format("{}.severity {} -> {}", id, severity_text(was.severity), severity_text(now.severity)), profile);
  }
  if (was.timeout_ms != now.timeout_ms)
    to.add(fmt::format("{}.timeout_ms {} -> {}", id, was.timeout_ms, now.timeout_ms), profile);
  for (std::size_t i = 0; i < schema.params.size(); ++i) {
    const auto& spec = schema.params[i];
    const auto old = std::ranges::find(was_schema.params, spec.name, &config::ParamSpec::name);
    if (old == was_schema.params.end()) continue;  // the plugin was replaced, which is said
    const auto& value = was.values[static_cast<std::size_t>(old - was_schema.params.begin())];
    if (value != now.values[i])
      to.add(fmt::format("{}.{} {} -> {}", id, spec.name, shown(spec, value), shown(spec, now.values[i])), profile);
  }
}

void compare_profiles(const plugin::Generation& before, const config::Profile& old, const plugin::Generation& after,
                      const config::Profile& profile, List& to) {
  const auto schema = [](const plugin::Generation& generation, const config::DetectorSettings& settings) -> auto& {
    return generation.registry.components().at(settings.component).component->schema;
  };
  for (const auto& now : profile.detectors) {
    const auto was = std::ranges::find(old.detectors, now.id, &config::DetectorSettings::id);
    const bool ran = was != old.detectors.end() && was->enabled;
    if (ran != now.enabled) to.add(now.id + (now.enabled ? " enabled" : " disabled"), profile.name);
    if (ran && now.enabled) compare_settings(schema(before, *was), *was, schema(after, now), now, profile.name, to);
  }
  for (const auto& was : old.detectors) {
    const auto now = std::ranges::find(profile.detectors, was.id, &config::DetectorSettings::id);
    if (was.enabled && now == profile.detectors.end()) to.add(was.id + " gone", profile.name);
  }
}

}  // namespace

bool same(const plugin::Generation& before, const plugin::Generation& after) {
  const auto equal = [](const plugin::Library& a, const plugin::Library& b) {
    return a.path == b.path && same_code(a, b);
  };
  return std::ranges::equal(before.registry.libraries(), after.registry.libraries(), equal) &&
         before.config == after.config && before.registry.notices() == after.registry.notices() &&
         same_refusals(before.registry, after.registry);
}

std::string changes(const plugin::Generation& before, const plugin::Generation& after) {
  List list;
  compare_libraries(before.registry, after.registry, list);
  compare_left_out(before.registry, after.registry, list);
  const auto find = [](const plugin::Generation& generation, const std::string& name) {
    const auto& all = generation.config.profiles();
    const auto found = std::ranges::find(all, name, &config::Profile::name);
    return found == all.end() ? nullptr : &*found;
  };
  for (const auto& profile : after.config.profiles()) {
    if (const auto* old = find(before, profile.name))
      compare_profiles(before, *old, after, profile, list);
    else
      list.add("section " + profile.name + " added");
  }
  for (const auto& profile : before.config.profiles()) {
    if (find(after, profile.name) == nullptr) list.add("section " + profile.name + " removed");
  }
  auto text = list.text();
  if (text.empty() && !same(before, after)) return "the order of the detectors, or which agents belong to a section";
  return text;
}

}  // namespace dunetrace::cli
