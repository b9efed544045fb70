// Evidence as the detectors write it, one case per branch of a text, with what a reader must learn from it.
#pragma once

#include <string>
#include <vector>

namespace dunetrace::explain::testing {

struct Case {
  std::string name;
  std::string type;
  std::string evidence;
  std::string title;                      // exactly
  std::vector<std::string> says;          // in what, why or the evidence summary
  std::vector<std::string> languages;     // of the fixes, in order
  std::vector<std::string> descriptions;  // words of the fixes' descriptions, in order
};

std::vector<Case> cases();

}  // namespace dunetrace::explain::testing
