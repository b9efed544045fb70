#include "detect/payload.hpp"

#include <cstring>
#include <map>

#include "json/writer.hpp"

namespace dunetrace::detect {

Payload::Payload(json::Parser& parser, std::string_view text, std::pmr::memory_resource& arena) : arena_(arena) {
  if (text.size() <= 2) return;  // {}
  if (const auto root = parser.parse(text)) root_ = *root;
}

std::string_view Payload::keep(std::string_view text) const {
  if (text.empty()) return "";
  auto* const copy = static_cast<char*>(arena_.allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

std::optional<std::string_view> Payload::text(std::string_view name) const {
  const auto found = root_[name].string();
  if (!found) return std::nullopt;
  return keep(*found);
}

std::optional<std::int64_t> Payload::whole(std::string_view name) const { return root_[name].whole(); }

std::optional<double> Payload::number(std::string_view name) const { return root_[name].number(); }

std::optional<bool> Payload::truth(std::string_view name) const {
  const auto value = root_[name];
  using Kind = json::Value::Kind;
  switch (value.kind()) {
    case Kind::missing:
    case Kind::null:
      return std::nullopt;
    case Kind::boolean:
      return value.boolean();
    case Kind::integer:
    case Kind::real:
      return value.number() != 0.0;
    case Kind::string:
      return !value.string()->empty();
    case Kind::array:
    case Kind::object:
      return value.size() > 0;
  }
  return std::nullopt;
}

std::optional<std::vector<std::string_view>> Payload::texts(std::string_view name) const {
  const auto value = root_[name];
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string_view> out;
  value.each_element([&](json::Value element) {
    if (const auto text = element.string()) out.push_back(keep(*text));
  });
  return out;
}

std::string_view Payload::meta() const {
  std::map<std::string, json::Value, std::less<>> members;
  root_["meta"].each_member([&](std::string_view name, json::Value value) { members[std::string(name)] = value; });
  root_.each_member([&](std::string_view name, json::Value value) {
    if (name != "signal_name" && name != "source" && name != "meta") members[std::string(name)] = value;
  });
  json::Writer out;
  out.begin_object();
  for (const auto& [name, value] : members) out.field_raw(name, json::to_text(value));
  out.end_object();
  return keep(out.text());
}

}  // namespace dunetrace::detect
