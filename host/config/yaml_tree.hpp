// Operator files in a strict subset of YAML: mappings, lists, scalars. Refused are anchors, aliases, tags, merge keys,
// duplicate or empty keys, several documents, anything but UTF-8, and sizes nobody writes by hand. What is left is a
// small tree of our own with line and column; scalars stay text and are typed by whoever knows what is expected.
// yaml-cpp stays behind this header. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::config {

struct YamlEntry;

struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, mapping };
  Kind kind = Kind::null;
  int line = 1;  // both count from 1
  int column = 1;
  std::string text;                // scalar
  bool quoted = false;             // scalar written in quotes or as a block: always text, never a number
  std::vector<YamlNode> items;     // list
  std::vector<YamlEntry> entries;  // mapping, in the order of the file

  [[nodiscard]] bool is_mapping() const { return kind == Kind::mapping; }
  // A mapping without entries is often written as nothing at all.
  [[nodiscard]] bool is_mapping_or_null() const { return kind == Kind::mapping || kind == Kind::null; }
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
};

struct YamlEntry {
  YamlNode key;  // a scalar
  YamlNode value;
};

struct YamlLimits {
  std::size_t file_bytes = 256 * 1024;
  std::size_t value_bytes = 4096;
  std::size_t values = 5000;  // nodes of any kind
  std::size_t depth = 6;      // mappings and lists within each other
};

// The only document of `text`; a null node when there is none. Errors begin with "name:line:column: ".
[[nodiscard]] Result<YamlNode> read_yaml(std::string_view text, std::string_view name, const YamlLimits& limits = {});

// "a mapping", "a list", "'3'", "nothing": what a node is, for error texts.
[[nodiscard]] std::string describe(const YamlNode& node);

// "name:line:column: what".
[[nodiscard]] std::string located(std::string_view name, const YamlNode& node, std::string_view what);

}  // namespace dunetrace::config
