// detectors.yml of an operator: a complete configuration, or errors that each begin with a place.
#include "config/detectors_file.hpp"

#include "../unit/config/schemas.hpp"
#include "fuzz.hpp"

namespace dunetrace::fuzz {
namespace {

void check_errors(std::string_view errors, std::string_view input) {
  DUNE_HOLDS(errors.starts_with("detectors.yml:"), errors);
  DUNE_HOLDS(is_utf8(errors) || !is_utf8(input), errors);
}

void check_tree(const config::YamlNode& node, std::size_t depth, std::string_view input) {
  DUNE_HOLDS(node.line >= 1 && node.column >= 1 && depth <= config::YamlLimits().depth, input);
  for (const auto& item : node.items) check_tree(item, depth + 1, input);
  for (const auto& [key, value] : node.entries) {
    DUNE_HOLDS(key.kind == config::YamlNode::Kind::scalar && !key.text.empty(), input);
    DUNE_HOLDS(&value == node.find(key.text), input);  // no name twice
    check_tree(value, depth + 1, input);
  }
}

void check_profile(const config::Profile& profile, std::string_view input) {
  static const auto schemas = config::testing::schemas();
  DUNE_HOLDS(profile.detectors.size() == 3, input);
  for (const auto& detector : profile.detectors) {
    const auto& params = schemas.at(detector.component).params;
    DUNE_HOLDS(detector.values.size() == params.size() && detector.timeout_ms > 0, input);
    for (std::size_t i = 0; i < params.size(); ++i)
      DUNE_HOLDS(detector.values[i].index() == static_cast<std::size_t>(params[i].type), input);
  }
}

}  // namespace

void run(std::string_view input) {
  if (const auto tree = config::read_yaml(input, "detectors.yml")) {
    check_tree(*tree, 0, input);
  } else {
    check_errors(tree.error().text, input);
  }
  const auto resolved = config::testing::resolve(input, {"ACME_ODD"});
  if (!resolved) return check_errors(resolved.error().text, input);
  DUNE_HOLDS(!resolved->profiles().empty(), input);
  for (const auto& profile : resolved->profiles()) check_profile(profile, input);
  for (const std::string_view agent : {"web", "web-1", "", "one", "two-2"}) {
    check_profile(resolved->profile_for(agent), input);
  }
  DUNE_HOLDS(*config::testing::resolve(input, {"ACME_ODD"}) == *resolved, input);
}

}  // namespace dunetrace::fuzz
