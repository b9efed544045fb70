// What all detectors of this repository say about themselves in their descriptor.
#pragma once

namespace detectors {

struct FirstParty {
  static constexpr const char* vendor = "Dunetrace";
  static constexpr const char* version = "1.0.0";
  static constexpr const char* license = "Apache-2.0";
};

// For a new detector. The host keeps a version 0.x in shadow until an operator makes it live; it becomes 1.0.0
// (FirstParty) when it has shown on real runs that it is right more than four times out of five.
struct OnProbation : FirstParty {
  static constexpr const char* version = "0.1.0";
};

}  // namespace detectors
