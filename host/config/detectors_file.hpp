// detectors.yml (spec/detectors.md 7), in two phases, because the second needs the plugins the first one names:
//   DUNE_TRY(file, DetectorsFile::load(path));           // syntax, sections, plugin directories
//   … load the plugins of file.plugin_directories() …
//   DUNE_TRY(config, file.resolve(schemas, settings.detect.shadow_failure_types));
//   const Profile& profile = config.profile_for(agent_id);
// Errors list everything that is wrong, one line each: file:line:column, what, what was expected, the nearest name.
// Both classes are immutable after they are made, so any thread may read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/parameters.hpp"
#include "config/yaml_tree.hpp"
#include "core/result.hpp"
#include "core/signal.hpp"

namespace dunetrace::config {

constexpr int kDefaultTimeoutMs = 50;  // a detector takes microseconds; this is a hang

// A detector that is meant to be there and is not, which is no mistake in the file.
struct NotLoaded {
  std::string id;
  std::string why;
};

// Where a value was said. What an agent's runs are judged by does not depend on it, so all of them are equal.
struct SaidAt {
  std::uint8_t layer = 0;  // of the profile's layers; 0 is the detector itself
  int line = 0;            // of the file; 0 = not in it
  bool operator==(const SaidAt&) const { return true; }
};

// One detector as it is to judge one profile's runs.
struct DetectorSettings {
  std::size_t component = 0;  // index into the schemas given to resolve()
  std::string id;
  bool enabled = true;
  bool shadow = false;
  std::vector<std::string> shadow_types;  // of its failure types those that stay in shadow on their own account
  std::optional<Severity> severity;       // instead of the detector's own
  int timeout_ms = kDefaultTimeoutMs;
  std::vector<ParamValue> values;  // in the order of the schema, complete
  SaidAt enabled_from{}, shadow_from{}, severity_from{}, timeout_from{};
  std::vector<SaidAt> values_from;

  [[nodiscard]] bool is_shadow(std::string_view failure_type) const;
  bool operator==(const DetectorSettings&) const = default;
};

// All detectors in judging order; shared by every agent with the same combination of sections.
struct Profile {
  std::string name;  // "default", or the section that adds to it
  std::vector<DetectorSettings> detectors;
  std::vector<std::string>
      layers;  // what they come from, the later one wins: "detector", "plugins", "default", sections
  bool operator==(const Profile& other) const { return name == other.name && detectors == other.detectors; }
};

class DetectorsConfig {
 public:
  // Valid and at the same address as long as this object lives, moves included.
  [[nodiscard]] const Profile& profile_for(std::string_view agent_id) const;
  [[nodiscard]] const std::deque<Profile>& profiles() const { return profiles_; }
  // Things an operator should know that are no errors (deprecated parameters, absent detectors), one line each.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  // Whether every agent's runs are judged alike; only for two that were resolved against the same schemas.
  bool operator==(const DetectorsConfig& other) const {
    return profiles_ == other.profiles_ && exact_ == other.exact_ && prefixes_ == other.prefixes_;
  }

 private:
  friend class DetectorsResolver;
  std::deque<Profile> profiles_;  // [0] is the default; a deque, because addresses are given out
  std::map<std::string, std::size_t, std::less<>> exact_;     // agent id → profile
  std::map<std::string, std::size_t, std::less<>> prefixes_;  // "web-" of "web-*" → profile
  std::vector<std::string> warnings_;
};

class DetectorsFile {
 public:
  // A file that does not exist is an error: whoever calls has decided that it is the one.
  [[nodiscard]] static Result<DetectorsFile> load(const std::filesystem::path& path);
  // `name` stands in front of every error.
  [[nodiscard]] static Result<DetectorsFile> parse(std::string_view text, std::string_view name);

  // Absolute paths, besides the built-in directory, in the order of the file.
  [[nodiscard]] const std::vector<std::filesystem::path>& plugin_directories() const { return plugin_directories_; }
  // Where each of them stands, as file:line:column.
  [[nodiscard]] const std::vector<std::string>& plugin_directory_places() const { return plugin_directory_places_; }

  // Detectors among `components` against the file; other kinds are skipped. `shadow_failure_types` (SHADOW_DETECTORS)
  // keeps those types in shadow whatever the file says. What is said of `absent` ones is skipped with a warning.
  [[nodiscard]] Result<DetectorsConfig> resolve(std::span<const ComponentSchema> components,
                                                std::span<const std::string> shadow_failure_types,
                                                std::span<const NotLoaded> absent = {}) const;

  struct Member {
    std::string agent;       // id, or its beginning
    bool is_prefix = false;  // written with '*'
  };
  struct Category {
    const YamlEntry* section = nullptr;  // in the tree
    std::vector<Member> members;
  };

 private:
  friend class DetectorsReader;
  friend class DetectorsResolver;
  std::string name_;
  std::shared_ptr<const YamlNode> tree_;  // shared: copies of this object point into the same tree
  const YamlNode* default_ = nullptr;
  const YamlNode* plugin_detectors_ = nullptr;
  std::vector<const YamlEntry*> sections_;  // agents and categories
  std::vector<Category> categories_;
  std::vector<std::filesystem::path> plugin_directories_;
  std::vector<std::string> plugin_directory_places_;
};

}  // namespace dunetrace::config
