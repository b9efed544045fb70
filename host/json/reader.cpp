#include "json/reader.hpp"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <new>

#include "json/repair.hpp"
#include "json/writer.hpp"

namespace dunetrace::json {

namespace dom = simdjson::dom;

static_assert(sizeof(dom::element) <= 16 && alignof(dom::element) <= 8);
static_assert(std::is_trivially_copyable_v<dom::element>);

struct Access {
  static dom::element get(const Value& value) {
    dom::element element;
    std::memcpy(static_cast<void*>(&element), value.element_, sizeof element);
    return element;
  }
  static Value make(dom::element element) {
    Value value;
    std::memcpy(value.element_, static_cast<const void*>(&element), sizeof element);
    switch (element.type()) {
      case dom::element_type::ARRAY:
        value.kind_ = Value::Kind::array;
        break;
      case dom::element_type::OBJECT:
        value.kind_ = Value::Kind::object;
        break;
      case dom::element_type::INT64:
        value.kind_ = Value::Kind::integer;
        break;
      case dom::element_type::UINT64:
      case dom::element_type::DOUBLE:
        value.kind_ = Value::Kind::real;
        break;
      case dom::element_type::STRING:
        value.kind_ = Value::Kind::string;
        break;
      case dom::element_type::BOOL:
        value.kind_ = Value::Kind::boolean;
        break;
      case dom::element_type::NULL_VALUE:
        value.kind_ = Value::Kind::null;
        break;
    }
    return value;
  }
};

std::optional<bool> Value::boolean() const {
  if (kind_ != Kind::boolean) return std::nullopt;
  return Access::get(*this).get_bool().value_unsafe();
}

std::optional<std::int64_t> Value::integer() const {
  if (kind_ != Kind::integer) return std::nullopt;
  return Access::get(*this).get_int64().value_unsafe();
}

std::optional<double> Value::number() const {
  if (kind_ != Kind::integer && kind_ != Kind::real) return std::nullopt;
  return Access::get(*this).get_double().value_unsafe();
}

std::optional<std::int64_t> Value::whole() const {
  if (kind_ == Kind::integer) return integer();
  const auto real = number();
  if (!real || !(std::fabs(*real) < 9.2e18)) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

std::optional<std::string_view> Value::string() const {
  if (kind_ != Kind::string) return std::nullopt;
  return Access::get(*this).get_string().value_unsafe();
}

Value Value::operator[](std::string_view name) const {
  Value found;
  if (kind_ != Kind::object) return found;
  for (const auto member : dom::object(Access::get(*this).get_object().value_unsafe())) {
    if (member.key == name) found = Access::make(member.value);  // the last one, as PostgreSQL's jsonb
  }
  return found;
}

std::size_t Value::size() const {
  std::size_t n = 0;
  if (kind_ == Kind::array) {
    for ([[maybe_unused]] const auto e : dom::array(Access::get(*this).get_array().value_unsafe())) ++n;
  } else if (kind_ == Kind::object) {
    for ([[maybe_unused]] const auto m : dom::object(Access::get(*this).get_object().value_unsafe())) ++n;
  }
  return n;
}

void Value::each_element(const std::function<void(Value)>& visit) const {
  if (kind_ != Kind::array) return;
  for (const auto element : dom::array(Access::get(*this).get_array().value_unsafe())) visit(Access::make(element));
}

void Value::each_member(const std::function<void(std::string_view, Value)>& visit) const {
  if (kind_ != Kind::object) return;
  for (const auto member : dom::object(Access::get(*this).get_object().value_unsafe())) {
    visit(member.key, Access::make(member.value));
  }
}

namespace {
constexpr std::size_t kKeptBytes = 1024 * 1024;
constexpr std::string_view kBlank = " \t\r\n";
}  // namespace

struct Parser::Impl {
  explicit Impl(std::size_t depth) : max_depth(depth) {}
  dom::parser parser;
  std::size_t max_depth;
  std::size_t capacity = 0;

  simdjson::error_code run(std::string_view text, dom::element& root) {
    if (capacity > kKeptBytes && text.size() <= kKeptBytes) {  // one large text must not cost its memory for ever
      parser = dom::parser();
      capacity = 0;
    }
    if (text.size() > capacity) {
      const std::size_t wanted = std::max<std::size_t>(4096, text.size() + text.size() / 2);
      if (const auto error = parser.allocate(wanted, max_depth)) return error;
      capacity = wanted;
    }
    return parser.parse(text.data(), text.size()).get(root);
  }
};

Parser::Parser(std::size_t max_depth) : impl_(std::make_unique<Impl>(max_depth)) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

Result<Value> Parser::parse(std::string_view text) {
  if (text.find_first_not_of(kBlank) == std::string_view::npos) {
    return fail(Code::invalid_argument, "the text is empty");
  }
  dom::element root;
  auto error = impl_->run(text, root);
  if (error == simdjson::NUMBER_ERROR || error == simdjson::STRING_ERROR) {
    if (const auto repaired = repaired_for_parsing(text)) error = impl_->run(*repaired, root);
  }
  if (error == simdjson::DEPTH_ERROR) {
    return fail(Code::invalid_argument, "nested deeper than " + std::to_string(impl_->max_depth) + " levels");
  }
  if (error) return fail(Code::invalid_argument, simdjson::error_message(error));
  return Access::make(root);
}

namespace {

namespace ondemand = simdjson::ondemand;

// As raw_members(); nothing when a name cannot be read as it is written.
std::optional<std::vector<std::string_view>> members_in(const simdjson::padded_string& padded, std::string_view text,
                                                        std::string_view array, std::string_view member) {
  std::vector<std::string_view> found;
  ondemand::parser parser;
  ondemand::document document;
  if (parser.iterate(padded).get(document)) return found;
  ondemand::object root;
  if (document.get_object().get(root)) return found;
  for (auto field : root) {
    std::string_view name;
    if (field.unescaped_key().get(name)) return std::nullopt;
    if (name != array) continue;
    ondemand::array elements;
    found.clear();  // a repeated member: the last one counts
    if (field.value().get_array().get(elements)) continue;
    for (auto element : elements) {
      found.emplace_back();
      ondemand::object object;
      if (element.get_object().get(object)) continue;
      for (auto part : object) {
        std::string_view part_name;
        std::string_view raw;
        if (part.unescaped_key().get(part_name)) return std::nullopt;
        if (part_name != member) continue;
        auto value = part.value();
        if (simdjson::to_json_string(value).get(raw) == simdjson::SUCCESS) {
          found.back() = text.substr(static_cast<std::size_t>(raw.data() - padded.data()), raw.size());
        }
      }
    }
  }
  return found;
}

}  // namespace

std::vector<std::string_view> raw_members(std::string_view text, std::string_view array, std::string_view member) {
  if (auto found = members_in(simdjson::padded_string(text), text, array, member)) return *std::move(found);
  const auto repaired = repaired_for_parsing(text);  // every byte stays at its place
  if (!repaired) return {};
  return members_in(simdjson::padded_string(*repaired), text, array, member).value_or(std::vector<std::string_view>());
}

namespace {

// "~1" is "/", "~0" is "~".
std::string unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out.push_back(token[++i] == '0' ? '~' : '/');
    } else {
      out.push_back(token[i]);
    }
  }
  return out;
}

