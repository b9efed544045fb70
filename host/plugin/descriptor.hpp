// What a loaded library says about itself, copied into host types and checked (plugin-abi.md 4, 10, 13). Nothing here
// points into the library but `vtable`, which stays valid because libraries are never unmapped.
#pragma once

#include <string>
#include <vector>

#include "config/parameters.hpp"

namespace dunetrace::plugin {

struct Fix {
  std::string description;
  std::string language;  // "python", "text", "yaml"
  std::string code;
};

// Texts with placeholders, rendered by explain/ from a signal's evidence.
struct Template {
  std::string signal_type;
  std::string title;
  std::string what;
  std::string why_it_matters;
  std::string evidence_summary;
  std::vector<Fix> fixes;
};

struct Component {
  config::ComponentSchema schema;
  std::string interface;            // "dune.detector/1"
  std::string default_signal_type;  // detectors only
  std::vector<Template> templates;  // detectors only
  const void* vtable = nullptr;
};

struct Library {
  std::string path;
  std::string id;  // "com.example.loops"
  std::string vendor;
  std::string version;
  std::string license;
  unsigned abi_minor = 0;
  bool first_party = false;
  std::vector<Component> components;
};

}  // namespace dunetrace::plugin
