// A template and, behind `---`, the evidence it is rendered from. Always an explanation, the same each time; a value
// can bring no line break, no control character and no quotation mark of its own into the text, and nothing survives
// escaping that could leave a page's or a message's text.
#include <algorithm>
#include <dunetrace/escape.hpp>

#include "explain/explainer.hpp"
#include "explain/template.hpp"
#include "explain/text.hpp"
#include "fuzz.hpp"

namespace dunetrace::fuzz {
namespace {

using namespace explain;

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

void check_escaped(std::string_view text) {
  const auto html = escape_html(text);
  DUNE_HOLDS(html.find_first_of("<>\"'") == std::string::npos, html);
  const auto markup = escape_markup(text);
  DUNE_HOLDS(markup.find_first_of("<>") == std::string::npos, markup);
}

void check_render(const Template& parsed, std::string_view source, std::string_view evidence) {
  json::Parser parser;
  const auto values = parser.parse(evidence);
  Scope scope;
  if (values) scope.values = *values;
  const auto text = parsed.render(scope);
  DUNE_HOLDS(parsed.render(scope) == text, text);
  if (is_utf8(source)) DUNE_HOLDS(is_utf8(text), text);
  if (!has_control(source) && source.find('\\') == std::string_view::npos) {
    // `literal` writes what it quotes with the escapes of the language.
    DUNE_HOLDS(!has_control(text), text);
    if (source.find('`') == std::string_view::npos && source.find("quote") == std::string_view::npos)
      DUNE_HOLDS(text.find('`') == std::string::npos, text);
  }
  check_escaped(text);
  for (const auto& path : parsed.paths()) DUNE_HOLDS(!path.empty(), source);
}

void check_explanation(const Explanation& explanation) {
  DUNE_HOLDS(!explanation.title.empty() && !has_control(explanation.title), explanation.title);
  DUNE_HOLDS(!explanation.suggested_fixes.empty() && explanation.suggested_fixes.size() <= 3, explanation.title);
  DUNE_HOLDS(explanation.evidence_summary.find('%') != std::string::npos, explanation.evidence_summary);
}

}  // namespace

void run(std::string_view input) {
  const auto [source, evidence] = two_parts(input);
  const auto parsed = Template::parse(source);
  if (parsed) {
    check_render(*parsed, source, evidence);
  } else {
    DUNE_HOLDS(parsed.error().text.find("line ") != std::string::npos, parsed.error().text);
  }
  const std::string text(source);
  plugin::Component component;
  component.schema.id = "odd";
  component.templates.push_back({"ODD_RUN", text, text, text, text, {{text, "text", text}}});
  Explainer explainer;
  explainer.add(component);
  DUNE_HOLDS(explainer.knows("ODD_RUN") == parsed.has_value(), source);
  DUNE_HOLDS(explainer.problems().empty() == parsed.has_value(), source);
  for (const auto* type : {"ODD_RUN", "UNKNOWN"}) {
    const SignalFacts facts{type, Severity::high, 0.7667, 3, "run", source, "v1", evidence};
    check_explanation(explainer.explain(facts));
  }
}

}  // namespace dunetrace::fuzz
