// The explainer of everything that is loaded: the plugins' templates and their own explanation code.
#pragma once

#include "explain/explainer.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::cli {

// Both outlive the explainer. Templates that are wrong are logged and not used.
[[nodiscard]] explain::Explainer make_explainer(const plugin::Registry& registry, telemetry::Logger& log);

}  // namespace dunetrace::cli
