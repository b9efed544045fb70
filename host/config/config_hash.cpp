#include "config/config_hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/hash.hpp"

namespace dunetrace::config {
namespace {

// With its length in front, so that no text can look like two.
std::string framed(std::string_view text) { return fmt::format("{}:{}", text.size(), text); }

std::string framed(std::vector<std::string> texts, bool in_any_order) {
  if (in_any_order) std::ranges::sort(texts);
  std::string out = fmt::format("{}[", texts.size());
  for (const auto& text : texts) out += framed(text);
  return out + "]";
}

struct Canonical {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return fmt::format("{}", value); }  // the shortest that reads the same
  std::string operator()(const std::string& value) const { return framed(value); }
  std::string operator()(const std::vector<std::string>& value) const { return framed(value, false); }
};

}  // namespace

std::string config_hash(const DetectorSettings& settings, const ComponentSchema& schema) {
  std::map<std::string_view, std::string> values;  // by name: a plugin may list its parameters in another order
  for (std::size_t i = 0; i < std::min(settings.values.size(), schema.params.size()); ++i)
    values.emplace(schema.params[i].name, std::visit(Canonical(), settings.values[i]));
  std::string all = framed(settings.id);
  for (const auto& [name, value] : values) all += fmt::format(" {}={}", framed(name), value);
  all += fmt::format(" shadow={} shadow_types={}", settings.shadow, framed(settings.shadow_types, true));
  all += fmt::format(" severity={}", settings.severity ? to_text(*settings.severity) : "own");
  return hash16(all);
}

}  // namespace dunetrace::config