std::optional<std::size_t> index_of(std::string_view token) {
  std::size_t index = 0;
  const auto* const end = token.data() + token.size();
  const auto parsed = std::from_chars(token.data(), end, index);
  if (parsed.ec != std::errc() || parsed.ptr != end || (token.size() > 1 && token.front() == '0')) return std::nullopt;
  return index;
}

Value nth(const Value& array, std::string_view token) {
  const auto index = index_of(token);
  Value found;
  array.each_element([&, at = std::size_t{0}](Value v) mutable {
    if (at++ == index) found = v;
  });
  return found;
}

}  // namespace

Result<Value> at_pointer(const Value& root, std::string_view pointer) {
  if (!pointer.empty() && pointer.front() != '/') {
    return fail(Code::invalid_argument, "a JSON pointer is empty or begins with '/'");
  }
  Value here = root;
  while (!pointer.empty()) {
    const auto end = std::min(pointer.find('/', 1), pointer.size());
    const auto token = unescaped(pointer.substr(1, end - 1));
    here = here.is_array() ? nth(here, token) : here[token];
    pointer.remove_prefix(end);
  }
  return here;
}

namespace {

// Where the value stands that one token of a pointer leads to; both are parts of the same text.
std::optional<std::string_view> step_to(std::string_view text, std::string_view token) {
  const simdjson::padded_string padded(text);
  ondemand::parser parser;
  ondemand::document document;
  std::optional<std::string_view> found;
  if (parser.iterate(padded).get(document)) return found;
  const auto take = [&](auto value) {
    std::string_view raw;
    if (simdjson::to_json_string(value).get(raw)) return;
    found = text.substr(static_cast<std::size_t>(raw.data() - padded.data()), raw.size());
  };
  ondemand::array array;
  if (document.get_array().get(array) == simdjson::SUCCESS) {
    const auto index = index_of(token);
    std::size_t at = 0;
    for (auto element : array) {
      if (at++ == index) take(element);
    }
    return found;
  }
  ondemand::object object;
  if (document.get_object().get(object)) return found;
  for (auto field : object) {
    std::string_view name;
    if (field.unescaped_key().get(name)) return std::nullopt;
    if (name == token) take(field.value());  // of repeated names the last one, as everywhere
  }
  return found;
}

}  // namespace

