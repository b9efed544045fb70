#include "cli/plugin_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "backtest/line_file.hpp"
#include "config/component_values.hpp"
#include "config/names.hpp"
#include "explain/text.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::size_t kNameChars = 100;

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> read_params(const std::vector<std::string>& params) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& param : params) {
    const auto equals = param.find('=');
    const auto name = param.substr(0, equals);
    const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (equals == std::string::npos || !plain || param.find_first_of("\r\n") != std::string::npos) {
      return fail(Code::invalid_argument,
                  "--param: expected name=value on one line, got '" + explain::clean(name, kNameChars) + "'");
    }
    out.emplace_back(name, param.substr(equals + 1));
  }
  return out;
}

std::string with_param_names(std::string_view text, const std::vector<std::pair<std::string, std::string>>& params,
                             std::size_t first_line) {
  constexpr std::string_view kPrefix = "--param:";
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    auto line = text.substr(0, end);
    text.remove_prefix(end);
    std::size_t number = 0;
    const auto colon = line.find(": ");
    if (line.starts_with(kPrefix) && colon != std::string_view::npos) {
      std::from_chars(line.data() + kPrefix.size(), line.data() + colon, number);
      const auto at = number - first_line;
      out += number >= first_line && at < params.size() ? "--param " + params[at].first : std::string("--param");
      line.remove_prefix(colon);
    }
    out += line;
  }
  return out;
}

Result<> check_params(const std::vector<config::ComponentSchema>& schemas,
                      const std::vector<std::pair<std::string, std::string>>& params) {
  std::vector<std::string> names;
  for (const auto& schema : schemas)
    for (const auto& spec : schema.params) names.push_back(spec.name);
  config::Problems problems;
  for (const auto& param : params) {
    const auto& [name, value] = param;
    if (std::ranges::find(names, name) == names.end()) {
      problems.add(fmt::format("--param {}: there is no such parameter{}; expected {}", name,
                               config::did_you_mean(name, names),
                               names.empty() ? "none: it has no parameters" : "one of " + config::joined(names)));
    }
    for (const auto& schema : schemas) {
      const auto spec = std::ranges::find(schema.params, name, &config::ParamSpec::name);
      if (spec == schema.params.end() || spec->secret) continue;  // of a secret nothing is known but that it is a text
      auto only = schema;
      only.params = {*spec};
      only.check = nullptr;
      const auto read = config::component_values(only, name + ": " + value + "\n", "--param");
      if (!read) problems.add(with_param_names(read.error().text, {param}));
    }
  }
  if (!problems.empty()) return problems.as_error();
  return {};
}

Result<> refuse_given(const std::vector<Given>& given, const std::string& file, std::string_view brings) {
  for (const auto& one : given) {
    if (!one.given) continue;
    return fail(Code::invalid_argument,
                fmt::format("{} is for {}; {} brings {}", one.name, one.what_for, file, brings));
  }
  return {};
}

Result<std::string> text_of_file(const std::string& path, std::string_view what) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (!std::filesystem::exists(status)) {
    return fail(Code::not_found, fmt::format("{}: no such file; expected {}", path, what));
  }
  if (std::filesystem::is_directory(status)) {
    return fail(Code::invalid_argument, fmt::format("{}: is a directory; expected a file with {}", path, what));
  }
  DUNE_TRY(file, backtest::LineFile::open(path));
  std::string text;
  while (text.size() <= backtest::kLongestLine) {
    std::string_view line;
    DUNE_TRY(got, file.next(line));
    if (got == backtest::LineFile::Next::end) return text;
    if (got == backtest::LineFile::Next::too_long) break;
    text.append(line) += '\n';
  }
  return fail(Code::invalid_argument, path + ": is larger than 64 MiB");
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace dunetrace::cli
