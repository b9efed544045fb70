// The demo's agents and what each of their runs does. Healthy runs and runs that fail in every way a detector knows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dunetrace::cli {

struct DemoRun {
  std::string agent_id;
  std::string run_id;
  std::string body;  // for POST /v1/ingest
  std::size_t events = 0;
};

// All runs in the order in which they are to be sent: first the history that the last one is compared with.
// `now`: Unix seconds; every run ends about then.
[[nodiscard]] std::vector<DemoRun> demo_runs(double now, std::string_view api_key);

}  // namespace dunetrace::cli
