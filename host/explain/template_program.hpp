// The compiled form of a template: a flat list of instructions, so that rendering neither recurses nor searches.
// Internal to explain/ (template.cpp renders it, template_parser.cpp writes it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/result.hpp"
#include "explain/filters.hpp"
#include "explain/template.hpp"

namespace dunetrace::explain {

// "a.0.b"; the first name may be a built-in.
struct Path {
  std::string text;
  std::vector<std::string> names;
};

struct FilterCall {
  const Filter* filter = nullptr;
  Arguments args;
};

enum class Compare : std::uint8_t { truthy, equal, not_equal, less, less_equal, greater, greater_equal };

struct Test {
  Path path;
  Compare compare = Compare::truthy;
  bool negated = false;                                             // only with truthy
  std::variant<std::monostate, bool, double, std::string> literal;  // monostate = null
};

// Appends a constant text.
struct Text {
  std::string text;
};
struct Placeholder {
  Path path;
  std::vector<FilterCall> filters;
};
// Goes on at `target` unless all tests hold.
struct Unless {
  std::vector<Test> tests;
  std::size_t target = 0;
};
struct Jump {
  std::size_t target = 0;
};

struct Template::Program {
  std::vector<std::variant<Text, Placeholder, Unless, Jump>> instructions;
};

[[nodiscard]] Result<Template::Program> parse_template(std::string_view source);

}  // namespace dunetrace::explain
