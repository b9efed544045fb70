// A conduct that takes strikes and turns nobody off: for tools that try one plugin and want to see every run's outcome.
// Thread-safe.
#pragma once

#include "plugin/conduct.hpp"

namespace dunetrace::plugin {

class NoQuarantine final : public Conduct {
 public:
  [[nodiscard]] std::optional<std::string> off(std::string_view, std::string_view) const override { return {}; }
  bool strike(const Strike&) override { return false; }
};

}  // namespace dunetrace::plugin
