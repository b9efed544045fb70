// The explainer of everything that is loaded: the plugins' templates and their own explanation code. And the one that
// follows the generation in force, for the API.
#pragma once

#include <memory>
#include <mutex>

#include "api/vocabulary.hpp"
#include "explain/explainer.hpp"
#include "plugin/explain_guard.hpp"
#include "plugin/generation.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::cli {

// All outlive the explainer. Templates that are wrong are logged and not used. `guard` is for hosts; nullptr: none.
[[nodiscard]] explain::Explainer make_explainer(const plugin::Registry& registry, telemetry::Logger& log,
                                                plugin::ExplainGuard* guard = nullptr);

// What the API says of the signals of the generation in force. Thread-safe.
class Vocabularies {
 public:
  // All outlive it, and whatever it has handed out.
  Vocabularies(const plugin::Live& live, telemetry::Logger& log, plugin::ExplainGuard& guard);

  // For one request, which this thread answers: its budget for explanations begins.
  [[nodiscard]] std::shared_ptr<const api::Vocabulary> current() const;
  // Makes that of the generation that is in force now.
  void take_over();

 private:
  const plugin::Live& live_;
  telemetry::Logger& log_;
  plugin::ExplainGuard& guard_;
  mutable std::mutex mutex_;
  std::shared_ptr<const api::Vocabulary> current_;
};

}  // namespace dunetrace::cli
