#include "explain/slot.hpp"

#include <algorithm>

#include "explain/text.hpp"

namespace dunetrace::explain {

using Kind = json::Value::Kind;

bool Item::empty() const {
  if (made_) return made_->empty();
  switch (value_.kind()) {
    case Kind::missing:
    case Kind::null:
      return true;
    case Kind::string:
      return value_.string()->empty();
    case Kind::array:
    case Kind::object:
      return value_.size() == 0;
    default:
      return false;
  }
}

std::string Item::text(std::size_t max_chars) const {
  if (made_) return *made_;
  std::string out;
  append_words(out, value_, max_chars);
  return out;
}

void Slot::set(Item item) {
  items.clear();
  kind = item.empty() ? Kind::missing : Kind::one;
  if (kind == Kind::one) items.push_back(std::move(item));
}

void Slot::spread() {
  if (kind != Kind::one || items.front().is_made() || !items.front().value().is_array()) return;
  const json::Value array = items.front().value();
  items.clear();
  items.reserve(array.size());
  array.each_element([this](json::Value element) {
    if (Item item(element); !item.empty()) items.push_back(std::move(item));
  });
  kind = items.empty() ? Kind::missing : Kind::list;
}

std::string Slot::text() const {
  switch (kind) {
    case Kind::missing:
      return absent;
    case Kind::one:
      return items.front().text(max_chars);
    case Kind::list:
      return joined(items, ", ", max_chars);
  }
  return absent;
}

void append_words(std::string& out, const json::Value& value, std::size_t max_chars, int depth) {
  constexpr int kMaxDepth = 2;
  const std::size_t start = out.size();
  // Stops adding members early; the cut itself happens in characters, not bytes, and needs no precision here.
  const auto full = [&] { return out.size() - start > max_chars; };
  std::size_t left_out = 0;
  const auto between = [&] { return out.size() == start ? "" : ", "; };
  const auto room = [&] { return std::max<std::size_t>(max_chars - std::min(max_chars, out.size() - start), 20); };
  switch (value.kind()) {
    case Kind::missing:
    case Kind::null:
      out += "unknown";
      return;
    case Kind::boolean:
      out += *value.boolean() ? "yes" : "no";
      return;
    case Kind::integer:
      out += std::to_string(*value.integer());
      return;
    case Kind::real:
      out += human_number(*value.number());
      return;
    case Kind::string:
      append_clean(out, *value.string(), max_chars);
      return;
    default:
      break;
  }
  if (depth >= kMaxDepth) {
    out += "…";
    return;
  }
  value.each_element([&](json::Value element) {
    if (full()) return void(++left_out);
    out += between();
    append_words(out, element, room(), depth + 1);
  });
  value.each_member([&](std::string_view name, json::Value member) {
    if (full()) return void(++left_out);
    out += between();
    append_clean(out, name, 60);
    out += ": ";
    append_words(out, member, room(), depth + 1);
  });
  if (left_out > 0) out += " … (" + std::to_string(left_out) + " more)";
}

std::string joined(const std::vector<Item>& items, std::string_view between, std::size_t max_chars) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto next = items[i].text(max_chars);
    if (i > 0 && out.size() + between.size() + next.size() > max_chars) {
      return out + " … (" + std::to_string(items.size() - i) + " more)";
    }
    if (i > 0) out += between;
    out += next;
  }
  return out;
}

}  // namespace dunetrace::explain
