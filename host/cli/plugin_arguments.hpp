// Arguments of `dunetrace plugin run`, read: parameters, files, and what it prints.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/parameters.hpp"
#include "core/result.hpp"

namespace dunetrace::cli {

// name=value pairs; the values are YAML on one line. A value is not quoted in an error: it may be a secret.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> read_params(
    const std::vector<std::string>& params);

// Lines of an error about parameters that were read as YAML under the name "--param", one on each line, from
// `first_line` on: "--param:3:16: …" becomes "--param threshold: …".
[[nodiscard]] std::string with_param_names(std::string_view text,
                                           const std::vector<std::pair<std::string, std::string>>& params,
                                           std::size_t first_line = 1);

// Whether every parameter is one of these components' and has a value of its type and range.
[[nodiscard]] Result<> check_params(const std::vector<config::ComponentSchema>& schemas,
                                    const std::vector<std::pair<std::string, std::string>>& params);

// Refuses an argument that means nothing for what the library brings: "--attempt is for destinations; x.so brings …".
struct Given {
  const char* name;
  bool given;
  const char* what_for;
};
[[nodiscard]] Result<> refuse_given(const std::vector<Given>& given, const std::string& file, std::string_view brings);

// A text file of at most 64 MiB; `what` it should be: "one run".
[[nodiscard]] Result<std::string> text_of_file(const std::string& path, std::string_view what = "a text");

void print(const std::string& text);

}  // namespace dunetrace::cli
