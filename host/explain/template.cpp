#include "explain/template.hpp"

#include <algorithm>
#include <charconv>

#include "explain/template_program.hpp"
#include "explain/text.hpp"

namespace dunetrace::explain {

namespace {

json::Value element(const json::Value& array, std::string_view index) {
  std::size_t wanted = 0;
  const auto parsed = std::from_chars(index.data(), index.data() + index.size(), wanted);
  json::Value found;
  if (parsed.ec != std::errc{} || parsed.ptr != index.data() + index.size() || wanted >= array.size()) return found;
  std::size_t at = 0;
  array.each_element([&](json::Value value) {
    if (at++ == wanted) found = value;
  });
  return found;
}

json::Value find_value(const json::Value& root, const Path& path) {
  json::Value at = root;
  for (const auto& name : path.names) at = at.is_array() ? element(at, name) : at[name];
  return at;
}

const BuiltIn* find_built_in(const Scope& scope, const Path& path) {
  for (const auto& built_in : scope.built_ins) {
    if (built_in.name == path.text) return &built_in;
  }
  return nullptr;
}

Item item_of(const BuiltIn& built_in, std::size_t max_chars) {
  if (const auto* number = std::get_if<double>(&built_in.value)) return Item(human_number(*number), *number);
  return Item(clean(std::get<std::string_view>(built_in.value), max_chars));
}

Item look_up(const Scope& scope, const Path& path) {
  const auto value = find_value(scope.values, path);
  if (!value.missing()) return Item(value);
  if (const auto* built_in = find_built_in(scope, path)) return item_of(*built_in, scope.max_value_chars);
  return Item(value);
}

bool is_true(const Item& item) {
  if (item.empty()) return false;
  if (const auto boolean = item.value().boolean()) return *boolean;
  if (const auto number = item.number()) return *number != 0;
  return true;
}

bool equals(const Item& item, const Test& test) {
  struct Visitor {
    const Item& item;
    bool operator()(std::monostate) const {
      return !item.is_made() && (item.value().missing() || item.value().is_null());
    }
    bool operator()(bool wanted) const { return item.value().boolean() == wanted; }
    bool operator()(double wanted) const { return item.number() == wanted; }
    bool operator()(const std::string& wanted) const {
      if (item.is_made()) return !item.number() && item.text(kMaxValueChars) == wanted;
      return item.value().string() == std::string_view(wanted);
    }
  };
  return std::visit(Visitor{item}, test.literal);
}

bool ordered(const Item& item, const Test& test) {
  const auto number = item.number();
  if (!number) return false;
  const double limit = std::get<double>(test.literal);
  switch (test.compare) {
    case Compare::less:
      return *number < limit;
    case Compare::less_equal:
      return *number <= limit;
    case Compare::greater:
      return *number > limit;
    default:
      return *number >= limit;
  }
}

bool holds(const Scope& scope, const Test& test) {
  const auto item = look_up(scope, test.path);
  switch (test.compare) {
    case Compare::truthy:
      return is_true(item) != test.negated;
    case Compare::equal:
      return equals(item, test);
    case Compare::not_equal:
      return !equals(item, test);
    default:
      return ordered(item, test);
  }
}

void append(std::string& out, const Scope& scope, const Placeholder& placeholder) {
  Slot slot;
  slot.max_chars = scope.max_value_chars;
  slot.set(look_up(scope, placeholder.path));
  for (const auto& call : placeholder.filters) call.filter->apply(slot, call.args);
  out += slot.text();
}

}  // namespace

Template::Template(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view source) {
  DUNE_TRY(program, parse_template(source));
  return Template(std::make_unique<const Program>(std::move(program)));
}

std::string Template::render(const Scope& scope) const {
  std::string out;
  const auto& instructions = program_->instructions;
  for (std::size_t at = 0; at < instructions.size();) {
    const auto& instruction = instructions[at++];
    if (const auto* text = std::get_if<Text>(&instruction)) {
      out += text->text;
    } else if (const auto* placeholder = std::get_if<Placeholder>(&instruction)) {
      append(out, scope, *placeholder);
    } else if (const auto* unless = std::get_if<Unless>(&instruction)) {
      const bool all =
          std::all_of(unless->tests.begin(), unless->tests.end(), [&](const Test& test) { return holds(scope, test); });
      if (!all) at = unless->target;
    } else {
      at = std::get<Jump>(instruction).target;
    }
  }
  return out;
}

std::vector<std::string> Template::paths() const {
  std::vector<std::string> found;
  const auto add = [&](const Path& path) {
    if (std::find(found.begin(), found.end(), path.text) == found.end()) found.push_back(path.text);
  };
  for (const auto& instruction : program_->instructions) {
    if (const auto* placeholder = std::get_if<Placeholder>(&instruction)) add(placeholder->path);
    if (const auto* unless = std::get_if<Unless>(&instruction)) {
      for (const auto& test : unless->tests) add(test.path);
    }
  }
  return found;
}

}  // namespace dunetrace::explain
