#include "explain/filters.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "explain/text.hpp"

namespace dunetrace::explain {

namespace {

// Applies `change` to the value, or to each value of a list; where it returns nothing the value is dropped.
template <class Change>
void each(Slot& slot, Change change) {
  slot.spread();
  std::vector<Item> kept;
  kept.reserve(slot.items.size());
  for (const auto& item : slot.items) {
    if (auto changed = change(item)) kept.push_back(std::move(*changed));
  }
  slot.items = std::move(kept);
  if (slot.items.empty()) slot.clear();
}

// A filter over numbers: `format` makes the text, the number itself stays known for what follows.
template <class Format>
void numbers(Slot& slot, Format format) {
  each(slot, [&](const Item& item) -> std::optional<Item> {
    const auto number = item.number();
    if (!number || !std::isfinite(*number)) return std::nullopt;
    return Item(format(*number), *number);
  });
}

template <class Format>
void texts(Slot& slot, Format format) {
  const auto max_chars = slot.max_chars;
  each(slot, [&](const Item& item) { return std::optional<Item>(Item(format(item.text(max_chars)), item.number())); });
}

std::size_t whole(const Argument& argument) { return static_cast<std::size_t>(argument.number.value_or(0)); }

void pct(Slot& slot, const Arguments&) {
  numbers(slot, [](double n) { return std::to_string(whole_percent(n)); });
}

void round(Slot& slot, const Arguments& args) {
  const int decimals = static_cast<int>(std::min<std::size_t>(whole(args[0]), 9));
  numbers(slot, [decimals](double n) { return human_number(n, decimals); });
}

void number(Slot& slot, const Arguments&) { numbers(slot, grouped_number); }

void seconds(Slot& slot, const Arguments&) { numbers(slot, seconds_text); }

void plural(Slot& slot, const Arguments& args) {
  const std::string many = args.size() > 1 ? args[1].text : args[0].text + "s";
  slot.absent = "an unknown number of " + many;
  const auto max_chars = slot.max_chars;
  each(slot, [&](const Item& item) -> std::optional<Item> {
    const auto n = item.number();
    if (!n) return std::nullopt;
    return Item(item.text(max_chars) + " " + (*n == 1 ? args[0].text : many), n);
  });
}

void if_missing(Slot& slot, const Arguments& args) {
  slot.spread();
  if (!slot.missing()) return;
  slot.absent = args[0].text;
  slot.kind = Slot::Kind::one;
  slot.items.assign(1, Item(args[0].text, args[0].number));
}

void join(Slot& slot, const Arguments& args) {
  slot.spread();
  if (slot.kind == Slot::Kind::list) slot.set(Item(joined(slot.items, args[0].text, slot.max_chars)));
}

void pluck(Slot& slot, const Arguments& args) {
  each(slot, [&](const Item& item) -> std::optional<Item> {
    Item member(item.value()[args[0].text]);
    if (item.is_made() || member.empty()) return std::nullopt;
    return member;
  });
}

void first(Slot& slot, const Arguments& args) {
  slot.spread();
  const auto n = whole(args[0]);
  if (slot.kind == Slot::Kind::list && slot.items.size() > n) {
    slot.items.erase(slot.items.begin() + static_cast<std::ptrdiff_t>(n), slot.items.end());
  }
  if (slot.items.empty()) slot.clear();
}

// n values evenly spread over the list, the first and the last one among them: the shape of a curve.
void sample(Slot& slot, const Arguments& args) {
  slot.spread();
  const auto n = std::max<std::size_t>(whole(args[0]), 2);
  if (slot.kind != Slot::Kind::list || slot.items.size() <= n) return;
  std::vector<Item> kept;
  for (std::size_t i = 0; i < n; ++i) kept.push_back(slot.items[i * (slot.items.size() - 1) / (n - 1)]);
  slot.items = std::move(kept);
}

void unique(Slot& slot, const Arguments&) {
  std::vector<std::string> seen;
  const auto max_chars = slot.max_chars;
  each(slot, [&](const Item& item) -> std::optional<Item> {
    auto text = item.text(max_chars);
    if (std::find(seen.begin(), seen.end(), text) != seen.end()) return std::nullopt;
    seen.push_back(std::move(text));
    return item;
  });
}

void count(Slot& slot, const Arguments&) {
  std::size_t n = slot.items.size();
  if (slot.kind == Slot::Kind::one) {
    const auto& value = slot.items.front().value();
    if (slot.items.front().is_made() || (!value.is_array() && !value.is_object())) return slot.clear();
    n = value.size();
  }
  if (!slot.missing()) slot.set(Item(std::to_string(n), static_cast<double>(n)));
}

void keys(Slot& slot, const Arguments&) {
  if (slot.kind != Slot::Kind::one || !slot.items.front().value().is_object()) return slot.clear();
  const json::Value object = slot.items.front().value();
  slot.items.clear();
  object.each_member([&](std::string_view name, json::Value) { slot.items.emplace_back(clean(name, slot.max_chars)); });
  slot.kind = slot.items.empty() ? Slot::Kind::missing : Slot::Kind::list;
}

void shorten(Slot& slot, const Arguments&) {
  constexpr std::size_t kShortChars = 8;
  texts(slot, [](const std::string& text) { return clean(text, kShortChars); });
}

void quote(Slot& slot, const Arguments&) {
  // Backticks inside have gone when the value was cleaned.
  texts(slot, [](const std::string& text) { return "`" + text + "`"; });
}

// A string literal of Python, JSON and JavaScript alike, for values in code that people copy.
void literal(Slot& slot, const Arguments&) {
  texts(slot, [](const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + "\"";
  });
}

constexpr std::array kFilters = {Filter{"count", 0, 0, false, count},     Filter{"first", 1, 1, true, first},
                                 Filter{"join", 1, 1, false, join},       Filter{"keys", 0, 0, false, keys},
                                 Filter{"literal", 0, 0, false, literal}, Filter{"number", 0, 0, false, number},
                                 Filter{"or", 1, 1, false, if_missing},   Filter{"pct", 0, 0, false, pct},
                                 Filter{"pluck", 1, 1, false, pluck},     Filter{"plural", 1, 2, false, plural},
                                 Filter{"quote", 0, 0, false, quote},     Filter{"round", 1, 1, true, round},
                                 Filter{"sample", 1, 1, true, sample},    Filter{"seconds", 0, 0, false, seconds},
                                 Filter{"short", 0, 0, false, shorten},   Filter{"unique", 0, 0, false, unique}};

}  // namespace

const Filter* find_filter(std::string_view name) {
  for (const auto& filter : kFilters) {
    if (filter.name == name) return &filter;
  }
  return nullptr;
}

std::string filter_names() {
  std::string out;
  for (const auto& filter : kFilters) {
    if (!out.empty()) out += ", ";
    out += filter.name;
  }
  return out;
}

}  // namespace dunetrace::explain
