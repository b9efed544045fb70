#include "cli/explainers.hpp"

#include "plugin/explain_call.hpp"

namespace dunetrace::cli {
namespace {

// A plugin's explanation code as the explainer takes it: what it does not say keeps the template's words.
explain::Explainer::Hook hook_of(plugin::ExplainCall call) {
  return [call = std::move(call)](const explain::SignalFacts& facts, explain::Explanation& to) {
    auto said = call({.signal_type = facts.failure_type,
                      .run_id = facts.run_id,
                      .agent_id = facts.agent_id,
                      .evidence = facts.evidence,
                      .severity = facts.severity,
                      .confidence = facts.confidence,
                      .step_index = facts.step_index});
    if (!said) return false;
    const auto take = [&](std::string_view name, std::string& field) {
      const auto found = said->fields.find(name);
      if (found != said->fields.end()) field = found->second;
    };
    take("title", to.title);
    take("what", to.what);
    take("why_it_matters", to.why_it_matters);
    take("evidence_summary", to.evidence_summary);
    if (!said->fixes.empty()) to.suggested_fixes = std::move(said->fixes);
    return true;
  };
}

}  // namespace

explain::Explainer make_explainer(const plugin::Registry& registry, telemetry::Logger& log,
                                  plugin::ExplainGuard* guard) {
  explain::Explainer explainer;
  for (const auto& entry : registry.components()) {
    explainer.add(*entry.component);
    const auto call = guard == nullptr ? plugin::explain_call(*entry.component, log)
                                       : plugin::explain_call(*entry.library, *entry.component, log, *guard);
    if (!call) continue;
    for (const auto& type : entry.component->schema.signal_types) explainer.set_hook(type, hook_of(call));
  }
  for (const auto& problem : explainer.problems()) log.warn("plugin.template_refused", {{"reason", problem}});
  return explainer;
}

namespace {

// The explainer refers to the registry, so it keeps the generation.
struct Kept : api::Vocabulary {
  std::shared_ptr<const plugin::Generation> generation;
};

std::shared_ptr<const api::Vocabulary> vocabulary_of(std::shared_ptr<const plugin::Generation> generation,
                                                     telemetry::Logger& log, plugin::ExplainGuard& guard) {
  auto made = std::make_shared<Kept>();
  made->explainer = make_explainer(generation->registry, log, &guard);
  for (const auto& entry : generation->registry.components()) {
    const auto& own = entry.component->schema.signal_types;
    made->failure_types.insert(made->failure_types.end(), own.begin(), own.end());
  }
  made->generation = std::move(generation);
  return made;
}

}  // namespace

Vocabularies::Vocabularies(const plugin::Live& live, telemetry::Logger& log, plugin::ExplainGuard& guard)
    : live_(live), log_(log), guard_(guard) {
  take_over();
}

std::shared_ptr<const api::Vocabulary> Vocabularies::current() const {
  plugin::ExplainGuard::begin_request();
  const std::lock_guard lock(mutex_);
  return current_;
}

void Vocabularies::take_over() {
  auto next = vocabulary_of(live_.current(), log_, guard_);
  const std::lock_guard lock(mutex_);
  current_.swap(next);
}

}  // namespace dunetrace::cli
