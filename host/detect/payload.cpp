#include "detect/payload.hpp"

#include <cstring>
#include <map>

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

void Payload::texts(std::string_view name, std::vector<std::string_view>& out) const {
  out.clear();
  const auto value = root_[name];
  if (!value.is_array()) return;
  value.each_element([&](json::Value element) {
    if (const auto text = element.string()) out.push_back(keep(*text));
  });
}

std::string_view Payload::meta(json::Writer& writer) const {
  std::pmr::map<std::string_view, json::Value> members(&arena_);  // names are views into the parser's document
  root_["meta"].each_member([&](std::string_view name, json::Value value) { members[name] = value; });
  root_.each_member([&](std::string_view name, json::Value value) {
    if (name != "signal_name" && name != "source" && name != "meta") members[name] = value;
  });
  writer.clear();
  writer.begin_object();
  for (const auto& [name, value] : members) {
    writer.key(name);
    json::write(writer, value);
  }
  writer.end_object();
  return keep(writer.text());
}

}  // namespace dunetrace::detect
