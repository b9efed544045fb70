// One text with placeholders, parsed once and rendered many times. The language is described in docs/templates.md.
// A Template is immutable: any number of threads may render it at once.
//   auto text = Template::parse("{tool|quote} called {count|plural:\"time\"}");  if (!text) … text.error() …
//   text->render({.values = evidence});
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.hpp"
#include "explain/slot.hpp"
#include "json/reader.hpp"

namespace dunetrace::explain {

// A name that stands for something besides the evidence: text or number.
struct BuiltIn {
  std::string_view name;
  std::variant<std::string_view, double> value;
};

// Where paths are looked up; the values win over the built-ins of the same name.
struct Scope {
  json::Value values;
  std::span<const BuiltIn> built_ins = {};
  std::size_t max_value_chars = kMaxValueChars;
};

class Template {
 public:
  // The error says line, column and what was expected there.
  [[nodiscard]] static Result<Template> parse(std::string_view source);

  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  // Plain text. Never fails: what is not there reads "unknown" unless the template says something else.
  [[nodiscard]] std::string render(const Scope& scope) const;
  // Every path the template uses, in conditions too, each once; for checks against the evidence a detector writes.
  [[nodiscard]] std::vector<std::string> paths() const;

  struct Program;  // template_program.hpp

 private:
  explicit Template(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

}  // namespace dunetrace::explain
