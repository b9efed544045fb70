#include "api/params.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "json/writer.hpp"

namespace dunetrace::api {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

enum class Parsed { fine, not_a_number, too_large };

// "+7" and blanks around are fine, as existing clients' servers take them.
Parsed parse_integer(std::string_view text, std::int64_t& value) {
  text = trimmed(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return Parsed::not_a_number;
  return error == std::errc::result_out_of_range ? Parsed::too_large : Parsed::fine;
}

constexpr std::size_t kEchoBytes = 200;  // of a refused value; enough to recognise it

}  // namespace

store::PageRequest QueryReader::page(const Options& options) {
  store::PageRequest page;
  page.offset = integer("offset", 0, 0, std::numeric_limits<std::int64_t>::max());
  page.limit = integer("limit", options.page_size_default, 1, options.page_size_max);
  return page;
}

std::int64_t QueryReader::integer(std::string_view name, std::int64_t otherwise, std::int64_t least,
                                  std::int64_t most) {
  const auto text = request_.query_value(name);
  if (!text) return otherwise;
  std::int64_t value = 0;
  const auto parsed = parse_integer(*text, value);
  Problem problem{"", std::string(name), "", std::string(text->substr(0, kEchoBytes)), "", 0};
  if (parsed == Parsed::not_a_number) {
    problem.type = "int_parsing";
    problem.message = "Input should be a valid integer, unable to parse string as an integer";
  } else if (parsed == Parsed::too_large) {
    problem.type = "int_parsing_size";
    problem.message = "Unable to parse input string as an integer, exceeded maximum size";
  } else if (value < least) {
    problem.type = "greater_than_equal";
    problem.message = "Input should be greater than or equal to " + std::to_string(least);
    problem.bound = "ge";
    problem.limit = least;
  } else if (value > most) {
    problem.type = "less_than_equal";
    problem.message = "Input should be less than or equal to " + std::to_string(most);
    problem.bound = "le";
    problem.limit = most;
  } else {
    return value;
  }
  problems_.push_back(std::move(problem));
  return otherwise;
}

std::optional<bool> QueryReader::boolean(std::string_view name) {
  const auto text = request_.query_value(name);
  if (!text) return std::nullopt;
  static constexpr std::array<std::string_view, 6> kTrue = {"true", "1", "yes", "on", "t", "y"};
  static constexpr std::array<std::string_view, 6> kFalse = {"false", "0", "no", "off", "f", "n"};
  const auto says = [&](std::string_view word) { return equal_any_case(word, *text); };
  if (std::any_of(kTrue.begin(), kTrue.end(), says)) return true;
  if (std::any_of(kFalse.begin(), kFalse.end(), says)) return false;
  problems_.push_back({"bool_parsing", std::string(name), "Input should be a valid boolean, unable to interpret input",
                       std::string(text->substr(0, kEchoBytes)), "", 0});
  return std::nullopt;
}

std::optional<std::string> QueryReader::text(std::string_view name) const {
  const auto value = request_.query_value(name);
  if (!value) return std::nullopt;
  return std::string(*value);
}

std::optional<http::Response> QueryReader::refusal() const {
  if (problems_.empty()) return std::nullopt;
  json::Writer out;
  out.begin_object();
  out.key("detail");
  out.begin_array();
  for (const auto& problem : problems_) {
    out.begin_object();
    out.field("type", problem.type);
    out.key("loc");
    out.begin_array();
    out.string("query");
    out.string(problem.name);
    out.end_array();
    out.field("msg", problem.message);
    out.field("input", problem.input);
    if (!problem.bound.empty()) {
      out.key("ctx");
      out.begin_object();
      out.field(problem.bound, problem.limit);
      out.end_object();
    }
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return http::Response::json(422, out.take());
}

std::optional<std::string> choice(std::string_view text, const std::vector<std::string>& choices) {
  const auto found = std::find_if(choices.begin(), choices.end(),
                                  [&](const std::string& known) { return equal_any_case(known, text); });
  if (found == choices.end()) return std::nullopt;
  return *found;
}

std::string unknown_choice(std::string_view what, std::string_view text, const std::vector<std::string>& choices) {
  std::string message = "unknown ";
  message.append(what).append(" '").append(text.substr(0, kEchoBytes)).append("'; valid values: ");
  for (std::size_t i = 0; i < choices.size(); ++i) message.append(i == 0 ? "" : ", ").append(choices[i]);
  return message;
}

}  // namespace dunetrace::api
