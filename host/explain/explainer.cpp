#include "explain/explainer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "explain/generic.hpp"
#include "explain/template.hpp"
#include "explain/text.hpp"
#include "json/reader.hpp"

namespace dunetrace::explain {

namespace {

constexpr std::size_t kMaxFixes = 3;
constexpr std::size_t kMaxTitleChars = 200;      // one line in a list and in a chat message
constexpr std::size_t kMaxTitleValueChars = 80;  // so that a long tool name does not push the numbers out
constexpr std::array<std::string_view, 7> kBuiltIns = {"failure_type", "severity", "confidence",   "step_index",
                                                       "run_id",       "agent_id", "agent_version"};

struct CompiledFix {
  Template description;
  std::string language;
  Template code;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Confidences are stored as 4-byte floats: 0.7667 comes back as 0.766700029….
double rounded(double confidence) {
  if (!std::isfinite(confidence)) return 0;
  return std::round(std::clamp(confidence, 0.0, 1.0) * 10000) / 10000;
}

void end_with_confidence(std::string& summary, double confidence) {
  const auto percent = std::to_string(whole_percent(confidence)) + "%";
  const auto body = trimmed(summary);
  const bool ends =
      body.ends_with(percent) && !(body.size() > percent.size() && body[body.size() - percent.size() - 1] >= '0' &&
                                   body[body.size() - percent.size() - 1] <= '9');
  std::string result(body);
  if (!ends) {
    if (!result.empty()) result += ' ';
    result += "Confidence: " + percent;
  }
  summary = std::move(result);
}

// What holds for every explanation, wherever its texts came from.
void finish(Explanation& explanation, const SignalFacts& facts, double confidence) {
  // Cleaned first: what holds nothing but invisible characters is empty, too.
  const auto as_title = [&](std::string_view text) { return std::string(trimmed(one_line(text, kMaxTitleChars))); };
  explanation.title = as_title(explanation.title);
  if (explanation.title.empty()) explanation.title = as_title(generic_explanation(facts, {}).title);
  explanation.what = std::string(trimmed(explanation.what));
  explanation.why_it_matters = std::string(trimmed(explanation.why_it_matters));
  end_with_confidence(explanation.evidence_summary, confidence);
  auto& fixes = explanation.suggested_fixes;
  std::erase_if(fixes, [](const plugin::Fix& fix) { return trimmed(fix.description).empty(); });
  if (fixes.size() > kMaxFixes) fixes.resize(kMaxFixes);
  // Code keeps its indentation, but not the line break that a raw string literal ends with.
  for (auto& fix : fixes) fix.code.erase(fix.code.find_last_not_of(" \t\r\n") + 1);
  if (fixes.empty()) fixes.push_back(inspect_events_fix(facts));
}

// What a plugin's own code said, under the rules for texts; where that leaves nothing the template's words stay.
void take_over(Explanation& to, const Explanation& said) {
  const auto take = [](std::string& field, std::string text) {
    if (!trimmed(text).empty()) field = std::move(text);
  };
  take(to.title, one_line(said.title, kMaxTitleChars));
  take(to.what, visible(said.what));
  take(to.why_it_matters, visible(said.why_it_matters));
  take(to.evidence_summary, visible(said.evidence_summary));
  std::vector<plugin::Fix> fixes;
  for (const auto& fix : said.suggested_fixes) {
    auto description = one_line(fix.description, kMaxValueChars);
    if (trimmed(description).empty()) continue;
    const bool known = fix.language == "python" || fix.language == "text" || fix.language == "yaml";
    fixes.push_back({std::string(trimmed(description)), known ? fix.language : "text", visible(fix.code)});
  }
  if (!fixes.empty()) to.suggested_fixes = std::move(fixes);
}

}  // namespace

struct Explainer::Compiled {
  Template title;
  Template what;
  Template why_it_matters;
  Template evidence_summary;
  std::vector<CompiledFix> fixes;

