// What a library says about itself, copied into host types and checked (plugin-abi.md 4, 10, 13). Nothing here points
// into the library but `vtable`, which stays valid because libraries are never unmapped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
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

class Outside;  // isolation/outside.hpp

// Something an integration can do.
struct Action {
  std::string id;
  std::string title;
  std::string doc;
  std::string input_schema;  // JSON schema of its input, an object
  bool mutates = false;      // people are asked before it is done
};

struct Component {
  config::ComponentSchema schema;
  std::string interface;             // "dune.detector/1"
  std::string default_signal_type;   // detectors only
  std::vector<Template> templates;   // detectors only
  std::uint32_t max_batch = 0;       // alerts only: how many one delivery takes
  std::vector<Action> actions;       // integrations only
  const void* vtable = nullptr;      // nullptr: the library is isolated and not mapped in this process
  bool explains = false;             // has explanation code of its own
  std::shared_ptr<Outside> outside;  // answers for a library that is not mapped here
};

// Where a library's code runs.
enum class Mode : std::uint8_t { in_process, isolated };

struct Library {
  std::string path;            // as the operator knows it
  std::filesystem::path file;  // the bytes that were checked, which are the bytes to map
  std::string sha256;          // of those bytes, lower-case hex
  Mode mode = Mode::in_process;
  std::string id;  // "com.example.loops"
  std::string vendor;
  std::string version;
  std::string license;
  unsigned abi_minor = 0;
  bool first_party = false;
  std::vector<Component> components;
};

}  // namespace dunetrace::plugin
