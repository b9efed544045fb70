#include "config/parameter_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "config/names.hpp"

namespace dunetrace::config {

namespace {

tl::unexpected<std::string> expected(std::string_view what, const YamlNode& got) {
  return tl::unexpected(fmt::format("expected {}, got {}", what, describe(got)));
}

bool is_plain_scalar(const YamlNode& node) { return node.kind == YamlNode::Kind::scalar && !node.quoted; }

// `010` is 8 to some readers and 10 to others; neither is what somebody meant.
bool has_leading_zero(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

std::string number_text(const ParamValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *whole);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  return "?";
}

double as_real(const ParamValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nan("");
}

// How the two bounds read in an error text.
std::string bounds(const ParamSpec& spec) {
  const auto unit = spec.unit.empty() ? std::string{} : " " + spec.unit;
  if (spec.min && spec.max)
    return fmt::format(" from {} to {}{}", number_text(*spec.min), number_text(*spec.max), unit);
  if (spec.min) return fmt::format(" of at least {}{}", number_text(*spec.min), unit);
  if (spec.max) return fmt::format(" above 0 and up to {}{}", number_text(*spec.max), unit);
  return fmt::format(" above 0{}", spec.unit.empty() ? "" : " (" + spec.unit + ")");
}

template <class T>
bool in_bounds(T value, const ParamSpec& spec) {
  const auto bound = [](const ParamValue& limit) {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      if (const auto* whole = std::get_if<std::int64_t>(&limit)) return *whole;
    }
    return static_cast<T>(as_real(limit));
  };
  if (spec.min ? value < bound(*spec.min) : !(value > T{0})) return false;
  return !spec.max || value <= bound(*spec.max);
}

template <class T>
Parsed<ParamValue> number(const YamlNode& node, const ParamSpec& spec, Parsed<T> parsed, std::string_view kind) {
  if (!parsed || !in_bounds(*parsed, spec)) return expected(std::string(kind) + bounds(spec), node);
  return ParamValue(*parsed);
}

Parsed<std::string> chosen_text(const YamlNode& node, const ParamSpec& spec) {
  auto text = parse_text(node);
  if (!text || spec.choices.empty()) return text;
  if (std::ranges::find(spec.choices, *text) != spec.choices.end()) return text;
  return tl::unexpected(fmt::format("expected one of {}, got {}{}", joined(spec.choices), describe(node),
                                    did_you_mean(*text, spec.choices)));
}

Parsed<ParamValue> text_list(const YamlNode& node, const ParamSpec& spec) {
  if (node.kind != YamlNode::Kind::list) return expected("a list of texts", node);
  std::vector<std::string> texts;
  for (const auto& item : node.items) {
    auto text = chosen_text(item, spec);
    if (!text) return tl::unexpected(fmt::format("item {}: {}", texts.size() + 1, text.error()));
    texts.push_back(std::move(*text));
  }
  return ParamValue(std::move(texts));
}

}  // namespace

Parsed<bool> parse_boolean(const YamlNode& node) {
  if (is_plain_scalar(node)) {
    if (node.text == "true") return true;
    if (node.text == "false") return false;
  }
  return expected("true or false", node);
}

Parsed<std::int64_t> parse_integer(const YamlNode& node) {
  std::int64_t value = 0;
  if (is_plain_scalar(node) && !has_leading_zero(node.text)) {
    const auto* end = node.text.data() + node.text.size();
    const auto read = std::from_chars(node.text.data(), end, value);
    if (read.ec == std::errc{} && read.ptr == end) return value;
  }
  return expected("a whole number", node);
}

Parsed<double> parse_real(const YamlNode& node) {
  double value = 0;
  // from_chars knows "inf" and "nan"; a number begins with a digit here, so that `.5` and `e5` are refused as well.
  const std::string_view digits = node.text.starts_with('-') ? std::string_view(node.text).substr(1) : node.text;
  const bool begins_well = !digits.empty() && digits[0] >= '0' && digits[0] <= '9';
  if (is_plain_scalar(node) && begins_well && !has_leading_zero(node.text)) {
    const auto* end = node.text.data() + node.text.size();
    const auto read = std::from_chars(node.text.data(), end, value);
    if (read.ec == std::errc{} && read.ptr == end && std::isfinite(value)) return value;
  }
  return expected("a number", node);
}

Parsed<std::string> parse_text(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::scalar) return expected("a text", node);
  return node.text;
}

Parsed<ParamValue> parse_parameter(const YamlNode& node, const ParamSpec& spec) {
  switch (spec.type) {
    case ParamType::boolean:
      return parse_boolean(node).map([](bool value) { return ParamValue(value); });
    case ParamType::integer:
      return number(node, spec, parse_integer(node), "a whole number");
    case ParamType::real:
      return number(node, spec, parse_real(node), "a number");
    case ParamType::string:
      return chosen_text(node, spec).map([](std::string text) { return ParamValue(std::move(text)); });
    case ParamType::string_list:
      return text_list(node, spec);
  }
  return tl::unexpected(std::string("a parameter of unknown type"));
}

}  // namespace dunetrace::config