  static std::optional<Compiled> from(const plugin::Template& source, std::vector<std::string>& problems);
  [[nodiscard]] Explanation render(const Scope& scope) const;
};

std::optional<Explainer::Compiled> Explainer::Compiled::from(const plugin::Template& source,
                                                             std::vector<std::string>& problems) {
  const auto part = [&](const std::string& name, const std::string& text) -> std::optional<Template> {
    auto parsed = Template::parse(text);
    if (parsed) return std::move(*parsed);
    problems.push_back(clean(source.signal_type, kMaxTitleChars) + ", " + name + ": " + parsed.error().text);
    return std::nullopt;
  };
  auto title = part("title", source.title);
  auto what = part("what", source.what);
  auto why = part("why_it_matters", source.why_it_matters);
  auto evidence = part("evidence_summary", source.evidence_summary);
  bool fine = title && what && why && evidence;
  std::vector<CompiledFix> fixes;
  for (std::size_t i = 0; i < source.fixes.size(); ++i) {
    const auto name = "fix " + std::to_string(i + 1);
    auto description = part(name + " description", source.fixes[i].description);
    auto code = part(name + " code", source.fixes[i].code);
    fine = fine && description && code;
    if (fine) fixes.push_back({std::move(*description), source.fixes[i].language, std::move(*code)});
  }
  if (!fine) return std::nullopt;
  return Compiled{std::move(*title), std::move(*what), std::move(*why), std::move(*evidence), std::move(fixes)};
}

Explanation Explainer::Compiled::render(const Scope& scope) const {
  Scope for_title = scope;
  for_title.max_value_chars = kMaxTitleValueChars;
  Explanation result{
      title.render(for_title), what.render(scope), why_it_matters.render(scope), evidence_summary.render(scope), {}};
  for (const auto& fix : fixes) {
    if (result.suggested_fixes.size() == kMaxFixes) break;
    const auto description = one_line(fix.description.render(scope), kMaxValueChars);
    if (trimmed(description).empty()) continue;  // a branch that does not apply
    result.suggested_fixes.push_back({std::string(trimmed(description)), fix.language, fix.code.render(scope)});
  }
  return result;
}

Explainer::Explainer() = default;
Explainer::Explainer(Explainer&&) noexcept = default;
Explainer& Explainer::operator=(Explainer&&) noexcept = default;
Explainer::~Explainer() = default;

Explainer::Explainer(std::span<const plugin::Component* const> components) {
  for (const auto* component : components) add(*component);
}

void Explainer::add(const plugin::Component& component) {
  for (const auto& source : component.templates) {
    if (knows(source.signal_type)) {
      problems_.push_back(clean(source.signal_type, kMaxTitleChars) + ": " + component.schema.id +
                          " brings a second template; the first one is used");
      continue;
    }
    auto compiled = Compiled::from(source, problems_);
    if (compiled) templates_.emplace(source.signal_type, std::make_unique<const Compiled>(std::move(*compiled)));
  }
}

void Explainer::set_hook(std::string signal_type, Hook hook) {
  hooks_.insert_or_assign(std::move(signal_type), std::move(hook));
}

bool Explainer::knows(std::string_view signal_type) const { return templates_.find(signal_type) != templates_.end(); }

Explanation Explainer::explain(const SignalFacts& facts) const {
  thread_local json::Parser parser;  // keeps its memory between calls
  const double confidence = rounded(facts.confidence);
  Scope scope;
  if (auto evidence = parser.parse(facts.evidence); evidence && evidence->is_object()) scope.values = *evidence;
  const std::array<BuiltIn, kBuiltIns.size()> built_ins = {{{kBuiltIns[0], facts.failure_type},
                                                            {kBuiltIns[1], to_text(facts.severity)},
                                                            {kBuiltIns[2], confidence},
                                                            {kBuiltIns[3], static_cast<double>(facts.step_index)},
                                                            {kBuiltIns[4], facts.run_id},
                                                            {kBuiltIns[5], facts.agent_id},
                                                            {kBuiltIns[6], facts.agent_version}}};
  scope.built_ins = built_ins;

  const auto found = templates_.find(facts.failure_type);
  auto result = found == templates_.end() ? generic_explanation(facts, scope.values) : found->second->render(scope);
  if (const auto hook = hooks_.find(facts.failure_type); hook != hooks_.end()) {
    if (auto changed = result; hook->second(facts, changed)) take_over(result, changed);
  }
  finish(result, facts, confidence);
  return result;
}

std::vector<std::string> check_template(const plugin::Template& source) {
  Explainer explainer;
  plugin::Component component;
  component.templates.push_back(source);
  explainer.add(component);
  return explainer.problems();
}

std::vector<std::string> evidence_paths(const plugin::Template& source) {
  std::vector<const std::string*> texts = {&source.title, &source.what, &source.why_it_matters,
                                           &source.evidence_summary};
  for (const auto& fix : source.fixes) texts.insert(texts.end(), {&fix.description, &fix.code});
  std::vector<std::string> found;
  for (const auto* text : texts) {
    const auto parsed = Template::parse(*text);
    if (!parsed) continue;
    for (auto& path : parsed->paths()) {
      if (std::find(kBuiltIns.begin(), kBuiltIns.end(), path) == kBuiltIns.end()) found.push_back(std::move(path));
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace dunetrace::explain
