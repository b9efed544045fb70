// What the host finds in a run that is given as its wire events: replayed and judged in this process, without scoring.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kit_test {

struct WireEvent {
  std::string type;
  std::int32_t step = 0;
  double timestamp = 0;
  std::string payload;
};

struct Usual {
  double steps = 0;  // 0 = unknown
};

// One text per signal, as dunetrace::testing::Signal::text() writes it. Throws std::runtime_error when it cannot.
std::vector<std::string> host_findings(const std::string& plugin_file, const std::vector<WireEvent>& events,
                                       const Usual& usual);

}  // namespace kit_test
