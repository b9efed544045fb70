#include "config/setting_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace dunetrace::config {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> SettingReader::find(std::string_view name, std::string_view fallback, bool is_secret) {
  auto value = env_.get(name);
  const auto already = std::ranges::any_of(origins_, [&](const auto& o) { return o.name == name; });
  if (!already) {
    std::string display(value ? std::string_view(value->text) : fallback);
    if (is_secret && !display.empty()) display = "***";
    origins_.push_back({std::string(name), std::move(display), value ? value->origin : Origin::built_in});
  }
  if (!value) return std::nullopt;
  return std::move(value->text);
}

void SettingReader::report(std::string_view name, std::string_view expected, bool is_secret) {
  const auto value = env_.get(name);
  std::string place;
  if (value && value->origin == Origin::dotenv) place = value->place + ": ";
  const auto got = !value ? "nothing" : is_secret ? "something else" : fmt::format("'{}'", shown(value->text));
  auto line = fmt::format("{}{}: expected {}, got {}", place, name, expected, got);
  // A variable that two roles read with two defaults is wrong once.
  if (std::ranges::find(reported_, name) != reported_.end()) return;
  reported_.emplace_back(name);
  problems_.add(std::move(line));
}

void SettingReader::wrong(std::string_view name, std::string_view expected) { report(name, expected, false); }

void SettingReader::wrong_secret(std::string_view name, std::string_view expected) { report(name, expected, true); }

std::string SettingReader::text(std::string_view name, std::string_view fallback) {
  return find(name, fallback, false).value_or(std::string(fallback));
}

std::string SettingReader::secret(std::string_view name) { return find(name, {}, true).value_or(""); }

std::string SettingReader::choice(std::string_view name, std::string_view fallback,
                                  std::span<const std::string> choices) {
  const auto given = find(name, fallback, false);
  if (!given) return std::string(fallback);
  for (const auto& choice : choices) {
    if (lower(choice) == lower(*given)) return choice;
  }
  wrong(name, "one of " + joined(choices));
  return std::string(fallback);
}

bool SettingReader::flag(std::string_view name, bool fallback) {
  const auto given = find(name, fallback ? "true" : "false", false);
  if (!given) return fallback;
  const auto word = lower(*given);
  for (const auto* yes : {"true", "1", "yes", "on"}) {
    if (word == yes) return true;
  }
  for (const auto* no : {"false", "0", "no", "off"}) {
    if (word == no) return false;
  }
  wrong(name, "true or false");
  return fallback;
}

std::int64_t SettingReader::integer(std::string_view name, std::int64_t fallback, std::int64_t least, std::int64_t most,
                                    std::string_view unit) {
  const auto given = find(name, std::to_string(fallback), false);
  if (!given) return fallback;
  const auto value = number<std::int64_t>(*given);
  if (value && *value >= least && *value <= most) return *value;
  wrong(name,
        fmt::format("a whole number from {} to {}{}", least, most, unit.empty() ? "" : fmt::format(" ({})", unit)));
  return fallback;
}

Settings::Seconds SettingReader::seconds(std::string_view name, double fallback, double least, double most) {
  const auto given = find(name, fmt::format("{:g}", fallback), false);
  if (!given) return Settings::Seconds(fallback);
  const auto value = number<double>(*given);
  if (value && std::isfinite(*value) && *value >= least && *value <= most) return Settings::Seconds(*value);
  wrong(name, fmt::format("a number of seconds from {:g} to {:g}", least, most));
  return Settings::Seconds(fallback);
}

std::vector<std::string> SettingReader::list(std::string_view name, std::string_view fallback) {
  const auto given = find(name, std::string(fallback), false);
  std::vector<std::string> parts;
  std::string_view rest = given ? std::string_view(*given) : fallback;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const auto part = without_blanks(rest.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return parts;
}

}  // namespace dunetrace::config
