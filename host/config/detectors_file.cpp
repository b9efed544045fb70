#include "config/detectors_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "config/names.hpp"

namespace dunetrace::config {

namespace {

const std::vector<std::string> kReserved{"default", "categories", "plugins"};
// Sections of roles that have nothing to configure there yet; as agent names they would be read as something else
// later.
constexpr std::array<std::string_view, 2> kLater{"alerts", "integrations"};

}  // namespace

// The first phase: the sections and what they are, not yet what stands in the detectors' own mappings.
class DetectorsReader {
 public:
  DetectorsReader(DetectorsFile& file, std::string_view name) : file_(file), name_(name) {}

  Result<> read(const YamlNode& root) {
    if (!root.is_mapping_or_null()) {
      wrong(root, "expected sections (default, categories, plugins, agent ids), got " + describe(root));
    }
    for (const auto& entry : root.entries) read_section(entry);
    // After the sections, because a category may stand above the section it names.
    if (const auto* categories = root.find("categories")) read_categories(*categories);
    if (!problems_.empty()) return problems_.as_error();
    return {};
  }

 private:
  void wrong(const YamlNode& at, std::string_view what) { problems_.add(located(name_, at, what)); }

  bool is_mapping(const YamlEntry& entry, std::string_view what) {
    if (entry.value.is_mapping_or_null()) return true;
    wrong(entry.value, fmt::format("expected {} in {}, got {}", what, shown(entry.key.text), describe(entry.value)));
    return false;
  }

  void read_section(const YamlEntry& entry) {
    const auto& name = entry.key.text;
    if (name == "categories") {
      is_mapping(entry, "a mapping of section names to lists of agent ids");
      return;
    }
    if (name == "plugins") {
      if (is_mapping(entry, "a mapping")) read_plugins(entry.value);
      return;
    }
    if (std::ranges::find(kLater, name) != kLater.end() && !entry.key.quoted) {
      wrong(entry.key, fmt::format("section '{}' has nothing to configure in this version; expected default, "
                                   "categories, plugins or an agent id (quote the name if it is one)",
                                   name));
      return;
    }
    if (!is_mapping(entry, "a mapping of detectors")) return;
    if (name == "default") {
      file_.default_ = &entry.value;
      return;
    }
    // A misspelt `default` would be taken for an agent and never apply.
    if (const auto near = nearest(name, kReserved); !near.empty() && !entry.key.quoted) {
      wrong(entry.key, fmt::format("unknown section '{}' (did you mean '{}'?); quote the name if it is an agent id",
                                   shown(name), near));
      return;
    }
    file_.sections_.push_back(&entry);
  }

  void read_plugins(const YamlNode& plugins) {
    static const std::vector<std::string> kKeys{"directories", "detectors"};
    for (const auto& entry : plugins.entries) {
      if (entry.key.text == "directories") {
        read_directories(entry.value);
      } else if (entry.key.text == "detectors") {
        if (is_mapping(entry, "a mapping of detectors")) file_.plugin_detectors_ = &entry.value;
      } else {
        wrong(entry.key, fmt::format("unknown key '{}' in plugins{}; expected one of {}", shown(entry.key.text),
                                     did_you_mean(entry.key.text, kKeys), joined(kKeys)));
      }
    }
  }

  void read_directories(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::list)
      return wrong(node, "expected a list of absolute paths, got " + describe(node));
    for (const auto& item : node.items) {
      if (item.kind == YamlNode::Kind::scalar && item.text.starts_with('/')) {
        file_.plugin_directories_.push_back(std::filesystem::path(item.text).lexically_normal());
        file_.plugin_directory_places_.push_back(fmt::format("{}:{}:{}", name_, item.line, item.column));
      } else {
        wrong(item, "expected an absolute path, got " + describe(item));
      }
    }
  }

  void read_categories(const YamlNode& categories) {
    std::map<std::string, std::string> seen;  // member as written → category
    for (const auto& entry : categories.entries) {
      const auto section =
          std::ranges::find_if(file_.sections_, [&](const auto* s) { return s->key.text == entry.key.text; });
      if (section == file_.sections_.end()) {
        wrong(entry.key, fmt::format("category '{}' has no section{}; expected one of that name in this file",
                                     shown(entry.key.text), did_you_mean(entry.key.text, section_names())));
        continue;
      }
      if (entry.value.kind != YamlNode::Kind::list) {
        wrong(entry.value.kind == YamlNode::Kind::null ? entry.key : entry.value,
              fmt::format("expected a list of agent ids in category '{}', got {}", entry.key.text,
                          describe(entry.value)));
        continue;
      }
      DetectorsFile::Category category{*section, {}};
      for (const auto& item : entry.value.items) read_member(item, entry.key.text, category, seen);
      file_.categories_.push_back(std::move(category));
    }
  }

  void read_member(const YamlNode& item, const std::string& category_name, DetectorsFile::Category& category,
                   std::map<std::string, std::string>& seen) {
    if (item.kind != YamlNode::Kind::scalar || item.text.empty()) {
      return wrong(item, "expected an agent id, got " + describe(item));
    }
    const auto star = item.text.find('*');
    if (star != std::string::npos && star + 1 != item.text.size()) {
      return wrong(item, "expected '*' only at the end of an agent id, got " + describe(item));
    }
    const auto [before, is_new] = seen.emplace(item.text, category_name);
    if (!is_new) {
      return wrong(item, fmt::format("'{}' is already in category '{}'; expected an agent in one category",
                                     shown(item.text), before->second));
    }
    category.members.push_back({item.text.substr(0, star), star != std::string::npos});
  }

  [[nodiscard]] std::vector<std::string> section_names() const {
    std::vector<std::string> names;
    for (const auto* section : file_.sections_) names.push_back(section->key.text);
    return names;
  }

  DetectorsFile& file_;
  std::string_view name_;
  Problems problems_;
};

bool DetectorSettings::is_shadow(std::string_view failure_type) const {
  return shadow || std::ranges::find(shadow_types, failure_type) != shadow_types.end();
}

const Profile& DetectorsConfig::profile_for(std::string_view agent_id) const {
  if (const auto found = exact_.find(agent_id); found != exact_.end()) return profiles_[found->second];
  // The longest prefix wins. A shorter one always sorts before a longer one of the same agent.
  for (auto at = prefixes_.upper_bound(agent_id); at != prefixes_.begin();) {
    --at;
    if (agent_id.starts_with(at->first)) return profiles_[at->second];
  }
  return profiles_.front();
}

Result<DetectorsFile> DetectorsFile::parse(std::string_view text, std::string_view name) {
  DUNE_TRY(root, read_yaml(text, name));
  DetectorsFile file;
  file.name_ = name;
  file.tree_ = std::make_shared<const YamlNode>(std::move(root));
  DUNE_TRY_VOID(DetectorsReader(file, name).read(*file.tree_));
  return file;
}

Result<DetectorsFile> DetectorsFile::load(const std::filesystem::path& path) {
  const auto name = path.string();
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (status.type() == std::filesystem::file_type::not_found) {
    return fail(Code::not_found, name + ": no such file; expected the detector configuration (DETECTOR_CONFIG)");
  }
  if (!std::filesystem::is_regular_file(status)) return fail(Code::invalid_argument, name + ": expected a file");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(Code::invalid_argument, name + ": cannot be read: " + std::strerror(errno));
  // One byte above the limit tells a file that is too large from one that just fits.
  std::string text(YamlLimits{}.file_bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return fail(Code::invalid_argument, name + ": cannot be read: " + std::strerror(errno));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return parse(text, name);
}

}  // namespace dunetrace::config
