// A file of recorded runs, packed or not: every line is a run, part of one, or skipped with a reason.
#include <cmath>

#include "backtest/file_source.hpp"
#include "fuzz.hpp"
#include "memory_file.hpp"

namespace dunetrace::fuzz {
namespace {

void check(const backtest::Recorded& recorded, json::Parser& parser, std::string_view input) {
  for (const auto& skipped : recorded.skipped)
    DUNE_HOLDS(skipped.where.starts_with("line ") && !skipped.reason.empty(), input);
  for (const auto& one : recorded.runs) {
    DUNE_HOLDS(!one.events.events.empty() && !one.events.run_id.empty(), input);
    std::int64_t id = 0;
    for (const auto& event : one.events.events) {
      DUNE_HOLDS(event.id == ++id && event.kind != EventKind::other && event.step_index >= 0, input);
      DUNE_HOLDS(std::isfinite(event.timestamp) && event.type == wire_name(event.kind), input);
      const auto payload = parser.parse(event.payload);
      DUNE_HOLDS(payload && payload->is_object(), event.payload);
    }
  }
}

}  // namespace

void run(std::string_view input) {
  json::Parser parser;
  const auto single = backtest::read_run(input, {});
  if (single) DUNE_HOLDS(!single->events.empty() && !single->run_id.empty(), input);
  const MemoryFile memory(input);
  auto source = backtest::FileSource::open(memory.path(), {});
  DUNE_HOLDS(source.has_value(), input);
  while (true) {
    const auto load = source->next();
    if (!load) {
      DUNE_HOLDS(std::string_view(load.error().text).starts_with(memory.path()), load.error().text);
      return;
    }
    if (!*load) return;
    const auto recorded = (*load)();
    DUNE_HOLDS(recorded.has_value(), input);
    check(*recorded, parser, input);
  }
}

}  // namespace dunetrace::fuzz
