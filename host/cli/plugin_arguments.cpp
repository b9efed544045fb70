#include "cli/plugin_arguments.hpp"

#include <algorithm>
#include <cstdio>

#include "backtest/line_file.hpp"
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

Result<std::string> text_of_file(const std::string& path) {
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
