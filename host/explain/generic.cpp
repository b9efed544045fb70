#include "explain/generic.hpp"

#include <algorithm>

#include "explain/slot.hpp"
#include "explain/text.hpp"

namespace dunetrace::explain {

namespace {

constexpr std::size_t kMaxTypeChars = 80;
constexpr std::size_t kMaxMembers = 20;
constexpr std::size_t kMaxMemberChars = 120;

// "SOME_TYPE" → "some type"
std::string words_of(std::string_view name, std::size_t max_chars) {
  std::string words = clean(name, max_chars);
  for (char& c : words) {
    if (c == '_') c = ' ';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return words;
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string evidence_in_prose(const json::Value& evidence) {
  std::string out;
  std::size_t members = 0;
  evidence.each_member([&](std::string_view name, json::Value value) {
    if (++members > kMaxMembers) return;
    if (!out.empty()) out += "; ";
    out += words_of(name, kMaxTypeChars) + ": ";
    append_words(out, value, kMaxMemberChars);
  });
  if (out.empty()) return "No evidence was recorded.";
  if (members > kMaxMembers) out += "; and " + std::to_string(members - kMaxMembers) + " more";
  return capitalised(std::move(out)) + ".";
}

}  // namespace

plugin::Fix inspect_events_fix(const SignalFacts& facts) {
  const auto step = std::to_string(facts.step_index);
  const auto from = std::to_string(std::max(facts.step_index, 3) - 3);
  return {"Inspect the run's events around step " + step, "text",
          "Open run " + clean(facts.run_id, kMaxMemberChars) + " on the dashboard and read its event log from step " +
              from + " to step " + step +
              ". Look for the first tool call or model answer that is not what you expected."};
}

Explanation generic_explanation(const SignalFacts& facts, const json::Value& evidence) {
  auto words = capitalised(words_of(facts.failure_type, kMaxTypeChars));
  if (words.empty()) words = "Unnamed failure";
  const auto step = std::to_string(facts.step_index);
  Explanation result;
  result.title = words + " at step " + step;
  result.what =
      "A detector reported `" + clean(facts.failure_type, kMaxTypeChars) + "` at step " + step +
      " of this run. No usable text for this failure type is installed here, so only the recorded evidence can be "
      "shown.";
  result.why_it_matters =
      "The detector rates it " + std::string(to_text(facts.severity)) +
      ". What that means for your users is up to the detector; look at the evidence and at the run.";
  result.evidence_summary = evidence_in_prose(evidence);
  result.suggested_fixes.push_back(inspect_events_fix(facts));
  return result;
}

}  // namespace dunetrace::explain
