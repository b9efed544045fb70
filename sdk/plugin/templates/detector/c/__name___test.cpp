// What the rule must find, without a host. The test kit is C++; it calls the C functions as the host does. cases.yml
// says the same for the built library, with its texts, and needs no C++ compiler.
#include <dunetrace/testing/expect.hpp>

using namespace dunetrace::testing;

int main() {
  const dune_plugin* plugin = dune_plugin_entry_v1();
  Checks checks;
  const auto run = RunBuilder("shop").tool("search").llm(400).completion(100).llm(900).completion(100).completed();

  checks.found("below the budget", run_detector(plugin, run.done()), {});
  checks.found("at the budget", run_detector(plugin, run.done(), {{"max_tokens", 1500}}), {});
  checks.found("above it", run_detector(plugin, run.done(), {{"max_tokens", 1000}}),
               {signal("{{NAME}}")
                    .severity(dunetrace::Severity::medium)
                    .confidence(0.75)
                    .step(3)
                    .evidence("total_tokens", 1500)
                    .evidence("largest_step", 3)
                    .evidence("largest_tokens", 1000)});

  auto padded = run;  // a newer host's records are longer
  checks.found("longer records", run_detector(plugin, padded.padded().done(), {{"max_tokens", 1000}}),
               {signal("{{NAME}}").evidence("total_tokens", 1500)});
  checks.fails("senseless parameters", [&] { run_detector(plugin, run.done(), {{"severe_ratio", 1.0}}); },
               "severe_ratio must be above 1");
  return checks.result();
}
