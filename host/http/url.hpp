// Request targets: path, query and percent escapes. Internal to http/; pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunetrace::http {

// Nothing for a malformed escape, an escaped NUL and bytes that are not UTF-8: nobody behind us could store them.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank = false);

struct Target {
  std::string path;  // still escaped, begins with '/'
  std::vector<std::pair<std::string, std::string>> query;
};

// "/a%20b?x=1&x=2", "http://host/a" (a proxy's form) or "*"; nothing when it is none of these or badly escaped.
[[nodiscard]] std::optional<Target> parse_target(std::string_view target);

}  // namespace dunetrace::http
