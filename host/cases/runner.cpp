#include "cases/runner.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>

#include "cases/match.hpp"
#include "detect/judge.hpp"
#include "detect/replay.hpp"
#include "plugin/detector.hpp"
#include "plugin/run_view.hpp"

namespace dunetrace::cases {
namespace {

// Code that steps through the run by its own sizeof reads these bytes instead of the next record.
constexpr std::size_t kPadding = 24;

RunEvents stored(const Case& made) {
  auto texts = std::make_shared<std::vector<EventSpec>>(made.events);
  RunEvents run{"cases", "run-1", {}, texts};
  for (std::size_t i = 0; i < texts->size(); ++i) {
    const auto& spec = (*texts)[i];
    run.events.push_back({static_cast<std::int64_t>(i + 1), event_kind(spec.type), spec.step_index, spec.timestamp,
                          spec.type, "case-agent", "v1", spec.payload, std::string_view()});
  }
  return run;
}

std::vector<std::string> check_refused(const std::string& why, const Result<config::DetectorsConfig>& config) {
  if (config) return {"the parameters were accepted; expected a refusal with '" + why + "'"};
  if (config.error().text.find(why) != std::string::npos) return {};
  return {fmt::format("refused with '{}', expected '{}' in it", config.error().text, why)};
}

std::string summary(const Result<std::vector<Signal>>& signals) {
  if (!signals) return signals.error().text;
  std::string text;
  for (const auto& s : *signals) {
    text +=
        fmt::format("{} {} {} {} {}\n", s.failure_type, to_text(s.severity), s.confidence, s.step_index, s.evidence);
  }
  return text;
}

}  // namespace

Runner::Runner(const plugin::Registry& registry, telemetry::Logger& log, std::optional<plugin::RunnerOptions> outside)
    : registry_(registry), log_(log), outside_(std::move(outside)) {
  for (const auto& entry : registry.components()) explainer_.add(*entry.component);
}

std::vector<std::string> Runner::run(const Case& made) const {
  const auto file = config::DetectorsFile::parse(made.config, "detectors.yml");
  if (!file) return {"the case's parameters: " + file.error().text};
  const auto schemas = registry_.schemas();
  const auto config = file->resolve(schemas, {});
  if (made.refused) return check_refused(*made.refused, config);
  if (!config) return {"the case's parameters: " + config.error().text};

  const Run replayed = detect::Replayer().replay(stored(made), made.baselines);
  const auto verdict = judge(*config, replayed, 0);
  auto found = differences(made.expect, verdict.signals);
  for (const auto& failure : verdict.failures) found.push_back(failure.detector + " failed: " + failure.reason);
  for (const auto& want : made.expect) check_text(want, verdict.signals, found);
  if (outside_) {
    if (verdict.failures.empty()) check_padded_outside(*config, replayed, verdict, found);
  } else {
    check_padded(config->profiles().front(), replayed, found);
  }
  return found;
}

detect::Verdict Runner::judge(const config::DetectorsConfig& config, const Run& run, std::size_t padding) const {
  if (!outside_) return detect::Judge(registry_, config, log_).judge(run);
  detect::Isolation isolation{.runner = *outside_, .conduct = &conduct_};
  isolation.runner.record_padding_bytes = padding;
  return detect::Judge(registry_, config, log_, std::move(isolation)).judge(run);
}

void Runner::check_padded_outside(const config::DetectorsConfig& config, const Run& run, const detect::Verdict& plain,
                                  std::vector<std::string>& found) const {
  const auto padded = judge(config, run, kPadding);
  for (const auto& failure : padded.failures)
    found.push_back(failure.detector + " failed with padded records: " + failure.reason + "; does it step by sizeof?");
  if (padded.failures.empty() && summary(plain.signals) != summary(padded.signals))
    found.emplace_back("finds something else in padded records; does it step by sizeof?");
}

void Runner::check_text(const Expectation& want, const std::vector<Signal>& signals,
                        std::vector<std::string>& found) const {
  for (const auto& signal : signals) {
    if (signal.failure_type != want.type) continue;
    const auto text = explainer_.explain({signal.failure_type, signal.severity, signal.confidence, signal.step_index,
                                          "run-1", "case-agent", "v1", signal.evidence});
    const std::map<std::string, std::string> fields = {{"title", text.title},
                                                       {"what", text.what},
                                                       {"why_it_matters", text.why_it_matters},
                                                       {"evidence_summary", text.evidence_summary}};
    for (const auto& [field, fragments] : want.text) {
      const auto rendered = fields.find(field);
      if (rendered == fields.end()) {
        found.push_back(fmt::format("text: there is no field '{}'", field));
        continue;
      }
      for (const auto& fragment : fragments) {
        if (rendered->second.find(fragment) != std::string::npos) continue;
        found.push_back(fmt::format("{} {}: expected '{}' in '{}'", want.type, field, fragment, rendered->second));
      }
    }
  }
}

void Runner::check_padded(const config::Profile& profile, const Run& run, std::vector<std::string>& found) const {
  const plugin::RunView plain(run, profile.name), padded(run, profile.name, kPadding);
  for (const auto& settings : profile.detectors) {
    auto detector = plugin::Detector::create(registry_.components().at(settings.component),
                                             {settings.values, profile.name, std::chrono::seconds(5)}, log_);
    if (!detector) {
      found.push_back(settings.id + ": " + detector.error().text);
      continue;
    }
    if (summary(detector->detect(plain)) != summary(detector->detect(padded))) {
      found.push_back(settings.id + ": finds something else in padded records; does it step by sizeof?");
    }
  }
}

}  // namespace dunetrace::cases
