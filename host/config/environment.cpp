#include "config/environment.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "config/names.hpp"

namespace dunetrace::config {

namespace {

constexpr std::size_t kLargestDotenv = 256 * 1024;  // somebody's data file, not settings
constexpr std::string_view kBlank = " \t";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string_view::npos;
}

Error problem(const std::string& place, std::string_view what) {
  return Error{Code::invalid_argument, place + ": " + std::string(what)};
}

// What follows a closing quote may only be a comment.
bool is_rest(std::string_view text) {
  const auto rest = trimmed(text);
  return rest.empty() || rest[0] == '#';
}

Result<std::string> double_quoted(std::string_view text, const std::string& place) {
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (!is_rest(text.substr(i + 1))) return tl::unexpected(problem(place, "text after the closing quote"));
      return out;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      switch (text[i]) {
        case 'n':
          out += '\n';
          break;
        case 't':
          out += '\t';
          break;
        case 'r':
          out += '\r';
          break;
        default:
          out += text[i];
      }
      continue;
    }
    out += text[i];
  }
  return tl::unexpected(problem(place, "the value has no closing quote \""));
}

Result<std::string> value_of(std::string_view text, const std::string& place) {
  text = trimmed(text);
  if (text.empty()) return std::string{};
  if (text[0] == '"') return double_quoted(text, place);
  if (text[0] == '\'') {
    const auto end = text.find('\'', 1);
    if (end == std::string_view::npos) return tl::unexpected(problem(place, "the value has no closing quote '"));
    if (!is_rest(text.substr(end + 1))) return tl::unexpected(problem(place, "text after the closing quote"));
    return std::string(text.substr(1, end - 1));
  }
  // A comment begins after a blank, so that a URL with a fragment stays whole.
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && (i == 0 || kBlank.find(text[i - 1]) != std::string_view::npos)) {
      return std::string(trimmed(text.substr(0, i)));
    }
  }
  return std::string(text);
}

// NAME=value, or nothing for an empty line or a comment.
Result<std::optional<std::pair<std::string, std::string>>> parse_line(std::string_view line, const std::string& place) {
  line = trimmed(line);
  if (line.empty() || line[0] == '#') return std::nullopt;
  if (line.starts_with("export ") || line.starts_with("export\t")) line = trimmed(line.substr(7));
  const auto equals = line.find('=');
  // The line is not quoted: it may be a secret that lost its name.
  if (equals == std::string_view::npos) return tl::unexpected(problem(place, "expected NAME=value, found no '='"));
  const auto name = trimmed(line.substr(0, equals));
  if (!is_name(name)) {
    return tl::unexpected(problem(place, "expected NAME=value with a name of letters, digits and '_'"));
  }
  DUNE_TRY(value, value_of(line.substr(equals + 1), place));
  if (value.find('\0') != std::string::npos) return tl::unexpected(problem(place, "the value has a NUL byte"));
  return std::pair(std::string(name), std::move(value));
}

}  // namespace

std::string_view to_text(Origin origin) {
  switch (origin) {
    case Origin::environment:
      return "environment";
    case Origin::dotenv:
      return ".env";
    case Origin::built_in:
      return "default";
  }
  return "default";
}

Result<Environment> Environment::from(const Variables& process, std::string_view dotenv_text,
                                      std::string_view dotenv_name) {
  Environment env;
  if (dotenv_text.starts_with("\xEF\xBB\xBF")) dotenv_text.remove_prefix(3);
  for (std::size_t number = 1; !dotenv_text.empty(); ++number) {
    const auto end = dotenv_text.find('\n');
    auto line = dotenv_text.substr(0, end);
    dotenv_text = end == std::string_view::npos ? std::string_view{} : dotenv_text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto place = std::string(dotenv_name) + ':' + std::to_string(number);
    DUNE_TRY(pair, parse_line(line, place));
    if (pair) {
      env.values_.insert_or_assign(std::move(pair->first),
                                   Value{std::move(pair->second), Origin::dotenv, std::move(place)});
    }
  }
  for (const auto& [name, text] : process) {
    env.values_.insert_or_assign(name, Value{text, Origin::environment, "environment"});
  }
  return env;
}

Result<Environment> Environment::load(const std::filesystem::path& dotenv_file) {
  Variables process;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=', 1);  // a name may not be empty, but may begin with '=' on odd systems
    if (equals != std::string_view::npos) process.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  const auto name = dotenv_file.string();
  std::error_code ignored;
  if (!std::filesystem::exists(dotenv_file, ignored)) return from(process, {}, name);
  if (!std::filesystem::is_regular_file(dotenv_file, ignored)) {
    return fail(Code::invalid_argument, name + ": expected a file of NAME=value lines");
  }
  std::ifstream file(dotenv_file, std::ios::binary);
  if (!file) return fail(Code::invalid_argument, name + ": cannot be read: " + std::strerror(errno));
  std::string text(kLargestDotenv + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kLargestDotenv) return fail(Code::invalid_argument, name + ": larger than 256 kB");
  return from(process, text, name);
}

std::optional<Environment::Value> Environment::get(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.text.empty()) return std::nullopt;
  return found->second;
}

}  // namespace dunetrace::config
