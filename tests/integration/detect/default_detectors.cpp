#include "default_detectors.hpp"

#include <filesystem>

namespace dunetrace::testing {

std::shared_ptr<const plugin::Generation> default_detectors(telemetry::Logger& log) {
  const auto directory = std::filesystem::path(DUNE_BINARY_DIR) / "lib/dunetrace/plugins";
  auto registry = plugin::Registry::load(directory, {}, log).value();
  auto config = config::DetectorsFile::parse("", "detectors.yml").value().resolve(registry.schemas(), {}).value();
  return std::make_shared<const plugin::Generation>(
      plugin::Generation{std::move(registry), std::move(config), "detectors.yml"});
}

}  // namespace dunetrace::testing
