// A file of cases: errors with a place, or cases whose events and expectations are well-formed.
#include "cases/case_file.hpp"

#include "fuzz.hpp"
#include "json/reader.hpp"
#include "memory_file.hpp"

namespace dunetrace::fuzz {
namespace {

void check_object(json::Parser& parser, std::string_view text) {
  const auto read = parser.parse(text);
  DUNE_HOLDS(read && read->is_object(), text);
}

}  // namespace

void run(std::string_view input) {
  const MemoryFile memory(input);
  const auto file = cases::load_cases(memory.path());
  if (!file) {
    DUNE_HOLDS(std::string_view(file.error().text).starts_with(memory.path() + ":"), file.error().text);
    return;
  }
  DUNE_HOLDS(!file->detector.empty(), input);
  json::Parser parser;
  for (const auto& one : file->cases) {
    DUNE_HOLDS(one.line > 0 && !one.config.empty(), input);
    std::size_t looked_at = 0;
    for (const auto& event : one.events) {
      if (++looked_at > 100) break;  // thousands that are alike
      DUNE_HOLDS(!event.type.empty() && event.step_index >= 0, input);
      check_object(parser, event.payload);
    }
    for (const auto& expected : one.expect) check_object(parser, expected.evidence);
  }
}

}  // namespace dunetrace::fuzz
