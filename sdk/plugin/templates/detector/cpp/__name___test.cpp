// What the rule must find, without a host. cases.yml says the same for the built library, with its texts.
#include "{{name}}.hpp"

#include <dunetrace/testing/expect.hpp>

using namespace dunetrace::testing;
using {{name}}::{{Name}};

int main() {
  Checks checks;
  const auto run = RunBuilder("shop").tool("search").llm(400).completion(100).llm(900).completion(100).completed();

  checks.found("below the budget", run_detector<{{Name}}>(run.done()), {});
  checks.found("at the budget", run_detector<{{Name}}>(run.done(), {1500, 2.0}), {});
  checks.found("above it", run_detector<{{Name}}>(run.done(), {1000, 2.0}),
               {signal("{{NAME}}")
                    .severity(dunetrace::Severity::medium)
                    .confidence(0.75)
                    .step(3)
                    .evidence("total_tokens", 1500)
                    .evidence("largest_step", 3)
                    .evidence("largest_tokens", 1000)});
  checks.found("far above it", run_detector<{{Name}}>(run.done(), {500, 2.0}),
               {signal("{{NAME}}").severity(dunetrace::Severity::high).confidence(1.0)});

  auto padded = run;  // a newer host's records are longer
  checks.found("longer records", run_detector<{{Name}}>(padded.padded().done(), {1000, 2.0}),
               {signal("{{NAME}}").evidence("total_tokens", 1500)});
  checks.fails("senseless parameters", [&] { run_detector<{{Name}}>(run.done(), {1000, 1.0}); },
               "severe_ratio must be above 1");
  return checks.result();
}