std::string_view raw_at(std::string_view text, std::string_view pointer) {
  // Where a value stands is found in a text that can be read; every byte of it is at its place in the other, too.
  const auto repaired = repaired_for_parsing(text);
  const std::string_view readable = repaired ? std::string_view(*repaired) : text;
  const auto first = readable.find_first_not_of(kBlank);
  if (first == std::string_view::npos || (!pointer.empty() && pointer.front() != '/')) return {};
  auto here = readable.substr(first, readable.find_last_not_of(kBlank) + 1 - first);
  while (!pointer.empty()) {
    const auto end = std::min(pointer.find('/', 1), pointer.size());
    const auto found = step_to(here, unescaped(pointer.substr(1, end - 1)));
    if (!found) return {};
    here = *found;
    pointer.remove_prefix(end);
  }
  const auto at = static_cast<std::size_t>(here.data() - readable.data());
  const bool nested = here.starts_with('{') || here.starts_with('[') || here.starts_with('"');
  // A number that was repaired is longer than what stands for it.
  return text.substr(at, nested ? here.size() : text.find_first_of(",]} \t\r\n", at) - at);
}

void write(Writer& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::missing:
    case Value::Kind::null:
      out.null();
      return;
    case Value::Kind::boolean:
      out.boolean(*value.boolean());
      return;
    case Value::Kind::integer:
      out.integer(*value.integer());
      return;
    case Value::Kind::real:
      out.real(*value.number());
      return;
    case Value::Kind::string:
      out.string(*value.string());
      return;
    case Value::Kind::array:
      out.begin_array();
      value.each_element([&out](Value v) { write(out, v); });
      out.end_array();
      return;
    case Value::Kind::object:
      out.begin_object();
      value.each_member([&out](std::string_view name, Value v) {
        out.key(name);
        write(out, v);
      });
      out.end_object();
      return;
  }
}

std::string to_text(const Value& value) {
  Writer out;
  write(out, value);
  return out.take();
}

}  // namespace dunetrace::json
