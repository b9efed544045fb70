// One explanation, from the stored signal to the finished texts. Budget: under 20 µs; measured 1 to 4 µs of CPU
// time. Run the release build: build/release/bench/explain_bench
#include <benchmark/benchmark.h>

#include "cases.hpp"
#include "explain/explainer.hpp"
#include "shipped_texts.hpp"

namespace {

using namespace dunetrace;

explain::SignalFacts facts_of(const explain::testing::Case& c) {
  return {c.type, Severity::high, 0.7667, 19, "run-1", "agent-1", "v1", c.evidence};
}

explain::Explainer shipped() {
  const auto component = explain::testing::shipped_component();
  const plugin::Component* const components[] = {&component};
  return explain::Explainer(components);
}

void explain_case(benchmark::State& state, const explain::testing::Case& c) {
  const auto explainer = shipped();
  for (auto _ : state) benchmark::DoNotOptimize(explainer.explain(facts_of(c)));
}

void parse_all_templates(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(shipped());
}

}  // namespace

int main(int argc, char** argv) {
  const auto cases = explain::testing::cases();
  for (const auto& c : cases) {
    benchmark::RegisterBenchmark(("explain/" + c.name).c_str(),
                                 [&c](benchmark::State& state) { explain_case(state, c); });
  }
  benchmark::RegisterBenchmark("parse_all_templates", parse_all_templates);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
