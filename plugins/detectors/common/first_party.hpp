// What all detectors of this repository say about themselves in their descriptor.
#pragma once

namespace detectors {

struct FirstParty {
  static constexpr const char* vendor = "Dunetrace";
  static constexpr const char* version = "1.0.0";
  static constexpr const char* license = "Apache-2.0";
};

}  // namespace detectors
